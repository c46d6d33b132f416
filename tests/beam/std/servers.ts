/** Servers of ours that a BEAM node calls: every way to answer, and not to. */
import {
  atom,
  type Behaviour,
  Call,
  Cast,
  handler,
  Pid,
  type ReplyTo,
  type Self,
  stop,
  Tuple,
} from "../../../runtime/mod.ts";

/** Sent to the server itself when it is time to answer. */
class Late {
  readonly from: ReplyTo;
  constructor(from: ReplyTo) {
    this.from = from;
  }
}

/** Name and argument of a request `{name, argument}`. */
function partsOf(request: unknown): [name: unknown, argument: unknown] {
  return request instanceof Tuple
    ? [request.items[0], request.items[1]]
    : [request, undefined];
}

/**
 * A handler actor: `{add, N}`, `{echo, Term}`, `{late, Ms}`, `{forward, Pid}`,
 * `silence` and `{crash, Reason}`; the cast `reset`.
 */
export const counter: Behaviour<unknown> = handler(
  0,
  (total: number, message: unknown, self: Self) => {
    if (message instanceof Late) self.reply(message.from, atom("late"));
    if (message instanceof Cast && message.request === atom("reset")) return 0;
    if (!(message instanceof Call)) return total;
    const { from, request } = message;
    const [name, argument] = partsOf(request);
    switch (name) {
      case atom("add"):
        self.reply(from, total + Number(argument));
        return total + Number(argument);
      case atom("echo"):
        self.reply(from, argument);
        return total;
      case atom("late"):
        self.sendAfter(Number(argument), self.pid, new Late(from));
        return total;
      case atom("forward"):
        // The other actor answers in place of this server.
        if (argument instanceof Pid) {
          self.send(argument as Pid<unknown>, message);
        }
        return total;
      case atom("crash"):
        return stop(argument);
      default:
        return total;
    }
  },
);

/** A function actor that answers each call with its request. */
export const echoServer = async (self: Self): Promise<void> => {
  for await (const message of self) {
    if (message instanceof Call) self.reply(message.from, message.request);
  }
};

/** For a BEAM node: compiles and loads a module, and gives its name. */
export function compileHere(forms: readonly string[]): string {
  return `Forms = [begin {ok, T, _} = erl_scan:string(F),
                  {ok, P} = erl_parse:parse_form(T), P end
            || F <- [${forms.map((form) => JSON.stringify(form)).join()}]],
   {ok, M, B} = compile:forms(Forms), code:load_binary(M, "none", B), M`;
}
