/**
 * The life of one supervisor of many. The typed face is in
 * `std/dynamic_supervisor/mod.ts`.
 *
 * All it knows is one table by pid, so that a start, an end and a restart cost
 * the same with one child and with a million. Where a child's start waits for
 * nothing, no promise is made.
 */

import {
  Exit,
  type ExitReason,
  type Pid,
  reasons,
  type Self,
  Shared,
  tuple,
} from "../../runtime/mod.ts";
import { atom } from "../../runtime/mod.ts";
import type { Definition, Handlers, Server } from "../gen_server/types.ts";
import { isOrderly } from "../internal/reasons.ts";
import { endAll, endChild, hasEndedWell } from "../supervisor/shutdown.ts";
import {
  answer,
  countRows,
  ok,
  refusal,
  rowOf,
  type Shown,
  words,
} from "../supervisor/protocol.ts";
import {
  report,
  type Reported,
  reportProgress,
} from "../supervisor/reports.ts";
import { logUnexpected, refuseCall } from "../supervisor/running.ts";
import { launch, type Outcome } from "../supervisor/starting.ts";
import { Failed } from "../supervisor/types.ts";
import { RestartWindow } from "../supervisor/window.ts";
import type { DynamicChildSpec, DynamicSupervisorOptions } from "./types.ts";
import type { Restart, Shutdown } from "../internal/child_spec.ts";

type AnySpec = DynamicChildSpec<readonly unknown[]>;
type AnyOptions = DynamicSupervisorOptions<readonly unknown[]>;

/** A child: there may be a million of these. */
class Child {
  readonly spec: AnySpec;
  /** Its last attempt to start again has failed, and another one is due. */
  isRestarting = false;
  constructor(spec: AnySpec) {
    this.spec = spec;
  }
  get restart(): Restart {
    return this.spec.restart ?? "permanent";
  }
  get type(): "worker" | "supervisor" {
    return this.spec.type ?? "worker";
  }
  get shutdown(): Shutdown {
    return this.spec.shutdown ??
      (this.type === "supervisor" ? Infinity : 5_000);
  }
}

/** What a supervisor tells itself, so that others get a word in between. */
class TryAgain {
  readonly pid: Pid;
  constructor(pid: Pid) {
    this.pid = pid;
  }
}

/** A supervisor's state. */
export class Crowd {
  readonly self: Self<unknown>;
  readonly options: AnyOptions;
  readonly maxChildren: number;
  readonly extra: readonly unknown[];
  readonly window: RestartWindow;
  /** One that waits to be restarted is still known by its last pid. */
  readonly children: Map<Pid, Child> = new Map();

  constructor(self: Self<unknown>, options: AnyOptions) {
    this.self = self;
    this.options = options;
    this.maxChildren = options.maxChildren ?? Infinity;
    this.extra = options.extraArguments ?? [];
    this.window = new RestartWindow(self, options);
  }
}

type CrowdServer = Server<Crowd>;

function shown(child: Child, pid: Pid): Shown & Reported {
  const { isRestarting, type, restart, spec } = child;
  return { id: spec.id ?? words.undefined, pid, isRestarting, type, restart };
}

function begin(crowd: Crowd, spec: AnySpec): Outcome | Promise<Outcome> {
  return launch(crowd.self, spec.start, ...crowd.extra);
}

function add(crowd: Crowd, pid: Pid, child: Child): void {
  crowd.children.set(pid, child);
  if (crowd.self.logs("debug")) reportProgress(crowd.self, shown(child, pid));
}

// -- What can be asked

function startChild(server: CrowdServer, asked: unknown): unknown {
  const { state: crowd } = server;
  if (!(asked instanceof Shared)) {
    return refusal(tuple(words.invalidSpec, asked));
  }
  if (crowd.children.size >= crowd.maxChildren) {
    return refusal(words.maxChildren);
  }
  const spec = asked.value as AnySpec;
  const outcome = begin(crowd, spec);
  return outcome instanceof Promise
    ? outcome.then((settled) => welcome(server, spec, settled))
    : welcome(server, spec, outcome);
}

function welcome(
  server: CrowdServer,
  spec: AnySpec,
  outcome: Outcome,
): unknown {
  if (outcome === null) return IGNORE;
  if (outcome instanceof Failed) {
    return answer(server, refusal(outcome.reason));
  }
  add(server.state, outcome, new Child(spec));
  return ok(outcome);
}

