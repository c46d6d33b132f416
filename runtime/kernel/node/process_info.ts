/**
 * `erlang:process_info` for an actor.
 *
 * The shapes, and the items of the short form, are Erlang's. An item that means
 * nothing here has the value that it has for a process which does not use it,
 * and memory is not known. The content of mailboxes is not told: `messages` is
 * refused like an unknown item.
 */

import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { ActorInfo } from "../../core/contract/actor_info.ts";
import { infoOf } from "../../core/sys/info.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName, nameAtom } from "../../core/terms/atom_names.ts";
import { badarg } from "../shared/term_error.ts";

type Read = (info: ActorInfo) => unknown;

/**
 * The actor's behaviour as a function; the module says that it is not OTP's.
 */
const functionOf: Read = ({ behaviour }) =>
  new Tuple([atom("hornbeam"), atom(behaviour), 1]);

const processAtom = atom("process");

function monitored(target: Pid | NamedTarget): Tuple {
  const shown = target instanceof Pid
    ? target
    : new Tuple([nameAtom(target.name), nameAtom(target.node)]);
  return new Tuple([processAtom, shown]);
}

/** The items of the short form, in Erlang's order. */
const shortItems: Readonly<Record<string, Read>> = {
  registered_name: ({ name }) => name === null ? [] : nameAtom(name),
  current_function: functionOf,
  initial_call: functionOf,
  status: ({ status }) => atom(status === "held" ? "suspended" : status),
  message_queue_len: ({ mailboxLength }) => mailboxLength,
  links: ({ links }) => links,
  dictionary: () => [],
  trap_exit: ({ trapExits }) => trapExits,
  error_handler: () => atom("error_handler"),
  priority: () => atom("normal"),
  group_leader: ({ groupLeader }) => groupLeader,
  total_heap_size: () => 0,
  heap_size: () => 0,
  stack_size: () => 0,
  reductions: ({ reductions }) => reductions,
  garbage_collection: () => [],
  suspending: () => [],
};

const moreItems: Readonly<Record<string, Read>> = {
  monitors: ({ monitors }) => monitors.map(monitored),
  monitored_by: ({ monitoredBy }) => monitoredBy,
  memory: () => 0,
  parent: ({ parent }) => parent ?? undefined,
  label: ({ label }) => label === "" ? undefined : label,
  current_location: (info) =>
    new Tuple([...(functionOf(info) as Tuple).items, []]),
  current_stacktrace: () => [],
  backtrace: () => "",
  binary: () => [],
  async_dist: () => false,
  catchlevel: () => 0,
  fullsweep_after: () => 65_535,
  garbage_collection_info: () => [],
  last_calls: () => false,
  max_heap_size: () => ({ size: 0, kill: true, error_logger: true }),
  message_queue_data: () => atom("on_heap"),
  min_bin_vheap_size: () => 46_422,
  min_heap_size: () => 233,
  sequential_trace_token: () => [],
  trace: () => 0,
};

const reads: ReadonlyMap<string, Read> = new Map([
  ...Object.entries(shortItems),
  ...Object.entries(moreItems),
]);

/** `process_info(Pid)`: without the item `registered_name` if it has none. */
export function processInfo(actor: LocalActor): Tuple[] {
  const info = infoOf(actor);
  return Object.entries(shortItems)
    .filter(([item]) => item !== "registered_name" || info.name !== null)
    .map(([item, read]) => new Tuple([atom(item), read(info)]));
}

/** `process_info(Pid, Item)` or `process_info(Pid, [Item])`. */
export function processItems(actor: LocalActor, items: unknown): unknown {
  const info = infoOf(actor);
  if (Array.isArray(items)) {
    return items.map((item: unknown) => itemOf(info, item));
  }
  // Asked for alone, a missing registered name is an empty list.
  return atomName(items) === "registered_name" && info.name === null
    ? []
    : itemOf(info, items);
}

function itemOf(info: ActorInfo, item: unknown): Tuple {
  const read = reads.get(atomName(item) ?? "");
  if (read === undefined) throw badarg();
  return new Tuple([item, read(info)]);
}
