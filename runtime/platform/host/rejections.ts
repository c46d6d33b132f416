/**
 * Floating rejections: promises that were rejected and have no handler.
 *
 * Each thread has one handler for them, installed while a node runs. It keeps a
 * floating rejection from ending the process, counts it, and finds the actor
 * that has caused it, through AsyncLocalStorage. Node.js and Deno report a
 * rejection in the context in which it happened. Bun 1.4 does not, so on Bun
 * the actor stays unknown and the storage is not used.
 *
 * If the program has a handler of its own, a rejection that belongs to no actor
 * is counted and left to that handler.
 *
 * A `KilledError` is no mistake of a program: the pending `receive` and `call`
 * of an actor that was ended reject with it, awaited or not, and in the context
 * of the code that has ended the actor. It is neither reported nor counted.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import type { LogRecord } from "../../core/host/ports.ts";
import { KilledError } from "../../core/messages/errors.ts";
import { runtimeName } from "./runtime.ts";

type Owner = (error: unknown) => void;
type Log = (record: LogRecord) => void;

/** Numbers of floating rejections of this thread. */
export type RejectionCounts = {
  /** Those that were reported to the actor that has caused them. */
  readonly attributed: number;
  /** Those of which the actor is not known. */
  readonly unattributed: number;
};

export const attributesRejections: boolean = runtimeName !== "bun";

const owners = new AsyncLocalStorage<Owner | undefined>();
let attributed = 0;
let unattributed = 0;

/**
 * The log of each call of `retainRejections`, oldest first. The handler is
 * installed exactly while there is one.
 */
const logs: Log[] = [];

export function rejectionCounts(): RejectionCounts {
  return { attributed, unattributed };
}

/**
 * Runs `body` so that its floating rejections go to `owner`, or to no owner for
 * null. Null costs nothing where there is no owner already.
 */
export function attribute<T>(owner: Owner | null, body: () => T): T {
  if (!attributesRejections) return body();
  if (owner === null && owners.getStore() === undefined) return body();
  return owners.run(owner ?? undefined, body);
}

/**
 * Makes `owner` the owner of the rest of the running microtask, and of the
 * promises made there. The engine restores the context at the end of the
 * microtask.
 *
 * This function cannot know which actor has started the microtask. A context
 * that has an owner is not changed. But when an actor without a context of its
 * own runs a function of another such actor, and that function adopts, then
 * floating rejections in the rest of the microtask go to the adopting actor.
 */
export function adopt(owner: Owner): void {
  if (!attributesRejections || owners.getStore() !== undefined) return;
  owners.enterWith(owner);
}

/**
 * As `schedule`, but callbacks belong to no actor. An actor that wakes the
 * scheduler must not become the owner of all turns that follow.
 */
export function unowned(
  schedule: (callback: () => void) => void,
): (callback: () => void) => void {
  if (!attributesRejections) return schedule;
  return (callback) => {
    if (owners.getStore() === undefined) schedule(callback);
    else owners.run(undefined, schedule, callback);
  };
}

/**
 * Schedules microtasks that belong to no actor, at low cost.
 *
 * Entering a context for each microtask would cost more than the microtask
 * itself, up to a microsecond on Deno. But a promise reaction keeps the context
 * in which it was made. So one reaction that was made outside of any actor is
 * always ready, and scheduling only resolves its promise. Callbacks run in
 * order. Several run in one microtask if they were scheduled before it began.
 */
export function unownedMicrotask(): (callback: () => void) => void {
  let waiting: (() => void)[] = [];
  let trigger = (): void => {};
  let isTriggered = false;
  const arm = (): void => {
    isTriggered = false;
    void new Promise<void>((resolve) => trigger = resolve).then(runAll);
  };
  const runAll = (): void => {
    arm();
    const callbacks = waiting;
    waiting = [];
    for (let i = 0; i < callbacks.length; i++) {
      try {
        (callbacks[i] as () => void)();
      } catch (error) {
        // The other callbacks still run, and the error is reported.
        void Promise.reject(error);
      }
    }
  };
  owners.run(undefined, arm);
  return (callback) => {
    waiting.push(callback);
    if (isTriggered) return;
    isTriggered = true;
    trigger();
  };
}

/** Installs the handler. `log` gets rejections that have no owner. */
export function retainRejections(log: Log): void {
  logs.push(log);
  if (logs.length === 1) process.on("unhandledRejection", onRejection);
}

/** Undoes one call of `retainRejections` with the same `log`. */
export function releaseRejections(log: Log): void {
  const index = logs.indexOf(log);
  if (index < 0) return;
  logs.splice(index, 1);
  if (logs.length === 0) process.off("unhandledRejection", onRejection);
}

function onRejection(error: unknown): void {
  if (isKilled(error)) return;
  const owner = attributesRejections ? owners.getStore() : undefined;
  if (owner !== undefined) {
    attributed++;
    try {
      owner(error);
    } catch (failure) {
      report("an actor's rejection could not be handed to it", failure);
    }
    return;
  }
  unattributed++;
  if (process.listenerCount("unhandledRejection") > 1) return;
  report("unhandled rejection, unknown actor", error);
}

/** Reports of unknown actors that are written in one second, at most. */
const MAX_REPORTS = 20;
const REPORTS_MS = 1_000;
let reportsSince = -Infinity;
let reports = 0;

/**
 * Bounded in rate, since the log itself may be what leaves rejections floating:
 * then each report would cause the next. `count` tells of those left out.
 */
function report(message: string, error: unknown): void {
  const now = performance.now();
  if (now - reportsSince >= REPORTS_MS) {
    reportsSince = now;
    reports = 0;
  }
  if (++reports > MAX_REPORTS) return;
  try {
    logs.at(-1)?.({
      level: "error",
      category: "actor",
      node: "",
      message,
      fields: { error: shown(error), count: unattributed },
    });
  } catch {
    // An error thrown here would end the process.
  }
}

/** A value that was thrown may throw when it is inspected; so in `shown`. */
function isKilled(error: unknown): boolean {
  try {
    return error instanceof KilledError;
  } catch {
    return false;
  }
}

function shown(error: unknown): unknown {
  try {
    return error instanceof Error
      ? error.stack ?? `${error.name}: ${error.message}`
      : error;
  } catch {
    return "(unprintable)";
  }
}
