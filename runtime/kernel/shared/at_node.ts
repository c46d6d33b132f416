/**
 * Where a function of the kernel acts: on the node of an actor, given as
 * `self`, or on a running node, given as itself. Nothing is ambient, since
 * several nodes may live in one thread.
 */

import { LocalActor } from "../../core/actor/local_actor.ts";
import { UsageError } from "../../core/messages/messages.ts";
import { Node } from "../../core/node/node.ts";
import { type Pid, printTerm } from "../../core/terms/terms.ts";

/** An actor's `self`, or what `start` has resolved with. */
export interface AtNode {
  readonly pid: Pid;
  nodes(): readonly string[];
}

/** An actor's `self`, where a running node will not do. */
export interface AtActor extends AtNode {
  readonly isAlive: boolean;
}

/**
 * The node. Throws `UsageError` for what is neither, and for an ended actor.
 */
export function nodeAt(at: AtNode): Node {
  if (at instanceof LocalActor) return actorAt(at).owner;
  const node = (at as { readonly owner?: unknown } | null)?.owner;
  if (node instanceof Node) return node;
  throw new UsageError(
    `expected an actor's self or a running node, got ${printTerm(at)}`,
  );
}

/** The living actor. Throws `UsageError`. */
export function actorAt(at: AtActor): LocalActor {
  if (!(at instanceof LocalActor)) {
    throw new UsageError(
      `expected an actor's self, got ${printTerm(at)}; in a program that is ` +
        "no actor, use node.run",
    );
  }
  if (at.isAlive) return at;
  throw new UsageError(
    `expected a living actor, but ${at.pid} has ended; stop using self once ` +
      "a receive has rejected",
  );
}
