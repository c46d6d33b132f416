/**
 * The messages between `global_name_server`s: protocol version 8 of OTP's
 * module `global` (OTP 25). This file has their types and writes them as terms;
 * `protocol/read.ts` reads them. `../README.md` has a table of them.
 *
 * Most are casts and calls, the others plain tuples. Messages whose names begin
 * with `hornbeam_` pass only between Hornbeam nodes.
 */

import { compareTerms } from "../../../core/terms/order.ts";
import {
  type Atom,
  atom,
  type Closure,
  type ExternalFun,
  type Pid,
  Tuple,
} from "../../../core/terms/terms.ts";
import { nameAtom } from "../../../core/terms/atom_names.ts";

/** The version of the protocol that this node speaks. */
export const PROTOCOL_VERSION = 8;
/** The registered name on every node. */
export const SERVER_NAME = "global_name_server";

/** A method as it travels: a fun of three arguments. */
export type Method = ExternalFun | Closure;

/** A name with its pid and its resolver. */
export type NameEntry = {
  readonly name: unknown;
  readonly pid: Pid;
  readonly method: Method;
};

/** One change of the table of names. */
export type NameOp =
  | { readonly type: "insert"; readonly entry: NameEntry }
  | { readonly type: "delete"; readonly name: unknown };

/** `{ResourceId, LockRequesterId}`. */
export type LockId = {
  readonly resource: unknown;
  readonly requester: unknown;
};

/** Nodes with the version that they speak. */
export type Versions = readonly (readonly [node: string, version: number])[];

/** A message of another server; `node` is its node. */
export type ServerMessage =
  | {
    readonly type: "initConnect";
    readonly node: string;
    readonly version: number;
    readonly tag: unknown;
    readonly locker: Pid;
    readonly isHornbeam: boolean;
  }
  | {
    readonly type: "initConnectAck";
    readonly node: string;
    /** The receiver's tag, repeated. */
    readonly tag: unknown;
    readonly senderTag: unknown;
  }
  | {
    readonly type: "lockSet";
    readonly node: string;
    readonly isSet: boolean;
    readonly tag: unknown;
  }
  | {
    readonly type: "exchange";
    readonly node: string;
    readonly names: readonly NameEntry[];
    readonly tag: unknown;
  }
  | {
    readonly type: "resolved";
    readonly node: string;
    readonly ops: readonly NameOp[];
    readonly known: Versions;
    readonly tag: unknown;
  }
  | {
    readonly type: "newNodes";
    readonly node: string;
    readonly ops: readonly NameOp[];
    readonly nodes: Versions;
    /** The lock under which the change is made. */
    readonly lock: LockId | null;
  }
  | { readonly type: "inSync"; readonly node: string }
  | {
    readonly type: "cancelConnect";
    readonly node: string;
    readonly tag: unknown;
  }
  | { readonly type: "lostConnection"; readonly event: LostConnection }
  | { readonly type: "removeConnection"; readonly node: string }
  | { readonly type: "whereis"; readonly name: unknown; readonly from: Pid }
  | {
    readonly type: "lockWanted" | "lockFree";
    readonly node: string;
    readonly resource: unknown;
  }
  | {
    /** A sum over the sender's names. */
    readonly type: "check";
    readonly node: string;
    readonly sum: string;
  }
  | {
    /** The sender has lost another node. */
    readonly type: "lost";
    readonly node: string;
    readonly other: string;
  }
  | {
    /** The receiver should connect to another node. */
    readonly type: "meet";
    readonly node: string;
    readonly other: string;
  };

/** `reporter` has lost its connection with `other`. */
export type LostConnection = {
  readonly reporter: string;
  /** The incarnation of the reporter. */
  readonly creation: unknown;
  /** The number of the report: later reports of an incarnation have more. */
  readonly id: number | bigint;
  readonly other: string;
  /** The message as it came, to be passed on. */
  readonly message: Tuple;
};

/** The request of a call to a server. */
export type ServerRequest =
  | { readonly type: "setLock" | "delLock"; readonly id: LockId }
  | { readonly type: "change"; readonly ops: readonly NameOp[] }
  | {
    readonly type: "known" | "synced" | "version" | "external";
  };

/** The atoms of the protocol. */
type Word =
  | "initConnect"
  | "locker"
  | "noPid"
  | "initConnectAck"
  | "lockSet"
  | "exchange"
  | "resolved"
  | "unused"
  | "newNodes"
  | "inSync"
  | "cancelConnect"
  | "lostConnection"
  | "removeConnection"
  | "whereis"
  | "setLock"
  | "delLock"
  | "register"
  | "registerExternal"
  | "unregister"
  | "getKnown"
  | "getSynced"
  | "getVersion"
  | "getExternal"
  | "insert"
  | "delete"
  | "vsn"
  | "lock"
  | "wanted"
  | "free"
  | "ops"
  | "check"
  | "lost"
  | "meet";

export const atoms: { readonly [W in Word]: Atom } = {
  initConnect: atom("init_connect"),
  locker: atom("locker"),
  noPid: atom("no_longer_a_pid"),
  initConnectAck: atom("init_connect_ack"),
  lockSet: atom("lock_set"),
  exchange: atom("exchange"),
  resolved: atom("resolved"),
  unused: atom("unused"),
  newNodes: atom("new_nodes"),
  inSync: atom("in_sync"),
  cancelConnect: atom("cancel_connect"),
  lostConnection: atom("lost_connection"),
  removeConnection: atom("remove_connection"),
  whereis: atom("whereis"),
  setLock: atom("set_lock"),
  delLock: atom("del_lock"),
  register: atom("register"),
  registerExternal: atom("register_ext"),
  unregister: atom("unregister"),
  getKnown: atom("get_known"),
  getSynced: atom("get_synced"),
  getVersion: atom("get_protocol_version"),
  getExternal: atom("get_names_ext"),
  insert: atom("insert"),
  delete: atom("delete"),
  vsn: atom("vsn"),
  lock: atom("lock"),
  wanted: atom("hornbeam_lock_wanted"),
  free: atom("hornbeam_lock_free"),
  ops: atom("hornbeam_ops"),
  check: atom("hornbeam_check"),
  lost: atom("hornbeam_lost"),
  meet: atom("hornbeam_meet"),
};

