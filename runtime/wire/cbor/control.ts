/**
 * Control messages between two Hornbeam nodes: signals as arrays of terms.
 *
 * The numbers are those of Erlang's distribution protocol, and so are the
 * items, with three differences: there is no cookie, a name is a string and not
 * an atom, and a message or reason is the last item of the array instead of a
 * second term. SEND names its receiver by two numbers, without a pid. How the
 * array becomes bytes is not decided here.
 */

import type {
  MonitorTarget,
  Signal,
  SpawnFlags,
} from "../../core/host/signal.ts";
import { Pid, printTerm, Ref } from "../../core/terms/terms.ts";
import { ops } from "../shared/control_numbers.ts";
import { DecodeError } from "../shared/errors.ts";
import {
  bitsOfFlags,
  type ControlItems,
  flagsOfBits,
  plainItems,
  readPlainSignal,
} from "../shared/plain_signals.ts";

/** A name goes as it is. */
function targetTerm(target: MonitorTarget): unknown {
  return target;
}

/** The control message of a signal; its first item is the number. */
export function signalToControl(signal: Signal): unknown[] {
  const { type } = signal;
  switch (type) {
    case "send":
      return [ops.send, signal.to.id, signal.to.serial, signal.message];
    case "sendNamed":
      return [ops.regSend, signal.from, signal.name, signal.message];
    case "sendAlias":
      return [ops.aliasSend, signal.from, signal.alias, signal.message];
    case "linkExit":
    case "exit": {
      const op = type === "exit" ? ops.payloadExit2 : ops.payloadExit;
      return [op, signal.from, signal.to, signal.reason];
    }
    case "down": {
      const { target, to, ref, reason } = signal;
      return [ops.payloadMonitorPExit, target, to, ref, reason];
    }
    case "spawnRequest": {
      const { ref, from, groupLeader, behaviour, args } = signal;
      const bits = bitsOfFlags(signal.flags);
      return [ops.spawnRequest, ref, from, groupLeader, behaviour, bits, args];
    }
    default:
      return plainItems(signal, targetTerm);
  }
}

/** The items of a received control message, checked when they are read. */
class Items implements ControlItems {
  readonly #items: readonly unknown[];
  readonly #peer: string;
  readonly #self: string;

  constructor(items: readonly unknown[], peer: string, self: string) {
    this.#items = items;
    this.#peer = peer;
    this.#self = self;
  }

  /** A pid of the peer: it may not speak for others. */
  from(at: number): Pid {
    const pid = this.pid(at);
    return pid.node === this.#peer
      ? pid
      : this.#fail(at, `a pid of ${this.#peer}`);
  }

  /** A pid of this node, of any of its incarnations. */
  to(at: number): Pid {
    const pid = this.pid(at);
    return pid.node === this.#self
      ? pid
      : this.#fail(at, `a pid of ${this.#self}`);
  }

  pid(at: number): Pid {
    const item = this.#items[at];
    return item instanceof Pid ? item : this.#fail(at, "a pid");
  }

  ref(at: number): Ref {
    const item = this.#items[at];
    return item instanceof Ref ? item : this.#fail(at, "a ref");
  }

  /** A ref of the peer. */
  refFrom(at: number): Ref {
    const ref = this.ref(at);
    return ref.node === this.#peer
      ? ref
      : this.#fail(at, `a ref of ${this.#peer}`);
  }

  name(at: number): string {
    const item = this.#items[at];
    return typeof item === "string" ? item : this.#fail(at, "a name");
  }

  target(at: number, owner: "from" | "to"): MonitorTarget {
    return typeof this.#items[at] === "string"
      ? this.name(at)
      : this[owner](at);
  }

  unlinkId(at: number): number {
    const item = this.#items[at];
    return typeof item === "number" && Number.isSafeInteger(item) && item > 0
      ? item
      : this.#fail(at, "a number from 1 on");
  }

  flags(at: number): SpawnFlags {
    const item = this.#items[at];
    if (typeof item !== "number" || (item & 3) !== item) {
      return this.#fail(at, "flags from 0 to 3");
    }
    return flagsOfBits(item);
  }

  list(at: number): readonly unknown[] {
    const item = this.#items[at];
    return Array.isArray(item) ? item : this.#fail(at, "a list");
  }

  #fail(at: number, expected: string): never {
    throw new DecodeError(
      `expected ${expected} as item ${at} of control message ` +
        `${printTerm(this.#items[0])}, got ${printTerm(this.#items[at])}`,
    );
  }
}

/** Number of items of each control message, the op included. */
const lengths: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [ops.link, 3],
  [ops.send, 4],
  [ops.regSend, 4],
  [ops.groupLeader, 3],
  [ops.monitorP, 4],
  [ops.demonitorP, 4],
  [ops.payloadExit, 4],
  [ops.payloadExit2, 4],
  [ops.payloadMonitorPExit, 5],
  [ops.spawnRequest, 7],
  [ops.spawnReply, 5],
  [ops.aliasSend, 4],
  [ops.unlinkId, 4],
  [ops.unlinkIdAck, 4],
]);

/**
 * The signal of a control message from node `peer` to node `self`. Throws a
 * `DecodeError` for an unknown op, a wrong number of items, an item of the
 * wrong type, and an address that belongs to another node than it may. SEND
 * has no sender, so it is not a `Signal` and not read here.
 */
export function controlToSignal(
  items: readonly unknown[],
  peer: string,
  self: string,
): Signal {
  const op = items[0];
  if (items.length !== lengths.get(op)) {
    throw new DecodeError(
      `expected a control message, got op ${printTerm(op)} ` +
        `with ${items.length} items`,
    );
  }
  const control = new Items(items, peer, self);
  switch (op) {
    case ops.regSend:
      return {
        type: "sendNamed",
        from: control.pid(1),
        name: control.name(2),
        message: items[3],
      };
    case ops.aliasSend:
      return {
        type: "sendAlias",
        from: control.from(1),
        alias: control.ref(2),
        message: items[3],
      };
    case ops.payloadExit:
    case ops.payloadExit2:
      return {
        type: op === ops.payloadExit2 ? "exit" : "linkExit",
        from: control.from(1),
        to: control.to(2),
        reason: items[3],
      };
    case ops.payloadMonitorPExit:
      return {
        type: "down",
        target: control.target(1, "from"),
        to: control.to(2),
        ref: control.ref(3),
        reason: items[4],
      };
    case ops.spawnRequest:
      return {
        type: "spawnRequest",
        ref: control.refFrom(1),
        from: control.from(2),
        groupLeader: control.pid(3),
        behaviour: control.name(4),
        flags: control.flags(5),
        args: control.list(6),
      };
    default: {
      const signal = readPlainSignal(op, control);
      if (signal !== undefined) return signal;
      throw new DecodeError(`expected a signal, got op ${printTerm(op)}`);
    }
  }
}
