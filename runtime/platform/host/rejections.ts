/**
 * Floating rejections: a promise that was rejected while nobody listened.
 *
 * One handler per thread, installed while a node runs. It keeps such a promise
 * from ending the process, counts it, and finds the actor it came from through
 * AsyncLocalStorage. Node.js and Deno still know the context when they report a
 * rejection; Bun 1.4 does not, so there the actor stays unknown and the storage
 * is not used at all.
 *
 * Handlers of the program itself stay in charge of what is not an actor's: if
 * there is one, such a rejection is counted and left to it.
 *
 * A `KilledError` is nobody's mistake: an ended actor's pending `receive` and
 * `call` reject with it whether its code awaits them or not, and they do so in
 * the context of whoever has ended it. It is neither reported nor counted.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import type { LogRecord } from "../../core/host/ports.ts";
import { KilledError } from "../../core/messages/errors.ts";
import { runtimeName } from "./runtime.ts";

type Owner = (error: unknown) => void;
type Log = (record: LogRecord) => void;

/** How many floating rejections this thread has seen. */
export type RejectionCounts = {
  /** Reported to the actor they came from. */
  readonly attributed: number;
  /** Of unknown origin. */
  readonly unattributed: number;
};

export const attributesRejections: boolean = runtimeName !== "bun";

const owners = new AsyncLocalStorage<Owner | undefined>();
let attributed = 0;
let unattributed = 0;

/** One per retaining host, oldest first; the handler is installed while any. */
const logs: Log[] = [];

export function rejectionCounts(): RejectionCounts {
  return { attributed, unattributed };
}

/**
 * Runs `body` so that a floating rejection inside it goes to `owner`; null is
 * nobody, which costs nothing where it is so already.
 */
export function attribute<T>(owner: Owner | null, body: () => T): T {
  if (!attributesRejections) return body();
  if (owner === null && owners.getStore() === undefined) return body();
  return owners.run(owner ?? undefined, body);
}

/**
 * Makes `owner` the owner of what goes on from the running microtask, whose
 * context the engine puts back at its end.
 *
 * It cannot tell whose microtask that is. A context that is somebody's already
 * is left alone; but where actors without one call each other's functions, what
 * the caller leaves floating in the rest of the microtask is taken for the
 * adopting actor's.
 */
export function adopt(owner: Owner): void {
  if (!attributesRejections || owners.getStore() !== undefined) return;
  owners.enterWith(owner);
}

/**
 * `schedule`, but with what it schedules belonging to no actor. An actor that
 * wakes the scheduler must not become the owner of every turn that follows.
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
 * A microtask that belongs to no actor, for callbacks that need many.
 *
 * Entering a context for each would cost more than the microtask itself, up to
 * a microsecond on Deno. But a reaction keeps the context it was made in: so
 * one is always ready that was made outside of any actor, and what is to run
 * only has to resolve its promise. Callbacks run in order, several of them in
 * one microtask if they were asked for before it came.
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
        // The others are none the worse, and nothing is swallowed.
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

/** Installs the handler if it is not; `log` gets what has no owner. */
export function retainRejections(log: Log): void {
  logs.push(log);
  if (logs.length === 1) process.on("unhandledRejection", onRejection);
}

/** Undoes one `retainRejections` with the same `log`. */
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
    // Thrown from here, it would end the process that is to be kept.
  }
}

/** What was thrown may throw itself when it is looked at; so in `shown`. */
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
