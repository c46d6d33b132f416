/** The types of a registry's options and results; see `std/registry/mod.ts`. */

import { option, OptionTable } from "../../runtime/mod.ts";
import type { Destination, Pid, Self, ViaTarget } from "../../runtime/mod.ts";

/** The message to listeners. There is none when a registrant ends. */
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
  /** The local name of the root actor, and the `registry` of events. */
  readonly name?: string;
  /** At least 1. Default 1. */
  readonly partitions?: number;
  /**
   * With duplicate keys: which entries share a partition. With `pid`, those of
   * an actor do, so that a crash ends few actors. With `key`, those of a key
   * do, so that a look-up reads one partition only. Default `pid`.
   */
  readonly partitionBy?: "pid" | "key";
  /**
   * Actors that are sent a `RegistryEvent` for each registration and each
   * unregistration. A name that no actor holds is skipped.
   */
  readonly listeners?: readonly Destination<RegistryEvent<Key, Value>>[];
  /** The initial values of `meta`, by key. */
  readonly meta?: Iterable<readonly [unknown, unknown]>;
};

/** What the options of a registry take. */
export const registryOptions: OptionTable<RegistryOptions> = new OptionTable<
  RegistryOptions
>(
  "Registry",
  {
    keys: option.oneOf("unique", "duplicate"),
    name: option.text,
    partitions: option.amount,
    partitionBy: option.oneOf("pid", "key"),
    listeners: option.list,
    meta: option.object,
  },
);

/** An actor under a key. */
export type Entry<Value, Message = never> = {
  readonly pid: Pid<Message>;
  readonly value: Value;
};

/** An entry with its key. */
export type KeyedEntry<Key, Value, Message = never> = Entry<Value, Message> & {
  readonly key: Key;
};

/** Selects entries. */
export type EntryTest<Key, Value, Message> = (
  entry: KeyedEntry<Key, Value, Message>,
) => boolean;

/** The result of `register`. */
export type Registration =
  | {
    readonly ok: true;
    /** The actor of the partition, which the registrant is linked to now. */
    readonly owner: Pid;
  }
  | {
    readonly ok: false;
    /** The actor that holds the key; it may be the caller. */
    readonly holder: Pid;
  };

/** Options of `dispatchParallel`. */
export type DispatchOptions = {
  /** Kills the actors that still run, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** What the options of `dispatchParallel` take. */
export const dispatchOptions: OptionTable<DispatchOptions> = new OptionTable<
  DispatchOptions
>(
  "dispatchParallel",
  { signal: option.signal },
);

/** The part of `self` that a registration needs. */
export type Registrant<Message> = Pick<
  Self<Message>,
  "isAlive" | "link" | "node" | "pid" | "send" | "unlink"
>;

/**
 * A name that a registry keeps and not the node. A server can be started under
 * it, and it is a target of sends and calls.
 */
export interface Via<Message = never> extends ViaTarget {
  whereis(): Pid<Message> | null;
  /** Returns whether the calling actor got the name. */
  register(self: Registrant<Message>): boolean;
  unregister(self: Registrant<Message>): void;
  /** Throws `UsageError` when no actor has the name. */
  send(self: Pick<Self<never>, "send">, message: Message): boolean;
}
