/**
 * A `Host` for tests that need to say what happens when: virtual time, and
 * queues of microtasks and macrotasks that run when the test lets them.
 *
 * It is no simulator: it takes tasks in the order in which they came. Promises
 * are the engine's own, so with function actors use the asynchronous methods.
 */
import type {
  Host,
  LogRecord,
  TimerHandle,
} from "../../runtime/core/host/ports.ts";
import { Node } from "../../runtime/core/node/node.ts";
import type { NodeOptions } from "../../runtime/core/node/options.ts";

type Task = () => void;

type FakeTimer = { readonly callback: Task; readonly due: number };

const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** Tasks in one go; more are taken for an endless loop. */
const MAX_TASKS = 1_000_000;
/** Rounds of promise callbacks after a task; a chain longer than this waits. */
const PROMISE_ROUNDS = 32;

export class FakeHost implements Host {
  readonly runtime = "simulator";
  readonly capabilities = { attributesRejections: false };
  readonly records: LogRecord[] = [];
  readonly #objects = new Map<string, object>();
  readonly pids = {
    find: (key: string): object | undefined => this.#objects.get(key),
    add: (key: string, value: object): void => {
      this.#objects.set(key, value);
    },
  };
  /** Virtual milliseconds. Set it to let time pass without any timer. */
  time = 0;
  /** Added to the time by each look at the clock. */
  tickMs = 0;
  /** Tasks that wait, oldest first. */
  readonly microtasks: Task[] = [];
  readonly macrotasks: Task[] = [];
  /** Platform timers that are set, in no order. */
  readonly timers: Set<FakeTimer> = new Set();
  /** Calls of `setTimer` so far. */
  timersSet = 0;
  #random = 1;

  readonly now = (): number => this.time += this.tickMs;
  readonly wallTime = (): number => this.time;
  readonly setTimer = (callback: Task, delayMs: number): TimerHandle => {
    if (!(delayMs >= 0 && delayMs <= LONGEST_DELAY_MS)) {
      throw new Error(`expected a delay of 0 to 2^31 - 1 ms, got ${delayMs}`);
    }
    const timer = { callback, due: this.time + delayMs };
    this.timers.add(timer);
    this.timersSet++;
    return timer;
  };
  readonly clearTimer = (handle: TimerHandle): void => {
    this.timers.delete(handle as FakeTimer);
  };
  readonly microtask = (callback: Task): void => {
    this.microtasks.push(callback);
  };
  readonly macrotask = (callback: Task): void => {
    this.macrotasks.push(callback);
  };
  readonly randomU32 = (): number => {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random;
  };
  readonly md5 = (): Uint8Array => new Uint8Array(16);
  readonly log = (record: LogRecord): void => {
    this.records.push(record);
  };
  readonly adopt = (): void => {};

  readonly attribute = <T>(
    _owner: ((error: unknown) => void) | null,
    body: () => T,
  ): T => body();

  /** Runs microtasks, also those that they add, until none is left. */
  runMicrotasks(): number {
    return drain(this.microtasks);
  }

  /** Runs microtasks and then the oldest macrotask; false if none was left. */
  step(): boolean {
    this.runMicrotasks();
    const task = this.macrotasks.shift();
    task?.();
    return task !== undefined;
  }

  /** Runs everything but timers until nothing is left. */
  settle(): void {
    for (let i = 0; i < MAX_TASKS; i++) {
      if (!this.step() && this.microtasks.length === 0) return;
    }
    throw new Error(`expected an end within ${MAX_TASKS} macrotasks`);
  }

  /** As `runMicrotasks`, with promise callbacks after each of them. */
  async runMicrotasksAsync(): Promise<void> {
    await promises();
    for (let i = 0; i < MAX_TASKS; i++) {
      const task = this.microtasks.shift();
      if (task === undefined) return;
      task();
      await promises();
    }
    throw new Error(`expected an end within ${MAX_TASKS} microtasks`);
  }

  /** As `settle`, with promise callbacks after each task. */
  async settleAsync(): Promise<void> {
    for (let i = 0; i < MAX_TASKS; i++) {
      await this.runMicrotasksAsync();
      const task = this.macrotasks.shift();
      if (task === undefined) return;
      task();
    }
    throw new Error(`expected an end within ${MAX_TASKS} macrotasks`);
  }

  /** Lets time pass and fires the timers that are due, in order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let i = 0; i < MAX_TASKS; i++) {
      const next = this.#nextTimer(end);
      if (next === undefined) {
        this.time = Math.max(this.time, end);
        return;
      }
      this.fire(next);
    }
    throw new Error(`expected an end within ${MAX_TASKS} timers`);
  }

  /** Fires one timer now, however early; time only goes forward. */
  fire(timer: FakeTimer): void {
    this.timers.delete(timer);
    timer.callback();
  }

  #nextTimer(end: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.timers) {
      if (timer.due > end || (next !== undefined && timer.due >= next.due)) {
        continue;
      }
      next = timer;
    }
    if (next !== undefined) this.time = Math.max(this.time, next.due);
    return next;
  }
}

/** A node on a fake host, alone unless the test gives it a `remote`. */
export function fakeNode(
  options: Partial<NodeOptions> = {},
): { readonly host: FakeHost; readonly node: Node } {
  const host = new FakeHost();
  const node = new Node({
    name: "a@fake",
    creation: 7,
    host,
    // Time that a test lets pass is not time that an actor has taken.
    longTurnMs: Infinity,
    ...options,
  });
  return { host, node };
}

function drain(tasks: Task[]): number {
  let ran = 0;
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    if (++ran > MAX_TASKS) {
      throw new Error(`expected an end within ${MAX_TASKS} microtasks`);
    }
    task();
  }
  return ran;
}

async function promises(): Promise<void> {
  for (let i = 0; i < PROMISE_ROUNDS; i++) await Promise.resolve();
}
