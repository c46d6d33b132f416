/**
 * The life of one supervisor with fixed children: starts, restarts, ends. The
 * typed face is in `std/supervisor/mod.ts`.
 *
 * Its server handles one message at a time, also while a child takes its time
 * to start or to end. Which child a pid is decides one table: an `Exit` of a
 * pid that is no longer in it comes from an actor that was ended on purpose, or
 * of which the supervisor has learnt otherwise, and says nothing new.
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
import { isOrderly } from "../internal/reasons.ts";
import { checkSpec, keyOf } from "./checks.ts";
import { endChild, hasEndedWell } from "./shutdown.ts";
import { shownTerm } from "./otp_spec.ts";
import {
  answer,
  countRows,
  ok,
  refusal,
  rowOf,
  type Shown,
  words,
} from "./protocol.ts";
import { report, reportProgress } from "./reports.ts";
import { launch, type Outcome } from "./starting.ts";
import {
  Failed,
  type SupervisorFlags,
  type SupervisorOptions,
} from "./types.ts";
import { RestartWindow } from "./window.ts";
import type { ChildSpec, Restart, Shutdown } from "../internal/child_spec.ts";

/** A child and how it is. */
export class Child implements Shown {
  readonly spec: ChildSpec;
  readonly key: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly type: "worker" | "supervisor";
  pid: Pid | null = null;
  /** An attempt to start it again has failed, and another one is due. */
  isRestarting = false;
  /** Of the attempt that is due. */
  attempt = 0;

  constructor(spec: ChildSpec, key: string) {
    this.spec = spec;
    this.key = key;
    this.restart = spec.restart ?? "permanent";
    this.type = spec.type ?? "worker";
    this.shutdown = spec.shutdown ??
      (this.type === "supervisor" ? Infinity : 5_000);
  }

  get id(): unknown {
    return this.spec.id;
  }
}

/** What a supervisor tells itself, so that others get a word in between. */
class TryAgain {
  readonly key: string;
  readonly attempt: number;
  constructor(key: string, attempt: number) {
    this.key = key;
    this.attempt = attempt;
  }
}

/** A supervisor's state. */
export class Family {
  readonly self: Self<unknown>;
  readonly flags: SupervisorFlags;
  readonly window: RestartWindow;
  /** In the order of their starts. */
  readonly children: Map<string, Child> = new Map();
  readonly byPid: Map<Pid, Child> = new Map();

  constructor(self: Self<unknown>, flags: SupervisorFlags) {
    this.self = self;
    this.flags = flags;
    this.window = new RestartWindow(self, flags);
  }

  /** Those from this one on, or all. */
  from(child: Child | null): readonly Child[] {
    const all = [...this.children.values()];
    return child === null ? all : all.slice(all.indexOf(child));
  }
}

type FamilyServer = Server<Family>;

// -- Starting and ending

/** Notes what has become of a start; whether it has not failed. */
function settle(family: Family, child: Child, outcome: Outcome): boolean {
  child.isRestarting = false;
  if (outcome instanceof Failed) return false;
  child.pid = outcome;
  if (outcome === null) {
    if (child.restart === "temporary") family.children.delete(child.key);
    return true;
  }
  family.byPid.set(outcome, child);
  if (family.self.logs("debug")) reportProgress(family.self, child);
  return true;
}

/** A child that does not run any more and is not to be started again now. */
function lay(family: Family, child: Child): void {
  if (child.pid !== null) family.byPid.delete(child.pid);
  child.pid = null;
  child.isRestarting = false;
  if (child.restart === "temporary") family.children.delete(child.key);
}

/** Ends a child if it runs. */
export async function end(family: Family, child: Child): Promise<void> {
  const { pid } = child;
  if (pid !== null) {
    const reason = await endChild(family.self, pid, child);
    if (!hasEndedWell(child, reason)) {
      report(family.self, "shutdown_error", reason, child);
    }
  }
  lay(family, child);
}

/** One after the other, the last one first. */
async function endEach(
  family: Family,
  children: readonly Child[],
): Promise<void> {
  for (const child of children.toReversed()) await end(family, child);
}

