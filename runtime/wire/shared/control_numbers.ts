/**
 * Control messages: signals as arrays of terms, with the numbers of Erlang's
 * distribution protocol ("Protocol between Connected Nodes").
 *
 * The fields are Erlang's as well, but for the cookie that nobody reads, and a
 * message or reason is the last item of the array instead of a second term.
 * What the terms look like as bytes is not decided here.
 */

import { Pid, printTerm, Ref } from "../../core/terms/terms.ts";
import type {
  MonitorTarget,
  Signal,
  SpawnFlags,
} from "../../core/host/signal.ts";
import { DecodeError } from "./errors.ts";

/** Numbers of the control messages that Hornbeam uses. */
export const ops = {
  link: 1,
  /** SEND, whose receiver is told by two numbers instead of a pid. */
  send: 2,
  /** REG_SEND */
  sendNamed: 6,
  groupLeader: 7,
  monitor: 19,
  demonitor: 20,
  /** PAYLOAD_EXIT */
  linkExit: 24,
  /** PAYLOAD_EXIT2 */
  exit: 26,
  /** PAYLOAD_MONITOR_P_EXIT */
  down: 28,
  spawnRequest: 29,
  spawnReply: 31,
  /** ALIAS_SEND */
  sendAlias: 33,
  /** UNLINK_ID */
  unlink: 35,
  /** UNLINK_ID_ACK */
  unlinkAck: 36,
} as const;

/**
 * What the last item of a control message is called in errors, if it may fail.
 */
export function payloadName(op: number): string {
  switch (op) {
    case ops.send:
    case ops.sendNamed:
    case ops.sendAlias:
      return "message";
    case ops.linkExit:
    case ops.exit:
    case ops.down:
      return "reason";
    case ops.spawnRequest:
      return "args";
    default:
      return "signal";
  }
}

const linkFlag = 1;
const monitorFlag = 2;

function flagsToNumber(flags: SpawnFlags): number {
  return (flags.link ? linkFlag : 0) | (flags.monitor ? monitorFlag : 0);
}

/** The control message of a signal; its first item is the op. */
export function signalToControl(signal: Signal): unknown[] {
  const op = ops[signal.type];
  switch (signal.type) {
    case "send":
      return [op, signal.to.id, signal.to.serial, signal.message];
    case "sendNamed":
      return [op, signal.from, signal.name, signal.message];
    case "sendAlias":
      return [op, signal.from, signal.alias, signal.message];
    case "link":
    case "groupLeader":
      return [op, signal.from, signal.to];
    case "unlink":
    case "unlinkAck":
      return [op, signal.id, signal.from, signal.to];
    case "linkExit":
    case "exit":
      return [op, signal.from, signal.to, signal.reason];
    case "monitor":
    case "demonitor":
      return [op, signal.from, signal.target, signal.ref];
    case "down":
      return [op, signal.target, signal.to, signal.ref, signal.reason];
    case "spawnRequest": {
      const { ref, from, groupLeader, behaviour, args } = signal;
      const flags = flagsToNumber(signal.flags);
      return [op, ref, from, groupLeader, behaviour, flags, args];
    }
    case "spawnReply": {
      const flags = flagsToNumber(signal.flags);
      return [op, signal.ref, signal.to, flags, signal.result];
    }
    default:
      return signal satisfies never;
  }
}

/** A received control message, its items checked as they are asked for. */
class Control {
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

  /** A pid of this node, of whatever incarnation. */
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

  /** What this node (`to`) or the peer (`from`) is watched by. */
  target(at: number, owner: "from" | "to"): MonitorTarget {
    return typeof this.#items[at] === "string"
      ? this.name(at)
      : this[owner](at);
  }

  /** Number of an unlink operation. */
  id(at: number): number {
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
    return {
      link: (item & linkFlag) !== 0,
      monitor: (item & monitorFlag) !== 0,
    };
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
  [ops.sendNamed, 4],
  [ops.groupLeader, 3],
  [ops.monitor, 4],
  [ops.demonitor, 4],
  [ops.linkExit, 4],
  [ops.exit, 4],
  [ops.down, 5],
  [ops.spawnRequest, 7],
  [ops.spawnReply, 5],
  [ops.sendAlias, 4],
  [ops.unlink, 4],
  [ops.unlinkAck, 4],
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
  const control = new Control(items, peer, self);
  switch (op) {
    case ops.sendNamed:
      return {
        type: "sendNamed",
        from: control.pid(1),
        name: control.name(2),
        message: items[3],
      };
    case ops.sendAlias:
      return {
        type: "sendAlias",
        from: control.from(1),
        alias: control.ref(2),
        message: items[3],
      };
    case ops.linkExit:
    case ops.exit:
      return {
        type: op === ops.exit ? "exit" : "linkExit",
        from: control.from(1),
        to: control.to(2),
        reason: items[3],
      };
    case ops.down:
      return {
        type: "down",
        target: control.target(1, "from"),
        to: control.to(2),
        ref: control.ref(3),
        reason: items[4],
      };
    default:
      return linkOrMonitor(op, control) ?? spawning(op, control);
  }
}

function linkOrMonitor(op: unknown, control: Control): Signal | undefined {
  switch (op) {
    case ops.link:
      return { type: "link", from: control.from(1), to: control.to(2) };
    case ops.unlink:
    case ops.unlinkAck:
      return {
        type: op === ops.unlink ? "unlink" : "unlinkAck",
        id: control.id(1),
        from: control.from(2),
        to: control.to(3),
      };
    case ops.monitor:
    case ops.demonitor:
      return {
        type: op === ops.monitor ? "monitor" : "demonitor",
        from: control.from(1),
        target: control.target(2, "to"),
        ref: control.ref(3),
      };
    default:
      return undefined;
  }
}

function spawning(op: unknown, control: Control): Signal {
  switch (op) {
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
    case ops.spawnReply:
      return {
        type: "spawnReply",
        ref: control.ref(1),
        to: control.to(2),
        flags: control.flags(3),
        result: control.target(4, "from"),
      };
    case ops.groupLeader:
      return { type: "groupLeader", from: control.pid(1), to: control.to(2) };
    default:
      throw new DecodeError(`expected a signal, got op ${printTerm(op)}`);
  }
}
