/**
 * The scopes of process groups that run on a node. Each is a `PgState`, an
 * actor under the scope's name, and the actors that monitor its groups.
 *
 * Actors of the node read and change the state directly and not by messages. So
 * a look-up is a read of a table, and a change is in force when its call
 * returns. The scope's actor receives the messages of other nodes, and its pid
 * is the sender and the owner of the monitors. When an exit signal ends it, it
 * is started again, with another pid and, as in OTP, without its members.
 */

import type { Actor } from "../../core/actor/actor.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { Node } from "../../core/node/node.ts";
import { endActor } from "../../core/signals/exits.ts";
import { demonitor, monitor } from "../../core/signals/monitors.ts";
import { flush } from "../../core/mailbox/flush.ts";
import { MailboxFullError } from "../../core/messages/errors.ts";
import { NodeUp } from "../../core/messages/runtime_messages.ts";
import { reasons } from "../../core/messages/reasons.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import { GroupJoin, GroupLeave } from "./pg_events.ts";
import { type PgMessage, type PgOutputs, PgState } from "./pg_state.ts";
import { fromWire, toWire } from "./pg_wire.ts";
import { ServerActor } from "./server_actor.ts";
import { TermMap } from "../shared/term_map.ts";

/** A monitor of one group or of all groups. */
type Subscription = {
  readonly actor: LocalActor;
  /** The group, in an object of its own since it may be any term. */
  readonly group: { readonly name: unknown } | null;
  /** The scope's monitor of the subscriber, by which the subscription ends. */
  readonly monitor: Ref;
};

export class PgScope {
  readonly name: string;
  readonly #node: Node;
  /** The present actor; it and `#state` are replaced together. */
  #actor: ServerActor;
  /** The groups, empty when `#actor` was started. */
  #state: PgState;
  /** By the ref of the monitor. Each subscriber is a live actor. */
  readonly #subscriptions = new Map<Ref, Subscription>();
  /** Refs of `#subscriptions` to one group, by group. No set is empty. */
  readonly #ofGroup = new TermMap<Set<Ref>>();
  /** Refs of `#subscriptions` to all groups. */
  readonly #ofAll = new Set<Ref>();

  /** Throws `UsageError` when the name is taken. */
  constructor(node: Node, name: string) {
    this.name = name;
    this.#node = node;
    [this.#actor, this.#state] = this.#startServer();
  }

  get pid(): Pid<unknown> {
    return this.#actor.pid;
  }

  get state(): PgState {
    return this.#state;
  }

  stop(): void {
    scopesOf(this.#node).delete(this.name);
    this.#actor.stop((actor) => endActor(actor, reasons.shutdown));
    this.#removeAllSubscriptions();
  }

  #startServer(): [ServerActor, PgState] {
    const actor = new ServerActor(this.#node, this.name, {
      message: (message) => this.#receive(message),
      down: (pid) => this.#state.down(pid),
      ended: () => this.#restart(),
    });
    const state = new PgState(actor.pid, outputs(this, actor));
    for (const node of this.#node.nodes()) state.nodeUp(node);
    return [actor, state];
  }

  #restart(): void {
    this.#removeAllSubscriptions();
    // Another actor may have registered the name in the meantime.
    if (this.#node.names.holder(this.name) !== null) {
      scopesOf(this.#node).delete(this.name);
    } else {
      [this.#actor, this.#state] = this.#startServer();
    }
  }

  #receive(message: unknown): void {
    if (message instanceof NodeUp) {
      this.#state.nodeUp(message.node);
      return;
    }
    const said = fromWire(message);
    // An actor of this node may send such a message, but is no peer.
    if (said !== null && !this.#node.isOwnPid(said.from)) {
      this.#receiveFromPeer(said);
    }
  }

  /** Drops a late message: it would make a peer of a scope that is gone. */
  #receiveFromPeer(said: PgMessage): void {
    const { isUp } = this.#node.way(this.pid, said.from);
    if (isUp) this.#state.receive(said);
  }