/** Starts children in order, up to the first that cannot be started. */
async function startEach(
  family: Family,
  children: readonly Child[],
): Promise<{ readonly child: Child; readonly reason: ExitReason } | null> {
  for (const child of children) {
    const outcome = await launch(family.self, child.spec.start);
    if (!settle(family, child, outcome)) {
      const { reason } = outcome as Failed;
      report(family.self, "start_error", reason, child);
      return { child, reason };
    }
  }
  return null;
}

async function init(
  self: Self<unknown>,
  options: SupervisorOptions,
): Promise<Family | Stop> {
  const family = new Family(self, options);
  for (const spec of options.children) {
    const child = new Child(spec, keyOf(spec.id));
    family.children.set(child.key, child);
  }
  const failure = await startEach(family, family.from(null));
  if (failure === null) return family;
  const { child, reason } = failure;
  await endEach(family, family.from(null));
  return new Stop(tuple(
    reasons.shutdown,
    tuple(atom("failed_to_start_child"), child.id, reason),
  ));
}

// -- Restarting

function isToRestart({ restart }: Child, reason: ExitReason): boolean {
  return restart === "permanent" ||
    (restart === "transient" && !isOrderly(reason));
}

/** A child has ended by itself, if it still is one. */
function onExit(
  server: FamilyServer,
  { from, reason }: Exit,
): void | Promise<void> {
  const { state: family } = server;
  const child = family.byPid.get(from);
  if (child === undefined) return;
  const isDue = isToRestart(child, reason);
  if (child.restart === "permanent" || !isOrderly(reason)) {
    report(server.self, "child_terminated", reason, child);
  }
  lay(family, child);
  if (isDue) return restart(server, child);
  if (endsWith(family, child)) server.stop(reasons.shutdown);
}

