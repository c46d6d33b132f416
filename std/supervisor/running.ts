/**
 * One supervisor with fixed children: how it starts, restarts and ends them.
 * The typed face is in `std/supervisor/mod.ts`.
 *
 * Its server handles one message at a time, also while a child starts or ends.
 * One table tells which child a pid is. An `Exit` of a pid that is not in it is
 * ignored: the supervisor has ended that child itself, or has learnt of its end
 * by a monitor.
 */

import {
  atom,
  Exit,
  type ExitReason,
  type Pid,
  printTerm,
  reasons,
  type Self,
  Shared,
  Stop,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import type { Definition, Handlers, Server } from "../gen_server/types.ts";
import type { ChildSpec, Restart, Shutdown } from "../internal/child_spec.ts";
import { alreadyStarted, isOrderly } from "../internal/reasons.ts";
import { checkSpec, childKey } from "./checks.ts";
import { restartOf, shutdownOf, typeOf } from "./defaults.ts";
import { specForOtherNode } from "./otp_spec.ts";
import {
  countRows,
  errorReply,
  type ListedChild,
  okReply,
  protocolAtoms,
  rowOf,
  sendReply,
} from "./protocol.ts";
import { reportError, reportProgress } from "./reports.ts";
import { isExpectedEnd, shutDownChild } from "./shutdown.ts";
import { callStart, StartFailure, type StartResult } from "./starting.ts";
import type { SupervisorFlags, SupervisorOptions } from "./types.ts";
import { RestartWindow } from "./window.ts";

/** A child: its specification and its present state. */
export class Child implements ListedChild {
  readonly spec: ChildSpec;
  readonly key: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly type: "worker" | "supervisor";
  /** Null while the child does not run. */
  pid: Pid | null = null;
  /** Whether an attempt to restart it has failed and another one is due. */
  isRestarting = false;
  /** The number of the attempt that is due; an older `RetryStart` is ignored. */
  attempt = 0;

  constructor(spec: ChildSpec, key: string) {
    this.spec = spec;
    this.key = key;
    this.restart = restartOf(spec);
    this.type = typeOf(spec);
    this.shutdown = shutdownOf(spec);
  }

  get id(): unknown {
    return this.spec.id;
  }
}

/**
 * A supervisor's message to itself: start a child again. Messages that came
 * before it are handled first.
 */
class RetryStart {
  readonly key: string;
  readonly attempt: number;
  constructor(key: string, attempt: number) {
    this.key = key;
    this.attempt = attempt;
  }
}

/** A supervisor's state. */
export class SupervisorState {
  readonly self: Self<unknown>;
  readonly flags: SupervisorFlags;
  readonly window: RestartWindow;
  /** All children by the key of their id, in the order of their starts. */
  readonly children: Map<string, Child> = new Map();
  /** The children that run. */
  readonly byPid: Map<Pid, Child> = new Map();

  constructor(self: Self<unknown>, flags: SupervisorFlags) {
    this.self = self;
    this.flags = flags;
    this.window = new RestartWindow(self, flags);
  }

  /** The child and those after it; all children for null. */
  from(child: Child | null): readonly Child[] {
    const all = [...this.children.values()];
    return child === null ? all : all.slice(all.indexOf(child));
  }
}

type SupervisorServer = Server<SupervisorState>;

// -- Starts and shutdowns

/** Records the result of a start. Returns false if the start has failed. */
function recordStart(
  state: SupervisorState,
  child: Child,
  result: StartResult,
): boolean {
  child.isRestarting = false;
  if (result instanceof StartFailure) return false;
  child.pid = result;
  if (result === null) {
    if (child.restart === "temporary") state.children.delete(child.key);
    return true;
  }
  state.byPid.set(result, child);
  if (state.self.logs("debug")) reportProgress(state.self, child);
  return true;
}

/** Records that a child has ended and is not restarted at the moment. */
function recordEnd(state: SupervisorState, child: Child): void {
  if (child.pid !== null) state.byPid.delete(child.pid);
  child.pid = null;
  child.isRestarting = false;
  if (child.restart === "temporary") state.children.delete(child.key);
}

/** Shuts a child down if it runs. */
async function shutDown(state: SupervisorState, child: Child): Promise<void> {
  const { pid } = child;
  if (pid !== null) {
    const reason = await shutDownChild(state.self, pid, child);
    if (!isExpectedEnd(child, reason)) {
      reportError(state.self, "shutdown_error", reason, child);
    }
  }
  recordEnd(state, child);
}

/** Shuts children down one after the other, the last one first. */
async function shutDownEach(
  state: SupervisorState,
  children: readonly Child[],
): Promise<void> {
  for (const child of children.toReversed()) await shutDown(state, child);
}

/** Starts children in order, up to the first one that cannot be started. */
async function startEach(
  state: SupervisorState,
  children: readonly Child[],
): Promise<{ readonly child: Child; readonly reason: ExitReason } | null> {
  for (const child of children) {
    const result = await callStart(state.self, child.spec.start);
    if (!recordStart(state, child, result)) {
      const { reason } = result as StartFailure;
      reportError(state.self, "start_error", reason, child);
      return { child, reason };
    }
  }
  return null;
}

async function init(
  self: Self<unknown>,
  options: SupervisorOptions,
): Promise<SupervisorState | Stop> {
  const state = new SupervisorState(self, options);
  for (const spec of options.children) {
    const child = new Child(spec, childKey(spec.id));
    state.children.set(child.key, child);
  }
  const failure = await startEach(state, state.from(null));
  if (failure === null) return state;
  const { child, reason } = failure;
  await shutDownEach(state, state.from(null));
  return new Stop(tuple(
    reasons.shutdown,
    tuple(atom("failed_to_start_child"), child.id, reason),
  ));
}

// -- Restarts

function isToRestart({ restart }: Child, reason: ExitReason): boolean {
  return restart === "permanent" ||
    (restart === "transient" && !isOrderly(reason));
}

/** An actor has ended: a child, or one that is no longer a child. */
function onExit(
  server: SupervisorServer,
  { from, reason }: Exit,
): void | Promise<void> {
  const { state } = server;
  const child = state.byPid.get(from);
  if (child === undefined) return;
  const isDue = isToRestart(child, reason);
  if (child.restart === "permanent" || !isOrderly(reason)) {
    reportError(server.self, "child_terminated", reason, child);
  }
  recordEnd(state, child);
  if (isDue) return restart(server, child);
  if (endsSupervisor(state, child)) server.stop(reasons.shutdown);
}

/** Whether the supervisor is to end because this child has ended. */
function endsSupervisor(
  { flags, children }: SupervisorState,
  ended: Child,
): boolean {
  if (ended.spec.significant !== true) return false;
  if (flags.autoShutdown === "anySignificant") return true;
  if (flags.autoShutdown !== "allSignificant") return false;
  for (const { spec, pid, isRestarting } of children.values()) {
    if (spec.significant === true && (pid !== null || isRestarting)) {
      return false;
    }
  }
  return true;
}

/** Restarts a child, along with the children that the strategy names. */
function restart(server: SupervisorServer, child: Child): void | Promise<void> {
  const { state } = server;
  child.isRestarting = false;
  if (state.window.isOneTooMany()) {
    const reason = atom("reached_max_restart_intensity");
    reportError(server.self, "shutdown", reason, child);
    server.stop(reasons.shutdown);
    return;
  }
  const { strategy = "oneForOne" } = state.flags;
  switch (strategy) {
    case "oneForOne": {
      const result = callStart(state.self, child.spec.start);
      if (result instanceof Promise) {
        return result.then((result) => recordRestart(state, child, result));
      }
      return recordRestart(state, child, result);
    }
    case "restForOne":
      return restartEach(state, state.from(child));
    case "oneForAll":
      return restartEach(state, state.from(null));
    default:
      strategy satisfies never;
  }
}

function recordRestart(
  state: SupervisorState,
  child: Child,
  result: StartResult,
): void {
  if (recordStart(state, child, result)) return;
  const { reason } = result as StartFailure;
  reportError(state.self, "start_error", reason, child);
  scheduleRetry(state, child);
}

async function restartEach(
  state: SupervisorState,
  group: readonly Child[],
): Promise<void> {
  await shutDownEach(state, group);
  const left = group.filter(({ key }) => state.children.has(key));
  const failure = await startEach(state, left);
  if (failure !== null) scheduleRetry(state, failure.child);
}

/** Retries through the mailbox, so that waiting calls and exits come first. */
function scheduleRetry({ self }: SupervisorState, child: Child): void {
  child.isRestarting = true;
  self.send(self.pid, new RetryStart(child.key, ++child.attempt));
}

function onRetry(
  server: SupervisorServer,
  { key, attempt }: RetryStart,
): void | Promise<void> {
  const child = server.state.children.get(key);
  // The child may have been ended meanwhile, or restarted with its siblings.
  if (child?.isRestarting !== true || child.attempt !== attempt) return;
  return restart(server, child);
}

// -- Requests

async function startChild(
  server: SupervisorServer,
  requested: unknown,
): Promise<unknown> {
  const { state } = server;
  const spec = requested instanceof Shared
    ? requested.value as ChildSpec
    : null;
  if (spec === null) {
    return errorReply(tuple(protocolAtoms.invalidSpec, requested));
  }
  let key: string;
  try {
    key = checkSpec(spec, state.flags.autoShutdown ?? "never");
  } catch (error) {
    if (error instanceof UsageError) {
      return sendReply(
        server,
        errorReply(tuple(protocolAtoms.invalidSpec, error)),
      );
    }
    throw error;
  }
  const known = state.children.get(key);
  if (known !== undefined) {
    return errorReply(
      known.pid === null
        ? protocolAtoms.alreadyPresent
        : alreadyStarted(known.pid),
    );
  }
  const child = new Child(spec, key);
  const result = await callStart(state.self, spec.start);
  if (result instanceof StartFailure) {
    return sendReply(server, errorReply(result.reason));
  }
  state.children.set(key, child);
  recordStart(state, child, result);
  return okReply(child.pid ?? protocolAtoms.undefined);
}

/** The child of that id; null if there is none. */
function findChild({ children }: SupervisorState, id: unknown): Child | null {
  try {
    return children.get(childKey(id)) ?? null;
  } catch {
    return null;
  }
}

/** Why a child cannot be restarted or deleted now; null if it can. */
function activityOf({ isRestarting, pid }: Child): symbol | null {
  if (isRestarting) return protocolAtoms.restarting;
  return pid === null ? null : protocolAtoms.running;
}

export async function restartChild(
  server: SupervisorServer,
  id: unknown,
): Promise<unknown> {
  const child = findChild(server.state, id);
  if (child === null) return errorReply(protocolAtoms.notFound);
  const reason = activityOf(child);
  if (reason !== null) return errorReply(reason);
  const result = await callStart(server.self as never, child.spec.start);
  return recordStart(server.state, child, result)
    ? okReply(child.pid ?? protocolAtoms.undefined)
    : errorReply((result as StartFailure).reason);
}

export async function terminateChild(
  server: SupervisorServer,
  id: unknown,
): Promise<unknown> {
  const child = findChild(server.state, id);
  if (child === null) return errorReply(protocolAtoms.notFound);
  await shutDown(server.state, child);
  return protocolAtoms.ok;
}

function deleteChild(server: SupervisorServer, id: unknown): unknown {
  const child = findChild(server.state, id);
  if (child === null) return errorReply(protocolAtoms.notFound);
  const reason = activityOf(child);
  if (reason !== null) return errorReply(reason);
  server.state.children.delete(child.key);
  return protocolAtoms.ok;
}

function whichChildren(server: SupervisorServer): unknown {
  const rows = server.state.from(null).toReversed().map(rowOf);
  return sendReply(server, rows);
}

function countChildren({ self, state }: SupervisorServer): unknown {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const { pid, type } of state.children.values()) {
    counts.specs++;
    if (pid !== null && (pid.node !== self.node || self.isActorAlive(pid))) {
      counts.active++;
    }
    counts[type === "supervisor" ? "supervisors" : "workers"]++;
  }
  return countRows(counts);
}

