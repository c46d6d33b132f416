/**
 * Signals from Erlang's control messages, as OTP 25 to 28 send them.
 *
 * Older forms are understood as well, and variants with a trace token are read
 * without it. A peer may send anything, so each item is checked; what OTP would
 * not send is a `DecodeError`, which ends the connection. Writing is in
 * `beam/control_write.ts`.
 */

import type { MonitorTarget, Signal } from "../../core/host/signal.ts";
import { Pid, printTerm, Ref, Tuple } from "../../core/terms/terms.ts";
import { altact, divider, linkFlag, monitorFlag, op } from "./dist_ops.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { DecodeError } from "../shared/errors.ts";
import { spawnFlags } from "./spawn_options.ts";

/** Whether a payload follows the control message. */
export function hasPayload(control: unknown): boolean {
  const number = control instanceof Tuple ? control.items[0] : undefined;
  switch (number) {
    case op.send:
    case op.sendTt:
    case op.regSend:
    case op.regSendTt:
    case op.sendSender:
    case op.sendSenderTt:
    case op.payloadExit:
    case op.payloadExitTt:
    case op.payloadExit2:
    case op.payloadExit2Tt:
    case op.payloadMonitorPExit:
    case op.spawnRequest:
    case op.spawnRequestTt:
    case op.aliasSend:
    case op.aliasSendTt:
    case op.altactSend:
      return true;
    default:
      return false;
  }
}

/** The items of a received control message, checked as they are asked for. */
class Items {
  readonly #control: Tuple;
  readonly #peer: string;

  constructor(control: Tuple, peer: string) {
    this.#control = control;
    this.#peer = peer;
  }

  at(index: number): unknown {
    return this.#control.items[index];
  }

  pid(index: number): Pid {
    const item = this.at(index);
    return item instanceof Pid ? item : this.fail(index, "a pid");
  }

  /** A pid of the peer, which may not speak for others. */
  from(index: number): Pid {
    const pid = this.pid(index);
    return pid.node === this.#peer
      ? pid
      : this.fail(index, `a pid of ${this.#peer}`);
  }

  ref(index: number): Ref {
    const item = this.at(index);
    return item instanceof Ref ? item : this.fail(index, "a reference");
  }

  name(index: number): string {
    return atomName(this.at(index)) ?? this.fail(index, "an atom");
  }

  target(index: number): MonitorTarget {
    const item = this.at(index);
    return item instanceof Pid ? item : this.name(index);
  }

  number(index: number): number {
    const item = this.at(index);
    return typeof item === "number" ? item : this.fail(index, "a number");
  }

  /** Number of an unlink: 1 to 2^64 - 1. */
  unlinkId(index: number): number | bigint {
    const item = this.at(index);
    return (typeof item === "number" && item > 0) ||
        (typeof item === "bigint" && item > 0n && item < 1n << 64n)
      ? item
      : this.fail(index, "a number from 1 to 2^64 - 1");
  }

  fail(index: number, expected: string): never {
    throw new DecodeError(
      `expected ${expected} as element ${index + 1} of the control message ` +
        `${printTerm(this.#control)}`,
    );
  }
}

/** Control messages that are read, with the arities they may have. */
const arities: ReadonlyMap<unknown, readonly [least: number, most: number]> =
  new Map<unknown, readonly [number, number]>([
    [op.link, [3, 3]],
    [op.send, [3, 3]],
    [op.exit, [4, 4]],
    [op.unlink, [3, 3]],
    [op.regSend, [4, 4]],
    [op.groupLeader, [3, 3]],
    [op.exit2, [4, 4]],
    [op.sendTt, [4, 4]],
    [op.exitTt, [5, 5]],
    [op.regSendTt, [5, 5]],
    [op.exit2Tt, [5, 5]],
    [op.monitorP, [4, 4]],
    [op.demonitorP, [4, 4]],
    [op.monitorPExit, [5, 5]],
    [op.sendSender, [3, 3]],
    [op.sendSenderTt, [4, 4]],
    [op.payloadExit, [3, 3]],
    [op.payloadExitTt, [4, 4]],
    [op.payloadExit2, [3, 3]],
    [op.payloadExit2Tt, [4, 4]],
    [op.payloadMonitorPExit, [4, 4]],
    [op.spawnRequest, [6, 6]],
    [op.spawnRequestTt, [7, 7]],
    [op.spawnReply, [5, 5]],
    [op.spawnReplyTt, [6, 6]],
    [op.aliasSend, [3, 3]],
    [op.aliasSendTt, [4, 4]],
    [op.unlinkId, [4, 4]],
    [op.unlinkIdAck, [4, 4]],
    // Its documentation allows it to grow.
    [op.altactSend, [4, 255]],
  ]);

/**
 * The signal of a control message from node `peer`. Null for one that has no
 * meaning any more (a number of an unlink from before OTP 23 has no
 * acknowledgement). Throws a `DecodeError` for what OTP would not send.
 */
export function fromControl(
  control: unknown,
  payload: unknown,
  peer: string,
): Signal {
  const number = control instanceof Tuple ? control.items[0] : undefined;
  const arity = arities.get(number);
  const length = control instanceof Tuple ? control.items.length : 0;
  if (arity === undefined || length < arity[0] || length > arity[1]) {
    throw new DecodeError(
      `expected a control message, got ${printTerm(control)}`,
    );
  }
  const items = new Items(control as Tuple, peer);
  return sends(number, items, payload) ?? exits(number, items, payload) ??
    ties(number, items) ?? spawning(number, items, payload) ??
    items.fail(0, "a known number");
}

