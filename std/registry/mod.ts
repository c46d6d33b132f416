/**
 * A registry: it finds actors of one node by keys of any kind, and keeps a
 * value with each entry.
 *
 * With `unique` keys it is a directory of names: one actor per key. With
 * `duplicate` keys it is a table of subscriptions: any number of actors per
 * key, and an actor may have several entries. Follows Elixir's `Registry`.
 *
 * Registrations and look-ups are plain calls that take effect at once. An entry
 * belongs to the actor that made it, and is removed when that actor ends. Keys
 * are terms and are compared by `termEquals`, so by content and kind. A value
 * that is no term, such as a `Date` or a function, is refused as a key with a
 * `TypeError`.
 *
 * When not to use it: for a few well-known actors, `self.register` is simpler.
 * For names and groups of a whole cluster, use `global` and `pg`: a registry
 * knows one node only. It is no store: a value is lost when its actor ends.
 *
 * Guarantees, weak ones included:
 * - An actor that has ended is in no result from then on, and no `register` is
 *   refused because of it. Its entries leave the memory in a later turn of a
 *   partition, so `count` has to visit them all.
 * - A registrant is linked to its partition until it has unregistered its last
 *   key there. When a partition crashes, its registrants end with it, unless
 *   they trap exits; then the registry restarts the partition, which is empty.
 *   With unique keys, all partitions restart.
 * - When the registry ends, its registrants get its exit reason over the link.
 * - Values are shared and not copied, also on a node with `isolate`: change them
 *   with `updateValue` only.
 * - JavaScript runs one actor of a node at a time, so partitions add no speed.
 *   They limit how many registrants end by a crash, and how many entries one
 *   actor of `dispatchParallel` handles.
 */

export { Registry } from "./registry.ts";
export type {
  DispatchOptions,
  Entry,
  KeyedEntry,
  Registrant,
  Registration,
  RegistryEvent,
  RegistryOptions,
  Via,
} from "./types.ts";
