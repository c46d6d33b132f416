/**
 * OTP's rules about the order of a state machine's events, as an acceptor of
 * traces. It is not fast, and shares no code with the machine under test.
 *
 * The seed and the number of a step alone decide what the step does, so the
 * machine under test and the model decide the same.
 */

export type Kind = "timeout" | "state" | "x" | "y";
export type TimeoutStep = {
  readonly kind: Kind;
  /** "cancel" and "update" are the other two forms. */
  readonly ms: number | "cancel" | "update";
  readonly content: string;
};
export type Decision = {
  readonly next: string | null;
  readonly isRepeat: boolean;
  readonly isPostponed: boolean;
  readonly inserted: readonly string[];
  readonly timeouts: readonly TimeoutStep[];
};

/** One call of the machine, in the state that it had. */
export type Step = { readonly state: string; readonly event: string };

export const states = ["a", "b", "c"] as const;
const kinds: readonly Kind[] = ["timeout", "state", "x", "y"];
/** From this step on no event is added, so that every run ends. */
const LAST_STEP = 60;

/** A number from 0 to `below` - 1, by the seed, the step and its purpose. */
function pick(seed: number, step: number, what: number, below: number): number {
  let x = (seed * 0x9e3779b1 + step * 0x85ebca6b + what * 0xc2b2ae35) | 0;
  for (const shift of [16, 13, 16]) {
    x = Math.imul(x ^ (x >>> shift), 0x45d9f3b);
  }
  return (x >>> 4) % below;
}

/** What step number `step` does. For enter calls only the time-outs count. */
export function decide(seed: number, step: number): Decision {
  const at = (what: number, below: number) => pick(seed, step, what, below);
  if (step >= LAST_STEP) {
    return {
      next: null,
      isRepeat: false,
      isPostponed: false,
      inserted: [],
      timeouts: [],
    };
  }
  const moves = at(0, 5);
  return {
    next: moves < 2 ? states[at(1, 3)] as string : null,
    isRepeat: moves === 4,
    isPostponed: at(2, 3) === 0,
    inserted: Array.from(
      { length: Math.max(0, at(3, 4) - 1) },
      (_, n) => `internal ${step}.${n}`,
    ),
    timeouts: Array.from({ length: Math.max(0, at(4, 4) - 1) }, (_, n) => ({
      kind: kinds[at(10 + n, 4)] as Kind,
      ms: ([0, 0, 3, 7, "cancel", "update"] as const)[at(20 + n, 6)] as
        | number
        | "cancel"
        | "update",
      content: `time-out ${step}.${n}`,
    })),
  };
}

type Running = {
  readonly kind: Kind;
  content: string;
  readonly isDue: boolean;
};

/** Follows a trace and throws at the first step that the rules do not allow. */
export class Model {
  readonly #seed: number;
  state = "a";
  #step = 0;
  queue: string[] = [];
  postponed: string[] = [];
  running: Running[] = [];
  /** Messages that have not come yet, in order. */
  messages: string[];

  constructor(seed: number, messages: readonly string[]) {
    this.#seed = seed;
    this.messages = [...messages];
  }

  /** What must come next; empty if the mailbox and timers decide. */
  get due(): string | undefined {
    return this.queue[0] ?? this.running.find(({ isDue }) => isDue)?.content;
  }

  accept(trace: readonly Step[]): void {
    this.#enter(trace, "a");
    while (this.#step < trace.length) {
      const { state, event } = trace[this.#step] as Step;
      if (state !== this.state) this.#refuse(`state ${this.state}`, trace);
      this.#take(event, trace);
      // Any event cancels the event time-out.
      this.#cancel("timeout");
      this.#conclude(event, trace);
    }
  }

  #take(event: string, trace: readonly Step[]): void {
    const { due } = this;
    if (due !== undefined && event !== due) this.#refuse(due, trace);
    if (this.queue[0] === event) {
      this.queue.shift();
      return;
    }
    const timer = this.running.find(({ content }) => content === event);
    if (timer !== undefined) {
      this.running = this.running.filter((one) => one !== timer);
    } else if (this.messages[0] === event) {
      this.messages.shift();
    } else {
      this.#refuse(`${this.messages[0]} or a time-out that runs`, trace);
    }
  }

  #conclude(event: string, trace: readonly Step[]): void {
    const decision = decide(this.#seed, this.#step++);
    const before = this.state;
    if (decision.isPostponed) this.postponed.push(event);
    const isChange = decision.next !== null && decision.next !== before;
    if (isChange) {
      this.state = decision.next as string;
      this.#cancel("state");
      this.queue.unshift(...this.postponed.splice(0));
    }
    this.queue.unshift(...decision.inserted);
    const isRepeat = decision.next === null && decision.isRepeat;
    if (isChange || isRepeat) this.#enter(trace, before, decision.timeouts);
    else this.#start(decision.timeouts);
  }

  #enter(
    trace: readonly Step[],
    before: string,
    timeouts: readonly TimeoutStep[] = [],
  ): void {
    const found = trace[this.#step];
    const wanted = `enter from ${before}`;
    if (found?.event !== wanted || found.state !== this.state) {
      this.#refuse(`${wanted} in ${this.state}`, trace);
    }
    this.#start([...timeouts, ...decide(this.#seed, this.#step++).timeouts]);
  }

  #start(timeouts: readonly TimeoutStep[]): void {
    for (const [i, { kind, ms, content }] of timeouts.entries()) {
      // Only the last time-out of each key counts.
      if (timeouts.slice(i + 1).some((later) => later.kind === kind)) continue;
      const known = this.running.find((one) => one.kind === kind);
      if (ms === "update" && known !== undefined) {
        known.content = content;
        continue;
      }
      this.#cancel(kind);
      if (ms === "cancel") continue;
      this.running.push({ kind, content, isDue: ms === 0 || ms === "update" });
    }
  }

  #cancel(kind: Kind): void {
    this.running = this.running.filter((one) => one.kind !== kind);
  }

  #refuse(wanted: string, trace: readonly Step[]): never {
    const shown = trace.slice(0, this.#step + 1)
      .map(({ state, event }) => `${state}: ${event}`);
    throw new Error(
      `expected ${wanted} at step ${this.#step}, got\n${shown.join("\n")}`,
    );
  }
}
