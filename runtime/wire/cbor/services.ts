/**
 * What the functions of `cbor/special.ts` use of the `TermWriter` that calls
 * them. Types only, so that neither file has to import the other one.
 */

import type { PidTable } from "../../core/terms/terms.ts";
import type { Incarnation } from "../shared/incarnation.ts";

export interface TermWriterServices {
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
  /** Prepares a value inside the one that is being prepared. */
  term(value: unknown): unknown;
  /** Says which part of the innermost container comes next. */
  at(key: string | number): void;
  text(value: string): unknown;
  /** Appends the prepared items to `prepared`. */
  items(items: readonly unknown[], prepared: unknown[]): unknown[];
  /** A byte string, or what stands for it when it travels apart. */
  bytes(value: Uint8Array): unknown;
  /** A plain object. */
  record(value: Readonly<Record<string, unknown>>): unknown;
  /** Adds to the lower bound of the signal's size. */
  grow(bytes: number): void;
  /** Throws the `EncodeError` for the value that is being prepared. */
  refuse(problem: string): never;
}

/** Prepares an instance; `writer` prepares what it holds. */
export type PrepareTerm = (
  writer: TermWriterServices,
  value: object,
) => unknown;
