/**
 * Timers of actors: each sends a message after a delay, to any destination.
 *
 * As in Erlang, a timer does not depend on the actor that set it, and any actor
 * of the node can read or cancel it by its ref. A timer for a pid of this node
 * ends with that actor. A timer for a name, an alias or an actor of another
 * node ends with no actor: its destination is looked up when it fires.
 *
 * On a node that isolates messages, the message is isolated when the timer is
 * set. So the actor that sets the timer gets the error if the message cannot be
 * copied, and a later change of the message has no effect.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import type { Destination } from "../contract/self.ts";
import { Timeout } from "../messages/runtime_messages.ts";
import { Pid, type Ref } from "../terms/terms.ts";
import type { ActorTimer } from "../contract/record.ts";
import { mustBeDelay, type Timer } from "../host/timers.ts";

export class ActorTimers {
  readonly #node: NodeServices;
  /** Timers that have neither fired nor been cancelled. */
  readonly #pending = new Map<Ref, ActorTimer>();

  constructor(node: NodeServices) {
    this.#node = node;
  }

  /** How many timers have neither fired nor been cancelled. */
  get size(): number {
    return this.#pending.size;
  }

  sendAfter(
    from: Pid,
    delayMs: number,
    to: Destination,
    message: unknown,
  ): Ref {
    const node = this.#node;
    const ref = node.makeRef();
    const receiver = to instanceof Pid ? node.localActor(to) : null;
    if (to instanceof Pid && receiver === null && node.isOwnPid(to)) {
      // The actor has ended and its pid is never used again: no timer is set.
      mustBeDelay(delayMs);
      return ref;
    }
    // With its node, because sending to a plain name that is free is an error.
    const target = typeof to === "string" ? { name: to, node: node.name } : to;
    const { isolate } = node;
    if (isolate !== null) message = isolate(message);
    this.#set(ref, delayMs, receiver, () => {
      try {
        node.sendFrom(from, target, message);
      } catch (error) {
        // Of an ended actor only the printed pid is known.
        const setter = node.localActor(from)?.describe() ??
          `#PID<0.${from.id}.${from.serial}>`;
        node.logActor(
          "warning",
          `a timer of ${setter} could not send its message`,
          { error },
        );
      }
    });
    return ref;
  }

  start(actor: ActorRecord, delayMs: number, message: unknown): Ref {
    const ref = this.#node.makeRefOf(actor);
    const { isolate } = this.#node;
    if (isolate !== null) message = isolate(message);
    this.#set(
      ref,
      delayMs,
      actor,
      () => actor.deliver(new Timeout(ref, message)),
    );
    return ref;
  }

  /** Milliseconds that were left, or null when there is no such timer. */
  cancel(ref: Ref): number | null {
    const timer = this.#removePending(ref);
    return timer === null ? null : this.#node.timers.cancel(timer);
  }

  /** Milliseconds left, or null when there is no such timer. */
  read(ref: Ref): number | null {
    const pending = this.#pending.get(ref);
    return pending === undefined ? null : this.#node.timers.read(pending.timer);
  }

  /** Cancels all timers for an actor that has ended. */
  cancelAll(receiver: ActorRecord): void {
    const { timers } = receiver;
    if (timers === null) return;
    receiver.timers = null;
    for (const { ref } of timers) this.cancel(ref);
  }

  /** Forgets all timers, since the node has stopped and none will fire. */
  clear(): void {
    this.#pending.clear();
  }

  #set(
    ref: Ref,
    delayMs: number,
    receiver: ActorRecord | null,
    fire: () => void,
  ): void {
    mustBeDelay(delayMs);
    const timer = this.#node.timers.set(delayMs, () => {
      this.#removePending(ref);
      fire();
    });
    const pending = { ref, timer, receiver, index: 0 };
    this.#pending.set(ref, pending);
    if (receiver === null) return;
    receiver.timers ??= [];
    pending.index = receiver.timers.push(pending) - 1;
  }

  #removePending(ref: Ref): Timer | null {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return null;
    this.#pending.delete(ref);
    const timers = pending.receiver?.timers ?? null;
    if (timers !== null) removeFrom(timers, pending);
    return pending.timer;
  }
}

/** Removes a timer: the last timer of the list takes its place. */
function removeFrom(timers: ActorTimer[], { index }: ActorTimer): void {
  const last = timers.pop() as ActorTimer;
  if (last.index === index) return;
  timers[index] = last;
  last.index = index;
}
