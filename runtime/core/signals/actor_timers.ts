/**
 * Timers of actors: a message after a while, to anyone or to oneself.
 *
 * As in Erlang, a timer does not depend on the actor that set it, and anybody
 * on the node can read or cancel it by its ref. One to an actor of this node
 * ends with that actor. One to a name, an alias or an actor elsewhere is
 * nobody's: where it goes is found out when it fires.
 *
 * On a node that isolates messages, this happens when the timer is set: what
 * cannot be copied is an error of whoever sets it, and nobody changes a message
 * while it waits.
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
  readonly #pending = new Map<Ref, ActorTimer>();

  constructor(node: NodeServices) {
    this.#node = node;
  }

  /** Timers that have neither fired nor ended. */
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
      // The dead do not come back, so there is nothing to wait for.
      mustBeDelay(delayMs);
      return ref;
    }
    // With its node, because a plain name that nobody holds is an error.
    const target = typeof to === "string" ? { name: to, node: node.name } : to;
    const { isolate } = node;
    if (isolate !== null) message = isolate(message);
    this.#set(ref, delayMs, receiver, () => {
      try {
        node.sendFrom(from, target, message);
      } catch (error) {
        // Of a dead one no more is known than how its pid was printed.
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
    const timer = this.#take(ref);
    return timer === null ? null : this.#node.timers.cancel(timer);
  }

  /** Milliseconds left, or null when there is no such timer. */
  read(ref: Ref): number | null {
    const pending = this.#pending.get(ref);
    return pending === undefined ? null : this.#node.timers.read(pending.timer);
  }

  /** The receiver has ended: nobody waits any more for what was to come. */
  cancelAll(receiver: ActorRecord): void {
    const { timers } = receiver;
    if (timers === null) return;
    receiver.timers = null;
    for (const { ref } of timers) this.cancel(ref);
  }

  /** The node has stopped, and none of them will fire. */
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
      this.#take(ref);
      fire();
    });
    const pending = { ref, timer, receiver, index: 0 };
    this.#pending.set(ref, pending);
    if (receiver === null) return;
    receiver.timers ??= [];
    pending.index = receiver.timers.push(pending) - 1;
  }

  #take(ref: Ref): Timer | null {
    const pending = this.#pending.get(ref);
    if (pending === undefined) return null;
    this.#pending.delete(ref);
    const timers = pending.receiver?.timers ?? null;
    if (timers !== null) removeFrom(timers, pending);
    return pending.timer;
  }
}

/** The last one takes its place. */
function removeFrom(timers: ActorTimer[], { index }: ActorTimer): void {
  const last = timers.pop() as ActorTimer;
  if (last.index === index) return;
  timers[index] = last;
  last.index = index;
}
