/**
 * What `erlang:process_info` tells of a process, for an actor.
 *
 * Shapes and the choice of items in the short form are Erlang's. Items that
 * mean nothing here have the value of a process that does not use them, and
 * memory is not known. What is in mailboxes is not told: `messages` is refused,
 * as what is no item at all.
 */

import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { ActorInfo } from "../../core/contract/actor_info.ts";
import { infoOf } from "../../core/sys/info.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName, nameAtom } from "../../core/terms/atom_names.ts";
import { badarg } from "../shared/term_error.ts";

type Read = (info: ActorInfo) => unknown;

/** The function that the actor runs, in a module that says what it is not. */
const functionOf: Read = ({ behaviour }) =>
  new Tuple([atom("hornbeam"), atom(behaviour), 1]);

const processAtom = atom("process");

function monitored(target: Pid | NamedTarget): Tuple {
  const shown = target instanceof Pid
    ? target
    : new Tuple([nameAtom(target.name), nameAtom(target.node)]);
  return new Tuple([processAtom, shown]);
}

/** In the order in which Erlang tells them. */
const short: Readonly<Record<string, Read>> = {
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

const more: Readonly<Record<string, Read>> = {
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
  ...Object.entries(short),
  ...Object.entries(more),
]);

/** `process_info(Pid)`: the name is left out where there is none. */
export function processInfo(actor: LocalActor): Tuple[] {
  const info = infoOf(actor);
  return Object.entries(short)
    .filter(([item]) => item !== "registered_name" || info.name !== null)
    .map(([item, read]) => new Tuple([atom(item), read(info)]));
}

/** `process_info(Pid, Item)` or `process_info(Pid, [Item])`. */
export function processItems(actor: LocalActor, items: unknown): unknown {
  const info = infoOf(actor);
  if (Array.isArray(items)) {
    return items.map((item: unknown) => itemOf(info, item));
  }
  // Alone, a name that is not there is an empty list.
  return atomName(items) === "registered_name" && info.name === null
    ? []
    : itemOf(info, items);
}

function itemOf(info: ActorInfo, item: unknown): Tuple {
  const read = reads.get(atomName(item) ?? "");
  if (read === undefined) throw badarg();
  return new Tuple([item, read(info)]);
}
