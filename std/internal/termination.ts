/** How servers of every kind end: their last word, and what the log is told. */

import {
  atom,
  Call,
  Cast,
  ExitError,
  type ExitReason,
  KilledError,
  printTerm,
  type Self,
  Stop,
  tuple,
} from "../../runtime/mod.ts";
import { isOrderly } from "./reasons.ts";

/** As much of a server as its end needs. */
export interface Ending {
  readonly self: Self<unknown>;
  /** The name of its definition. */
  readonly kind: string;
  /** The state as reports show it. */
  shownState(): unknown;
  /** The definition's `terminate`, if it has one; may return a promise. */
  lastWord(reason: ExitReason): unknown;
}

/** The end that a callback has asked for. `message` is the last one. */
export function finish(
  server: Ending,
  reason: ExitReason,
  message: unknown,
): Stop | Promise<Stop> {
  if (!isOrderly(reason)) reportEnd(server, reason, message);
  return afterLastWord(server, reason, () => new Stop(reason));
}

/**
 * A callback has thrown: its last word, and then the end by what was thrown.
 */
export function fail(
  server: Ending,
  error: unknown,
  message: unknown,
): Stop | Promise<Stop> {
  // It was ended from outside, and has nothing more to say.
  if (error instanceof KilledError || !server.self.isAlive) throw error;
  const reason = error instanceof ExitError ? error.reason : error;
  if (!isOrderly(reason)) reportEnd(server, reason, message);
  return afterLastWord(server, reason, () => {
    throw error;
  });
}

function afterLastWord(
  server: Ending,
  reason: ExitReason,
  then: () => Stop,
): Stop | Promise<Stop> {
  const last = server.lastWord(reason);
  return last instanceof Promise ? last.then(then) : then();
}

/** The end that `sys.terminate` has asked for. */
export function finishBySystem(server: Ending, reason: ExitReason): unknown {
  if (!isOrderly(reason)) reportEnd(server, reason, atom("terminate"));
  return server.lastWord(reason);
}

function reportEnd(
  server: Ending,
  reason: ExitReason,
  message: unknown,
): void {
  server.self.log("error", `${nameOf(server)} ends: ${printTerm(reason)}`, {
    report: "server",
    reason: printTerm(reason),
    ...(reason instanceof Error ? { stack: reason.stack } : {}),
    lastMessage: printTerm(shownMessage(message)),
    state: printTerm(server.shownState()),
  });
}

/** A call's reply address is of no interest. */
function shownMessage(message: unknown): unknown {
  return message instanceof Call || message instanceof Cast
    ? tuple(atom(message.type), message.request)
    : message;
}

/** What a definition's `formatStatus` makes of the state. */
export function formatted<S>(
  format: ((state: S) => unknown) | undefined,
  state: S,
): unknown {
  if (format === undefined) return state;
  try {
    return format(state);
  } catch {
    return "formatStatus has thrown";
  }
}

/** What logs call it. */
export function nameOf({ self, kind }: Pick<Ending, "self" | "kind">): string {
  const known = self.name ?? self.label;
  return known === "" ? `${kind} ${self.pid}` : `${kind} ${known}`;
}

/** A message that nobody has a use for is no error, but may be a mistake. */
export function logUnexpected(
  server: Pick<Ending, "self" | "kind">,
  message: unknown,
): void {
  server.self.log(
    "warning",
    `${nameOf(server)} takes no such message: ${printTerm(message)}`,
  );
}
