/**
 * Reads the messages of other `global_name_server`s; `protocol/terms.ts` writes
 * them. A term that is no such message reads as null, so garbage has no effect.
 */

import { Closure, ExternalFun, Pid, Tuple } from "../../../core/terms/terms.ts";
import { atomName } from "../../../core/terms/atom_names.ts";
import {
  atoms,
  type LockId,
  type Method,
  type NameEntry,
  type NameOp,
  type ServerMessage,
  type ServerRequest,
  type Versions,
} from "./terms.ts";
import { itemsOf } from "../../shared/tuple_items.ts";

/** The `init_connect` of older nodes lacks fields that are needed here. */
const OLDEST_VERSION = 7;

/** Reads a cast or a plain message; null for any other term. */
export function readMessage(term: unknown): ServerMessage | null {
  const [kind, ...items] = itemsOf(term);
  if (kind === atoms.initConnect) return readInitConnect(items);
  if (kind === atoms.lockSet) return readLockSet(items);
  if (kind === atoms.lostConnection) return readLost(term as Tuple);
  if (kind === atoms.whereis) {
    const [name, from] = items;
    return from instanceof Pid ? { type: "whereis", name, from } : null;
  }
  const [sender, ...rest] = items;
  const node = atomName(sender);
  return node === undefined ? null : readFromNode(node, kind, rest);
}

/** Reads a message whose second item is the sender's node. */
function readFromNode(
  node: string,
  kind: unknown,
  items: readonly unknown[],
): ServerMessage | null {
  const [first, second] = items;
  switch (kind) {
    case atoms.initConnectAck:
      return { type: "initConnectAck", node, tag: first, senderTag: second };
    case atoms.exchange: {
      const entries = listOf(first, readEntry);
      if (entries === null) return null;
      return { type: "exchange", node, names: entries, tag: items[2] };
    }
    case atoms.resolved:
      return readResolved(node, items);
    case atoms.newNodes:
      return readNewNodes(node, items);
    case atoms.inSync:
      return { type: "inSync", node };
    case atoms.cancelConnect:
      return { type: "cancelConnect", node, tag: first };
    case atoms.removeConnection:
      return { type: "removeConnection", node };
    case atoms.wanted:
      return { type: "lockWanted", node, resource: first };
    case atoms.free:
      return { type: "lockFree", node, resource: first };
    case atoms.check:
      if (typeof first !== "string") return null;
      return { type: "check", node, sum: first };
    case atoms.lost:
    case atoms.meet: {
      const other = atomName(first);
      if (other === undefined) return null;
      return { type: kind === atoms.lost ? "lost" : "meet", node, other };
    }
    default:
      return null;
  }
}

function readInitConnect(items: readonly unknown[]): ServerMessage | null {
  const [head, sender, locker] = items;
  const [version, tag] = itemsOf(head);
  const [, , extras, pid] = itemsOf(locker);
  const node = atomName(sender);
  if (node === undefined || !(pid instanceof Pid)) return null;
  if (typeof version !== "number" || version < OLDEST_VERSION) return null;
  const isHornbeam = typeof extras === "object" && extras !== null &&
    Object.hasOwn(extras, "hornbeam");
  return { type: "initConnect", node, version, tag, locker: pid, isHornbeam };
}

function readLockSet(items: readonly unknown[]): ServerMessage | null {
  const [locker, isSet, , tag] = items;
  if (!(locker instanceof Pid)) return null;
  return { type: "lockSet", node: locker.node, isSet: isSet === true, tag };
}

function readResolved(
  node: string,
  items: readonly unknown[],
): ServerMessage | null {
  const ops = listOf(items[0], readOp);
  const known = listOf(items[1], readVersion);
  if (ops === null || known === null) return null;
  return { type: "resolved", node, ops, known, tag: items[4] };
}

function readNewNodes(
  node: string,
  items: readonly unknown[],
): ServerMessage | null {
  const ops = listOf(items[0], readOp);
  const nodes = listOf(items[2], readVersion);
  if (ops === null || nodes === null) return null;
  const extras: readonly unknown[] = Array.isArray(items[3]) ? items[3] : [];
  const lock = extras.map(itemsOf).find(([key]) => key === atoms.lock)?.[1];
  return { type: "newNodes", node, ops, nodes, lock: readLockId(lock) };
}

function readLost(message: Tuple): ServerMessage | null {
  const [, sender, creation, id, lost] = message.items;
  const [reporter, other] = [atomName(sender), atomName(lost)];
  if (reporter === undefined || other === undefined) return null;
  if (typeof id !== "number" && typeof id !== "bigint") return null;
  const event = { reporter, creation, id, other, message };
  return { type: "lostConnection", event };
}

/** Reads the request of a call; null for any other term. */
export function readRequest(request: unknown): ServerRequest | null {
  switch (request) {
    case atoms.getKnown:
      return { type: "known" };
    case atoms.getSynced:
      return { type: "synced" };
    case atoms.getVersion:
      return { type: "version" };
    case atoms.getExternal:
      return { type: "external" };
  }
  const [kind, ...items] = itemsOf(request);
  switch (kind) {
    case atoms.setLock:
    case atoms.delLock: {
      const id = readLockId(items[0]);
      const type = kind === atoms.setLock ? "setLock" : "delLock";
      return id === null ? null : { type, id };
    }
    case atoms.register:
    case atoms.registerExternal: {
      const entry = readEntry(new Tuple(items.slice(0, 3)));
      if (entry === null) return null;
      return { type: "change", ops: [{ type: "insert", entry }] };
    }
    case atoms.unregister: {
      const [name] = items;
      return { type: "change", ops: [{ type: "delete", name }] };
    }
    case atoms.ops: {
      const ops = listOf(items[0], readOp);
      return ops === null ? null : { type: "change", ops };
    }
    default:
      return null;
  }
}

export function readLockId(term: unknown): LockId | null {
  const items = itemsOf(term);
  if (items.length !== 2) return null;
  const [resource, requester] = items;
  return { resource, requester };
}

export function isMethod(term: unknown): term is Method {
  return term instanceof ExternalFun || term instanceof Closure;
}

function readEntry(term: unknown): NameEntry | null {
  const [name, pid, method] = itemsOf(term);
  if (!(pid instanceof Pid) || !isMethod(method)) return null;
  return { name, pid, method };
}

function readOp(term: unknown): NameOp | null {
  const [kind, what] = itemsOf(term);
  if (kind === atoms.delete) return { type: "delete", name: what };
  const entry = kind === atoms.insert ? readEntry(what) : null;
  return entry === null ? null : { type: "insert", entry };
}

function readVersion(term: unknown): Versions[number] | null {
  const [sender, version] = itemsOf(term);
  const node = atomName(sender);
  if (node === undefined || typeof version !== "number") return null;
  return [node, version];
}

/** All items, or null if an item cannot be read. */
function listOf<T>(
  term: unknown,
  read: (item: unknown) => T | null,
): readonly T[] | null {
  if (!Array.isArray(term)) return null;
  const items: T[] = [];
  for (const item of term as readonly unknown[]) {
    const one = read(item);
    if (one === null) return null;
    items.push(one);
  }
  return items;
}
