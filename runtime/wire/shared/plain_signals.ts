/**
 * Control messages that have no payload: link, unlink, monitor, group leader
 * and the reply to a spawn request. Both codecs give them the same items in the
 * same order; how a codec writes and checks an item is its own business.
 */

import type {
  MonitorTarget,
  Signal,
  SpawnFlags,
} from "../../core/host/signal.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import { ops } from "./control_numbers.ts";

export type PlainSignal = Extract<Signal, {
  type:
    | "link"
    | "unlink"
    | "unlinkAck"
    | "monitor"
    | "demonitor"
    | "groupLeader"
    | "spawnReply";
}>;

/**
 * The items of a received control message. Each method returns the item at an
 * index, or throws a `DecodeError` when the item is not what it has to be.
 */
export interface ControlItems {
  /** A pid of any node. */
  pid(index: number): Pid;
  /** A pid of the peer, which may not speak for other nodes. */
  from(index: number): Pid;
  /** The pid of an actor of this node. */
  to(index: number): Pid;
  ref(index: number): Ref;
  /** The pid or the registered name of an actor of this node or the peer. */
  target(index: number, owner: "from" | "to"): MonitorTarget;
  /** The number of an unlink operation. */
  unlinkId(index: number): number | bigint;
  flags(index: number): SpawnFlags;
}

/** Bits of the flags of a spawn reply. */
const LINK_BIT = 1;
const MONITOR_BIT = 2;

/** The flags of a spawn as the number that they are in a control message. */
export function bitsOfFlags(flags: SpawnFlags): number {
  return (flags.link ? LINK_BIT : 0) | (flags.monitor ? MONITOR_BIT : 0);
}

export function flagsOfBits(bits: number): SpawnFlags {
  return {
    link: (bits & LINK_BIT) !== 0,
    monitor: (bits & MONITOR_BIT) !== 0,
  };
}

/**
 * The items of the control message of a signal, its number first. `targetTerm`
 * gives the term that a pid or a registered name is.
 */
export function plainItems(
  signal: PlainSignal,
  targetTerm: (target: MonitorTarget) => unknown,
): unknown[] {
  const { type } = signal;
  switch (type) {
    case "link":
      return [ops.link, signal.from, signal.to];
    case "groupLeader":
      return [ops.groupLeader, signal.from, signal.to];
    case "unlink":
      return [ops.unlinkId, signal.id, signal.from, signal.to];
    case "unlinkAck":
      return [ops.unlinkIdAck, signal.id, signal.from, signal.to];
    case "monitor":
    case "demonitor": {
      const op = type === "monitor" ? ops.monitorP : ops.demonitorP;
      return [op, signal.from, targetTerm(signal.target), signal.ref];
    }
    case "spawnReply": {
      const { ref, to, flags, result } = signal;
      const bits = bitsOfFlags(flags);
      return [ops.spawnReply, ref, to, bits, targetTerm(result)];
    }
    default:
      return signal satisfies never;
  }
}

/** The signal of a control message; undefined for one with a payload. */
export function readPlainSignal(
  op: unknown,
  items: ControlItems,
): PlainSignal | undefined {
  switch (op) {
    case ops.link:
      return { type: "link", from: items.from(1), to: items.to(2) };
    case ops.unlinkId:
    case ops.unlinkIdAck:
      return {
        type: op === ops.unlinkId ? "unlink" : "unlinkAck",
        id: items.unlinkId(1),
        from: items.from(2),
        to: items.to(3),
      };
    case ops.monitorP:
    case ops.demonitorP:
      return {
        type: op === ops.monitorP ? "monitor" : "demonitor",
        from: items.from(1),
        target: items.target(2, "to"),
        ref: items.ref(3),
      };
    case ops.groupLeader:
      return { type: "groupLeader", from: items.pid(1), to: items.to(2) };
    case ops.spawnReply:
    case ops.spawnReplyTt:
      return {
        type: "spawnReply",
        ref: items.ref(1),
        to: items.to(2),
        flags: items.flags(3),
        result: items.target(4, "from"),
      };
    default:
      return undefined;
  }
}