function sends(
  number: unknown,
  items: Items,
  payload: unknown,
): Signal | undefined {
  switch (number) {
    case op.send:
    case op.sendTt: {
      // Who sent it is not told; the receiver's pid stands for nobody.
      const to = items.pid(2);
      return { type: "send", from: to, to, message: payload };
    }
    case op.sendSender:
    case op.sendSenderTt:
      return {
        type: "send",
        from: items.pid(1),
        to: items.pid(2),
        message: payload,
      };
    case op.regSend:
    case op.regSendTt:
      return {
        type: "sendNamed",
        from: items.pid(1),
        name: items.name(3),
        message: payload,
      };
    case op.aliasSend:
    case op.aliasSendTt:
      return {
        type: "sendAlias",
        from: items.pid(1),
        alias: items.ref(2),
        message: payload,
      };
    case op.altactSend:
      return altactSend(items, payload);
    default:
      return undefined;
  }
}

function altactSend(items: Items, payload: unknown): Signal {
  const raw = items.at(1);
  // Flags may be a bignum one day; what is known of them are the low bits.
  const flags = typeof raw === "bigint" ? Number(raw & 0xffn) : items.number(1);
  const from = items.pid(2);
  if ((flags & altact.exit) !== 0) {
    return { type: "exit", from, to: items.pid(3), reason: payload };
  }
  if ((flags & altact.alias) !== 0) {
    return { type: "sendAlias", from, alias: items.ref(3), message: payload };
  }
  if ((flags & altact.name) !== 0) {
    return { type: "sendNamed", from, name: items.name(3), message: payload };
  }
  return { type: "send", from, to: items.pid(3), message: payload };
}

function exits(
  number: unknown,
  items: Items,
  payload: unknown,
): Signal | undefined {
  switch (number) {
    case op.exit:
    case op.exitTt:
    case op.payloadExit:
    case op.payloadExitTt: {
      const reason = reasonOf(number, items, payload);
      const [from, to] = [items.from(1), items.pid(2)];
      return { type: "linkExit", from, to, reason };
    }
    case op.exit2:
    case op.exit2Tt:
    case op.payloadExit2:
    case op.payloadExit2Tt: {
      const reason = reasonOf(number, items, payload);
      return { type: "exit", from: items.pid(1), to: items.pid(2), reason };
    }
    case op.monitorPExit:
    case op.payloadMonitorPExit:
      return {
        type: "down",
        target: items.target(1),
        to: items.pid(2),
        ref: items.ref(3),
        reason: number === op.monitorPExit ? items.at(4) : payload,
      };
    default:
      return undefined;
  }
}

function reasonOf(number: unknown, items: Items, payload: unknown): unknown {
  switch (number) {
    case op.exit:
    case op.exit2:
      return items.at(3);
    case op.exitTt:
    case op.exit2Tt:
      return items.at(4);
    default:
      return payload;
  }
}

function ties(number: unknown, items: Items): Signal | undefined {
  switch (number) {
    case op.link:
      return { type: "link", from: items.from(1), to: items.pid(2) };
    case op.unlink:
      // From before the acknowledged protocol: acknowledged to nobody's harm.
      return { type: "unlink", id: 1, from: items.from(1), to: items.pid(2) };
    case op.unlinkId:
    case op.unlinkIdAck:
      return {
        type: number === op.unlinkId ? "unlink" : "unlinkAck",
        id: items.unlinkId(1),
        from: items.from(2),
        to: items.pid(3),
      };
    case op.monitorP:
    case op.demonitorP:
      return {
        type: number === op.monitorP ? "monitor" : "demonitor",
        from: items.from(1),
        target: items.target(2),
        ref: items.ref(3),
      };
    case op.groupLeader:
      return { type: "groupLeader", from: items.pid(1), to: items.pid(2) };
    default:
      return undefined;
  }
}

function spawning(
  number: unknown,
  items: Items,
  payload: unknown,
): Signal | undefined {
  switch (number) {
    case op.spawnRequest:
    case op.spawnRequestTt: {
      const called = items.at(4);
      const options = items.at(5);
      const args: unknown = payload;
      if (
        !(called instanceof Tuple) || called.items.length !== 3 ||
        !Array.isArray(options) || !Array.isArray(args)
      ) {
        return items.fail(4, "a function, its options and a list of arguments");
      }
      const [module, name] = [
        atomName(called.items[0]),
        atomName(called.items[1]),
      ];
      if (module === undefined || name === undefined) {
        return items.fail(4, "a module and a function");
      }
      return {
        type: "spawnRequest",
        ref: items.ref(1),
        from: items.from(2),
        groupLeader: items.pid(3),
        behaviour: `${module}${divider}${name}`,
        args,
        ...asked(options),
        isCall: true,
      };
    }
    case op.spawnReply:
    case op.spawnReplyTt: {
      const bits = items.number(3);
      return {
        type: "spawnReply",
        ref: items.ref(1),
        to: items.pid(2),
        flags: {
          link: (bits & linkFlag) !== 0,
          monitor: (bits & monitorFlag) !== 0,
        },
        result: items.target(4),
      };
    }
    default:
      return undefined;
  }
}

/** Whoever asks with a wrong option learns of that, and of nothing else. */
function asked(
  options: readonly unknown[],
): Pick<Extract<Signal, { type: "spawnRequest" }>, "flags" | "isBadOption"> {
  const flags = spawnFlags(options);
  return flags === null
    ? { flags: { link: false, monitor: false }, isBadOption: true }
    : { flags };
}
