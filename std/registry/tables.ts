/**
 * The tables of a registry: its entries by key and by owner, in partitions.
 *
 * Plain data; it knows that partitions have actors, but does nothing to them.
 * Where an entry lies follows Elixir's registry: with unique keys, by key in
 * the key's partition and by owner in the owner's, so that the two sides of an
 * entry may lie apart and each must put up with what the other has lost.
 */

import {
  type MapKey,
  type Pid,
  printTerm,
  UsageError,
} from "../../runtime/mod.ts";
import type { Entry, RegistryOptions } from "./types.ts";

/** One registration. */
export type Row<Key, Value, Message> = {
  readonly key: Key;
  /** `mapKey` of the key. */
  readonly mapKey: MapKey;
  readonly pid: Pid<Message>;
  value: Value;
};

/**
 * Rows by something. Mostly there is one, and then no set is made: that takes
 * less memory, and a look-up less time.
 */
class Index<By, R extends object> {
  readonly #rows = new Map<By, R | Set<R>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(by: By, row: R): void {
    const rows = this.#rows.get(by);
    if (rows === undefined) this.#rows.set(by, row);
    else if (rows instanceof Set) rows.add(row);
    else this.#rows.set(by, new Set([rows, row]));
    this.#size++;
  }

  delete(by: By, row: R): void {
    const rows = this.#rows.get(by);
    if (rows instanceof Set ? !rows.delete(row) : rows !== row) return;
    this.#size--;
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

  *all(): Generator<R> {
    for (const by of this.#rows.keys()) yield* this.get(by);
  }

  clear(): void {
    this.#rows.clear();
    this.#size = 0;
  }
}

/** A partition: its actor, and its tables, which are empty when that is new. */
export class Partition<Key, Value, Message> {
  /** Null until the registry's first turn. */
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

/** Throws `UsageError` for options that make no sense. */
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
    "expected partitionBy along with duplicate keys, got it with unique ones",
  );
}

export class Tables<Key, Value, Message> {
  readonly layout: Layout;
  readonly partitions: readonly Partition<Key, Value, Message>[];

  /** Throws `UsageError` for a count that is no whole number from 1 on. */
  constructor(layout: Layout, count: number) {
    if (!Number.isInteger(count) || count < 1) {
      throw new UsageError(
        `expected partitions to be a whole number from 1 on, got ${count}`,
      );
    }
    this.layout = layout;
    this.partitions = Array.from({ length: count }, () => new Partition());
  }

  /** The partition of a key, where entries of a key lie together. */
  ofKey(mapKey: MapKey): Partition<Key, Value, Message> {
    // With one partition there is nothing to choose.
    return this.#at(this.partitions.length === 1 ? 0 : hash(String(mapKey)));
  }

  /** Where an owner's entry lies: by its key, and by its owner. */
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

  /** Where entries of a key may lie. */
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
    // Either may be long: many owners of a key, or many keys of an owner.
    const isShort = keyed.byKey.count(mapKey) <= owning.byOwner.count(owner);
    return [...isShort ? keyed.byKey.get(mapKey) : owning.byOwner.get(owner)]
      .filter((row) => row.pid === owner && row.mapKey === mapKey);
  }

  /** An owner has ended; its rows in this partition go, and no others. */
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

/** What is shown of rows. */
export function entriesOf<Key, Value, Message>(
  rows: Iterable<Row<Key, Value, Message>>,
): Entry<Value, Message>[] {
  const entries: Entry<Value, Message>[] = [];
  for (const { pid, value } of rows) entries.push({ pid, value });
  return entries;
}
