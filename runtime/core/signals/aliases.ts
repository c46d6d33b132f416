/**
 * Aliases: refs that messages can be sent to as long as their owner wants.
 *
 * They keep late replies out: once an alias is taken back, what still arrives
 * under it is dropped before it reaches the mailbox. Nobody can ask who owns an
 * alias or whether it is active, as in the Erlang reference manual.
 */

import type { Actor } from "../actor/actor.ts";
import type { Node } from "../node/node.ts";
import type { Ref } from "../terms/terms.ts";
import { dropMonitor } from "./monitors.ts";

/**
 * When an alias ends by itself: never, after its first message, with its
 * monitor, or with either of both.
 */
export type AliasMode = "explicit" | "once" | "demonitor" | "replyDemonitor";

/** An active alias. The ref that is the alias holds it. */
export type AliasState = {
  readonly actor: Actor;
  readonly mode: AliasMode;
  /** Takes what arrives in place of the mailbox. */
  readonly settle: ((message: unknown) => void) | null;
  /** A pending call, which gives up its alias by itself. */
  readonly isCall?: true;
};

export class Aliases {
  readonly #node: Node;
  /** Aliases that are active, those of pending calls included. */
  size: number = 0;

  constructor(node: Node) {
    this.#node = node;
  }

  add(ref: Ref, state: AliasState): void {
    ref.alias = state;
    this.size++;
    state.actor.aliases ??= new Set();
    state.actor.aliases.add(ref);
  }

  /** Returns whether the alias was active. */
  remove(ref: Ref): boolean {
    const state = ref.alias as AliasState | null;
    if (state === null) return false;
    ref.alias = null;
    this.size--;
    state.actor.aliases?.delete(ref);
    return true;
  }

  /** The monitor of the same ref has ended: so does an alias tied to it. */
  monitorEnded(ref: Ref): void {
    const mode = ref.alias?.mode;
    if (mode === "demonitor" || mode === "replyDemonitor") this.remove(ref);
  }

  /** A message under an alias. Returns whether anybody took it. */
  deliver(ref: Ref, message: unknown): boolean {
    const state = ref.alias as AliasState | null;
    if (state === null || state.actor.owner !== this.#node) return false;
    if (state.isCall === true) {
      this.#node.delivered++;
      state.settle?.(message);
      return true;
    }
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

  /** The owner has ended: so have its aliases and its calls. */
  release(actor: Actor, reason: unknown): void {
    for (const ref of actor.aliases ?? []) this.remove(ref);
    actor.aliases = null;
    for (const call of actor.calls?.slice() ?? []) call.abandon(reason);
    actor.calls = null;
  }
}
