/**
 * The calls of OTP's supervisors as terms: what is answered, and how it is
 * read. Supervisors of ours and of a BEAM node are asked alike.
 */

import {
  type Atom,
  atom,
  type CallTarget,
  type ExitReason,
  Pid,
  printTerm,
  type ReplyTo,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { noReply, type Server } from "../gen_server/types.ts";
import { mustBeHere } from "../internal/targets.ts";
import type { ChildCounts, ChildInfo } from "./types.ts";
import type { AnySelf } from "../internal/wait.ts";

/** The atoms that requests and replies are made of. */
export const words: Readonly<
  Record<
    | "ok"
    | "error"
    | "undefined"
    | "restarting"
    | "running"
    | "notFound"
    | "alreadyPresent"
    | "maxChildren"
    | "invalidSpec"
    | "startChild"
    | "restartChild"
    | "terminateChild"
    | "deleteChild"
    | "whichChildren"
    | "countChildren"
    | "getSpec",
    Atom
  >
> = {
  ok: atom("ok"),
  error: atom("error"),
  undefined: atom("undefined"),
  restarting: atom("restarting"),
  running: atom("running"),
  notFound: atom("not_found"),
  alreadyPresent: atom("already_present"),
  maxChildren: atom("max_children"),
  invalidSpec: atom("invalid_child_spec"),
  startChild: atom("start_child"),
  restartChild: atom("restart_child"),
  terminateChild: atom("terminate_child"),
  deleteChild: atom("delete_child"),
  whichChildren: atom("which_children"),
  countChildren: atom("count_children"),
  getSpec: atom("get_childspec"),
};

/** What a supervisor refuses, or what has kept it from doing it. */
export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  /**
   * As OTP has it: the atom `not_found`, `running`, `restarting`,
   * `already_present` or `max_children`, `{already_started, Pid}`, or the
   * reason for which a child could not be started.
   */
  readonly reason: ExitReason;
  constructor(what: string, reason: ExitReason) {
    super(
      `expected the supervisor to ${what}, got ${printTerm(reason)}`,
      reason instanceof Error ? { cause: reason } : {},
    );
    this.reason = reason;
  }
}

export function ok(value: unknown): Tuple {
  return tuple(words.ok, value);
}

export function refusal(reason: unknown): Tuple {
  return tuple(words.error, reason);
}

/** As much of a child as others are told. */
export type Shown = {
  readonly id: unknown;
  readonly pid: Pid | null;
  readonly isRestarting: boolean;
  readonly type: "worker" | "supervisor";
};

/** One child, as `which_children` lists it. */
export function rowOf({ id, pid, isRestarting, type }: Shown): Tuple {
  const shownPid = isRestarting ? words.restarting : pid ?? words.undefined;
  return tuple(id, shownPid, atom(type), []);
}

/** Figures, as `count_children` lists them. */
export function countRows(counts: ChildCounts): readonly Tuple[] {
  const { specs, active, supervisors, workers } = counts;
  return Object.entries({ specs, active, supervisors, workers })
    .map(([name, count]) => tuple(atom(name), count));
}

/**
 * Replies with what may be no term of another node's, such as an id that only
 * this node can hold, or have no copy on a node that copies; then the caller
 * learns of that, and nobody else suffers. Why something was refused is printed
 * then.
 */
export function answer(
  server: Server<unknown>,
  value: unknown,
): typeof noReply {
  const to: ReplyTo = server.from;
  try {
    server.reply(to, value);
  } catch (error) {
    server.self.log("warning", "a reply of a supervisor could not be sent", {
      error,
    });
    const reason = isPair(value, words.error)
      ? printTerm(value.items[1])
      : atom("badarg");
    server.reply(to, refusal(reason));
  }
  return noReply;
}

// -- How a caller asks, and reads what is answered

/** Throws `UsageError` where a start that is a function cannot get to. */
export function mustTakeStarts(self: AnySelf, target: CallTarget): void {
  mustBeHere(
    self,
    target,
    "a supervisor",
    "have an actor there start the child, or give a supervisor of a BEAM node " +
      "a start {Module, Function, Arguments}",
  );
}

function isPair(reply: unknown, head: Atom): reply is Tuple {
  return reply instanceof Tuple && reply.items.length > 1 &&
    reply.items[0] === head;
}

/**
 * The value of `{ok, Value}` or `ok`. Throws a `SupervisorError`, or what the
 * supervisor found to be wrong with a specification.
 */
export function valueOf(reply: unknown, what: string): unknown {
  if (reply === words.ok) return undefined;
  if (isPair(reply, words.ok)) return reply.items[1];
  const reason = isPair(reply, words.error) ? reply.items[1] : reply;
  if (isPair(reason, words.invalidSpec)) {
    const [, why] = reason.items;
    if (why instanceof UsageError) throw why;
  }
  throw new SupervisorError(what, reason);
}

/** The pid of a child that was started; null when there was nothing to. */
export function startedOf(reply: unknown, what: string): Pid | null {
  // Elixir's DynamicSupervisor answers so when there was nothing to start.
  if (reply === atom("ignore")) return null;
  const pid = valueOf(reply, what);
  return pid instanceof Pid ? pid as Pid : null;
}

/** A child, from a row of `which_children`. */
export function infoOf(row: unknown): ChildInfo {
  const [id, pid, type, modules] = row instanceof Tuple ? row.items : [];
  return {
    id,
    pid: pid instanceof Pid
      ? pid as Pid
      : pid === words.restarting
      ? "restarting"
      : null,
    type: type === atom("supervisor") ? "supervisor" : "worker",
    modules,
  };
}

/** Figures, from the rows of `count_children`. */
export function countsOf(rows: unknown): ChildCounts {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const row of rows as readonly Tuple[]) {
    const [name, count] = row.items as readonly [Atom, number];
    const key = Symbol.keyFor(name) as keyof ChildCounts;
    if (key in counts) counts[key] = count;
  }
  return counts;
}
