/**
 * Signals between actors of different nodes, as records.
 *
 * Names and fields follow the control messages of Erlang's distribution
 * protocol; their numbers are in `wire`. Within a node most signals never become
 * records: the node calls the receiving actor directly.
 */

import type { ExitReason } from "../messages/reasons.ts";
import type { Pid, Ref } from "../terms/terms.ts";

/** The target of a monitor: an actor, or the holder of a name at that time. */
export type MonitorTarget = Pid | string;

/** Options of a spawn request; both take effect before the actor runs. */
export type SpawnFlags = {
  readonly link: boolean;
  readonly monitor: boolean;
};

/** A signal of an actor of one node to an actor of another. */
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
    /** A message to an alias: a ref under which its owner accepts messages. */
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
    /** The actor that had the name, if the target is one. Does not cross. */
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
     * The request is of a BEAM node, and the behaviour is `module:function`. If
     * there is no such function, the actor is spawned and ends with `undef`.
     */
    readonly isCall?: true;
    /** One of its options is invalid, so no actor is spawned. */
    readonly isBadOption?: true;
  }
  | {
    readonly type: "spawnReply";
    readonly ref: Ref;
    readonly to: Pid;
    readonly flags: SpawnFlags;
    /** The new actor, or the reason for none: `notsup`, `badopt`, … */
    readonly result: Pid | string;
  }
  | {
    /** `from` becomes the group leader of `to`; it may be on any node. */
    readonly type: "groupLeader";
    readonly from: Pid;
    readonly to: Pid;
  };
