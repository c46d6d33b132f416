/**
 * Errors whose reason is a term, for the functions of this runtime that other
 * nodes call: a BEAM caller gets the reason as Erlang's `error(Reason)` raises
 * it.
 */

import { atom } from "../../core/terms/terms.ts";

export class TermError extends Error {
  override readonly name = "TermError";
  readonly reason: unknown;
  constructor(reason: unknown) {
    super("a function of the runtime has refused its arguments");
    this.reason = reason;
  }
}

/** What Erlang raises for arguments of the wrong type. */
export function badarg(): TermError {
  return new TermError(atom("badarg"));
}
