/**
 * Streams of tasks, from the consumer's side: what is pulled from the input, in
 * which order results are handed out, and that nothing is left at the end.
 */

import {
  CallError,
  type Pid,
  printTerm,
  type Self,
  Shared,
  UsageError,
} from "../../runtime/mod.ts";
import { flushExit } from "../internal/wait.ts";
import { chainOf } from "./running.ts";
import {
  type Finished,
  streamActor,
  type StreamRequest,
} from "./stream_actor.ts";
import {
  type AnySelf,
  type StreamOptions,
  type StreamResult,
  TaskError,
  type TaskFunction,
} from "./types.ts";

/** What a stream may take its inputs from. */
export type StreamInput<I> = Iterable<I> | AsyncIterable<I>;

/** The work on one input. */
export type StreamFunction<I, T> = (
  input: I,
  self: Self<unknown>,
) => T | Promise<T>;

/** Where tasks run: under a supervisor, which starts them, or under nobody. */
export type StreamPlace = {
  readonly isLinked: boolean;
  /** Starts a task whose owner is the stream. */
  readonly start?: (
    run: TaskFunction<unknown>,
    owner: Pid<never>,
  ) => Promise<Pid<never>>;
};

/** See `Task.asyncStream`. */
export function streamOf<I, T>(
  self: AnySelf,
  input: StreamInput<I>,
  fn: StreamFunction<I, T>,
  options: StreamOptions,
  place: StreamPlace,
): AsyncIterable<StreamResult<I, T>> {
  const { maxConcurrency = 8 } = options;
  if (
    maxConcurrency !== Infinity &&
    !(Number.isSafeInteger(maxConcurrency) && maxConcurrency > 0)
  ) {
    throw new UsageError(
      "expected maxConcurrency to be a whole number above 0 or Infinity, got " +
        printTerm(maxConcurrency),
    );
  }
  return {
    [Symbol.asyncIterator]: () =>
      new Consumer(self, input, fn, options, place).results(),
  };
}

/** The input, of which an item may be there at once, later, or never. */
class Source<I> {
  readonly #iterator: Iterator<I> | AsyncIterator<I>;
  #isDone = false;
  readonly #ready: { readonly item: I }[] = [];
  #failure: { readonly error: unknown } | null = null;
  /** Settles when there is something new; null when nothing was asked for. */
  pending: Promise<void> | null = null;

  constructor(input: StreamInput<I>) {
    this.#iterator = Symbol.asyncIterator in input
      ? input[Symbol.asyncIterator]()
      : input[Symbol.iterator]();
  }

  /** Whether there is nothing more to come. */
  get isDone(): boolean {
    return this.#isDone && this.#ready.length === 0;
  }

  /** The next item; null when it is not there yet or there is none. */
  take(): { readonly item: I } | null {
    if (this.#failure !== null) throw this.#failure.error;
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    if (this.#isDone || this.pending !== null) return null;
    let step: IteratorResult<I> | Promise<IteratorResult<I>>;
    try {
      step = this.#iterator.next();
    } catch (error) {
      this.#isDone = true;
      throw error;
    }
    if (!("then" in step)) return this.#accept(step);
    this.pending = step.then(
      (result) => {
        const taken = this.#accept(result);
        if (taken !== null) this.#ready.push(taken);
      },
      (error: unknown) => {
        this.#isDone = true;
        this.#failure = { error };
      },
    ).finally(() => this.pending = null);
    return null;
  }

  #accept(step: IteratorResult<I>): { readonly item: I } | null {
    if (!step.done) return { item: step.value };
    this.#isDone = true;
    return null;
  }

  /** Tells the input that no more is wanted. */
  async close(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    const closing = this.#iterator.return?.();
    // Who waits in vain for an item of a generator must not wait for its end.
    if (this.pending === null) await closing;
    else Promise.resolve(closing).catch(() => {});
  }
}

class Consumer<I, T> {
  readonly #self: AnySelf;
  readonly #fn: StreamFunction<I, T>;
  readonly #options: StreamOptions;
  readonly #place: StreamPlace;
  readonly #input: StreamInput<I>;
  #stream: Pid<never> = undefined as never;
  /** Tasks that were started; the index of the next one. */
  #started = 0;
  #running = 0;
  /** Results that were handed out. */
  #given = 0;
  /** Inputs of tasks whose result is not handed out yet, where wanted. */
  readonly #inputs = new Map<number, I>();
  /** Results that are there, by index, in order of arrival. */
  readonly #early = new Map<number, Finished>();
  #asking: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(
    self: AnySelf,
    input: StreamInput<I>,
    fn: StreamFunction<I, T>,
    options: StreamOptions,
    place: StreamPlace,
  ) {
    this.#self = self;
    this.#input = input;
    this.#fn = fn;
    this.#options = options;
    this.#place = place;
  }

