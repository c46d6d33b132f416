/**
 * Topics that actors subscribe to, and broadcasts to all subscribers on all
 * nodes. Follows `Phoenix.PubSub` 2, also on the wire: a Phoenix node whose
 * PubSub has the same name (`Elixir.MyApp.PubSub` here) takes part.
 *
 * A broadcast sends one message to each other node that runs a PubSub of that
 * name, however many subscribers it has. That node delivers it to the
 * subscribers in its local table. Subscribers on the broadcaster's own node get
 * the message in the caller's turn.
 *
 * When not to use it: to reach one actor, send to it. To find actors of one
 * node by keys, with values, use a `Registry`. A message that must not be lost
 * needs a store: a broadcast is not kept, repeated or acknowledged.
 *
 * Guarantees, weak ones included:
 * - A broadcast is delivered at most once per subscription; an actor that has
 *   subscribed twice gets it twice. Subscribers are served in no fixed order.
 * - Each subscriber gets the broadcasts of one actor in the order in which they
 *   were made, over all topics. Broadcasts of several actors come in any order.
 * - A node gets the broadcasts that are made while it is connected and its
 *   PubSub is known to the sender. A node that joins in the middle of a series
 *   gets a tail of it, without gaps and repetitions, as long as it stays
 *   connected.
 * - A subscriber is linked to the PubSub's actor until it has unsubscribed from
 *   its last topic. A subscriber that ends is removed. When a PubSub ends, its
 *   subscribers end with it, unless they trap exits, because they would get no
 *   broadcast any more.
 * - Messages are shared with local subscribers and not copied, unless the node
 *   has `isolate`. A local subscriber whose mailbox refuses a message is
 *   skipped.
 * - A fan-out is one loop without interruption. On a machine of 2026 it takes
 *   about 10 ms per 100,000 subscribers; meanwhile no timer and no socket of
 *   the node is served. The subscribers then handle the message in turns as
 *   usual, and the broadcaster gets no turn until that many actors had theirs.
 * - A broadcast to several nodes encodes the message once for each.
 */

import {
  Exit,
  type Handler,
  handler,
  MailboxFullError,
  option,
  OptionTable,
  type Pid,
  printTerm,
  reasons,
  type Self,
  type Stop,
  stop,
  UsageError,
} from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";
import { start, type Starting, startLink } from "../proc_lib/mod.ts";
import { PgAdapter } from "./pg_adapter.ts";
import { Table } from "./table.ts";
import {
  type Adapter,
  type AdapterHost,
  type Broadcaster,
  BroadcastError,
  type BroadcastFromOptions,
  type BroadcastOptions,
  type Dispatcher,
  type PubSubOptions,
  type Subscriber,
  type SubscriptionEntry,
} from "./types.ts";

export { BroadcastError };
export type {
  Adapter,
  AdapterHost,
  Broadcaster,
  BroadcastFromOptions,
  BroadcastOptions,
  Dispatcher,
  PubSubOptions,
  Subscriber,
  SubscriptionEntry,
};

/** The names of the topics in a type that has messages by topic. */
export type TopicOf<Topics> = keyof Topics & string;

/**
 * A PubSub on this node. The type `Topics` has the message type of each topic.
 * Topics whose names are made at run time are written with a template type:
 * `` { [room: `room:${string}`]: RoomEvent } ``.
 *
 * It is started by `PubSub.start` or `PubSub.startLink`, and ended by `stop` of
 * `std/proc_lib` on its `pid`. After its end, its methods throw `UsageError`.
 *
 * @example
 * ```ts
 * import { type Self, start } from "hornbeam";
 * import { PubSub } from "hornbeam/std/pubsub";
 *
 * type Topics = {
 *   news: { title: string };
 *   [room: `room:${string}`]: { from: string; text: string };
 * };
 *
 * await using node = await start();
 * await node.run(async (self: Self<{ title: string }>) => {
 *   const pubsub = await PubSub.startLink<Topics>(self, { name: "app" });
 *   pubsub.subscribe(self, "news");
 *   pubsub.broadcast(self, "news", { title: "Rain" });
 *   console.log((await self.receive()).title); // prints: Rain
 *   pubsub.broadcastFrom(self, "news", { title: "not for me" });
 *   pubsub.unsubscribe(self, "news");
 *   console.log(pubsub.countSubscriptions("news")); // prints: 0
 * });
 * ```
 */
