/**
 * One dynamic supervisor: how it starts, restarts and ends its children. The
 * typed face is in `std/dynamic_supervisor/mod.ts`.
 *
 * Its only table is by pid, so a start, an end and a restart cost the same with
 * one child and with a million. No promise is made for a child whose start
 * returns none.
 */

import {
  atom,
  Exit,
  type ExitReason,
  type Pid,
  reasons,
  type Self,
  Shared,
  tuple,
} from "../../runtime/mod.ts";
import type { Definition, Handlers, Server } from "../gen_server/types.ts";
import type { Restart, Shutdown } from "../internal/child_spec.ts";
import { isOrderly } from "../internal/reasons.ts";
import { restartOf, shutdownOf, typeOf } from "../supervisor/defaults.ts";
import {
  countRows,
  errorReply,
  type ListedChild,
  okReply,
  protocolAtoms,
  rowOf,
  sendReply,
} from "../supervisor/protocol.ts";
import {
  type ReportedChild,
  reportError,
  reportProgress,
} from "../supervisor/reports.ts";
import { logUnexpected, refuseCall } from "../supervisor/running.ts";
import {
  isExpectedEnd,
  shutDownAll,
  shutDownChild,
} from "../supervisor/shutdown.ts";
import {
  callStart,
  StartFailure,
  type StartResult,
} from "../supervisor/starting.ts";
import { RestartWindow } from "../supervisor/window.ts";
import type { DynamicChildSpec, DynamicSupervisorOptions } from "./types.ts";

type AnySpec = DynamicChildSpec<readonly unknown[]>;
type AnyOptions = DynamicSupervisorOptions<readonly unknown[]>;

/** A child. There may be a million of them, so it has few fields. */
class Child {
  readonly spec: AnySpec;
  /** Whether an attempt to restart it has failed and another one is due. */
  isRestarting = false;
  constructor(spec: AnySpec) {
    this.spec = spec;
  }
  get restart(): Restart {
    return restartOf(this.spec);
  }
  get type(): "worker" | "supervisor" {
    return typeOf(this.spec);
  }
  get shutdown(): Shutdown {
    return shutdownOf(this.spec);
  }
}

/**
 * A supervisor's message to itself: start the child again that had this pid.
 * Messages that came before it are handled first.
 */
class RetryStart {
  readonly pid: Pid;
  constructor(pid: Pid) {
    this.pid = pid;
  }
}

/** A supervisor's state. */
export class DynamicState {
  readonly self: Self<unknown>;
  readonly options: AnyOptions;
  readonly maxChildren: number;
  readonly extra: readonly unknown[];
  readonly window: RestartWindow;
  /** All children; one that waits to be restarted has its previous pid. */
  readonly children: Map<Pid, Child> = new Map();

  constructor(self: Self<unknown>, options: AnyOptions) {
    this.self = self;
    this.options = options;
    this.maxChildren = options.maxChildren ?? Infinity;
    this.extra = options.extraArguments ?? [];
    this.window = new RestartWindow(self, options);
  }
}

type DynamicServer = Server<DynamicState>;

function describe(child: Child, pid: Pid): ListedChild & ReportedChild {
  const { isRestarting, type, restart, spec } = child;
  return {
    id: spec.id ?? protocolAtoms.undefined,
    pid,
    isRestarting,
    type,
    restart,
  };
}

function callChildStart(
  state: DynamicState,
  spec: AnySpec,
): StartResult | Promise<StartResult> {
  return callStart(state.self, spec.start, ...state.extra);
}

function recordChild(state: DynamicState, pid: Pid, child: Child): void {
  state.children.set(pid, child);
  if (state.self.logs("debug")) {
    reportProgress(state.self, describe(child, pid));
  }
}

// -- Requests

function startChild(server: DynamicServer, requested: unknown): unknown {
  const { state } = server;
  if (!(requested instanceof Shared)) {
    return errorReply(tuple(protocolAtoms.invalidSpec, requested));
  }
  if (state.children.size >= state.maxChildren) {
    return errorReply(protocolAtoms.maxChildren);
  }
  const spec = requested.value as AnySpec;
  const result = callChildStart(state, spec);
  return result instanceof Promise
    ? result.then((result) => replyToStart(server, spec, result))
    : replyToStart(server, spec, result);
}

function replyToStart(
  server: DynamicServer,
  spec: AnySpec,
  result: StartResult,
): unknown {
  if (result === null) return ignoreReply;
  if (result instanceof StartFailure) {
    return sendReply(server, errorReply(result.reason));
  }
  recordChild(server.state, result, new Child(spec));
  return okReply(result);
}

