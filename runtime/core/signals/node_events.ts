/**
 * Who wants to know when nodes join and leave, and how their connections do.
 *
 * A node's `NodeUp` comes before any signal of it, its `NodeDown` after all of
 * them and after the links and monitors to it have spoken.
 */

import type { ActorRecord } from "../contract/record.ts";
import {
  NodeBusy,
  NodeDown,
  NodeSuspect,
  NodeUp,
} from "../messages/runtime_messages.ts";

/** Told to listeners outside of actors. */
export type NodeEvent = NodeUp | NodeDown;

/** What there is to say of a connection while it is up. */
export type ConnectionEvent = NodeBusy | NodeSuspect;

type Listener<Event> = (event: Event) => void;

export class NodeEvents {
  readonly #actors = new Set<ActorRecord>();
  readonly #listeners = new Set<Listener<NodeEvent>>();
  readonly #connectionListeners = new Set<Listener<ConnectionEvent>>();
  /**
   * Told what a listener throws, which must not keep the others from theirs.
   */
  readonly #complain: (error: unknown) => void;

  constructor(complain: (error: unknown) => void) {
    this.#complain = complain;
  }

  subscribe(actor: ActorRecord, on: boolean): void {
    if (on) this.#actors.add(actor);
    else this.#actors.delete(actor);
  }

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
    this.#tellAll(new NodeUp(node));
  }

  down(node: string, reason: string): void {
    this.#tellAll(new NodeDown(node, reason));
  }

  busy(node: string, isBusy: boolean): void {
    this.#tell(this.#connectionListeners, new NodeBusy(node, isBusy));
  }

  suspect(node: string, isSuspect: boolean): void {
    this.#tell(this.#connectionListeners, new NodeSuspect(node, isSuspect));
  }

  #tellAll(event: NodeEvent): void {
    for (const actor of this.#actors) actor.deliver(event);
    this.#tell(this.#listeners, event);
  }

  #tell<Event>(listeners: ReadonlySet<Listener<Event>>, event: Event): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#complain(error);
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
