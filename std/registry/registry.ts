/**
 * The class `Registry`: its operations run in the caller's turn, on the tables
 * of `tables.ts`. What it guarantees is said in `std/registry/mod.ts`.
 */

import { dispatchOptions, registryOptions } from "./types.ts";
import { callOptions } from "../internal/options.ts";
import {
  type CallOptions,
  type Destination,
  type MapKey,
  mapKey,
  type Pid,
  printTerm,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";
import { start, type Starting, startLink } from "../proc_lib/mod.ts";
import { rootActor } from "./actors.ts";
import { runEach } from "./dispatch.ts";
import type { LockRequest, UnlockRequest } from "./locks.ts";
import { layoutOf, type Partition, type Row, Tables } from "./tables.ts";
import type {
  DispatchOptions,
  Entry,
  EntryTest,
  KeyedEntry,
  Registrant,
  Registration,
  RegistryEvent,
  RegistryOptions,
  Via,
} from "./types.ts";

/**
 * A registry of actors that accept `Message`, under keys of type `Key`. It is
 * started by `Registry.start` or `Registry.startLink`, and ended by `stop` of
 * `std/proc_lib` on its `pid`. After its end, its methods throw `UsageError`.
 *
 * With unique keys, as a directory of names:
 *
 * @example
 * ```ts
 * import { type Pid, type Self, start } from "hornbeam";
 * import { Registry } from "hornbeam/std/registry";
 *
 * type Ask = { from: Pid<string> };
 * await using node = await start();
 * await node.run(async (self: Self<string>) => {
 *   const rooms = await Registry.startLink<string, number, Ask>(self, {
 *     keys: "unique",
 *   });
 *   self.spawn(async (room: Self<Ask>) => {
 *     rooms.register(room, "lobby", 4);
 *     self.send(self.pid, "ready");
 *     for await (const { from } of room) room.send(from, "welcome");
 *   });
 *   await self.receive();
 *   console.log(rooms.lookup("lobby")[0]?.value); // prints: 4
 *   rooms.send(self, "lobby", { from: self.pid });
 *   console.log(await self.receive()); // prints: welcome
 *   console.log(rooms.lookup("attic").length); // prints: 0
 * });
 * ```
 *
 * With duplicate keys, as a table of subscriptions:
 *
 * @example
 * ```ts
 * import { type Self, start } from "hornbeam";
 * import { Registry } from "hornbeam/std/registry";
 *
 * await using node = await start();
 * await node.run(async (self: Self<string>) => {
 *   const topics = await Registry.startLink<string, null, string>(self, {
 *     keys: "duplicate",
 *   });
 *   topics.register(self, "news", null);
 *   topics.dispatch("news", (entries) => {
 *     for (const { pid } of entries) self.send(pid, "extra");
 *   });
 *   console.log(await self.receive()); // prints: extra
 * });
 * ```
 */
export class Registry<Key, Value, Message = never> {
  /** The option `name`; `registry` without it. */
  readonly name: string;
  readonly kind: "unique" | "duplicate";
  readonly #tables: Tables<Key, Value, Message>;
  readonly #listeners: readonly Destination<RegistryEvent<Key, Value>>[];
  readonly #meta = new Map<MapKey, unknown>();
  /** The `self` of the root actor; null until its first turn. */
  #root: Self<unknown> | null = null;

  /** @internal Made by `start` and `startLink`. */
  constructor(options: RegistryOptions<Key, Value>) {
    registryOptions.check(options as RegistryOptions ?? null);
    this.name = options.name ?? "registry";
    this.kind = options.keys;
    this.#tables = new Tables(layoutOf(options), options.partitions ?? 1);
    this.#listeners = options.listeners ?? [];
    for (const [key, value] of options.meta ?? []) {
      this.#meta.set(mapKey(key), value);
    }
  }

  /**
   * Starts a registry that is linked to the caller and ends when the caller
   * ends, for any exit reason. Throws `UsageError` for contradictory
   * options and for a name that is taken.
   */
  static startLink<Key, Value, Message = never>(
    self: AnySelf,
    options: RegistryOptions<Key, Value>,
  ): Promise<Registry<Key, Value, Message>> {
    const registry = new Registry<Key, Value, Message>(options);
    return registry.#start(self, startLink, options.name);
  }

  /** As `startLink`, without a link: the registry runs until it is stopped. */
  static start<Key, Value, Message = never>(
    self: AnySelf,
    options: RegistryOptions<Key, Value>,
  ): Promise<Registry<Key, Value, Message>> {
    const registry = new Registry<Key, Value, Message>(options);
    return registry.#start(self, start, options.name);
  }

  async #start(
    self: AnySelf,
    startWith: typeof start | typeof startLink,
    name: string | undefined,
  ): Promise<this> {
    const make = ({ initAck }: Starting) =>
      rootActor(this.name, this.#tables, (root) => {
        this.#root = root;
        initAck();
      });
    const options = name === undefined ? { label: this.name } : { name };
    await startWith(self, make, options);
    return this;
  }

  /** The root actor's pid, by which it is monitored, supervised and stopped. */
  get pid(): Pid {
    return this.#running().pid;
  }

  /** How many partitions it has. */
  get partitions(): number {
    return this.#tables.partitions.length;
  }

  /**
   * Registers the calling actor under a key, and links it to a partition.
   *
   * With unique keys the call is refused when a live actor holds the key, also
   * when that is the caller. With duplicate keys each call adds an entry.
   * Throws `UsageError` for an actor of another node, and while a crashed
   * partition has not been restarted yet.
   */
  register(self: Registrant<Message>, key: Key, value: Value): Registration {
    this.#mayChange(self);
    const { pid } = self;
    const by = mapKey(key);
    const { keyed, owning } = this.#tables.placeOf(by, pid);
    const owner = owning.pid;
    if (owner === null || !this.#lives(owner) || !this.#lives(keyed.pid)) {
      throw new UsageError(
        `expected the partitions of the registry ${this.name} to run, but one ` +
          "has crashed and was not restarted yet; try again in a later turn",
      );
    }
    if (this.kind === "unique") {
      for (const row of keyed.byKey.get(by)) {
        if (this.#lives(row.pid)) return { ok: false, holder: row.pid };
        // Its owner has ended, and the partition has not cleaned up yet.
        this.#tables.delete(row);
      }
    }
    if (!owning.byOwner.has(pid)) self.link(owner);
    this.#tables.add({ key, mapKey: by, pid, value });
    const { name: registry } = this;
    this.#tell(self, { type: "register", registry, key, pid, value });
    return { ok: true, owner };
  }

  /** Removes all entries of the calling actor under this key. */
  unregister(self: Registrant<Message>, key: Key): void {
    this.unregisterMatch(self, key, () => true);
  }

  /**
   * Removes the entries of the calling actor under this key whose value passes
   * the test, and returns their number. Listeners are notified when the last
   * such entry under the key is removed.
   */
  unregisterMatch(
    self: Registrant<Message>,
    key: Key,
    test: (value: Value) => boolean,
  ): number {
    this.#mayChange(self);
    const { pid } = self;
    const by = mapKey(key);
    const rows = this.#tables.rowsOf(by, pid);
    const removed = rows.filter(({ value }) => test(value));
    if (removed.length === 0) return 0;
    for (const row of removed) this.#tables.delete(row);
    const { owning } = this.#tables.placeOf(by, pid);
    if (owning.pid !== null && !owning.byOwner.has(pid)) {
      self.unlink(owning.pid);
    }
    if (removed.length === rows.length) {
      this.#tell(self, { type: "unregister", registry: this.name, key, pid });
    }
    return removed.length;
  }

  /**
   * Changes the value of the calling actor's entry under a unique key. Returns
   * null when there is no such entry.
   */
  updateValue(
    self: Registrant<Message>,
    key: Key,
    update: (value: Value) => Value,
  ): { readonly newValue: Value; readonly oldValue: Value } | null {
    this.#mustBeUnique("updateValue");
    this.#mayChange(self);
    const [row] = this.#tables.rowsOf(mapKey(key), self.pid);
    if (row === undefined) return null;
    const oldValue = row.value;
    const newValue = row.value = update(oldValue);
    return { newValue, oldValue };
  }

  /**
   * The entries under this key. Those of one partition are in the order of
   * registration.
   */
  lookup(key: Key): readonly Entry<Value, Message>[] {
    if (this.#tables.layout === "byPid") return this.#groups(key).flat();
    const by = mapKey(key);
    const { pid, byKey } = this.#tables.ofKey(by);
    return this.#lives(pid) ? this.#entries(byKey.get(by)) : [];
  }

  /** As `lookup`, but only entries whose value passes the test. */
  match(
    key: Key,
    test: (value: Value) => boolean,
  ): readonly Entry<Value, Message>[] {
    return this.lookup(key).filter(({ value }) => test(value));
  }

  /** How many entries `match` returns. */
  countMatch(key: Key, test: (value: Value) => boolean): number {
    return this.match(key, test).length;
  }

  /** The entries under any key that pass the test; without a test, all. */
  select(
    test: EntryTest<Key, Value, Message> = () => true,
  ): readonly KeyedEntry<Key, Value, Message>[] {
    const entries: KeyedEntry<Key, Value, Message>[] = [];
    this.#visitAll(({ key, pid, value }) => entries.push({ key, pid, value }));
    return entries.filter(test);
  }

  /** How many entries `select` returns. */
  countSelect(test: EntryTest<Key, Value, Message>): number {
    return this.select(test).length;
  }

  /** How many entries there are. The time it takes grows with the number. */
  count(): number {
    let count = 0;
    this.#visitAll(() => count++);
    return count;
  }

  /** The keys of an actor, one for each of its entries. */
  keys(pid: Pid<never>): readonly Key[] {
    const partitions = this.#living(this.#tables.partitions);
    if (!this.#lives(pid)) return [];
    return partitions.flatMap(({ byOwner }) =>
      [...byOwner.get(pid)].map(({ key }) => key)
    );
  }

  /** The values of an actor under a key. */
  values(key: Key, pid: Pid<never>): readonly Value[] {
    const rows = this.#tables.rowsOf(mapKey(key), pid);
    return this.#lives(pid) ? rows.map(({ value }) => value) : [];
  }

  /** The live actor under a unique key, or null. */
  whereis(key: Key): Pid<Message> | null {
    this.#mustBeUnique("whereis");
    return this.lookup(key)[0]?.pid ?? null;
  }

  /**
   * Sends to the actor under a unique key. Throws `UsageError` when there is
   * none.
   */
  send(self: Pick<Self<never>, "send">, key: Key, message: Message): boolean {
    const pid = this.whereis(key);
    if (pid !== null) return self.send(pid, message);
    throw new UsageError(
      `expected an actor under the key ${printTerm(key)} in the registry ` +
        `${this.name}, but there is none`,
    );
  }

  /** Makes a name of a unique key, under which an actor can be started. */
  via(key: Key, value: Value): Via<Message> {
    this.#mustBeUnique("via");
    const register = (self: Registrant<Message>) =>
      this.register(self, key, value).ok;
    return {
      via: {
        find: () => this.whereis(key) as Pid<unknown> | null,
        register: (self) => register(self as never),
      },
      name: key,
      whereis: () => this.whereis(key),
      register,
      unregister: (self) => this.unregister(self, key),
      send: (self, message) => this.send(self, key, message),
    };
  }

  /**
   * Calls `body` in the caller's turn with the entries under a key, once for
   * each partition that has some. An error of `body` is thrown to the caller,
   * and the remaining partitions are left out.
   */
  dispatch(
    key: Key,
    body: (entries: readonly Entry<Value, Message>[]) => void,
  ): void {
    for (const entries of this.#groups(key)) body(entries);
  }

  /**
   * As `dispatch`, but each call of `body` runs in an actor of its own, so that
   * one may wait while the others go on. Resolves when all have ended. When
   * some have crashed, rejects with the error of the first of these. The actors
   * run on when the caller ends meanwhile.
   */
  async dispatchParallel(
    self: AnySelf,
    key: Key,
    body: (entries: readonly Entry<Value, Message>[]) => void | Promise<void>,
    options: DispatchOptions = {},
  ): Promise<void> {
    dispatchOptions.check(options);
    const bodies = this.#groups(key).map((entries) => () => body(entries));
    await runEach(self, bodies, options);
  }

  /** The value that `putMeta` has stored; undefined when there is none. */
  meta(key: unknown): unknown {
    this.#running();
    return this.#meta.get(mapKey(key));
  }

  /** Stores a value that belongs to the registry and not to an entry. */
  putMeta(key: unknown, value: unknown): void {
    this.#running();
    this.#meta.set(mapKey(key), value);
  }

  deleteMeta(key: unknown): void {
    this.#running();
    this.#meta.delete(mapKey(key));
  }

  /**
   * Runs `body` in the caller while the caller holds the lock of a key. Lock
   * keys are independent of the keys of entries. Other callers that ask for the
   * same lock wait, in order. The lock is released when `body` returns, throws
   * or rejects, or when the caller ends.
   *
   * Rejects with the error of `body`, and with a `CallError` when the lock was
   * not granted within `timeoutMs` (default 5,000). A holder that asks for its
   * own lock again waits until that time-out. A crash of the partition releases
   * its locks.
   */
  async lock<T>(
    self: AnySelf,
    key: unknown,
    body: () => T | Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    this.#running();
    callOptions.check(options, "lock");
    const by = mapKey(key);
    const partition = this.#tables.ofKey(by).pid as Pid<unknown>;
    const ticket = self.makeRef();
    try {
      const request: LockRequest = { type: "lock", mapKey: by, ticket };
      await self.call(partition, request, options);
      return await body();
    } finally {
      // This also withdraws a request that has timed out.
      self.cast(partition, { type: "unlock", ticket } satisfies UnlockRequest);
    }
  }

  /** The entries under a key, by partition; no group is empty. */
  #groups(key: Key): readonly Entry<Value, Message>[][] {
    const by = mapKey(key);
    return this.#living(this.#tables.placesOf(by))
      .map(({ byKey }) => this.#entries(byKey.get(by)))
      .filter((entries) => entries.length > 0);
  }

  /** The public part of the rows whose actors are live. */
  #entries(
    rows: Iterable<Row<Key, Value, Message>>,
  ): Entry<Value, Message>[] {
    const root = this.#running();
    const entries: Entry<Value, Message>[] = [];
    for (const { pid, value } of rows) {
      if (root.isActorAlive(pid)) entries.push({ pid, value });
    }
    return entries;
  }

  /** Calls `visit` with each row whose actor is live. */
  #visitAll(visit: (row: Row<Key, Value, Message>) => void): void {
    const root = this.#running();
    for (const { byKey } of this.#living(this.#tables.partitions)) {
      byKey.visitAll((row) => {
        if (root.isActorAlive(row.pid)) visit(row);
      });
    }
  }

  /** Leaves out a crashed partition that was not restarted yet. */
  #living(
    partitions: readonly Partition<Key, Value, Message>[],
  ): readonly Partition<Key, Value, Message>[] {
    this.#running();
    return partitions.filter(({ pid }) => this.#lives(pid));
  }

  #lives(pid: Pid<never> | null): boolean {
    const root = this.#running();
    return pid !== null && pid.node === root.node && root.isActorAlive(pid);
  }

  #running(): Self<unknown> {
    if (this.#root?.isAlive) return this.#root;
    throw new UsageError(
      `expected the registry ${this.name} to run, but it has ended; start ` +
        "another one",
    );
  }

  #mayChange(self: Registrant<Message>): void {
    const { pid } = this.#running();
    if (
      self.isAlive && self.node === pid.node &&
      self.pid.creation === pid.creation
    ) return;
    throw new UsageError(
      `expected a live actor of ${pid.node} to use the registry ` +
        `${this.name}, got ${self.pid} of ${self.node}`,
    );
  }

  #mustBeUnique(what: string): void {
    if (this.kind === "unique") return;
    throw new UsageError(
      `expected ${what} to be called on a registry with unique keys, but ` +
        `those of ${this.name} are duplicate`,
    );
  }

  #tell(self: Registrant<Message>, event: RegistryEvent<Key, Value>): void {
    for (const to of this.#listeners) {
      // In this form, a name that no actor holds is no error.
      self.send(
        typeof to === "string" ? { name: to, node: self.node } : to,
        event,
      );
    }
  }
}
