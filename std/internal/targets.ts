/**
 * Whom a request goes to: names of this node, and names that are kept
 * elsewhere.
 */

import {
  type CallTarget,
  type NamedTarget,
  Pid,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";

type Looker = Pick<Self<never>, "whereis">;

/**
 * What can be sent to and monitored: names of this node and those that are kept
 * elsewhere are looked up now; null when nobody has them.
 */
export function resolved(
  self: Looker,
  target: CallTarget,
): Pid<never> | NamedTarget | null {
  return typeof target === "string" || "via" in target
    ? self.whereis(target)
    : target;
}

/** Whose pid it is now; null when nobody has the name, or on another node. */
export function pidOf(self: Looker, target: CallTarget): Pid<never> | null {
  const found = resolved(self, target);
  return found instanceof Pid ? found : null;
}

/**
 * Throws `UsageError` for a target on another node, where no function can go.
 */
export function mustBeHere(
  self: Pick<Self<never>, "node" | "whereis">,
  target: CallTarget,
  what: string,
  remedy = "call a server there instead",
): void {
  const found = resolved(self, target);
  if (found === null || found.node === self.node) return;
  throw new UsageError(
    `expected ${what} of this node, because functions cannot go to another, ` +
      `got one of ${found.node}; ${remedy}`,
  );
}
