/**
 * Holding back actors that send faster than a connection takes it.
 *
 * Erlang suspends a sender inside of `!` while the buffer of a connection is
 * full. JavaScript cannot stop in the middle of a call, so here the actor goes
 * on to its next `receive`, or to the end of its handler, and gets no turn from
 * there until there is room on every connection it has overfilled. A time-out
 * of that `receive` waits as well. Nobody else waits, signals that end the
 * actor do so at once, and an actor that never comes to a `receive` is refused
 * by `send` at the hard limit, if it was told to wait before. So an actor that
 * keeps to the rules is never refused for what others have sent; each of a
 * crowd adds what it sends before its next `receive`, as in Erlang.
 */

import type { ActorRecord } from "../contract/record.ts";

/** Takes a turn away that is to be had later; what `run` returns then. */
export function park(actor: ActorRecord): 0 {
  actor.isParked = true;
  return 0;
}

/** `send` to that node has returned false. */
export function holdBack(actor: ActorRecord, node: string): void {
  // The runtime's own must stay able to answer; their output is bounded.
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
