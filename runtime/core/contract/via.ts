/** Names that are kept elsewhere: how such a destination is told from others. */

import type { ViaTarget } from "./self.ts";

/** @internal */
export function isViaTarget(to: unknown): to is ViaTarget {
  return (to as Partial<ViaTarget> | undefined | null)?.via !== undefined;
}
