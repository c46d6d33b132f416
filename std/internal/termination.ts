/**
 * How servers of every kind terminate: their terminate callback, and the report
 * in the log.
 */

import {
  atom,
  Call,
  Cast,
  ExitError,
  type ExitReason,
  KilledError,
  printTerm,
  readableReason,
  type Self,
  Stop,
  tuple,
} from "../../runtime/mod.ts";
import { isOrderly, stackField } from "./reasons.ts";

/** As much of a server as its termination needs. */
export interface TerminatingServer {
  readonly self: Self<unknown>;
  /** The `name` of the server's definition. */
  readonly definitionName: string;
  /** The state as reports show it. */
  stateForReport(): unknown;
  /** Calls the definition's `terminate`, if any; may return a promise. */
  callTerminate(reason: ExitReason): unknown;
}

/**
 * Terminates a server whose callback has asked for it. `message` is the last
 * message that the server has handled.
 */
export function stopServer(
  server: TerminatingServer,
  given: ExitReason,
  message: unknown,
): Stop | Promise<Stop> {
  const reason = readableReason(given);
  if (!isOrderly(reason)) reportTermination(server, reason, message);
  return afterTerminate(server, reason, () => new Stop(reason));
}

/**
 * Terminates a server whose callback has thrown: calls `terminate`, and throws
 * the same error again, which is the reason the actor ends with.
 */
export function failServer(
  server: TerminatingServer,
  thrown: unknown,
  message: unknown,
): Stop | Promise<Stop> {
  const error = readableReason(thrown);
  // The actor was ended from outside, so terminate must not run.
  if (error instanceof KilledError || !server.self.isAlive) throw error;
  const reason = error instanceof ExitError
    ? readableReason(error.reason)
    : error;
  if (!isOrderly(reason)) reportTermination(server, reason, message);
  return afterTerminate(server, reason, () => {
    throw error;
  });
}

function afterTerminate(
  server: TerminatingServer,
  reason: ExitReason,
  then: () => Stop,
): Stop | Promise<Stop> {
  const returned = server.callTerminate(reason);
  return returned instanceof Promise ? returned.then(then) : then();
}

/** Terminates a server by `sys.terminate`. */
export function terminateBySystem(
  server: TerminatingServer,
  reason: ExitReason,
): unknown {
  if (!isOrderly(reason)) reportTermination(server, reason, atom("terminate"));
  return server.callTerminate(reason);
}

function reportTermination(
  server: TerminatingServer,
  reason: ExitReason,
  message: unknown,
): void {
  const { self } = server;
  self.log("error", `${nameForLog(server)} ends: ${printTerm(reason)}`, {
    report: "server",
    reason: printTerm(reason),
    ...stackField(reason),
    lastMessage: printTerm(messageForReport(message)),
    state: printTerm(server.stateForReport()),
  });
}

/** A call without its reply address, which means nothing to a reader. */
function messageForReport(message: unknown): unknown {
  return message instanceof Call || message instanceof Cast
    ? tuple(atom(message.type), message.request)
    : message;
}

/** The state as a definition's `formatStatus` shows it. */
export function formattedState<S>(
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

/** The server's name in logs. */
export function nameForLog(
  { self, definitionName }: Pick<TerminatingServer, "self" | "definitionName">,
): string {
  const known = self.name ?? self.label;
  return known === ""
    ? `${definitionName} ${self.pid}`
    : `${definitionName} ${known}`;
}

/** Logs a message that no callback takes: no error, but perhaps a mistake. */
export function logUnexpected(
  server: Pick<TerminatingServer, "self" | "definitionName">,
  message: unknown,
): void {
  server.self.log(
    "warning",
    `${nameForLog(server)} takes no such message: ${printTerm(message)}`,
  );
}
