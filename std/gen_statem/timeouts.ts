/**
 * The time-outs of one machine: at most one event time-out, one state time-out,
 * and one generic time-out of each name.
 *
 * A time-out of 0 ms starts no timer. Such time-outs are due in the order of
 * their start, once no event is queued and before any message is taken.
 */

import {
  type Ref,
  type Self,
  termKey,
  type Timeout,
} from "../../runtime/mod.ts";
import type { TimeoutAction, TimeoutEvent } from "./types.ts";

/** `Timeout.message` of a machine's own timers. */
export const FIRED: unique symbol = Symbol("time-out of a state machine");

type Entry = {
  readonly key: string;
  event: TimeoutEvent;
  /** The running timer; null when the time-out is due. */
  readonly ref: Ref | null;
};

const EVENT = "timeout";
const STATE = "stateTimeout";

export class Timeouts {
  readonly #self: Self<unknown>;
  readonly #entries = new Map<string, Entry>();
  readonly #byRef = new Map<Ref, Entry>();
  /** Time-outs of 0 ms, which have no timer, in the order of their start. */
  readonly #due: Entry[] = [];

  constructor(self: Self<unknown>) {
    this.#self = self;
  }

  /** To be called before each event. */
  cancelEventTimeout(): void {
    if (this.#entries.size > 0) this.#cancel(EVENT);
  }

  /** To be called at each change of the state. */
  cancelStateTimeout(): void {
    if (this.#entries.size > 0) this.#cancel(STATE);
  }

  /** Carries out the actions of one event; the last one counts for each key. */
  carryOut(actions: readonly TimeoutAction[]): void {
    const last = new Map<string, TimeoutAction>();
    for (const action of actions) {
      const key = keyOf(action);
      last.delete(key);
      last.set(key, action);
    }
    for (const [key, action] of last) this.#carryOutOne(key, action);
  }

  #carryOutOne(key: string, action: TimeoutAction): void {
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

  /**
   * The event of a timer that has fired; null if the time-out was cancelled
   * before.
   */
  takeFired({ ref }: Timeout): TimeoutEvent | null {
    const entry = this.#byRef.get(ref);
    if (entry === undefined) return null;
    this.#forget(entry);
    return entry.event;
  }

  /** The next time-out that is due; null when there is none. */
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