  async *results(): AsyncGenerator<StreamResult<I, T>, void, void> {
    const { maxConcurrency = 8 } = this.#options;
    const source = new Source(this.#input);
    this.#begin();
    try {
      for (;;) {
        // Before any further input, which is for those who read on.
        const due = this.#due();
        if (due !== null) {
          yield this.#resultOf(due);
          continue;
        }
        while (this.#running < maxConcurrency) {
          const taken = source.take();
          if (taken === null) break;
          const starting = this.#start(taken.item);
          if (starting !== null) await starting;
        }
        if (source.isDone && this.#running === 0) return;
        await this.#something(source.pending);
      }
    } finally {
      try {
        await this.#end();
      } finally {
        await source.close();
      }
    }
  }

  #begin(): void {
    const self = this.#self;
    const { timeoutMs, onTimeout } = this.#options;
    this.#stream = self.spawnLink<unknown>(
      streamActor({
        owner: self.pid,
        chain: chainOf(self),
        isLinked: this.#place.isLinked,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(onTimeout === undefined ? {} : { onTimeout }),
      }),
      { trapExits: true, label: "stream of tasks" },
    ) as Pid<never>;
  }

  #start(item: I): Promise<void> | null {
    const index = this.#started++;
    this.#running++;
    if (this.#options.zipInputOnExit === true) this.#inputs.set(index, item);
    const fn = this.#fn;
    const run: TaskFunction<unknown> = (self) => fn(item, self);
    Object.defineProperty(run, "name", { value: fn.name });
    const { start } = this.#place;
    if (start === undefined) {
      this.#cast({ type: "run", index, run: new Shared(run) });
      return null;
    }
    return start(run, this.#stream)
      .then((pid) => this.#cast({ type: "adopt", index, pid }));
  }

  #cast(request: StreamRequest): void {
    this.#self.cast(this.#stream, request);
  }

  #call(request: StreamRequest): Promise<unknown> {
    return this.#self.call(this.#stream, request, { timeoutMs: Infinity });
  }

  /** Waits for an end of a task or a new input. */
  async #something(pending: Promise<void> | null): Promise<void> {
    if (this.#running > 0) {
      this.#asking ??= this.#call({ type: "next" }).then(
        (finished) => this.#take(finished as Finished),
        (error: unknown) => void (this.#failure = { error }),
      );
    }
    const waits = [pending, this.#asking].filter((wait) => wait !== null);
    await Promise.race(waits);
    if (this.#failure !== null) throw this.#failure.error;
  }

  #take(finished: Finished): void {
    this.#asking = null;
    this.#running--;
    this.#early.set(finished.index, finished);
    if (finished.isFatal) {
      const { timeoutMs = 5_000 } = this.#options;
      const waited = { what: "stream", on: this.#stream, timeoutMs };
      this.#failure = { error: new TaskError("timeout", waited) };
    }
  }

  /** The result whose turn it is. */
  #due(): Finished | null {
    const { ordered = true } = this.#options;
    const [first] = this.#early.values();
    const due = ordered ? this.#early.get(this.#given) : first;
    if (due === undefined) return null;
    this.#early.delete(due.index);
    this.#given++;
    return due;
  }

  #resultOf({ index, outcome }: Finished): StreamResult<I, T> {
    const input = this.#inputs.get(index) as I;
    this.#inputs.delete(index);
    if (outcome.type === "ok") return outcome as StreamResult<I, T>;
    return this.#options.zipInputOnExit === true
      ? { ...outcome, input }
      : outcome;
  }

  /** Every task that still runs is killed. */
  async #end(): Promise<void> {
    const self = this.#self;
    // An owner that has ended has taken everything along.
    if (!self.isAlive) return;
    self.unlink(this.#stream);
    try {
      await this.#call({ type: "stop" });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      // Somebody has ended it before.
      await flushExit(self, this.#stream);
    }
  }
}
