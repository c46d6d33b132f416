/**
 * Holding back actors that send faster than a connection takes it.
 *
 * Erlang suspends a sender inside of `!` while the buffer of a connection is
 * full. JavaScript cannot stop in the middle of a call. So here the actor
 * continues to its next `receive`, or to the end of its handler. From there it
 * is held: it gets no turn until there is room on every connection that it has
 * overfilled. A time-out of that `receive` waits as well. No other actor waits,
 * and an exit signal ends a held actor at once.
 *
 * An actor that has been told to wait and never comes to a `receive` is refused
 * by `send` at the hard limit. An actor that does come to one is never refused
 * for what others have sent. As in Erlang, each of many senders still adds what
 * it sends before its next `receive`.
 */

import type { ActorRecord } from "../contract/record.ts";

/**
 * Notes that a held actor has missed its turn: it gets one when it is released.
 * Returns what `run` returns for it.
 */
export function park(actor: ActorRecord): 0 {
  actor.isParked = true;
  return 0;
}

/** Holds an actor for which `send` to a node has returned false. */
export function holdBack(actor: ActorRecord, node: string): void {
  // Actors of the runtime must stay able to answer; their output is bounded.
  if (actor.isExempt) return;
  const nodes = actor.heldBy ??= new Set();
  if (nodes.has(node)) return;
  nodes.add(node);
  actor.isHeld = true;
  actor.turnLeft = Math.min(actor.turnLeft, -1);
  void actor.owner.remote.ready(node, actor.pid).then(() => {
    nodes.delete(node);
    if (nodes.size > 0) return;
    actor.isHeld = false;
    actor.heldBy = null;
    if (actor.isParked) {
      actor.isParked = false;
      if (actor.alive) actor.owner.scheduler.enqueue(actor);
    }
  });
}
