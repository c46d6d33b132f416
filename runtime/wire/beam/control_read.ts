/**
 * Reads Erlang's control messages as signals, as OTP 25 to 28 send them.
 *
 * Older forms are read as well. Variants with a trace token are read without the
 * token. A peer may send anything, so each item is checked. A message that OTP
 * would not send is a `DecodeError`, which ends the connection. Writing is in
 * `beam/control_write.ts`.
 */

import type {
  MonitorTarget,
  Signal,
  SpawnFlags,
} from "../../core/host/signal.ts";
import { Pid, printTerm, Ref, Tuple } from "../../core/terms/terms.ts";
import { ops } from "../shared/control_numbers.ts";
import { DecodeError } from "../shared/errors.ts";
import {
  type ControlItems,
  flagsOfBits,
  readPlainSignal,
} from "../shared/plain_signals.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { DIVIDER, spawnFlags } from "./spawn_options.ts";

/** Bits of ALTACT_SIG_SEND. */
const altactBits = { alias: 4, name: 8, exit: 16 } as const;

/** Whether a payload follows the control message. */
export function hasPayload(control: unknown): boolean {
  const number = control instanceof Tuple ? control.items[0] : undefined;
  switch (number) {
    case ops.send:
    case ops.sendTt:
    case ops.regSend:
    case ops.regSendTt:
    case ops.sendSender:
    case ops.sendSenderTt:
    case ops.payloadExit:
    case ops.payloadExitTt:
    case ops.payloadExit2:
    case ops.payloadExit2Tt:
    case ops.payloadMonitorPExit:
    case ops.spawnRequest:
    case ops.spawnRequestTt:
    case ops.aliasSend:
    case ops.aliasSendTt:
    case ops.altactSend:
      return true;
    default:
      return false;
  }
}

/** The items of a received control message, checked when they are read. */
class Items implements ControlItems {
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

  /** A pid of the peer, which may not speak for other nodes. */
  from(index: number): Pid {
    const pid = this.pid(index);
    return pid.node === this.#peer
      ? pid
      : this.fail(index, `a pid of ${this.#peer}`);
  }

