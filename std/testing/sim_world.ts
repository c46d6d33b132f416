/**
 * The simulated world: virtual time, the nodes' hosts, and the steps that are
 * possible next.
 *
 * The seed chooses the next step among all possible ones. Virtual time passes
 * only when `passTime` is called, so an hour of ticks takes no real time.
 */

import type { Host, LogRecord, SteppedScheduler } from "../../runtime/mod.ts";
import { systemHost } from "../../runtime/mod.ts";
import { SeededRandom } from "./random.ts";

/**
 * A possible step. The line that it writes into the trace has only words and
 * numbers of the simulation, so that it is the same on every engine.
 */
export type Choice = { readonly happen: () => void };

type SimTimer = {
  readonly at: number;
  readonly host: SimHost;
  readonly callback: () => void;
};

/** How many lines at the end of a trace are kept for a report. */
const KEPT_LINES = 200;
/** How many log records are kept; the oldest are dropped first. */
const KEPT_RECORDS = 10_000;

export class World {
  readonly random: SeededRandom;
  /** Virtual time in ms. */
  now: number = 0;
  readonly records: LogRecord[] = [];
  readonly paused: Set<string> = new Set();
  readonly #timers = new Set<SimTimer>();
  readonly #hosts = new Set<SimHost>();
  /** Functions that add further choices; the network has one. */
  readonly sources: ((choices: Choice[]) => void)[] = [];
  /** Functions that return the time of their next delivery, or Infinity. */
  readonly arrivals: (() => number)[] = [];
  readonly #trace: string[] = [];
  readonly #keepsAll: boolean;
  /** FNV-1a over every line of the trace. */
  #hash = 0x811c_9dc5;
  steps: number = 0;

  constructor(seed: number, keepsWholeTrace: boolean) {
    this.random = new SeededRandom(seed);
    this.#keepsAll = keepsWholeTrace;
  }

  get trace(): readonly string[] {
    return this.#trace;
  }

  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  note(line: string): void {
    const full = `${this.now.toFixed(3)} ${line}`;
    for (let i = 0; i < full.length; i++) {
      this.#hash = Math.imul(this.#hash ^ full.charCodeAt(i), 0x0100_0193);
    }
    this.#trace.push(full);
    if (!this.#keepsAll && this.#trace.length > KEPT_LINES) {
      this.#trace.shift();
    }
  }

  log(record: LogRecord): void {
    this.records.push(record);
    if (this.records.length > KEPT_RECORDS) this.records.shift();
  }

  host(name: string): SimHost {
    const host = new SimHost(this, name);
    this.#hosts.add(host);
    return host;
  }

  /** Removes the host of a node that has ended, with its timers. */
  drop(host: SimHost): void {
    host.isDead = true;
    this.#hosts.delete(host);
    this.paused.delete(host.name);
    for (const timer of this.#timers) {
      if (timer.host === host) this.#timers.delete(timer);
    }
  }

  setTimer(host: SimHost, callback: () => void, delayMs: number): SimTimer {
    const timer = { at: this.now + delayMs, host, callback };
    if (!host.isDead) this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: SimTimer): void {
    this.#timers.delete(timer);
  }

  /** All steps that are possible now. */
  choices(): Choice[] {
    const choices: Choice[] = [];
    for (const host of this.#hosts) {
      if (!this.paused.has(host.name)) host.addChoices(choices);
    }
    for (const add of this.sources) add(choices);
    for (const timer of this.#timers) {
      const { host } = timer;
      if (timer.at > this.now || this.paused.has(host.name)) continue;
      choices.push({
        happen: () => {
          this.#timers.delete(timer);
          if (host.name !== "") this.note(`${host.name} timer`);
          timer.callback();
        },
      });
    }
    return choices;
  }

  /** Whether any step is possible, now or later, without a timer. */
  get isBusy(): boolean {
    for (const host of this.#hosts) {
      if (host.isBusy && !this.paused.has(host.name)) return true;
    }
    for (const { at, host } of this.#timers) {
      // The host without a name has the timers of waits in the test's body.
      if (at > this.now || host.name === "") continue;
      if (!this.paused.has(host.name)) return true;
    }
    return this.arrivals.some((arrival) => arrival() < Infinity);
  }

  /** Advances to the next time at which a step is due; false if none is. */
  passTime(): boolean {
    let next = Infinity;
    for (const timer of this.#timers) {
      if (!this.paused.has(timer.host.name)) next = Math.min(next, timer.at);
    }
    for (const arrival of this.arrivals) next = Math.min(next, arrival());
    if (next === Infinity) return false;
    this.now = Math.max(this.now, next);
    return true;
  }

  /** Has each node write its pending output to the network. */
  flush(): void {
    for (const host of this.#hosts) {
      if (!this.paused.has(host.name)) host.scheduler?.flush();
    }
  }

  /** The name of an actor that waits for a foreign promise, or null. */
  foreignWait(): string | null {
    for (const host of this.#hosts) {
      const name = host.scheduler?.foreignWait() ?? null;
      if (name !== null) return `${name} on ${host.name}`;
    }
    return null;
  }
}

/** The host of one simulated node. */
export class SimHost implements Host {
  readonly name: string;
  readonly runtime = "simulator";
  readonly capabilities: Host["capabilities"] = { attributesRejections: false };
  readonly pids: Host["pids"];
  isDead = false;
  scheduler: SteppedScheduler | null = null;
  readonly #world: World;
  readonly #macrotasks: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    const table = new Map<string, object>();
    this.pids = {
      find: (key) => table.get(key),
      add: (key, value) => void table.set(key, value),
    };
  }

  readonly stepped = (scheduler: SteppedScheduler): void => {
    this.scheduler = scheduler;
  };

  now(): number {
    return this.#world.now;
  }

  wallTime(): number {
    return this.#world.now;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    return this.#world.setTimer(this, callback, delayMs);
  }

  clearTimer(handle: unknown): void {
    this.#world.clearTimer(handle as SimTimer);
  }

  microtask(callback: () => void): void {
    real.microtask(callback);
  }

  macrotask(callback: () => void): void {
    this.#macrotasks.push(callback);
  }

  randomU32(): number {
    return this.#world.random.u32();
  }

  md5(data: Uint8Array): Uint8Array {
    return real.md5(data);
  }

  log(record: LogRecord): void {
    this.#world.log(record);
  }

  adopt(): void {}

  attribute<T>(
    _owner: ((error: unknown) => void) | null,
    body: () => T,
  ): T {
    return body();
  }

  get isBusy(): boolean {
    return this.#macrotasks.length > 0 || (this.scheduler?.runnable ?? 0) > 0;
  }

  addChoices(choices: Choice[]): void {
    const scheduler = this.scheduler;
    for (let i = 0; i < (scheduler?.runnable ?? 0); i++) {
      choices.push({
        happen: () =>
          this.#world.note(`${this.name} ran ${scheduler?.step(i)}`),
      });
    }
    if (this.#macrotasks.length > 0) {
      choices.push({ happen: () => this.#macrotasks.shift()?.() });
    }
  }
}

const real: Host = systemHost();

/** Resolves when all microtasks have run. */
export function microtasksDone(): Promise<void> {
  return new Promise((resolve) => real.macrotask(resolve));
}
