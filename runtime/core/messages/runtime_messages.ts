/**
 * Messages that the runtime itself puts into mailboxes.
 *
 * They are classes with a `type`: a program can tell them from its own messages
 * by `instanceof`, and can switch over `type` as well. In Erlang they are
 * tuples: `{'DOWN', …}`, `{'EXIT', …}`, `{nodeup, …}`.
 */

import type { Pid, Ref } from "../terms/terms.ts";
import type { NamedTarget } from "./named_target.ts";
import type { ExitReason } from "./reasons.ts";

/** A monitored actor has ended, or its node cannot be reached any more. */
export class Down {
  readonly type = "DOWN";
  readonly ref: Ref;
  /** The target of the monitor: the pid, or name and node. */
  readonly target: Pid | NamedTarget;
  readonly reason: ExitReason;
  /** The `tag` of the options of `monitor`; undefined by default. */
  readonly tag: unknown;
  constructor(
    ref: Ref,
    target: Pid | NamedTarget,
    reason: ExitReason,
    tag?: unknown,
  ) {
    this.ref = ref;
    this.target = target;
    this.reason = reason;
    this.tag = tag;
  }
}

/** An exit signal that reached an actor which traps exits. */
export class Exit {
  readonly type = "EXIT";
  readonly from: Pid;
  readonly reason: ExitReason;
  constructor(from: Pid, reason: ExitReason) {
    this.from = from;
    this.reason = reason;
  }
}

/** A timer of `startTimer` has expired. */
export class Timeout<T = unknown> {
  readonly type = "timeout";
  readonly ref: Ref;
  readonly message: T;
  constructor(ref: Ref, message: T) {
    this.ref = ref;
    this.message = message;
  }
}

/** A node has joined; sent to actors that called `monitorNodes`. */
export class NodeUp {
  readonly type = "nodeup";
  readonly node: string;
  constructor(node: string) {
    this.node = node;
  }
}

/** A node has left; the signals of all links and monitors to it came before. */
export class NodeDown {
  readonly type = "nodedown";
  readonly node: string;
  readonly reason: string;
  constructor(node: string, reason: string) {
    this.node = node;
    this.reason = reason;
  }
}

/**
 * A connection no longer keeps up with what is sent over it, or keeps up again.
 */
export class NodeBusy {
  readonly type = "nodebusy";
  readonly node: string;
  /** Whether `send` to that node returns false. */
  readonly isBusy: boolean;
  constructor(node: string, isBusy: boolean) {
    this.node = node;
    this.isBusy = isBusy;
  }
}

/** A node has been silent for a while, or has sent something again. */
export class NodeSuspect {
  readonly type = "nodesuspect";
  readonly node: string;
  /** False when it has sent something again; a `NodeDown` may come instead. */
  readonly isSuspect: boolean;
  constructor(node: string, isSuspect: boolean) {
    this.node = node;
    this.isSuspect = isSuspect;
  }
}
