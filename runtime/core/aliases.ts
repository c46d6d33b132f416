/**
 * Aliases: refs that messages can be sent to as long as their owner wants.
 *
 * They keep late replies out: once an alias is taken back, what still arrives
 * under it is dropped before it reaches the mailbox. Nobody can ask who owns an
 * alias or whether it is active, as in the Erlang reference manual.
 */

import type { Actor } from "./actor.ts";
import type { Node } from "./node.ts";
import type { Ref } from "./terms.ts";
import { dropMonitor } from "./links.ts";

/**
 * When an alias ends by itself: never, after its first message, with its
 * monitor, or with either of both.
 */
export type AliasMode = "explicit" | "once" | "demonitor" | "replyDemonitor";

/** An active alias. */
export type AliasState = {
  readonly actor: Actor;
  readonly mode: AliasMode;
  /** Takes what arrives in place of the mailbox; a pending call. */
  readonly settle: ((message: unknown) => void) | null;
  /** Told when the owner ends first. */
  readonly abandon: ((reason: unknown) => void) | null;
};

export class Aliases {
  readonly #node: Node;
  readonly #active = new Map<Ref, AliasState>();

  constructor(node: Node) {
    this.#node = node;
  }

  /** Aliases that are active. */
  get size(): number {
    return this.#active.size;
  }

  add(ref: Ref, state: AliasState): void {
    this.#active.set(ref, state);
    state.actor.aliases ??= new Set();
    state.actor.aliases.add(ref);
  }

  /** Returns whether the alias was active. */
  remove(ref: Ref): boolean {
    const state = this.#active.get(ref);
    if (state === undefined) return false;
    this.#active.delete(ref);
    state.actor.aliases?.delete(ref);
    return true;
  }

  /** The monitor of the same ref has ended: so does an alias tied to it. */
  monitorEnded(ref: Ref): void {
    const mode = this.#active.get(ref)?.mode;
    if (mode === "demonitor" || mode === "replyDemonitor") this.remove(ref);
  }

  /** A message under an alias. Returns whether anybody took it. */
  deliver(ref: Ref, message: unknown): boolean {
    const state = this.#active.get(ref);
    if (state === undefined) return false;
    const { actor, mode } = state;
    if (mode === "once" || mode === "replyDemonitor") this.remove(ref);
    if (mode === "replyDemonitor") {
      const monitor = actor.monitors?.get(ref);
      if (monitor !== undefined) dropMonitor(actor, monitor);
    }
    if (state.settle !== null) {
      this.#node.delivered++;
      state.settle(message);
    } else {
      actor.deliver(message);
    }
    return true;
  }

  /** The owner has ended. */
  release(actor: Actor, reason: unknown): void {
    if (actor.aliases === null) return;
    for (const ref of actor.aliases) {
      const state = this.#active.get(ref);
      this.#active.delete(ref);
      state?.abandon?.(reason);
    }
    actor.aliases = null;
  }
}
