/**
 * Timers of actors: a message after a while, to anyone or to oneself.
 *
 * A timer belongs to the actor that set it and goes with it. A destination
 * that is a name is looked up when the timer fires.
 */

import type { Actor } from "./actor.ts";
import type { Node } from "./node.ts";
import type { Destination } from "./self.ts";
import type { Ref } from "./terms.ts";
import { Timeout } from "./messages.ts";

export class ActorTimers {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  sendAfter(
    actor: Actor,
    delayMs: number,
    to: Destination,
    message: unknown,
  ): Ref {
    return this.#set(actor, delayMs, () => {
      try {
        this.#node.sendFrom(actor.pid, to, message);
      } catch (error) {
        this.#node.logActor(
          "warning",
          `a timer of ${actor.describe()} could not send its message`,
          { error },
        );
      }
    });
  }

  start(actor: Actor, delayMs: number, message: unknown): Ref {
    const ref = this.#set(
      actor,
      delayMs,
      () => actor.deliver(new Timeout(ref, message)),
    );
    return ref;
  }

  cancel(actor: Actor, ref: Ref): number | null {
    const timer = actor.timers?.get(ref);
    if (timer === undefined) return null;
    actor.timers?.delete(ref);
    return this.#node.timers.cancel(timer);
  }

  #set(actor: Actor, delayMs: number, fire: () => void): Ref {
    const ref = this.#node.makeRef();
    const timer = this.#node.timers.set(delayMs, () => {
      actor.timers?.delete(ref);
      fire();
    });
    actor.timers ??= new Map();
    actor.timers.set(ref, timer);
    return ref;
  }
}
