/** The limit of arguments of a call, a cast or a start. */

import { UsageError } from "../../runtime/mod.ts";

/**
 * Arguments of one call, as for functions of a BEAM node. A call with many more
 * would overflow the stack of the actor that calls the callback.
 */
export const MAX_ARGUMENTS = 255;

/** The error for more arguments than that. `of` completes "arguments of ...". */
export function tooManyArguments(of: string, count: number): UsageError {
  return new UsageError(
    `expected at most ${MAX_ARGUMENTS} arguments of ${of}, got ${count}; ` +
      "pass many values as one array",
  );
}
