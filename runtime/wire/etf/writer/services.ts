/**
 * What the parts of the writer use of the `EtfWriter` that calls them, so that
 * they need not import it.
 */

import type { Pid, PidTable } from "../../../core/terms/terms.ts";
import type { Incarnation } from "../../shared/incarnation.ts";
import type { Output, OutputMark } from "../output.ts";

/** What is written behind the items of a container. */
export const trailers = {
  nothing: 0,
  /** The empty list that ends a list. */
  nil: 1,
  /** Nothing; the size of a closure, which is known now, is filled in. */
  size: 2,
} as const;

export type Trailer = (typeof trailers)[keyof typeof trailers];

/**
 * Classes that are no terms, by their prototypes: a function that returns the
 * term to write for an instance.
 */
export type Counterparts = ReadonlyMap<object, (value: object) => unknown>;

export interface EtfWriterServices {
  readonly self: Incarnation | null;
  readonly pids: PidTable;
  /** The output of the term that is being written. */
  readonly out: Output;
  readonly counterparts: Counterparts;
  /** Writes a value. */
  value(value: unknown): void;
  /** Writes a binary. */
  bytes(value: Uint8Array): void;
  /** Writes an atom by its name. */
  name(name: string): void;
  pid(pid: Pid): void;
  /** Writes the first `count` items and the trailer of a container. */
  items(
    container: object,
    items: readonly unknown[],
    count: number,
    trailer: Trailer,
    mark?: OutputMark | null,
  ): void;
  listHead(count: number): void;
  /** Writes a map with these keys. */
  entries(
    container: object,
    keys: unknown[],
    valueOf: (key: unknown) => unknown,
  ): void;
  /** Throws a `Refusal`, which becomes the `EncodeError` for the value. */
  refuse(problem: string): never;
}