/** Whether the supervisor is to end because this child has. */
function endsWith({ flags, children }: Family, ended: Child): boolean {
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

/** Starts a child again, and with it whom the strategy says. */
function restart(server: FamilyServer, child: Child): void | Promise<void> {
  const { state: family } = server;
  child.isRestarting = false;
  if (family.window.isOneTooMany()) {
    const reason = atom("reached_max_restart_intensity");
    report(server.self, "shutdown", reason, child);
    server.stop(reasons.shutdown);
    return;
  }
  const { strategy = "oneForOne" } = family.flags;
  switch (strategy) {
    case "oneForOne": {
      const outcome = launch(family.self, child.spec.start);
      if (outcome instanceof Promise) {
        return outcome.then((settled) => takeUp(family, child, settled));
      }
      return takeUp(family, child, outcome);
    }
    case "restForOne":
      return restartEach(family, family.from(child));
    case "oneForAll":
      return restartEach(family, family.from(null));
    default:
      strategy satisfies never;
  }
}

function takeUp(family: Family, child: Child, outcome: Outcome): void {
  if (settle(family, child, outcome)) return;
  const { reason } = outcome as Failed;
  report(family.self, "start_error", reason, child);
  tryAgain(family, child);
}

async function restartEach(
  family: Family,
  group: readonly Child[],
): Promise<void> {
  await endEach(family, group);
  const left = group.filter(({ key }) => family.children.has(key));
  const failure = await startEach(family, left);
  if (failure !== null) tryAgain(family, failure.child);
}

/** Through the mailbox, where calls and orders to end have their turn first. */
function tryAgain({ self }: Family, child: Child): void {
  child.isRestarting = true;
  self.send(self.pid, new TryAgain(child.key, ++child.attempt));
}

function onTryAgain(
  server: FamilyServer,
  { key, attempt }: TryAgain,
): void | Promise<void> {
  const child = server.state.children.get(key);
  // It may have been ended, or restarted with its siblings, meanwhile.
  if (child?.isRestarting !== true || child.attempt !== attempt) return;
  return restart(server, child);
}

// -- What can be asked

async function startChild(
  server: FamilyServer,
  asked: unknown,
): Promise<unknown> {
  const { state: family } = server;
  const spec = asked instanceof Shared ? asked.value as ChildSpec : null;
  if (spec === null) return refusal(tuple(words.invalidSpec, asked));
  let key: string;
  try {
    key = checkSpec(spec, family.flags.autoShutdown ?? "never");
  } catch (error) {
    if (error instanceof UsageError) {
      return answer(server, refusal(tuple(words.invalidSpec, error)));
    }
    throw error;
  }
  const known = family.children.get(key);
  if (known !== undefined) {
    return refusal(
      known.pid === null
        ? words.alreadyPresent
        : tuple(atom("already_started"), known.pid),
    );
  }
  const child = new Child(spec, key);
  const outcome = await launch(family.self, spec.start);
  if (outcome instanceof Failed) {
    return answer(server, refusal(outcome.reason));
  }
  family.children.set(key, child);
  settle(family, child, outcome);
  return ok(child.pid ?? words.undefined);
}

/** The child of that id, or null; a term that can be no id has none. */
function find({ children }: Family, id: unknown): Child | null {
  try {
    return children.get(keyOf(id)) ?? null;
  } catch {
    return null;
  }
}

/** Why a child that should be at rest is not. */
function unrest({ isRestarting, pid }: Child): symbol | null {
  if (isRestarting) return words.restarting;
  return pid === null ? null : words.running;
}

export async function restartChild(
  server: FamilyServer,
  id: unknown,
): Promise<unknown> {
  const child = find(server.state, id);
  if (child === null) return refusal(words.notFound);
  const reason = unrest(child);
  if (reason !== null) return refusal(reason);
  const outcome = await launch(server.self as never, child.spec.start);
  return settle(server.state, child, outcome)
    ? ok(child.pid ?? words.undefined)
    : refusal((outcome as Failed).reason);
}

export async function terminateChild(
  server: FamilyServer,
  id: unknown,
): Promise<unknown> {
  const child = find(server.state, id);
  if (child === null) return refusal(words.notFound);
  await end(server.state, child);
  return words.ok;
}

function deleteChild(server: FamilyServer, id: unknown): unknown {
  const child = find(server.state, id);
  if (child === null) return refusal(words.notFound);
  const reason = unrest(child);
  if (reason !== null) return refusal(reason);
  server.state.children.delete(child.key);
  return words.ok;
}

function whichChildren(server: FamilyServer): unknown {
  const rows = server.state.from(null).toReversed().map(rowOf);
  return answer(server, rows);
}

function countChildren({ self, state }: FamilyServer): unknown {
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

/** A function has no form on another node, which is told so. */
function getSpec(server: FamilyServer, id: unknown): unknown {
  const child = find(server.state, id);
  if (child === null) return refusal(words.notFound);
  const { spec } = child;
  if (server.from.pid.node === server.self.node) return ok(new Shared(spec));
  return answer(server, ok(shownTerm(spec)));
}

/** A request that no supervisor knows harms nobody's children. */
export function refuseCall(
  { self }: { readonly self: Self<unknown> },
  request: unknown,
): unknown {
  logUnexpected(self, request);
  return refusal(tuple(atom("bad_call"), request));
}

export function logUnexpected(self: Self<unknown>, message: unknown): void {
  self.log("warning", `a supervisor takes no such message`, {
    message: printTerm(message),
  });
}

/** What `genServer` makes a supervisor of. */
export type FamilyDefinition = Definition<
  Promise<Family | Stop>,
  SupervisorOptions,
  Handlers<Family>,
  Record<never, never>
>;

/** What `genServer` makes a supervisor of. */
export const familyDefinition: FamilyDefinition = {
  name: "Supervisor",
  trapExits: true,
  init,
  calls: {
    start_child: startChild,
    restart_child: async (server, id: unknown) =>
      answer(server, await restartChild(server, id)),
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
    if (message instanceof TryAgain) return onTryAgain(server, message);
    return logUnexpected(server.self, message);
  },
  terminate: ({ state: family }) => endEach(family, family.from(null)),
  formatStatus: (family) => ({
    ...family.flags,
    children: family.from(null).map(({ id, pid }) => ({ id, pid })),
  }),
};