  /** The node that gets the signal looks for the actor. */
  to(index: number): Pid {
    return this.pid(index);
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

  flags(index: number): SpawnFlags {
    return flagsOfBits(this.number(index));
  }

  /** 1 to 2^64 - 1. */
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

/** Control messages that are read, with the arities that they may have. */
const arities: ReadonlyMap<unknown, readonly [least: number, most: number]> =
  new Map<unknown, readonly [number, number]>([
    [ops.link, [3, 3]],
    [ops.send, [3, 3]],
    [ops.exit, [4, 4]],
    [ops.unlink, [3, 3]],
    [ops.regSend, [4, 4]],
    [ops.groupLeader, [3, 3]],
    [ops.exit2, [4, 4]],
    [ops.sendTt, [4, 4]],
    [ops.exitTt, [5, 5]],
    [ops.regSendTt, [5, 5]],
    [ops.exit2Tt, [5, 5]],
    [ops.monitorP, [4, 4]],
    [ops.demonitorP, [4, 4]],
    [ops.monitorPExit, [5, 5]],
    [ops.sendSender, [3, 3]],
    [ops.sendSenderTt, [4, 4]],
    [ops.payloadExit, [3, 3]],
    [ops.payloadExitTt, [4, 4]],
    [ops.payloadExit2, [3, 3]],
    [ops.payloadExit2Tt, [4, 4]],
    [ops.payloadMonitorPExit, [4, 4]],
    [ops.spawnRequest, [6, 6]],
    [ops.spawnRequestTt, [7, 7]],
    [ops.spawnReply, [5, 5]],
    [ops.spawnReplyTt, [6, 6]],
    [ops.aliasSend, [3, 3]],
    [ops.aliasSendTt, [4, 4]],
    [ops.unlinkId, [4, 4]],
    [ops.unlinkIdAck, [4, 4]],
    // Its documentation allows it to get more elements.
    [ops.altactSend, [4, 255]],
  ]);

/**
 * The signal of a control message from node `peer`. Throws a `DecodeError` for a
 * control message that OTP would not send.
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
    withoutPayload(number, items) ?? spawning(number, items, payload) ??
    items.fail(0, "a known number");
}

function sends(
  number: unknown,
  items: Items,
  payload: unknown,
): Signal | undefined {
  switch (number) {
    case ops.send:
    case ops.sendTt: {
      // SEND does not name its sender, so the receiver's pid takes its place.
      const to = items.pid(2);
      return { type: "send", from: to, to, message: payload };
    }
    case ops.sendSender:
    case ops.sendSenderTt:
      return {
        type: "send",
        from: items.pid(1),
        to: items.pid(2),
        message: payload,
      };
    case ops.regSend:
    case ops.regSendTt:
      return {
        type: "sendNamed",
        from: items.pid(1),
        name: items.name(3),
        message: payload,
      };
    case ops.aliasSend:
    case ops.aliasSendTt:
      return {
        type: "sendAlias",
        from: items.pid(1),
        alias: items.ref(2),
        message: payload,
      };
    case ops.altactSend:
      return altactSend(items, payload);
    default:
      return undefined;
  }
}

function altactSend(items: Items, payload: unknown): Signal {
  const raw = items.at(1);
  // Flags may become a bignum; those that are known are the low bits.
  const flags = typeof raw === "bigint" ? Number(raw & 0xffn) : items.number(1);
  const from = items.pid(2);
  if ((flags & altactBits.exit) !== 0) {
    return { type: "exit", from, to: items.pid(3), reason: payload };
  }
  if ((flags & altactBits.alias) !== 0) {
    return { type: "sendAlias", from, alias: items.ref(3), message: payload };
  }
  if ((flags & altactBits.name) !== 0) {
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
    case ops.exit:
    case ops.exitTt:
    case ops.payloadExit:
    case ops.payloadExitTt: {
      const reason = reasonOf(number, items, payload);
      const [from, to] = [items.from(1), items.pid(2)];
      return { type: "linkExit", from, to, reason };
    }
    case ops.exit2:
    case ops.exit2Tt:
    case ops.payloadExit2:
    case ops.payloadExit2Tt: {
      const reason = reasonOf(number, items, payload);
      return { type: "exit", from: items.pid(1), to: items.pid(2), reason };
    }
    case ops.monitorPExit:
    case ops.payloadMonitorPExit:
      return {
        type: "down",
        target: items.target(1),
        to: items.pid(2),
        ref: items.ref(3),
        reason: number === ops.monitorPExit ? items.at(4) : payload,
      };
    default:
      return undefined;
  }
}

function reasonOf(number: unknown, items: Items, payload: unknown): unknown {
  switch (number) {
    case ops.exit:
    case ops.exit2:
      return items.at(3);
    case ops.exitTt:
    case ops.exit2Tt:
      return items.at(4);
    default:
      return payload;
  }
}

function withoutPayload(number: unknown, items: Items): Signal | undefined {
  switch (number) {
    case ops.unlink:
      // From before OTP 23, without a number. Our acknowledgement is harmless.
      return { type: "unlink", id: 1, from: items.from(1), to: items.pid(2) };
    default:
      return readPlainSignal(number, items);
  }
}

function spawning(
  number: unknown,
  items: Items,
  payload: unknown,
): Signal | undefined {
  switch (number) {
    case ops.spawnRequest:
    case ops.spawnRequestTt: {
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
        behaviour: `${module}${DIVIDER}${name}`,
        args,
        ...requested(options),
        isCall: true,
      };
    }
    default:
      return undefined;
  }
}

/** A request with a wrong option is answered with that error only. */
function requested(
  options: readonly unknown[],
): Pick<Extract<Signal, { type: "spawnRequest" }>, "flags" | "isBadOption"> {
  const flags = spawnFlags(options);
  return flags === null
    ? { flags: { link: false, monitor: false }, isBadOption: true }
    : { flags };
}
