/**
 * Requests and replies of supervisors as terms, as OTP has them: how a
 * supervisor makes a reply, and how a caller reads it. Our supervisors and
 * those of a BEAM node understand the same requests.
 */

import { causedBy } from "../internal/reasons.ts";
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

/** The atoms in requests and replies. */
export const protocolAtoms: Readonly<
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

/** A supervisor has refused a request, or could not carry it out. */
export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  /**
   * As OTP has it: the atom `not_found`, `running`, `restarting`,
   * `already_present` or `max_children`, `{already_started, Pid}`, or the
   * reason for which a child could not be started.
   */
  readonly reason: ExitReason;
  constructor(action: string, reason: ExitReason) {
    super(
      `expected the supervisor to ${action}, got ${printTerm(reason)}`,
      causedBy(reason),
    );
    this.reason = reason;
  }
}

/** `{ok, Value}` */
export function okReply(value: unknown): Tuple {
  return tuple(protocolAtoms.ok, value);
}

/** `{error, Reason}` */
export function errorReply(reason: unknown): Tuple {
  return tuple(protocolAtoms.error, reason);
}

/** As much of a child as `which_children` lists. */
export type ListedChild = {
  readonly id: unknown;
  readonly pid: Pid | null;
  readonly isRestarting: boolean;
  readonly type: "worker" | "supervisor";
};

/** One child, as `which_children` lists it. */
export function rowOf({ id, pid, isRestarting, type }: ListedChild): Tuple {
  const pidTerm = isRestarting
    ? protocolAtoms.restarting
    : pid ?? protocolAtoms.undefined;
  return tuple(id, pidTerm, atom(type), []);
}

/** The reply to `count_children`. */
export function countRows(counts: ChildCounts): readonly Tuple[] {
  const { specs, active, supervisors, workers } = counts;
  return Object.entries({ specs, active, supervisors, workers })
    .map(([name, count]) => tuple(atom(name), count));
}

/**
 * Sends a reply that the caller's node may not be able to take: it may hold an
 * id that only this node can hold, or a value without a copy where messages are
 * copied. The caller then gets an error in its place, and the supervisor goes
 * on. The reason of a refusal is printed in that error.
 */
export function sendReply(
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
    const reason = isPair(value, protocolAtoms.error)
      ? printTerm(value.items[1])
      : atom("badarg");
    server.reply(to, errorReply(reason));
  }
  return noReply;
}

// -- For callers

/** Throws `UsageError` for a supervisor that no function can be sent to. */
export function mustTakeFunctions(self: AnySelf, target: CallTarget): void {
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
 * The value of `{ok, Value}`; undefined for `ok`. Throws a `SupervisorError`, or
 * the supervisor's `UsageError` for a specification that is not valid.
 */
export function valueOf(reply: unknown, action: string): unknown {
  if (reply === protocolAtoms.ok) return undefined;
  if (isPair(reply, protocolAtoms.ok)) return reply.items[1];
  const reason = isPair(reply, protocolAtoms.error) ? reply.items[1] : reply;
  if (isPair(reason, protocolAtoms.invalidSpec)) {
    const [, why] = reason.items;
    if (why instanceof UsageError) throw why;
  }
  throw new SupervisorError(action, reason);
}

/** The pid of a started child; null when its start has started nothing. */
export function startedPid(reply: unknown, action: string): Pid | null {
  // The reply of Elixir's DynamicSupervisor to a start that returned ignore.
  if (reply === atom("ignore")) return null;
  const pid = valueOf(reply, action);
  return pid instanceof Pid ? pid as Pid : null;
}

/** A child, from a row of the reply to `which_children`. */
export function infoOf(row: unknown): ChildInfo {
  const [id, pid, type, modules] = row instanceof Tuple ? row.items : [];
  return {
    id,
    pid: pid instanceof Pid
      ? pid as Pid
      : pid === protocolAtoms.restarting
      ? "restarting"
      : null,
    type: type === atom("supervisor") ? "supervisor" : "worker",
    modules,
  };
}

/** Counts of children, from the reply to `count_children`. */
export function countsOf(rows: unknown): ChildCounts {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const row of rows as readonly Tuple[]) {
    const [name, count] = row.items as readonly [Atom, number];
    const key = Symbol.keyFor(name) as keyof ChildCounts;
    if (key in counts) counts[key] = count;
  }
  return counts;
}
