/**
 * The few functions of the module `erlang` that BEAM tools and their users
 * expect on any node. They only read. With `inspectable: false` a node does not
 * offer them.
 *
 * Arguments, results and errors are those of Erlang/OTP ("erlang", reference
 * manual), where this runtime has something to tell. Functions of other
 * modules, such as those of `global` and `pg`, are added by the parts that they
 * belong to, with `functions.addOwn`.
 */

import type { ExportedFunction } from "../../core/node/functions.ts";
import type { Node } from "../../core/node/node.ts";
import { Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName, nameAtom } from "../../core/terms/atom_names.ts";
import { charlist } from "../io/chardata.ts";
import { badarg } from "../shared/term_error.ts";
import { processInfo, processItems } from "./process_info.ts";
import { VERSION } from "./version.ts";

/** The release of Erlang/OTP whose protocol this node speaks. */
const OTP_RELEASE = "25";
/** Most live actors of one node; see `Node`. */
const PROCESS_LIMIT = 2 ** 28;

export function erlangFunctions(
  node: Node,
): Readonly<Record<string, ExportedFunction>> {
  return {
    "erlang:node/0": () => nameAtom(node.name),
    "erlang:nodes/0": () => node.nodes().map(nameAtom),
    "erlang:nodes/1": (which) => nodesOf(node, which),
    "erlang:whereis/1": (name) => {
      const known = atomName(name);
      if (known === undefined) throw badarg();
      return node.names.whereis(known) ?? undefined;
    },
    "erlang:registered/0": () => node.names.registered().map(nameAtom),
    "erlang:processes/0": () => Array.from(node.actors(), ({ pid }) => pid),
    "erlang:is_process_alive/1": (pid) => {
      return node.localActor(ownPid(node, pid)) !== null;
    },
    "erlang:process_info/1": (pid) => {
      const actor = node.localActor(ownPid(node, pid));
      return actor === null ? undefined : processInfo(actor);
    },
    "erlang:process_info/2": (pid, items) => {
      const actor = node.localActor(ownPid(node, pid));
      return actor === null ? undefined : processItems(actor, items);
    },
    "erlang:system_info/1": (key) => systemInfo(node, key),
    "erlang:monotonic_time/0": () => {
      const ns = Math.round(node.host.now() * 1e6);
      return Number.isSafeInteger(ns) ? ns : BigInt(ns);
    },
  };
}

/** A pid of this node. One of an earlier incarnation is no live actor. */
function ownPid(node: Node, pid: unknown): Pid {
  if (!(pid instanceof Pid) || !node.isOwnPid(pid)) throw badarg();
  return pid;
}

/** The nodes of one kind or of a list of kinds, in no order. */
function nodesOf(node: Node, which: unknown): unknown[] {
  const kinds: readonly unknown[] = Array.isArray(which) ? which : [which];
  const found = new Set<string>();
  for (const kind of kinds) {
    const nodes = nodesOfKind(node, atomName(kind));
    if (nodes === undefined) throw badarg();
    for (const name of nodes) found.add(name);
  }
  return Array.from(found, nameAtom);
}

/** Hidden nodes are not listed: only the two ends of a connection know them. */
function nodesOfKind(
  node: Node,
  kind: string | undefined,
): readonly string[] | undefined {
  switch (kind) {
    case "visible":
    case "connected":
      return node.nodes();
    case "this":
      return [node.name];
    case "known":
      return [node.name, ...node.nodes()];
    case "hidden":
      return [];
    default:
      return undefined;
  }
}

function systemInfo(node: Node, key: unknown): unknown {
  const [name] = key instanceof Tuple ? key.items : [key];
  switch (atomName(name)) {
    case "machine":
      return charlist("Hornbeam");
    case "otp_release":
      return charlist(OTP_RELEASE);
    case "version":
      return charlist(VERSION);
    case "system_version":
      return charlist(`Hornbeam ${VERSION} [${node.host.runtime}]\n`);
    case "creation":
      return node.creation;
    case "process_count":
      return node.actorCount;
    case "process_limit":
      return PROCESS_LIMIT;
    case "schedulers":
    case "schedulers_online":
    case "logical_processors":
      return 1;
    case "wordsize":
      return 8;
    default:
      throw badarg();
  }
}