/** The resource that is locked for every change of names. */
export const globalResource: Atom = atom("global");
export const yes: Atom = atom("yes");

/** The lock of a node that changes atoms. */
export function changeLock(pid: Pid): LockId {
  return { resource: globalResource, requester: pid };
}

/** Whether a lock is a `changeLock`. */
export function isChange({ resource, requester }: LockId): boolean {
  return resource === globalResource && !Array.isArray(requester);
}

/** The lock under which two nodes join: the same on both sides. */
export function joinLock(one: Pid, other: Pid): LockId {
  const requester = [one, other].sort(compareTerms);
  return { resource: globalResource, requester };
}

/** The node that is locked first: the one with the greatest name. */
export function bossOf(nodes: readonly string[]): string {
  return nodes.reduce((boss, node) => isSmaller(boss, node) ? node : boss);
}

/** By the order of their atoms, as BEAM nodes compare names. */
export function isSmaller(one: string, other: string): boolean {
  return compareTerms(nameAtom(one), nameAtom(other)) < 0;
}

// -- Writing

const tuple = (...items: unknown[]) => new Tuple(items);
const lockTerm = (id: LockId) => tuple(id.resource, id.requester);

/** The messages and requests of this node, as OTP writes them. */
export const write = {
  initConnect: (node: string, tag: number, locker: Pid): Tuple =>
    tuple(
      atoms.initConnect,
      tuple(PROTOCOL_VERSION, tag),
      nameAtom(node),
      // OTP ignores the map. It tells Hornbeam nodes that this is one.
      tuple(atoms.locker, atoms.noPid, { hornbeam: 1 }, locker),
    ),
  initConnectAck: (node: string, peerTag: unknown, tag: number): Tuple =>
    tuple(atoms.initConnectAck, nameAtom(node), peerTag, tag),
  lockSet: (
    locker: Pid,
    isSet: boolean,
    known: readonly string[],
    peerTag: unknown,
  ): Tuple => tuple(atoms.lockSet, locker, isSet, known.map(nameAtom), peerTag),
  exchange: (
    node: string,
    entries: readonly NameEntry[],
    peerTag: unknown,
  ): Tuple => {
    const list = entries.map(entryTerm);
    return tuple(atoms.exchange, nameAtom(node), list, [], peerTag);
  },
  resolved: (
    node: string,
    ops: readonly NameOp[],
    known: Versions,
    peerTag: unknown,
  ): Tuple =>
    tuple(
      atoms.resolved,
      nameAtom(node),
      ops.map(opTerm),
      known.map(versionTerm),
      atoms.unused,
      [],
      peerTag,
    ),
  newNodes: (
    node: string,
    ops: readonly NameOp[],
    nodes: Versions,
    version: number,
    lock: LockId,
  ): Tuple =>
    tuple(
      atoms.newNodes,
      nameAtom(node),
      ops.map(opTerm),
      [],
      nodes.map(versionTerm),
      [tuple(atoms.vsn, version), tuple(atoms.lock, lockTerm(lock))],
    ),
  inSync: (node: string): Tuple => tuple(atoms.inSync, nameAtom(node), true),
  cancelConnect: (node: string, peerTag: unknown): Tuple =>
    tuple(atoms.cancelConnect, nameAtom(node), peerTag),
  lostConnection: (
    reporter: string,
    creation: number,
    id: number,
    other: string,
  ): Tuple =>
    tuple(
      atoms.lostConnection,
      nameAtom(reporter),
      creation,
      id,
      nameAtom(other),
    ),
  removeConnection: (node: string): Tuple =>
    tuple(atoms.removeConnection, nameAtom(node)),
  setLock: (id: LockId): Tuple => tuple(atoms.setLock, lockTerm(id)),
  delLock: (id: LockId): Tuple => tuple(atoms.delLock, lockTerm(id)),
  /** One change, in OTP's form. */
  change: (op: NameOp): Tuple =>
    op.type === "insert"
      ? tuple(atoms.register, op.entry.name, op.entry.pid, op.entry.method)
      : tuple(atoms.unregister, op.name),
  /** Several changes in one request, to a Hornbeam node. */
  changes: (ops: readonly NameOp[]): Tuple => tuple(atoms.ops, ops.map(opTerm)),
  lockWanted: (node: string, resource: unknown): Tuple =>
    tuple(atoms.wanted, nameAtom(node), resource),
  lockFree: (node: string, resource: unknown): Tuple =>
    tuple(atoms.free, nameAtom(node), resource),
  check: (node: string, sum: string): Tuple =>
    tuple(atoms.check, nameAtom(node), sum),
  lost: (node: string, other: string): Tuple =>
    tuple(atoms.lost, nameAtom(node), nameAtom(other)),
  meet: (node: string, other: string): Tuple =>
    tuple(atoms.meet, nameAtom(node), nameAtom(other)),
} as const;

function entryTerm({ name, pid, method }: NameEntry): Tuple {
  return tuple(name, pid, method);
}

function opTerm(op: NameOp): Tuple {
  return op.type === "insert"
    ? tuple(atoms.insert, entryTerm(op.entry))
    : tuple(atoms.delete, op.name);
}

function versionTerm([node, version]: Versions[number]): Tuple {
  return tuple(nameAtom(node), version);
}