export class PubSub<Topics extends object = Record<string, unknown>> {
  readonly name: string;
  readonly #table = new Table();
  readonly #adapter: Adapter;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #host: AdapterHost;
  /**
   * The actor that has started it with a link; null without a link. That link
   * stays when the parent unsubscribes.
   */
  #parent: Pid | null = null;
  /**
   * The `self` of its actor, which subscribers are linked to; null until its
   * first turn.
   */
  #root: Self<unknown> | null = null;

  /** @internal Made by `start` and `startLink`. */
  constructor(options: PubSubOptions) {
    pubSubOptions.check(options ?? null);
    const { name, poolSize = 1, broadcastPoolSize = poolSize } = options;
    if (typeof name !== "string" || name === "") {
      throw new UsageError(
        `expected a name for the PubSub, got ${printTerm(name)}`,
      );
    }
    checkPools(poolSize, broadcastPoolSize);
    this.name = name;
    this.#adapter = options.adapter ?? new PgAdapter();
    this.#dispatchers = new Map(Object.entries(options.dispatchers ?? {}));
    this.#host = {
      name,
      poolSize,
      broadcastPoolSize,
      deliver: (self, topic, message, dispatcher) =>
        this.#deliverRemote(self, topic, message, dispatcher),
    };
  }

  /**
   * Starts a PubSub that is linked to the caller. Throws `UsageError` when the
   * name is missing or taken, and for invalid pool sizes.
   */
  static startLink<Topics extends object = Record<string, unknown>>(
    self: AnySelf,
    options: PubSubOptions,
  ): Promise<PubSub<Topics>> {
    return new PubSub<Topics>(options).#start(self, startLink);
  }

  /** As `startLink`, without a link: the PubSub runs until it is stopped. */
  static start<Topics extends object = Record<string, unknown>>(
    self: AnySelf,
    options: PubSubOptions,
  ): Promise<PubSub<Topics>> {
    return new PubSub<Topics>(options).#start(self, start);
  }

  async #start(
    self: AnySelf,
    startWith: typeof start | typeof startLink,
  ): Promise<this> {
    if (startWith === startLink) this.#parent = self.pid as Pid;
    const make = ({ initAck }: Starting) => this.#rootActor(() => initAck());
    await startWith(self, make, { name: this.name, trapExits: true });
    return this;
  }

  #rootActor(initAck: () => void): Handler<unknown> {
    return handler<null, unknown>(
      (self) => {
        this.#root = self;
        this.#adapter.start(self, this.#host);
        initAck();
        return null;
      },
      (state, message, self): null | Stop => {
        if (!(message instanceof Exit)) {
          this.#adapter.take?.(self, message);
          return state;
        }
        const { from, reason } = message;
        const isOwn = from.node === self.node && from !== this.#parent;
        const subscriber = from as Pid<unknown>;
        // The exit signal of a live subscriber counts as any other actor's.
        if (
          isOwn && this.#table.has(subscriber) && !self.isActorAlive(from)
        ) {
          this.#table.forget(subscriber);
          return state;
        }
        if (reason !== reasons.normal) return stop(reason);
        // An exit with reason normal would not end the linked subscribers.
        return from === this.#parent ? stop(reasons.shutdown) : state;
      },
    );
  }

  /** The pid of its actor, by which it is monitored, supervised and stopped. */
  get pid(): Pid {
    return this.#running().pid;
  }

  /** The name of its node, as `directBroadcast` takes it. */
  get nodeName(): string {
    return this.#running().node;
  }

  /**
   * Subscribes the calling actor to a topic: it gets each later broadcast once
   * for each of its subscriptions. `metadata` is for dispatchers. Throws
   * `UsageError` for an actor of another node and for an actor that has ended.
   */
  subscribe<T extends TopicOf<Topics>>(
    self: Subscriber<Topics[T]>,
    topic: T,
    metadata?: unknown,
  ): void {
    const root = this.#mayChange(self, topic);
    const pid = self.pid as Pid<unknown>;
    if (!this.#table.has(pid)) self.link(root.pid);
    this.#table.add(pid, topic, metadata);
  }

  /**
   * Removes all subscriptions of the calling actor to the topic, and returns
   * their number.
   */
  unsubscribe<T extends TopicOf<Topics>>(
    self: Subscriber<Topics[T]>,
    topic: T,
  ): number {
    const root = this.#mayChange(self, topic);
    const pid = self.pid as Pid<unknown>;
    const count = this.#table.remove(pid, topic);
    const isLast = count > 0 && !this.#table.has(pid);
    if (isLast && pid !== this.#parent) self.unlink(root.pid);
    return count;
  }

  /** How many subscriptions of a topic there are on this node. */
  countSubscriptions(topic: TopicOf<Topics>): number {
    const root = this.#running();
    let count = 0;
    for (const pid of this.#table.pids(topic)) {
      if (root.isActorAlive(pid)) count++;
    }
    return count;
  }

  /**
   * Sends a message to all subscribers on all nodes: first to the other nodes,
   * then to the subscribers of this one.
   *
   * Returns false where `self.send` would, because a connection is above its
   * high mark. Throws `EncodeError` when there are other nodes and the message
   * cannot be encoded; then no subscriber of this node gets it. Throws
   * `BroadcastError` when connections are at their hard limit; then all other
   * nodes and the subscribers of this node have got it.
   */
  broadcast<T extends TopicOf<Topics>>(
    self: Broadcaster,
    topic: T,
    message: Topics[T],
    options: BroadcastOptions = {},
  ): boolean {
    broadcastOptions.check(options);
    return this.#everywhere(self, topic, message, options, null);
  }

  /** As `broadcast`, without the caller's own subscriptions. */
  broadcastFrom<T extends TopicOf<Topics>>(
    self: Broadcaster,
    topic: T,
    message: Topics[T],
    options: BroadcastFromOptions = {},
  ): boolean {
    broadcastFromOptions.check(options);
    const from = options.from ?? self.pid;
    return this.#everywhere(self, topic, message, options, from);
  }

  /** As `broadcast`, to subscribers of this node only. */
  localBroadcast<T extends TopicOf<Topics>>(
    self: Broadcaster,
    topic: T,
    message: Topics[T],
    options: BroadcastOptions = {},
  ): void {
    this.#running();
    broadcastOptions.check(options, "localBroadcast");
    this.#dispatch(self, topic, message, this.#named(options), null);
  }

  /** As `broadcastFrom`, to subscribers of this node only. */
  localBroadcastFrom<T extends TopicOf<Topics>>(
    self: Broadcaster,
    topic: T,
    message: Topics[T],
    options: BroadcastFromOptions = {},
  ): void {
    this.#running();
    broadcastFromOptions.check(options, "localBroadcastFrom");
    const from = options.from ?? self.pid;
    this.#dispatch(self, topic, message, this.#named(options), from);
  }

  /**
   * As `broadcast`, to subscribers of one node only. The message is lost
   * without an error when the node is unknown, cannot be reached or has no
   * PubSub of this name.
   */
  directBroadcast<T extends TopicOf<Topics>>(
    self: Broadcaster,
    node: string,
    topic: T,
    message: Topics[T],
    options: BroadcastOptions = {},
  ): boolean {
    const { node: own } = this.#running();
    broadcastOptions.check(options, "directBroadcast");
    const dispatcher = this.#named(options);
    if (node === own) {
      this.#dispatch(self, topic, message, dispatcher, null);
      return true;
    }
    const { dispatcher: name = null } = options;
    return this.#adapter.directBroadcast(self, node, topic, message, name);
  }

  #everywhere(
    self: Broadcaster,
    topic: string,
    message: unknown,
    options: BroadcastOptions,
    from: Pid<never> | null,
  ): boolean {
    this.#running();
    const dispatcher = this.#named(options);
    const { dispatcher: name = null } = options;
    let hasRoom = true;
    let failure: BroadcastError | null = null;
    try {
      hasRoom = this.#adapter.broadcast(self, topic, message, name);
    } catch (error) {
      if (!(error instanceof BroadcastError)) throw error;
      failure = error;
    }
    this.#dispatch(self, topic, message, dispatcher, from);
    if (failure !== null) throw failure;
    return hasRoom;
  }

  /** Throws `UsageError` for an unknown dispatcher. */
  #named({ dispatcher }: BroadcastOptions): Dispatcher | null {
    if (dispatcher === undefined) return null;
    const found = this.#dispatchers.get(dispatcher);
    if (found !== undefined) return found;
    const names = [...this.#dispatchers.keys()].join(", ") || "none";
    throw new UsageError(
      `expected one of the dispatchers of ${this.name} (${names}), got ` +
        printTerm(dispatcher),
    );
  }

  /** Delivers a broadcast of another node, whose contents are not trusted. */
  #deliverRemote(
    self: Broadcaster & Pick<Self, "log">,
    topic: unknown,
    message: unknown,
    name: string | null,
  ): void {
    if (typeof topic !== "string") return;
    const dispatcher = name === null ? null : this.#dispatchers.get(name);
    if (dispatcher === undefined) {
      self.log("warning", `${this.name} has no dispatcher ${name}`, { topic });
      return;
    }
    try {
      this.#dispatch(self, topic, message, dispatcher, null);
    } catch (error) {
      self.log("error", `a dispatcher of ${this.name} has thrown`, { error });
    }
  }

  #dispatch(
    self: Broadcaster,
    topic: string,
    message: unknown,
    dispatcher: Dispatcher | null,
    from: Pid<never> | null,
  ): void {
    if (dispatcher === null) {
      deliverAll(self, this.#table.pids(topic), message, from);
    } else {
      const root = this.#running();
      const live = this.#table.entries(topic)
        .filter(({ pid }) => root.isActorAlive(pid));
      dispatcher(live, from, message, self);
    }
  }

  #mayChange(self: Subscriber<never>, topic: unknown): Self<unknown> {
    const root = this.#running();
    if (typeof topic !== "string") {
      throw new UsageError(`expected a topic, got ${printTerm(topic)}`);
    }
    if (!self.isAlive || self.node !== root.node) {
      throw new UsageError(
        `expected a live actor of ${root.node} to subscribe, got ` +
          `${self.pid} of ${self.node}`,
      );
    }
    return root;
  }

  #running(): Self<unknown> {
    const root = this.#root;
    if (root !== null && root.isAlive) return root;
    throw new UsageError(
      `expected the PubSub ${this.name} to run, but it has ended; use the one ` +
        "that was started in its place",
    );
  }
}

