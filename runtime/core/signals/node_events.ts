/**
 * The actors and listeners that are notified when nodes join and leave, and of
 * the state of connections.
 *
 * A node's `NodeUp` comes before any signal of that node. Its `NodeDown` comes
 * after all its signals, and after the notifications of links and monitors to
 * it.
 */

import type { ActorRecord } from "../contract/record.ts";
import {
  NodeBusy,
  NodeDown,
  NodeSuspect,
  NodeUp,
} from "../messages/runtime_messages.ts";

/** An event for listeners outside of actors. */
export type NodeEvent = NodeUp | NodeDown;

/** An event of a connection that is up. */
export type ConnectionEvent = NodeBusy | NodeSuspect;

type Listener<Event> = (event: Event) => void;

export class NodeEvents {
  /** Live actors that have called `monitorNodes`. */
  readonly #actors = new Set<ActorRecord>();
  readonly #listeners = new Set<Listener<NodeEvent>>();
  readonly #connectionListeners = new Set<Listener<ConnectionEvent>>();
  /** Reports what a listener has thrown; the other listeners still run. */
  readonly #reportError: (error: unknown) => void;

  constructor(reportError: (error: unknown) => void) {
    this.#reportError = reportError;
  }

  subscribe(actor: ActorRecord, on: boolean): void {
    if (on) this.#actors.add(actor);
    else this.#actors.delete(actor);
  }

  /** Removes an actor that has ended. */
  unsubscribe(actor: ActorRecord): void {
    if (this.#actors.size > 0) this.#actors.delete(actor);
  }

  listen(listener: Listener<NodeEvent>, signal?: AbortSignal): void {
    add(this.#listeners, listener, signal);
  }

  listenToConnections(
    listener: Listener<ConnectionEvent>,
    signal?: AbortSignal,
  ): void {
    add(this.#connectionListeners, listener, signal);
  }

  up(node: string): void {
    this.#notifyAll(new NodeUp(node));
  }

  down(node: string, reason: string): void {
    this.#notifyAll(new NodeDown(node, reason));
  }

  busy(node: string, isBusy: boolean): void {
    this.#notify(this.#connectionListeners, new NodeBusy(node, isBusy));
  }

  suspect(node: string, isSuspect: boolean): void {
    this.#notify(this.#connectionListeners, new NodeSuspect(node, isSuspect));
  }

  #notifyAll(event: NodeEvent): void {
    for (const actor of this.#actors) actor.deliver(event);
    this.#notify(this.#listeners, event);
  }

  #notify<Event>(listeners: ReadonlySet<Listener<Event>>, event: Event): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#reportError(error);
      }
    }
  }
}

function add<Event>(
  listeners: Set<Listener<Event>>,
  listener: Listener<Event>,
  signal?: AbortSignal,
): void {
  if (signal?.aborted) return;
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener), {
    once: true,
  });
}
