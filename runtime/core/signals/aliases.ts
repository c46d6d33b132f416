/**
 * Aliases: refs that messages can be sent to for as long as their owner wants.
 *
 * They keep late replies out: once an alias has been removed, a message that
 * still arrives under it is dropped before it reaches the mailbox. As in the
 * Erlang reference manual, no actor can ask who owns an alias or whether it is
 * active.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import type { Ref } from "../terms/terms.ts";
import type { AliasState } from "../contract/record.ts";
import { dropMonitor } from "./monitors.ts";

export class Aliases {
  readonly #node: NodeServices;
  /** Number of active aliases, those of pending calls included. */
  size: number = 0;

  constructor(node: NodeServices) {
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

  /** Removes an alias that is tied to a monitor, which has ended. */
  monitorEnded(ref: Ref): void {
    const mode = ref.alias?.mode;
    if (mode === "demonitor" || mode === "replyDemonitor") this.remove(ref);
  }

  /** Delivers a message under an alias. Returns whether it was active. */
  deliver(ref: Ref, message: unknown): boolean {
    const state = ref.alias as AliasState | null;
    if (state === null || state.actor.owner !== this.#node) return false;
    if (state.isCall === true) {
      this.#node.delivered++;
      this.#node.trace?.messageDelivered(state.actor.pid, message);
      state.takeMessage?.(message);
      return true;
    }
    const { actor, mode } = state;
    if (mode === "once" || mode === "replyDemonitor") this.remove(ref);
    if (mode === "replyDemonitor") {
      const monitor = actor.monitors?.get(ref);
      if (monitor !== undefined) dropMonitor(actor, monitor);
    }
    if (state.takeMessage !== null) {
      this.#node.delivered++;
      state.takeMessage(message);
    } else {
      actor.deliver(message);
    }
    return true;
  }

  /** Removes all aliases of an actor that has ended, and ends its calls. */
  endAllOf(actor: ActorRecord, reason: unknown): void {
    for (const ref of actor.aliases ?? []) this.remove(ref);
    actor.aliases = null;
    for (const call of actor.calls?.slice() ?? []) call.abandonCall(reason);
    actor.calls = null;
  }
}
