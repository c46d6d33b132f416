/** What a PubSub is given; see `std/pubsub/mod.ts`. */

import type { Pid, Self } from "../../runtime/mod.ts";

/** As much of an actor as subscribing needs. */
export type Subscriber<Message> = Pick<
  Self<Message>,
  "isAlive" | "link" | "node" | "pid" | "unlink"
>;

/** As much of an actor as broadcasting needs; a running node will do. */
export type Broadcaster = Pick<Self<never>, "pid" | "send">;

/** A subscription, as a dispatcher is shown it. */
export type SubscriptionEntry = {
  readonly pid: Pid<unknown>;
  /** What was given to `subscribe`; undefined when nothing was. */
  readonly metadata: unknown;
};

/**
 * Delivers a message to the subscriptions of a topic in a way of its own. Runs
 * on each node that the message comes to, there in the name of `self`. `from`
 * is who is to be left out, null for nobody.
 */
export type Dispatcher = (
  entries: readonly SubscriptionEntry[],
  from: Pid<never> | null,
  message: unknown,
  self: Broadcaster,
) => void;

/** What an adapter's actors and a PubSub know of each other. */
export type AdapterHost = {
  readonly name: string;
  readonly poolSize: number;
  readonly broadcastPoolSize: number;
  /** Delivers what another node has sent to this node's subscribers. */
  readonly deliver: (
    self: Broadcaster & Pick<Self, "log">,
    topic: unknown,
    message: unknown,
    dispatcher: string | null,
  ) => void;
};

/** What carries broadcasts to other nodes. */
export interface Adapter {
  /**
   * Called in the first turn of the PubSub's actor: what it spawns should be
   * linked to that. Whatever the actor is sent that is no exit signal comes to
   * `take`.
   */
  start(self: Self<unknown>, host: AdapterHost): void;
  take?(self: Self<unknown>, message: unknown): void;
  /**
   * Sends to all other nodes. Returns false where `self.send` would; throws a
   * `BroadcastError` when it could not be sent to some, an `EncodeError` when
   * it can be sent to none.
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
  /** Registers its actor. The PubSubs of a cluster find each other by it. */
  readonly name: string;
  /**
   * How many actors take what other nodes send. A node that sends to more than
   * another listens with loses messages, so raise this one on all nodes first.
   * Default 1: they share one thread.
   */
  readonly poolSize?: number;
  /** To how many of the others' actors this node sends. Default `poolSize`. */
  readonly broadcastPoolSize?: number;
  /**
   * By the names under which broadcasts ask for them; the same on all nodes.
   * Default none: each subscription is sent the message.
   */
  readonly dispatchers?: Readonly<Record<string, Dispatcher>>;
  /** Default: on process groups, which are those of `Phoenix.PubSub`. */
  readonly adapter?: Adapter;
};

/** Options of a broadcast. */
export type BroadcastOptions = {
  /** One of the option `dispatchers`. */
  readonly dispatcher?: string;
};

/** Options of a broadcast that leaves somebody out. */
export type BroadcastFromOptions = BroadcastOptions & {
  /**
   * Whose subscriptions are left out, on this node only. Default: the caller's.
   */
  readonly from?: Pid<never>;
};

/** A broadcast that did not reach all nodes. Local subscribers have got it. */
export class BroadcastError extends Error {
  override readonly name = "BroadcastError";
  /** To which nothing was sent. */
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
