/** The types of a PubSub's options and adapters; see `std/pubsub/mod.ts`. */

import type { Pid, Self } from "../../runtime/mod.ts";

/** The part of `self` that a subscription needs. */
export type Subscriber<Message> = Pick<
  Self<Message>,
  "isAlive" | "link" | "node" | "pid" | "unlink"
>;

/** The part of `self` that a broadcast needs. A running node has it as well. */
export type Broadcaster = Pick<Self<never>, "pid" | "send">;

/** A subscription, as a dispatcher gets it. */
export type SubscriptionEntry = {
  readonly pid: Pid<unknown>;
  /** The `metadata` of `subscribe`; undefined when none was given. */
  readonly metadata: unknown;
};

/**
 * Delivers a message to the subscriptions of a topic in a custom way. It runs
 * on each node that gets the message, and sends by the `self` given. The
 * subscriptions of `from` are to be left out; null leaves out none.
 */
export type Dispatcher = (
  entries: readonly SubscriptionEntry[],
  from: Pid<never> | null,
  message: unknown,
  self: Broadcaster,
) => void;

/** The services of a PubSub for its adapter. */
export type AdapterHost = {
  readonly name: string;
  readonly poolSize: number;
  readonly broadcastPoolSize: number;
  /** Delivers a broadcast of another node to this node's subscribers. */
  readonly deliver: (
    self: Broadcaster & Pick<Self, "log">,
    topic: unknown,
    message: unknown,
    dispatcher: string | null,
  ) => void;
};

/** The transport of broadcasts between nodes. */
export interface Adapter {
  /**
   * Called in the first turn of the PubSub's actor. Actors that it spawns
   * should be linked to that actor. `take` gets every message to that actor
   * except exit signals.
   */
  start(self: Self<unknown>, host: AdapterHost): void;
  take?(self: Self<unknown>, message: unknown): void;
  /**
   * Sends to all other nodes. Returns false where `self.send` would. Throws a
   * `BroadcastError` when the message could not be sent to some nodes, and an
   * `EncodeError` when it cannot be sent to any node.
   */
  broadcast(
    self: Broadcaster,
    topic: string,
    message: unknown,
    dispatcher: string | null,
  ): boolean;
  /** Sends to one other node. */
  directBroadcast(
    self: Broadcaster,
    node: string,
    topic: string,
    message: unknown,
    dispatcher: string | null,
  ): boolean;
}

/** Options of a PubSub. */
export type PubSubOptions = {
  /**
   * The local name of its actor. The PubSubs of a cluster find each other by
   * it.
   */
  readonly name: string;
  /**
   * How many actors take broadcasts of other nodes. A broadcast to a group in
   * which a node has no actor is lost for that node, so raise `poolSize` on all
   * nodes before `broadcastPoolSize` on any. Default 1, since all actors share
   * one thread.
   */
  readonly poolSize?: number;
  /** To how many groups this node sends. Default `poolSize`. */
  readonly broadcastPoolSize?: number;
  /**
   * Dispatchers by the name that a broadcast gives; the same on all nodes.
   * Default none: the message is sent to each subscription.
   */
  readonly dispatchers?: Readonly<Record<string, Dispatcher>>;
  /** Default: process groups, with the messages of `Phoenix.PubSub`. */
  readonly adapter?: Adapter;
};

/** Options of a broadcast. */
export type BroadcastOptions = {
  /** A name of the option `dispatchers`. */
  readonly dispatcher?: string;
};

/** Options of a broadcast that leaves out one actor's subscriptions. */
export type BroadcastFromOptions = BroadcastOptions & {
  /**
   * The actor whose subscriptions on this node are left out. Default: the
   * caller.
   */
  readonly from?: Pid<never>;
};

/** A broadcast did not reach all nodes. Local subscribers have got it. */
export class BroadcastError extends Error {
  override readonly name = "BroadcastError";
  /** The nodes that nothing was sent to. */
  readonly nodes: readonly string[];
  constructor(nodes: readonly string[], cause: unknown) {
    super(
      `expected to send to every node, but not to ${nodes.join(", ")}, whose ` +
        "connections are full; wait for room with self.ready",
      { cause },
    );
    this.nodes = nodes;
  }
}