/** A caller on another node gets a specification without the function. */
function getSpec(server: SupervisorServer, id: unknown): unknown {
  const child = findChild(server.state, id);
  if (child === null) return errorReply(protocolAtoms.notFound);
  const { spec } = child;
  if (server.from.pid.node === server.self.node) {
    return okReply(new Shared(spec));
  }
  return sendReply(server, okReply(specForOtherNode(spec)));
}

/** Refuses an unknown call, which must not end the supervisor. */
export function refuseCall(
  { self }: { readonly self: Self<unknown> },
  request: unknown,
): unknown {
  logUnexpected(self, request);
  return errorReply(tuple(atom("bad_call"), request));
}

export function logUnexpected(self: Self<unknown>, message: unknown): void {
  self.log("warning", `a supervisor takes no such message`, {
    message: printTerm(message),
  });
}

/** The type of `supervisorDefinition`. */
export type SupervisorDefinition = Definition<
  Promise<SupervisorState | Stop>,
  SupervisorOptions,
  Handlers<SupervisorState>,
  Record<never, never>
>;

/** The server definition of a supervisor with fixed children. */
export const supervisorDefinition: SupervisorDefinition = {
  name: "Supervisor",
  trapExits: true,
  init,
  calls: {
    start_child: startChild,
    restart_child: async (server, id: unknown) =>
      sendReply(server, await restartChild(server, id)),
    terminate_child: terminateChild,
    delete_child: deleteChild,
    which_children: whichChildren,
    count_children: countChildren,
    get_childspec: getSpec,
  },
  handleCall: refuseCall,
  handleCast: (server, request) => logUnexpected(server.self, request),
  info: (server, message) => {
    if (message instanceof Exit) return onExit(server, message);
    if (message instanceof RetryStart) return onRetry(server, message);
    return logUnexpected(server.self, message);
  },
  terminate: ({ state }) => shutDownEach(state, state.from(null)),
  formatStatus: (state) => ({
    ...state.flags,
    children: state.from(null).map(({ id, pid }) => ({ id, pid })),
  }),
};
