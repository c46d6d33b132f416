/** Tells names of other registries, such as `global`, from other destinations. */

import type { ViaTarget } from "./self.ts";

/** @internal */
export function isViaTarget(to: unknown): to is ViaTarget {
  return (to as Partial<ViaTarget> | undefined | null)?.via !== undefined;
}