const ignoreReply = atom("ignore");

async function terminateChild(
  { state, self }: DynamicServer,
  pid: unknown,
): Promise<unknown> {
  const child = state.children.get(pid as Pid);
  if (child === undefined) return errorReply(protocolAtoms.notFound);
  if (!child.isRestarting) {
    const reason = await shutDownChild(self, pid as Pid, child);
    checkEnd(state, child, pid as Pid, reason);
  }
  state.children.delete(pid as Pid);
  return protocolAtoms.ok;
}

/** Reports a child that was shut down and ended with another reason. */
function checkEnd(
  { self }: DynamicState,
  child: Child,
  pid: Pid,
  reason: ExitReason,
): void {
  if (isExpectedEnd(child, reason)) return;
  reportError(self, "shutdown_error", reason, describe(child, pid));
}

function whichChildren(server: DynamicServer): unknown {
  const rows = [];
  for (const [pid, child] of server.state.children) {
    rows.push(rowOf({ ...describe(child, pid), id: protocolAtoms.undefined }));
  }
  return sendReply(server, rows);
}

function countChildren({ state: { children } }: DynamicServer): unknown {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const { isRestarting, type } of children.values()) {
    counts.specs++;
    if (!isRestarting) counts.active++;
    counts[type === "supervisor" ? "supervisors" : "workers"]++;
  }
  return countRows(counts);
}

// -- Exits and restarts

function onExit(
  server: DynamicServer,
  { from, reason }: Exit,
): void | Promise<void> {
  const { state } = server;
  const child = state.children.get(from);
  if (child === undefined || child.isRestarting) return;
  const { restart } = child;
  const hasEndedOrderly = isOrderly(reason);
  if (restart === "permanent" || !hasEndedOrderly) {
    reportError(server.self, "child_terminated", reason, describe(child, from));
  }
  if (
    restart === "permanent" || (restart === "transient" && !hasEndedOrderly)
  ) {
    return restartChild(server, from, child);
  }
  state.children.delete(from);
}

/** Starts a child again whose previous pid is `last`. */
function restartChild(
  server: DynamicServer,
  last: Pid,
  child: Child,
): void | Promise<void> {
  const { state } = server;
  if (state.window.isOneTooMany()) {
    const reason = atom("reached_max_restart_intensity");
    reportError(server.self, "shutdown", reason, describe(child, last));
    state.children.delete(last);
    server.stop(reasons.shutdown);
    return;
  }
  const result = callChildStart(state, child.spec);
  return result instanceof Promise
    ? result.then((result) => recordRestart(state, last, child, result))
    : recordRestart(state, last, child, result);
}

function recordRestart(
  state: DynamicState,
  last: Pid,
  child: Child,
  result: StartResult,
): void {
  if (result instanceof StartFailure) {
    const { self } = state;
    reportError(self, "start_error", result.reason, describe(child, last));
    child.isRestarting = true;
    self.send(self.pid, new RetryStart(last));
    return;
  }
  child.isRestarting = false;
  state.children.delete(last);
  if (result !== null) recordChild(state, result, child);
}

function onRetry(
  server: DynamicServer,
  { pid }: RetryStart,
): void | Promise<void> {
  const child = server.state.children.get(pid);
  // The child may have been ended meanwhile.
  if (child?.isRestarting === true) return restartChild(server, pid, child);
}

async function shutDownChildren(state: DynamicState): Promise<void> {
  const alive = [...state.children].filter(([, child]) => !child.isRestarting);
  await shutDownAll(state.self, alive, (child, pid, reason) => {
    checkEnd(state, child, pid, reason);
  });
}

/** The type of `dynamicDefinition`. */
export type DynamicDefinition = Definition<
  DynamicState,
  AnyOptions,
  Handlers<DynamicState>,
  Record<never, never>
>;

/** The server definition of a dynamic supervisor. */
export const dynamicDefinition: DynamicDefinition = {
  name: "DynamicSupervisor",
  trapExits: true,
  init: (self, options) => new DynamicState(self, options),
  calls: {
    start_child: startChild,
    terminate_child: terminateChild,
    which_children: whichChildren,
    count_children: countChildren,
  },
  handleCall: refuseCall,
  handleCast: (server, request) => logUnexpected(server.self, request),
  info: (server, message) => {
    if (message instanceof Exit) return onExit(server, message);
    if (message instanceof RetryStart) return onRetry(server, message);
    return logUnexpected(server.self, message);
  },
  terminate: ({ state }) => shutDownChildren(state),
  formatStatus: ({ options, children }) => ({
    ...options,
    children: children.size,
  }),
};
