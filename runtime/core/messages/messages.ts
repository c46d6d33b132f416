/**
 * Messages that the runtime itself puts into mailboxes.
 *
 * They are classes with a `type`, so that a program can tell them from its own
 * messages by `instanceof` and can switch over `type` all the same. In Erlang
 * they are tuples: `{'DOWN', …}`, `{'EXIT', …}`, `{nodeup, …}`.
 */

import type { Node } from "../node/node.ts";
import type { Self } from "../contract/self.ts";
import type { ExitReason } from "../host/signal.ts";
import {
  type Atom,
  atom,
  type Pid,
  printTerm,
  type Ref,
  Tuple,
} from "../terms/terms.ts";

/** A registered name on a node: a destination and a thing to monitor. */
export type NamedTarget = { readonly name: string; readonly node: string };

/** Whoever keeps names that are not the node's own, such as `global`. */
export interface Via {
  /** Who has the name now, as far as this node knows. */
  readonly find: (node: Node, name: unknown) => Pid<unknown> | null;
  /**
   * Gives the name to the calling actor; whether it has it now. Where it is
   * absent, nothing can be started under such a name.
   */
  readonly register?: (
    self: Self<never>,
    name: unknown,
  ) => boolean | Promise<boolean>;
}

/**
 * A name that is looked up when it is used: `{ via: global, name: "db" }`. A
 * destination and something to call, but not to monitor.
 */
export type ViaTarget = { readonly via: Via; readonly name: unknown };

/** @internal */
export function isViaTarget(to: unknown): to is ViaTarget {
  return (to as Partial<ViaTarget> | undefined | null)?.via !== undefined;
}

/** A monitored actor has ended, or its node cannot be reached any more. */
export class Down {
  readonly type = "DOWN";
  readonly ref: Ref;
  /** What was monitored: the pid, or name and node. */
  readonly target: Pid | NamedTarget;
  readonly reason: ExitReason;
  /** What `monitor` was told to put here; undefined by default. */
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

/** A node has left, after the links and monitors to it have spoken. */
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
 * A connection has stopped keeping up with what is sent over it, or does again.
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

/** A node has said nothing for a while, or has spoken again. */
export class NodeSuspect {
  readonly type = "nodesuspect";
  readonly node: string;
  /** False when it has spoken again; a `NodeDown` may come instead. */
  readonly isSuspect: boolean;
  constructor(node: string, isSuspect: boolean) {
    this.node = node;
    this.isSuspect = isSuspect;
  }
}

/** The atoms that exit reasons are made of. */
export const reasons: {
  /** It did what it was there for. Harms nobody over a link. */
  readonly normal: Atom;
  /** It was told to end, in good order. */
  readonly shutdown: Atom;
  /** In `sendExit`: ends the receiver, trapping or not. */
  readonly kill: Atom;
  /** What the links and monitors of a killed actor see. */
  readonly killed: Atom;
  /** There was no such actor. */
  readonly noproc: Atom;
  /** The connection to its node is lost; it may be alive. */
  readonly noconnection: Atom;
} = {
  normal: atom("normal"),
  shutdown: atom("shutdown"),
  kill: atom("kill"),
  killed: atom("killed"),
  noproc: atom("noproc"),
  noconnection: atom("noconnection"),
};

/** Thrown by `self.exit`; carries the reason up to the runtime. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    super(`the actor exits with reason ${printTerm(reason)}`);
    this.reason = reason;
  }
}

/** Whom and how long a call was for, for the exit reason. */
type FailedCall = {
  readonly to: Pid<never> | NamedTarget | ViaTarget | string;
  readonly timeoutMs: number;
};

/**
 * A call that got no reply. An actor that does not catch it ends with its
 * `exitReason`.
 */
export class CallError extends Error {
  override readonly name: string = "CallError";
  /**
   * `"timeout"`, or why the called actor ended: `noproc`, `noconnection`, …;
   * `calling_self` when it was the caller.
   */
  readonly reason: ExitReason;
  readonly #request: unknown;
  readonly #call: FailedCall | undefined;
  constructor(
    target: string,
    request: unknown,
    reason: ExitReason,
    call?: FailedCall,
  ) {
    super(
      `expected a reply from ${target} to ${printTerm(request)}, got ${
        printTerm(reason)
      }`,
    );
    this.reason = reason;
    this.#request = request;
    this.#call = call;
  }

  /**
   * What OTP's `gen_server:call` exits with:
   * `{Reason, {gen_server, call, [Target, Request, Timeout]}}`.
   */
  get exitReason(): Tuple {
    const { to, timeoutMs = Infinity } = this.#call ?? {};
    const target = typeof to === "string"
      ? atom(to)
      : to === undefined || !("name" in to)
      ? to
      : "node" in to
      ? new Tuple([atom(to.name), atom(to.node)])
      : to.name;
    return new Tuple([
      this.reason === "timeout" ? atom("timeout") : this.reason,
      new Tuple([atom("gen_server"), atom("call"), [
        target,
        this.#request,
        timeoutMs === Infinity ? atom("infinity") : timeoutMs,
      ]]),
    ]);
  }
}

/**
 * What a pending `receive` of an actor rejects with when the actor is killed,
 * so that its `finally` and `using` still run.
 */
export class KilledError extends Error {
  override readonly name = "KilledError";
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    super(
      `this actor has been ended by an exit signal with reason ${
        printTerm(reason)
      }; it may clean up but cannot use its node any more`,
    );
    this.reason = reason;
  }
}

/** A call that the runtime refuses; nothing has been changed by it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A remote spawn that came to nothing. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  /** `noconnection`, `notsup`, `badopt`, … */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}
