/**
 * Writes the history of a run: gives actors, refs, messages and spawns their
 * numbers, and notes births and ends where the node itself makes them happen.
 */

import type { Actor } from "../../runtime/core/actor/actor.ts";
import type { Node } from "../../runtime/core/node/node.ts";
import type { AnyBehaviour } from "../../runtime/core/contract/behaviour.ts";
import { type Pid, printTerm, type Ref } from "../../runtime/mod.ts";
import {
  exportPid,
  exportRef,
  internPid,
} from "../../runtime/core/terms/terms.ts";
import type { ActorId, Event, Reason } from "./history.ts";

/** An actor of the run, living or not. */
export type Known = {
  readonly id: ActorId;
  readonly pid: Pid<unknown>;
  /** The incarnation of its node. */
  readonly core: Node;
  isAlive: boolean;
};

/** An alias of the run, active or not. */
export type Alias = {
  readonly owner: ActorId;
  readonly ref: Ref;
  readonly number: number;
};

/** Where a behaviour comes from. */
export type Origin = { readonly spawn: number | null };

export class Recorder {
  readonly events: Event[] = [];
  readonly actors: Known[] = [];
  readonly aliases: Alias[] = [];
  /** All that were ever set, of all nodes. */
  readonly timers: Ref[] = [];
  readonly #ids = new Map<string, ActorId>();
  readonly #refs = new Map<string, number>();
  readonly #origins = new Map<AnyBehaviour, Origin>();
  /** Incarnations that are gone: what their code still does is no event. */
  readonly #gone = new Set<Node>();
  readonly #now: () => number;
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get nowMs(): number {
    return this.#now();
  }

  /** A number that was not used before in this run. */
  fresh(): number {
    return ++this.#count;
  }

  add(event: Event): void {
    if ("actor" in event) {
      const known = this.actors[event.actor];
      if (known !== undefined && this.#gone.has(known.core)) return;
    }
    this.events.push(event);
  }

  /** Actors of this node are drivers when their behaviour is announced. */
  watch(core: Node): void {
    const spawnActor = core.spawnActor.bind(core);
    core.spawnActor = (behaviour, options, parent) => {
      const actor = spawnActor(behaviour, options, parent);
      const origin = this.#origins.get(behaviour);
      if (origin !== undefined) this.#born(core, actor, origin);
      return actor;
    };
  }

  announce(behaviour: AnyBehaviour, origin: Origin): void {
    this.#origins.set(behaviour, origin);
  }

  #born(core: Node, actor: Actor, { spawn }: Origin): void {
    const id = this.#idOf(actor.pid);
    this.actors[id] = { id, pid: actor.pid, core, isAlive: true };
    this.add({
      is: "born",
      actor: id,
      node: core.name,
      trap: actor.trapExits,
      spawn,
    });
    actor.onExit = (reason) => {
      const known = this.actors[id];
      if (known !== undefined) known.isAlive = false;
      this.add({ is: "ended", actor: id, reason: reasonOf(reason) });
    };
  }

  /** The incarnation is gone with all its actors. */
  forget(core: Node): void {
    this.#gone.add(core);
    for (const known of this.actors) {
      if (known.core === core) known.isAlive = false;
    }
  }

  /** The actor's number; -1 for a pid of no actor. */
  actorOf(pid: Pid): ActorId {
    return this.#ids.get(keyOf(pid)) ?? -1;
  }

  #idOf(pid: Pid): ActorId {
    const id = this.#ids.size;
    if (this.#ids.has(keyOf(pid))) {
      throw new Error(`expected a pid that is new, got ${pid} a second time`);
    }
    this.#ids.set(keyOf(pid), id);
    return id;
  }

  refOf(ref: Ref): number {
    const key = `${ref.node}/${ref.creation}/${ref.words.join(".")}`;
    let known = this.#refs.get(key);
    if (known === undefined) {
      known = this.#refs.size;
      this.#refs.set(key, known);
    }
    return known;
  }

  /** Makes an alias known to all actors; returns its number. */
  addAlias(owner: ActorId, ref: Ref): number {
    const core = this.actors[owner]?.core;
    if (core !== undefined) exportRef(core.host.pids, ref);
    const number = this.refOf(ref);
    this.aliases.push({ owner, ref, number });
    return number;
  }

  /** Whether a driver has made the alias, and not the runtime for a call. */
  isAlias(ref: Ref): boolean {
    const number = this.refOf(ref);
    return this.aliases.some((alias) => alias.number === number);
  }

  /**
   * The actor's pid as an actor on that node holds it when it has come there.
   */
  pidOn(core: Node, { pid, core: home }: Known): Pid {
    if (home === core) return pid;
    exportPid(home.host.pids, pid);
    const { node, id, serial, creation } = pid;
    return internPid(core.host.pids, node, id, serial, creation);
  }
}

function keyOf(pid: Pid): string {
  return `${pid.node}/${pid.creation}/${pid.id}/${pid.serial}`;
}

export function reasonOf(reason: unknown): Reason {
  if (typeof reason === "symbol") return `:${Symbol.keyFor(reason)}`;
  return typeof reason === "string" ? reason : `?${printTerm(reason)}`;
}
