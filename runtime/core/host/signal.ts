/**
 * Signals between actors of different nodes, as records.
 *
 * The names and fields follow the control messages of Erlang's distribution
 * protocol; their numbers live in `wire`. Within a node most signals never
 * become records: the node calls straight into the receiving actor.
 */

import type { Pid, Ref } from "../terms/terms.ts";

/** Why an actor ended. Any term; `"normal"` is the one that harms nobody. */
export type ExitReason = unknown;

/** What is watched by a monitor: an actor or, once, whoever holds a name. */
export type MonitorTarget = Pid | string;

/** Options of a spawn request; both take effect before the actor runs. */
export type SpawnFlags = {
  readonly link: boolean;
  readonly monitor: boolean;
};

/** Everything one node tells another about its actors. */
export type Signal =
  | {
    readonly type: "send";
    readonly from: Pid;
    readonly to: Pid;
    readonly message: unknown;
  }
  | {
    readonly type: "sendNamed";
    readonly from: Pid;
    readonly name: string;
    readonly message: unknown;
  }
  | {
    /** A message to an alias: a ref that its owner accepts messages under. */
    readonly type: "sendAlias";
    readonly from: Pid;
    readonly alias: Ref;
    readonly message: unknown;
  }
  | { readonly type: "link"; readonly from: Pid; readonly to: Pid }
  | {
    readonly type: "unlink";
    readonly from: Pid;
    readonly to: Pid;
    /** From 1; the acknowledgement repeats it. BEAM nodes go up to 2^64 - 1. */
    readonly id: number | bigint;
  }
  | {
    readonly type: "unlinkAck";
    readonly from: Pid;
    readonly to: Pid;
    readonly id: number | bigint;
  }
  | {
    /** A broken link. */
    readonly type: "linkExit";
    readonly from: Pid;
    readonly to: Pid;
    readonly reason: ExitReason;
  }
  | {
    /** `exit(to, reason)`: needs no link. */
    readonly type: "exit";
    readonly from: Pid;
    readonly to: Pid;
    readonly reason: ExitReason;
  }
  | {
    readonly type: "monitor";
    readonly from: Pid;
    readonly target: MonitorTarget;
    readonly ref: Ref;
  }
  | {
    readonly type: "demonitor";
    readonly from: Pid;
    readonly target: MonitorTarget;
    readonly ref: Ref;
  }
  | {
    readonly type: "down";
    /** The target exactly as the monitor signal named it. */
    readonly target: MonitorTarget;
    /** Who had the name, if it is one and anybody had it. Does not cross. */
    readonly from?: Pid;
    readonly to: Pid;
    readonly ref: Ref;
    readonly reason: ExitReason;
  }
  | {
    readonly type: "spawnRequest";
    readonly ref: Ref;
    readonly from: Pid;
    readonly groupLeader: Pid;
    /** Name under which the peer exports the behaviour. */
    readonly behaviour: string;
    readonly args: readonly unknown[];
    readonly flags: SpawnFlags;
    /**
     * A BEAM node asks, and the behaviour is `module:function`: if there is
     * none, the actor is made all the same and ends with `undef`.
     */
    readonly isCall?: true;
    /** One of its options is wrong, so there will be no actor. */
    readonly isBadOption?: true;
  }
  | {
    readonly type: "spawnReply";
    readonly ref: Ref;
    readonly to: Pid;
    readonly flags: SpawnFlags;
    /** The new actor, or why there is none: `notsup`, `badopt`, … */
    readonly result: Pid | string;
  }
  | {
    /** `from` becomes the group leader of `to`; it may live anywhere. */
    readonly type: "groupLeader";
    readonly from: Pid;
    readonly to: Pid;
  };

/** The way to another node, as it is at the moment. */
export type Way = {
  /** Whether there is a connection; a signal makes one where there is none. */
  readonly isUp: boolean;
  /** Whether less than the high mark waits in front of what one sends. */
  readonly hasRoom: boolean;
  /** Whether a BEAM node is known to be at its end. */
  readonly isBeam?: boolean;
};

/** What `core` asks of the network part; the lone-node one answers for it. */
export interface Remote {
  /**
   * Hands a message for `to` to the connection, making one if need be.
   * Returns false when more than the high mark waits in front. Throws what the
   * codec throws for a message that cannot be encoded, and `BusyError` at the
   * hard limit; then nothing was sent.
   */
  send(from: Pid, to: Pid, message: unknown): boolean;
  /** Hands over any other signal, in order with messages. */
  signal(node: string, signal: Signal): boolean;
  /** Resolves once there is room again for that sender, or no connection. */
  ready(node: string, from: Pid): Promise<void>;
  /** Changes nothing: asking makes no connection. */
  way(node: string, from: Pid): Way;
  /** Connected nodes. */
  nodes(): readonly string[];
}
