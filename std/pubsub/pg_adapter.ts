/**
 * Broadcasts over process groups: each node has a few listening actors, each in
 * a group of its own, and a broadcast is one message to one group.
 *
 * Which group is decided by the sender, so that what one sender says keeps its
 * order on its way to each node. Scope, groups, names and messages are those of
 * `Phoenix.PubSub` 2 with its adapter for `pg`.
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
/** The dispatcher that sends each subscription the message. */
const PLAIN = atom("Elixir.Phoenix.PubSub");

export class PgAdapter implements Adapter {
  /** Names of the groups and, on each node, of the actors in them. */
  #groups: readonly string[] = [];
  #broadcastPoolSize = 1;
  #listeners: readonly Pid<unknown>[] = [];
  /** Of the scope, which loses its members when it crashes. */
  #watch: Ref | null = null;

  start(self: Self<unknown>, host: AdapterHost): void {
    this.#groups = groupsOf(host);
    this.#broadcastPoolSize = host.broadcastPoolSize;
    this.#listeners = this.#groups.map((name) =>
      self.spawnLink(listener(host, self.pid), { name, trapExits: true })
    );
    this.#join(self);
  }

  take(self: Self<unknown>, message: unknown): void {
    if (message instanceof Down && message.ref === this.#watch) {
      this.#join(self);
    }
  }

  #join(self: Self<unknown>): void {
    this.#watch = self.monitor(scope.start(self));
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
        // One that cannot keep up is no reason to pass over the others.
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

/** The first has no number, as when there was one only. */
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
  const how = dispatcher === null ? PLAIN : atom(dispatcher);
  return new Tuple([FORWARD, topic, message, how]);
}

/** Takes what other nodes send, until the PubSub ends, for whatever reason. */
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
    const [kind, topic, content, how] = items;
    if (kind !== FORWARD || typeof how !== "symbol") {
      self.log(
        "warning",
        `PubSub takes no such message: ${printTerm(message)}`,
      );
      return state;
    }
    const name = how === PLAIN ? null : Symbol.keyFor(how) ?? null;
    deliver(self, topic, content, name);
    return state;
  });
}
