/**
 * The tables of a registry: its entries by key and by owner, in partitions.
 *
 * This is plain data. It knows the pids of the partitions' actors, but sends
 * nothing to them. The place of an entry follows Elixir's registry. With unique
 * keys, the index by key is in the key's partition and the index by owner in
 * the owner's. So the two halves of an entry may lie in different partitions,
 * and either half may be lost by a crash without the other.
 */

import {
  type MapKey,
  type Pid,
  printTerm,
  UsageError,
} from "../../runtime/mod.ts";
import type { RegistryOptions } from "./types.ts";

/** One registration. */
export type Row<Key, Value, Message> = {
  readonly key: Key;
  /** `mapKey` of the key. */
  readonly mapKey: MapKey;
  readonly pid: Pid<Message>;
  value: Value;
};

/**
 * Rows by key or by owner. A key with a single row, the usual case, has no set:
 * that takes less memory, and makes a look-up faster.
 */
class Index<By, R extends object> {
  readonly #rows = new Map<By, R | Set<R>>();

  add(by: By, row: R): void {
    const rows = this.#rows.get(by);
    if (rows === undefined) this.#rows.set(by, row);
    else if (rows instanceof Set) rows.add(row);
    else this.#rows.set(by, new Set([rows, row]));
  }

  delete(by: By, row: R): void {
    const rows = this.#rows.get(by);
    if (rows instanceof Set ? !rows.delete(row) : rows !== row) return;
    if (!(rows instanceof Set) || rows.size === 0) this.#rows.delete(by);
  }

  has(by: By): boolean {
    return this.#rows.has(by);
  }

  count(by: By): number {
    const rows = this.#rows.get(by);
    return rows === undefined ? 0 : rows instanceof Set ? rows.size : 1;
  }

  /** In the order in which they were added. */
  get(by: By): Iterable<R> {
    const rows = this.#rows.get(by);
    return rows === undefined ? [] : rows instanceof Set ? rows : [rows];
  }

  /** Calls `visit` with each row. No generator, which is ten times slower. */
  visitAll(visit: (row: R) => void): void {
    for (const rows of this.#rows.values()) {
      if (!(rows instanceof Set)) visit(rows);
      else for (const row of rows) visit(row);
    }
  }

  clear(): void {
    this.#rows.clear();
  }
}

/** A partition: its actor, and its tables, which a new actor finds empty. */
export class Partition<Key, Value, Message> {
  /** Null until the root's first turn. */
  pid: Pid<unknown> | null = null;
  readonly byKey: Index<MapKey, Row<Key, Value, Message>> = new Index();
  readonly byOwner: Index<Pid<never>, Row<Key, Value, Message>> = new Index();

  clear(): void {
    this.byKey.clear();
    this.byOwner.clear();
  }
}

/** Which partition holds an entry by its key, and which by its owner. */
export type Layout = "unique" | "byPid" | "byKey";

/** Throws `UsageError` for unknown or contradictory options. */
export function layoutOf(
  { keys, partitionBy }: Pick<RegistryOptions, "keys" | "partitionBy">,
): Layout {
  if (keys !== "unique" && keys !== "duplicate") {
    throw new UsageError(
      `expected keys to be "unique" or "duplicate", got ${printTerm(keys)}`,
    );
  }
  if (keys === "duplicate") return partitionBy === "key" ? "byKey" : "byPid";
  if (partitionBy === undefined) return "unique";
  throw new UsageError(
    "expected partitionBy only with duplicate keys, got it with unique keys",
  );
}

export class Tables<Key, Value, Message> {
  readonly layout: Layout;
  readonly partitions: readonly Partition<Key, Value, Message>[];

  /** Throws `UsageError` unless the count is a whole number of at least 1. */
  constructor(layout: Layout, count: number) {
    if (!Number.isInteger(count) || count < 1) {
      throw new UsageError(
        `expected partitions to be a whole number of at least 1, got ${count}`,
      );
    }
    this.layout = layout;
    this.partitions = Array.from({ length: count }, () => new Partition());
  }

  /** The partition of a key, for layouts that keep entries by key. */
  ofKey(mapKey: MapKey): Partition<Key, Value, Message> {
    // With one partition no hash is needed.
    return this.#at(this.partitions.length === 1 ? 0 : hash(String(mapKey)));
  }

  /** The partitions that have an owner's entry by its key, and by its owner. */
  placeOf(mapKey: MapKey, owner: Pid<never>): {
    readonly keyed: Partition<Key, Value, Message>;
    readonly owning: Partition<Key, Value, Message>;
  } {
    const ofKey = this.ofKey(mapKey);
    const ofOwner = this.#at(owner.id);
    return {
      keyed: this.layout === "byPid" ? ofOwner : ofKey,
      owning: this.layout === "byKey" ? ofKey : ofOwner,
    };
  }

  /** The partitions that may have entries of a key. */
  placesOf(mapKey: MapKey): readonly Partition<Key, Value, Message>[] {
    return this.layout === "byPid" ? this.partitions : [this.ofKey(mapKey)];
  }

  add(row: Row<Key, Value, Message>): void {
    const { keyed, owning } = this.placeOf(row.mapKey, row.pid);
    keyed.byKey.add(row.mapKey, row);
    owning.byOwner.add(row.pid, row);
  }

  delete(row: Row<Key, Value, Message>): void {
    const { keyed, owning } = this.placeOf(row.mapKey, row.pid);
    keyed.byKey.delete(row.mapKey, row);
    owning.byOwner.delete(row.pid, row);
  }

  /** The rows of an owner under a key. */
  rowsOf(mapKey: MapKey, owner: Pid<never>): Row<Key, Value, Message>[] {
    const { keyed, owning } = this.placeOf(mapKey, owner);
    // The shorter list is searched: a key may have many owners, and an owner
    // many keys.
    const isShort = keyed.byKey.count(mapKey) <= owning.byOwner.count(owner);
    return [...isShort ? keyed.byKey.get(mapKey) : owning.byOwner.get(owner)]
      .filter((row) => row.pid === owner && row.mapKey === mapKey);
  }

  /** Removes the rows of an owner that has ended, in this partition only. */
  forget(
    { byOwner }: Partition<Key, Value, Message>,
    owner: Pid<never>,
  ): void {
    for (const row of [...byOwner.get(owner)]) this.delete(row);
  }

  #at(number: number): Partition<Key, Value, Message> {
    const { partitions } = this;
    return partitions[number % partitions.length] as (typeof partitions)[0];
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let sum = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) {
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x0100_0193);
  }
  return sum >>> 0;
}
