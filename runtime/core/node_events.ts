/**
 * Who wants to know when nodes join and leave.
 *
 * A node's `NodeUp` comes before any signal of it, its `NodeDown` after all of
 * them and after the links and monitors to it have spoken.
 */

import type { Actor } from "./actor.ts";
import { NodeDown, NodeUp } from "./messages.ts";

/** Told to listeners outside of actors. */
export type NodeEvent = NodeUp | NodeDown;

export class NodeEvents {
  readonly #actors = new Set<Actor>();
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  /** Told what a listener throws, which must not keep the others from theirs. */
  readonly #complain: (error: unknown) => void;

  constructor(complain: (error: unknown) => void) {
    this.#complain = complain;
  }

  subscribe(actor: Actor, on: boolean): void {
    if (on) this.#actors.add(actor);
    else this.#actors.delete(actor);
  }

  forget(actor: Actor): void {
    if (this.#actors.size > 0) this.#actors.delete(actor);
  }

  listen(listener: (event: NodeEvent) => void, signal?: AbortSignal): void {
    if (signal?.aborted) return;
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), {
      once: true,
    });
  }

  up(node: string): void {
    this.#tell(new NodeUp(node));
  }

  down(node: string, reason: string): void {
    this.#tell(new NodeDown(node, reason));
  }

  #tell(event: NodeEvent): void {
    for (const actor of this.#actors) actor.deliver(event);
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#complain(error);
      }
    }
  }
}
