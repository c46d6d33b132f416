/**
 * Functions that one actor gives to another of the same node.
 *
 * A function cannot leave its node, nor be sent at all on a node that copies
 * messages. So a ref is sent in its place, which every node lets pass, and only
 * within one node is that the ref under which the function can be found.
 */

import {
  type CallTarget,
  Pid,
  printTerm,
  type Ref,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";

const boxes = new WeakMap<Ref, unknown>();

/** What to send in place of the function, or of an object that holds some. */
export function box(self: Pick<Self<never>, "makeRef">, value: unknown): Ref {
  const ref = self.makeRef();
  boxes.set(ref, value);
  return ref;
}

/** What is in the box; undefined for what comes from another node. */
export function unbox<T>(ref: unknown): T | undefined {
  return boxes.get(ref as Ref) as T | undefined;
}

/** Throws `UsageError` for a target on another node. */
export function mustBeHere(
  self: Pick<Self<never>, "node" | "whereis">,
  target: CallTarget,
  what: string,
): void {
  const place = target instanceof Pid
    ? target.node
    : typeof target === "string"
    ? self.node
    : "node" in target
    ? target.node
    : self.whereis(target)?.node ?? self.node;
  if (place === self.node) return;
  throw new UsageError(
    `expected ${what} of this node, because functions cannot go to another, ` +
      `got ${printTerm(target)} of ${place}; call a server there instead`,
  );
}
