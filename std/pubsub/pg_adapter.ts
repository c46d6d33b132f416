/**
 * Broadcasts over process groups: each node has a few listening actors, each in
 * a group of its own, and a broadcast is one message to one group.
 *
 * The sender's pid selects the group, so that the broadcasts of one sender keep
 * their order on the way to each node. Scope, groups, names and messages are
 * those of `Phoenix.PubSub` 2 with its adapter for `pg`.
 *
 * There is one message, `{forward_to_local, Topic, Message, Dispatcher}`, from
 * a broadcaster to the listeners of one group. It has no reply.
 */

import {
  atom,
  BusyError,
  Down,
  Exit,
  type Handler,
  handler,
  pg,
  type Pid,
  printTerm,
  reasons,
  type Ref,
  type Self,
  type Stop,
  stop,
  Tuple,
} from "../../runtime/mod.ts";
import {
  type Adapter,
  type AdapterHost,
  type Broadcaster,
  BroadcastError,
} from "./types.ts";

const scope = pg.scope("Elixir.Phoenix.PubSub");
const FORWARD = atom("forward_to_local");
/** The default dispatcher: it sends the message to each subscription. */
const PLAIN = atom("Elixir.Phoenix.PubSub");

export class PgAdapter implements Adapter {
  /** Names of the groups and, on each node, of the actors in them. */
  #groups: readonly string[] = [];
  #broadcastPoolSize = 1;
  #listeners: readonly Pid<unknown>[] = [];
  /** The monitor of the scope, which loses its members when it crashes. */
  #scopeMonitor: Ref | null = null;

  start(self: Self<unknown>, host: AdapterHost): void {
    this.#groups = groupsOf(host);
    this.#broadcastPoolSize = host.broadcastPoolSize;
    this.#listeners = this.#groups.map((name) =>
      self.spawnLink(listener(host, self.pid), { name, trapExits: true })
    );
    this.#join(self);
  }

  take(self: Self<unknown>, message: unknown): void {
    if (message instanceof Down && message.ref === this.#scopeMonitor) {
      this.#join(self);
    }
  }

  #join(self: Self<unknown>): void {
    this.#scopeMonitor = self.monitor(scope.start(self));
    for (const [i, pid] of this.#listeners.entries()) {
      scope.join(self as Self, atom(this.#groups[i] as string), pid as Pid);
    }
  }

  broadcast(
    self: Broadcaster,
    topic: string,
    message: unknown,
    dispatcher: string | null,
  ): boolean {
    const group = atom(this.#groupOf(self));
    const members = scope.members<unknown>(self as Self, group);
    const own = self.pid.node;
    let forward: Tuple | null = null;
    let hasRoom = true;
    let busy: string[] | null = null;
    let cause: unknown;
    for (const member of members) {
      if (member.node === own) continue;
      forward ??= forwardOf(topic, message, dispatcher);
      try {
        if (!self.send(member, forward)) hasRoom = false;
      } catch (error) {
        // A full connection concerns its own node only: the others are served.
        if (!(error instanceof BusyError)) throw error;
        (busy ??= []).push(member.node);
        cause = error;
      }
    }
    if (busy !== null) throw new BroadcastError(busy, cause);
    return hasRoom;
  }

  directBroadcast(
    self: Broadcaster,
    node: string,
    topic: string,
    message: unknown,
    dispatcher: string | null,
  ): boolean {
    const name = this.#groupOf(self);
    return self.send({ name, node }, forwardOf(topic, message, dispatcher));
  }

  #groupOf(self: Broadcaster): string {
    return this.#groups[self.pid.id % this.#broadcastPoolSize] as string;
  }
}

/** The first group has no number, for compatibility with a pool of one. */
function groupsOf(
  { name, poolSize, broadcastPoolSize }: AdapterHost,
): readonly string[] {
  const most = Math.max(poolSize, broadcastPoolSize);
  return Array.from(
    { length: most },
    (_, i) => i === 0 ? `${name}.Adapter` : `${name}.Adapter_${i + 1}`,
  );
}

function forwardOf(
  topic: string,
  message: unknown,
  dispatcher: string | null,
): Tuple {
  const by = dispatcher === null ? PLAIN : atom(dispatcher);
  return new Tuple([FORWARD, topic, message, by]);
}

/** Takes the broadcasts of other nodes, until the PubSub's actor ends. */
function listener(
  { deliver }: AdapterHost,
  root: Pid<unknown>,
): Handler<unknown> {
  return handler<null, unknown>(null, (state, message, self): null | Stop => {
    if (message instanceof Exit) {
      const { from, reason } = message;
      return from === root || reason !== reasons.normal ? stop(reason) : state;
    }
    const items = message instanceof Tuple ? message.items : [];
    const [tag, topic, content, by] = items;
    if (tag !== FORWARD || typeof by !== "symbol") {
      self.log(
        "warning",
        `PubSub takes no such message: ${printTerm(message)}`,
      );
      return state;
    }
    const name = by === PLAIN ? null : Symbol.keyFor(by) ?? null;
    deliver(self, topic, content, name);
    return state;
  });
}