/** A send runs no code of an actor, so the list does not change meanwhile. */
function deliverAll(
  self: Broadcaster,
  pids: readonly Pid<unknown>[],
  message: unknown,
  from: Pid<never> | null,
): void {
  const count = pids.length;
  let i = 0;
  while (i < count) {
    try {
      for (; i < count; i++) {
        const pid = pids[i] as Pid<unknown>;
        if (pid !== from) self.send(pid, message);
      }
    } catch (error) {
      // A full mailbox concerns its own actor only: the others are served.
      if (!(error instanceof MailboxFullError)) throw error;
      i++;
    }
  }
}

const pubSubOptions = new OptionTable<PubSubOptions>("PubSub", {
  name: option.text,
  poolSize: option.amount,
  broadcastPoolSize: option.amount,
  dispatchers: option.object,
  adapter: option.object,
});

const broadcastOptions = new OptionTable<BroadcastOptions>("broadcast", {
  dispatcher: option.text,
});

const broadcastFromOptions = new OptionTable<BroadcastFromOptions>(
  "broadcastFrom",
  { dispatcher: option.text, from: option.object },
);

function checkPools(poolSize: number, broadcastPoolSize: number): void {
  for (const [name, size] of Object.entries({ poolSize, broadcastPoolSize })) {
    if (Number.isInteger(size) && size >= 1 && size <= 1_024) continue;
    throw new UsageError(
      `expected ${name} to be a whole number from 1 to 1,024, got ` +
        printTerm(size),
    );
  }
  if (broadcastPoolSize > poolSize) {
    throw new UsageError(
      `expected broadcastPoolSize to be at most poolSize, got ` +
        `${broadcastPoolSize} and ${poolSize}; no actor would listen there`,
    );
  }
}