  // -- Monitors

  /**
   * Notifies an actor of changes from now on. The ref is also that of its
   * monitor of the scope itself.
   */
  subscribe(actor: LocalActor, group: Subscription["group"]): Ref {
    const ref = monitor(actor, this.pid);
    const monitorRef = this.#actor.onDown(
      actor.pid,
      () => this.#removeSubscription(ref),
    );
    this.#subscriptions.set(ref, { actor, group, monitor: monitorRef });
    this.#listeners(group, true)?.add(ref);
    return ref;
  }

  /** No event comes any more, and those in the mailbox are removed. */
  unsubscribe(actor: LocalActor, ref: Ref): boolean {
    const known = this.#subscriptions.get(ref);
    if (known === undefined || known.actor !== actor) return false;
    this.#actor.cancelOnDown(known.monitor);
    this.#removeSubscription(ref);
    demonitor(actor, ref, true);
    flush(actor, (message) => isEvent(message) && message.ref === ref);
    return true;
  }

  changed(type: "join" | "leave", group: unknown, pids: readonly Pid[]): void {
    if (this.#subscriptions.size === 0) return;
    const Event = type === "join" ? GroupJoin : GroupLeave;
    const refs = [...this.#ofAll, ...this.#ofGroup.get(group) ?? []];
    for (const ref of refs) {
      const actor = this.#subscriptions.get(ref)?.actor;
      if (actor !== undefined) deliver(actor, new Event(ref, group, pids));
    }
  }

  #listeners(
    group: Subscription["group"],
    isNew: boolean,
  ): Set<Ref> | undefined {
    if (group === null) return this.#ofAll;
    let refs = this.#ofGroup.get(group.name);
    if (refs === undefined && isNew) {
      refs = new Set();
      this.#ofGroup.set(group.name, refs);
    }
    return refs;
  }

  #removeSubscription(ref: Ref): void {
    const group = this.#subscriptions.get(ref)?.group;
    if (group === undefined) return;
    this.#subscriptions.delete(ref);
    const refs = this.#listeners(group, false);
    refs?.delete(ref);
    if (group !== null && refs?.size === 0) this.#ofGroup.delete(group.name);
  }

  /** The subscribers are notified by their monitors of the scope. */
  #removeAllSubscriptions(): void {
    for (const ref of [...this.#subscriptions.keys()]) {
      this.#removeSubscription(ref);
    }
  }
}

function outputs(scope: PgScope, actor: ServerActor): PgOutputs {
  return {
    send: (to, message) => actor.send(to, toWire(message)),
    discover: (node) => {
      const message = toWire({ type: "discover", from: actor.pid });
      actor.send({ name: scope.name, node }, message);
    },
    monitor: (pid) => actor.monitor(pid),
    demonitor: (pid) => actor.demonitor(pid),
    changed: (type, group, pids) => scope.changed(type, group, pids),
  };
}

function isEvent(message: unknown): message is GroupJoin | GroupLeave {
  return message instanceof GroupJoin || message instanceof GroupLeave;
}

/** Delivers an event; a mailbox at its limit loses it, as a remote message. */
function deliver(actor: Actor, event: GroupJoin | GroupLeave): void {
  try {
    actor.deliver(event);
  } catch (error) {
    if (!(error instanceof MailboxFullError)) throw error;
  }
}

// -- The scopes of a node

const scopes = new WeakMap<Node, Map<string, PgScope>>();

function scopesOf(node: Node): Map<string, PgScope> {
  let known = scopes.get(node);
  if (known === undefined) {
    known = new Map();
    scopes.set(node, known);
  }
  return known;
}

export function findScope(node: Node, name: string): PgScope | undefined {
  return scopes.get(node)?.get(name);
}

/** The scope, started if it is not running. Throws `UsageError`. */
export function startScope(node: Node, name: string): PgScope {
  const known = findScope(node, name);
  if (known !== undefined) return known;
  const scope = new PgScope(node, name);
  scopesOf(node).set(name, scope);
  return scope;
}
