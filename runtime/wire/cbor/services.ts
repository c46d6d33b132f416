/**
 * What the functions of `cbor/special.ts` and `cbor/error_term.ts` use of the
 * `TermWriter` that calls them, so that neither file has to import the other one.
 */

import type { PidTable } from "../../core/terms/terms.ts";
import type { Incarnation } from "../shared/incarnation.ts";

/** What `guarded` returns in place of a function. */
export const leftOut: unique symbol = Symbol("left out");

export interface TermWriterServices {
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
  /** Prepares a value inside the one that is being prepared. */
  term(value: unknown): unknown;
  /** Sets the key or index of the next value in the innermost container. */
  at(key: string | number): void;
  text(value: string): unknown;
  /** Appends the prepared items to `prepared`. */
  items(items: readonly unknown[], prepared: unknown[]): unknown[];
  /** A byte string, or its number when it is attached to the signal. */
  bytes(value: Uint8Array): unknown;
  /** A plain object. */
  record(value: Readonly<Record<string, unknown>>): unknown;
  /** Adds to the lower bound of the signal's size. */
  grow(bytes: number): void;
  /**
   * Prepares what `read` returns, or a text that says why it cannot be sent;
   * `leftOut` for a function.
   */
  guarded(read: () => unknown): unknown;
  /** Refuses the value that is being prepared if it is inside of itself. */
  refuseCycle(): void;
  /** Throws the `EncodeError` for the value that is being prepared. */
  refuse(problem: string): never;
}

/** Prepares an instance of one class; `writer` prepares the values in it. */
export type PrepareTerm = (
  writer: TermWriterServices,
  value: object,
) => unknown;
