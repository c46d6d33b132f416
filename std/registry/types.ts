/** What a registry is given and what it returns; see `std/registry/mod.ts`. */

import type { Destination, Pid, Self, ViaTarget } from "../../runtime/mod.ts";

/** What a registry tells its listeners. The end of an actor is not told. */
export type RegistryEvent<Key = unknown, Value = unknown> =
  | {
    readonly type: "register";
    /** The registry's name. */
    readonly registry: string;
    readonly key: Key;
    readonly pid: Pid;
    readonly value: Value;
  }
  | {
    readonly type: "unregister";
    readonly registry: string;
    readonly key: Key;
    readonly pid: Pid;
  };

/** Options of a registry. */
export type RegistryOptions<Key = unknown, Value = unknown> = {
  readonly keys: "unique" | "duplicate";
  /** Registers the registry's actor; also what listeners are told. */
  readonly name?: string;
  /** From 1 on. Default 1. */
  readonly partitions?: number;
  /**
   * With duplicate keys: which entries lie together. By `pid`, those of an
   * actor, so that a crash takes few actors along; by `key`, those of a key, so
   * that a look-up asks one partition only. Default `pid`.
   */
  readonly partitionBy?: "pid" | "key";
  /**
   * Actors that are sent a `RegistryEvent` for each registration and each
   * unregistration. A name that nobody holds is passed over.
   */
  readonly listeners?: readonly Destination<RegistryEvent<Key, Value>>[];
  /** What `meta` returns at first, by key. */
  readonly meta?: Iterable<readonly [unknown, unknown]>;
};

/** An actor under a key. */
export type Entry<Value, Message = never> = {
  readonly pid: Pid<Message>;
  readonly value: Value;
};

/** An entry with its key. */
export type KeyedEntry<Key, Value, Message = never> = Entry<Value, Message> & {
  readonly key: Key;
};

/** Whether an entry is meant. */
export type EntryTest<Key, Value, Message> = (
  entry: KeyedEntry<Key, Value, Message>,
) => boolean;

/** What `register` came to. */
export type Registration =
  | {
    readonly ok: true;
    /** The partition that the actor is linked to now. */
    readonly owner: Pid;
  }
  | {
    readonly ok: false;
    /** Who holds the key; it may be the caller. */
    readonly holder: Pid;
  };

/** Options of `dispatchParallel`. */
export type DispatchOptions = {
  /** Kills what still runs, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** As much of `self` as registering needs. */
export type Registrant<Message> = Pick<
  Self<Message>,
  "isAlive" | "link" | "node" | "pid" | "send" | "unlink"
>;

/**
 * A name that is not one of the node's: something that can be asked for an
 * actor, and told to be the name of one. Servers can be started under it, and
 * it is a destination and something to call.
 */
export interface Via<Message = never> extends ViaTarget {
  whereis(): Pid<Message> | null;
  /** Whether the calling actor has the name now. */
  register(self: Registrant<Message>): boolean;
  unregister(self: Registrant<Message>): void;
  /** Throws `UsageError` when nobody has the name. */
  send(self: Pick<Self<never>, "send">, message: Message): boolean;
}
