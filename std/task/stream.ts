/**
 * The consumer's side of a stream of tasks: it pulls inputs, decides the order
 * in which results are yielded, and cleans up at the end. The tasks themselves
 * belong to the actor of `stream_actor.ts`.
 */

import {
  CallError,
  option,
  OptionTable,
  type Pid,
  type Self,
  Shared,
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

/** The source of a stream's inputs. */
export type StreamInput<I> = Iterable<I> | AsyncIterable<I>;

/** The work on one input. */
export type StreamFunction<I, T> = (
  input: I,
  self: Self<unknown>,
) => T | Promise<T>;

/** Where tasks run: under a supervisor that starts them, or unsupervised. */
export type StreamPlace = {
  readonly isLinked: boolean;
  /** Starts a supervised task whose owner is the stream's actor. */
  readonly start?: (
    run: TaskFunction<unknown>,
    owner: Pid<never>,
  ) => Promise<Pid<never>>;
};

const streamOptions = new OptionTable<StreamOptions>("a stream of tasks", {
  maxConcurrency: option.endlessAmount,
  ordered: option.flag,
  timeoutMs: option.timeout,
  onTimeout: option.oneOf("exit", "killTask"),
  zipInputOnExit: option.flag,
});

/** See `Task.asyncStream`. */
export function streamOf<I, T>(
  self: AnySelf,
  input: StreamInput<I>,
  fn: StreamFunction<I, T>,
  options: StreamOptions,
  place: StreamPlace,
): AsyncIterable<StreamResult<I, T>> {
  streamOptions.check(options);
  return {
    [Symbol.asyncIterator]: () =>
      new Consumer(self, input, fn, options, place).results(),
  };
}

/** The input: its next item may be there at once, later, or never. */
class Source<I> {
  readonly #iterator: Iterator<I> | AsyncIterator<I>;
  #isDone = false;
  readonly #ready: { readonly item: I }[] = [];
  #failure: { readonly error: unknown } | null = null;
  /** Settles when the next item has come; null when none was asked for. */
  pending: Promise<void> | null = null;

  constructor(input: StreamInput<I>) {
    this.#iterator = Symbol.asyncIterator in input
      ? input[Symbol.asyncIterator]()
      : input[Symbol.iterator]();
  }

  /** Whether the input has no more items. */
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

  /** Tells the input that no more items are wanted. */
  async close(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    const closing = this.#iterator.return?.();
    // A generator that is still making an item would delay its `return`.
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
  /** Number of tasks that were started, which is the index of the next one. */
  #started = 0;
  #running = 0;
  /** Number of results that were yielded. */
  #given = 0;
  /** With `zipInputOnExit`: inputs of tasks whose result is not yielded yet. */
  readonly #inputs = new Map<number, I>();
  /** Results that were not yielded yet, by index, in order of arrival. */
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
    this.#startActor();
    try {
      for (;;) {
        // Results first: an input is only taken when the reader asks for more.
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
        await this.#nextEvent(source.pending);
      }
    } finally {
      try {
        await this.#stopActor();
      } finally {
        await source.close();
      }
    }
  }

  #startActor(): void {
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

  /** Waits until a task has ended or a new input has come. */
  async #nextEvent(pending: Promise<void> | null): Promise<void> {
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
      const waited = { operation: "stream", on: this.#stream, timeoutMs };
      this.#failure = { error: new TaskError("timeout", waited) };
    }
  }

  /** Removes and returns the result that is to be yielded next, or null. */
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

  /** Ends the stream's actor, which kills every task that still runs. */
  async #stopActor(): Promise<void> {
    const self = this.#self;
    // When the owner has ended, the link has ended the stream's actor.
    if (!self.isAlive) return;
    self.unlink(this.#stream);
    try {
      await this.#call({ type: "stop" });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      // It had ended before the call.
      await flushExit(self, this.#stream);
    }
  }
}
