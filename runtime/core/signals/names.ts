/**
 * Registered names of one node: at most one name per actor, and one actor per
 * name. A name is free again when its actor has ended. All this is as in the
 * Erlang reference manual.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import { UsageError } from "../messages/errors.ts";
import type { Pid } from "../terms/terms.ts";

export class Names {
  readonly #node: NodeServices;
  /** Live actors by their names: `holder.name` is always the key. */
  readonly #holders = new Map<string, ActorRecord>();

  constructor(node: NodeServices) {
    this.#node = node;
  }

  /** Throws `UsageError`, and then nothing has changed. */
  register(name: string, pid: Pid): void {
    const actor = this.#node.localActor(pid);
    if (actor === null) {
      throw new UsageError(
        `expected a live local actor to register as "${name}", got ${pid}`,
      );
    }
    this.claim(name, actor);
  }

  /** As `register`, for an actor that may still be about to start. */
  claim(name: string, actor: ActorRecord): void {
    if (typeof name !== "string" || name === "" || name === "undefined") {
      throw new UsageError(
        `expected a name that is a string, not empty and not "undefined", got ${
          JSON.stringify(name)
        }`,
      );
    }
    const holder = this.#holders.get(name);
    if (holder !== undefined) {
      throw new UsageError(
        `expected the name "${name}" to be free, but ${holder.pid} holds it`,
      );
    }
    if (actor.name !== null) {
      throw new UsageError(
        `expected ${actor.pid} to have no name, but it is "${actor.name}"; ` +
          "unregister that first",
      );
    }
    actor.name = name;
    this.#holders.set(name, actor);
  }

  unregister(name: string): void {
    const holder = this.#holders.get(name);
    if (holder === undefined) {
      throw new UsageError(
        `expected "${name}" to be a registered name, but it is free`,
      );
    }
    this.releaseName(holder);
  }

  /** Frees the name of an actor, if it has one. */
  releaseName(actor: ActorRecord): void {
    if (actor.name === null) return;
    this.#holders.delete(actor.name);
    actor.name = null;
  }

  holder(name: string): ActorRecord | null {
    return this.#holders.get(name) ?? null;
  }

  whereis(name: string): Pid | null {
    return this.#holders.get(name)?.pid ?? null;
  }

  registered(): readonly string[] {
    return [...this.#holders.keys()];
  }
}
