/**
 * The scopes of process groups that run on a node: each an actor under the
 * scope's name around a `PgState`, with the actors that monitor its groups.
 *
 * Whoever is on the node works on the state itself and not through messages, so
 * that a look-up is one of a table, and a change is in force when its call
 * returns. The actor hears what other nodes say, and lends its pid and its
 * monitors. When an exit signal ends it, it comes back with another pid and,
 * as in OTP, without the members that it had.
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

/** A monitor of one group, or of all. */
type Subscription = {
  readonly actor: LocalActor;
  /** The group, in an object of its own since it may be any term. */
  readonly group: { readonly name: unknown } | null;
  /**
   * Of the scope, on the subscriber, whose end takes the subscription along.
   */
  readonly monitor: Ref;
};

export class PgScope {
  readonly name: string;
  readonly #node: Node;
  #actor: ServerActor;
  #state: PgState;
  readonly #subscriptions = new Map<Ref, Subscription>();
  /** By group, and those of all groups. */
  readonly #ofGroup = new TermMap<Set<Ref>>();
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
    // The name may have gone to somebody else in the meantime.
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
    // One of this node's actors may say anything, but is no peer.
    if (said !== null && !this.#node.isOwnPid(said.from)) {
      this.#receiveFromPeer(said);
    }
  }

  /** A peer that is gone already would be met anew by what it says late. */
  #receiveFromPeer(said: PgMessage): void {
    const { isUp } = this.#node.way(this.pid, said.from);
    if (isUp) this.#state.receive(said);
  }

  // -- Monitors

  /**
   * The subscriber is told of changes from now on, under a ref that is also a
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

  /** Nothing of it comes any more, nor is left in the mailbox. */
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

  /** Their monitors of the scope have told them. */
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

/** A mailbox at its limit loses it, as it would a message from afar. */
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
