/**
 * Look-up of what a request is sent to: a pid, a name of this node, or a name
 * that a registry keeps.
 */

import {
  type CallTarget,
  type NamedTarget,
  Pid,
  printTerm,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";

/** As much of `self` as a look-up needs. */
type NameLookup = Pick<Self<never>, "whereis">;

/**
 * What can be sent to and monitored. Names of this node and of registries are
 * looked up now; null when no actor has the name.
 */
export function resolveTarget(
  self: NameLookup,
  target: CallTarget,
): Pid<never> | NamedTarget | null {
  return typeof target === "string" || "via" in target
    ? self.whereis(target)
    : target;
}

/**
 * The pid of a target now. Null when no actor has the name, and for a name on
 * another node, which only that node can look up.
 */
export function pidOfTarget(
  self: NameLookup,
  target: CallTarget,
): Pid<never> | null {
  const found = resolveTarget(self, target);
  return found instanceof Pid ? found : null;
}

/** The same; throws `UsageError` where it would be null. */
export function mustHavePid(self: NameLookup, target: CallTarget): Pid<never> {
  const pid = pidOfTarget(self, target);
  if (pid !== null) return pid;
  throw new UsageError(
    `expected an actor with the name ${printTerm(target)} that can be looked ` +
      "up on this node, got none",
  );
}

/**
 * Throws `UsageError` for a target on another node, because functions cannot be
 * sent there.
 */
export function mustBeHere(
  self: Pick<Self<never>, "node" | "whereis">,
  target: CallTarget,
  what: string,
  remedy = "call a server there instead",
): void {
  const found = resolveTarget(self, target);
  if (found === null || found.node === self.node) return;
  throw new UsageError(
    `expected ${what} of this node, because functions cannot go to another, ` +
      `got one of ${found.node}; ${remedy}`,
  );
}