const IGNORE = atom("ignore");

async function terminateChild(
  { state: crowd, self }: CrowdServer,
  pid: unknown,
): Promise<unknown> {
  const child = crowd.children.get(pid as Pid);
  if (child === undefined) return refusal(words.notFound);
  if (!child.isRestarting) {
    const reason = await endChild(self, pid as Pid, child);
    judge(crowd, child, pid as Pid, reason);
  }
  crowd.children.delete(pid as Pid);
  return words.ok;
}

function judge(
  { self }: Crowd,
  child: Child,
  pid: Pid,
  reason: ExitReason,
): void {
  if (hasEndedWell(child, reason)) return;
  report(self, "shutdown_error", reason, shown(child, pid));
}

function whichChildren(server: CrowdServer): unknown {
  const rows = [];
  for (const [pid, child] of server.state.children) {
    rows.push(rowOf({ ...shown(child, pid), id: words.undefined }));
  }
  return answer(server, rows);
}

function countChildren({ state: { children } }: CrowdServer): unknown {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
  for (const { isRestarting, type } of children.values()) {
    counts.specs++;
    if (!isRestarting) counts.active++;
    counts[type === "supervisor" ? "supervisors" : "workers"]++;
  }
  return countRows(counts);
}

// -- Ends and restarts

function onExit(
  server: CrowdServer,
  { from, reason }: Exit,
): void | Promise<void> {
  const { state: crowd } = server;
  const child = crowd.children.get(from);
  if (child === undefined || child.isRestarting) return;
  const { restart } = child;
  const isHarmless = isOrderly(reason);
  if (restart === "permanent" || !isHarmless) {
    report(server.self, "child_terminated", reason, shown(child, from));
  }
  if (restart === "permanent" || (restart === "transient" && !isHarmless)) {
    return again(server, from, child);
  }
  crowd.children.delete(from);
}

/** Starts a child again that was known as `last`. */
function again(
  server: CrowdServer,
  last: Pid,
  child: Child,
): void | Promise<void> {
  const { state: crowd } = server;
  if (crowd.window.isOneTooMany()) {
    const reason = atom("reached_max_restart_intensity");
    report(server.self, "shutdown", reason, shown(child, last));
    crowd.children.delete(last);
    server.stop(reasons.shutdown);
    return;
  }
  const outcome = begin(crowd, child.spec);
  return outcome instanceof Promise
    ? outcome.then((settled) => settle(crowd, last, child, settled))
    : settle(crowd, last, child, outcome);
}

function settle(
  crowd: Crowd,
  last: Pid,
  child: Child,
  outcome: Outcome,
): void {
  if (outcome instanceof Failed) {
    const { self } = crowd;
    report(self, "start_error", outcome.reason, shown(child, last));
    child.isRestarting = true;
    self.send(self.pid, new TryAgain(last));
    return;
  }
  child.isRestarting = false;
  crowd.children.delete(last);
  if (outcome !== null) add(crowd, outcome, child);
}

function onTryAgain(
  server: CrowdServer,
  { pid }: TryAgain,
): void | Promise<void> {
  const child = server.state.children.get(pid);
  // It may have been ended meanwhile.
  if (child?.isRestarting === true) return again(server, pid, child);
}

async function endEveryone(crowd: Crowd): Promise<void> {
  const alive = [...crowd.children].filter(([, child]) => !child.isRestarting);
  await endAll(crowd.self, alive, (child, pid, reason) => {
    judge(crowd, child, pid, reason);
  });
}

/** What `genServer` makes a supervisor of many of. */
export type CrowdDefinition = Definition<
  Crowd,
  AnyOptions,
  Handlers<Crowd>,
  Record<never, never>
>;

/** What `genServer` makes a supervisor of many of. */
export const crowdDefinition: CrowdDefinition = {
  name: "DynamicSupervisor",
  trapExits: true,
  init: (self, options) => new Crowd(self, options),
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
    if (message instanceof TryAgain) return onTryAgain(server, message);
    return logUnexpected(server.self, message);
  },
  terminate: ({ state }) => endEveryone(state),
  formatStatus: ({ options, children }) => ({
    ...options,
    children: children.size,
  }),
};
