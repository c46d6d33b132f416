/**
 * The first argument of the kernel's functions, which says where they act: the
 * `self` of an actor, or a running node. Nothing is ambient, because several
 * nodes may live in one thread.
 */

import { LocalActor } from "../../core/actor/local_actor.ts";
import { UsageError } from "../../core/messages/errors.ts";
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
 * The node of an actor, live or ended, or of a running node. Throws
 * `UsageError` for anything else.
 */
export function nodeOf(at: object): Node {
  const node = (at as { readonly owner?: unknown } | null)?.owner;
  if (node instanceof Node) return node;
  throw new UsageError(
    `expected an actor's self or a running node, got ${printTerm(at)}`,
  );
}

/** As `nodeOf`, but throws `UsageError` for an actor that has ended too. */
export function liveNodeOf(at: AtNode): Node {
  return nodeOf(at instanceof LocalActor ? liveActorOf(at) : at);
}

/** The live actor. Throws `UsageError`. */
export function liveActorOf(at: AtActor): LocalActor {
  if (!(at instanceof LocalActor)) {
    throw new UsageError(
      `expected an actor's self, got ${printTerm(at)}; in a program that is ` +
        "no actor, use node.run",
    );
  }
  if (at.isAlive) return at;
  throw new UsageError(
    `expected a live actor, but ${at.pid} has ended; stop using self once ` +
      "a receive has rejected",
  );
}
