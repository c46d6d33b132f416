/**
 * The time-outs of one machine: at most one of each kind, and of the generic
 * ones one of each name.
 *
 * A time of 0 starts no timer. Such time-outs are due, in the order of their
 * start, as soon as no event is queued, and before any message is taken.
 */

import {
  type Ref,
  type Self,
  termKey,
  type Timeout,
} from "../../runtime/mod.ts";
import type { TimeoutAction, TimeoutEvent } from "./types.ts";

/** What `Timeout.message` is when a machine's own timer has fired. */
export const FIRED: unique symbol = Symbol("time-out of a state machine");

type Entry = {
  readonly key: string;
  event: TimeoutEvent;
  /** Null when it is due. */
  readonly ref: Ref | null;
};

const EVENT = "timeout";
const STATE = "stateTimeout";

export class Timeouts {
  readonly #self: Self<unknown>;
  readonly #entries = new Map<string, Entry>();
  readonly #byRef = new Map<Ref, Entry>();
  /** Those of 0 ms, which have no timer. */
  readonly #due: Entry[] = [];

  constructor(self: Self<unknown>) {
    this.#self = self;
  }

  /** An event comes, whatever it is. */
  eventComes(): void {
    if (this.#entries.size > 0) this.#cancel(EVENT);
  }

  stateChanges(): void {
    if (this.#entries.size > 0) this.#cancel(STATE);
  }

  /** What one event has asked for: of each time-out only the last counts. */
  apply(actions: readonly TimeoutAction[]): void {
    const last = new Map<string, TimeoutAction>();
    for (const action of actions) {
      const key = keyOf(action);
      last.delete(key);
      last.set(key, action);
    }
    for (const [key, action] of last) this.#apply(key, action);
  }

  #apply(key: string, action: TimeoutAction): void {
    if ("cancel" in action) {
      this.#cancel(key);
    } else if ("update" in action) {
      const event = eventOf(action, action.update);
      const known = this.#entries.get(key);
      if (known === undefined) this.#add(key, event, 0);
      else known.event = event;
    } else {
      this.#cancel(key);
      this.#add(key, eventOf(action, action.content), action.timeoutMs);
    }
  }

  #add(key: string, event: TimeoutEvent, timeoutMs: number): void {
    if (timeoutMs === Infinity) return;
    const ref = timeoutMs === 0
      ? null
      : this.#self.startTimer(timeoutMs, FIRED);
    const entry = { key, event, ref };
    this.#entries.set(key, entry);
    if (ref === null) this.#due.push(entry);
    else this.#byRef.set(ref, entry);
  }

  #cancel(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#forget(entry);
    if (entry.ref === null) this.#due.splice(this.#due.indexOf(entry), 1);
    else this.#self.cancelTimer(entry.ref);
  }

  #forget({ key, ref }: Entry): void {
    this.#entries.delete(key);
    if (ref !== null) this.#byRef.delete(ref);
  }

  /** The event of a timer that has fired; null when it was cancelled before. */
  fired({ ref }: Timeout): TimeoutEvent | null {
    const entry = this.#byRef.get(ref);
    if (entry === undefined) return null;
    this.#forget(entry);
    return entry.event;
  }

  /** The next one that is due; null when there is none. */
  takeDue(): TimeoutEvent | null {
    const entry = this.#due.shift();
    if (entry === undefined) return null;
    this.#forget(entry);
    return entry.event;
  }
}

function keyOf(action: TimeoutAction): string {
  return action.type === "genericTimeout"
    ? `genericTimeout ${termKey(action.name)}`
    : action.type;
}

function eventOf(action: TimeoutAction, content: unknown): TimeoutEvent {
  return action.type === "genericTimeout"
    ? { type: action.type, name: action.name, content }
    : { type: action.type, content };
}
