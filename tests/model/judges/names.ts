/**
 * The rules of registered names. Names are a matter of one node, so what each
 * of them must be at any moment is known exactly: at most one name per actor,
 * at most one actor per name, freed when the actor ends.
 */

import type { ActorId } from "../history.ts";
import type { Facts, Report } from "../facts.ts";

/** From when to when an actor held a name. */
type Tenure = { readonly actor: ActorId; readonly from: number; to: number };

export class NameHistory {
  readonly #facts: Facts;
  /** By node and name, oldest first. */
  readonly #tenures = new Map<string, Tenure[]>();

  constructor(facts: Facts, report: Report) {
    this.#facts = facts;
    facts.events.forEach((event, at) => {
      switch (event.is) {
        case "register":
          return this.#register(event, at, report);
        case "unregister":
          return this.#unregister(event, at, report);
        case "whereis": {
          const node = facts.life(event.actor).node;
          const holder = this.#holder(node, event.name)?.actor ?? null;
          if (holder === event.found) return;
          report(
            at,
            `${event.name} on ${node} is ${event.found}'s and not ${holder}'s`,
          );
          return;
        }
        case "ended":
          return this.#release(event.actor, at);
        case "crash":
          for (const life of facts.lives) {
            if (life.node === event.node) this.#release(life.id, at);
          }
      }
    });
  }

  #register(
    event: { actor: ActorId; name: string; of: ActorId; isDone: boolean },
    at: number,
    report: Report,
  ): void {
    const { actor, name, of } = event;
    const { node } = this.#facts.life(actor);
    const isAllowed = this.#facts.isLocal(actor, of) &&
      this.#facts.life(of).endedAt > at &&
      this.#holder(node, name) === undefined && !this.#hasName(of);
    if (isAllowed !== event.isDone) {
      report(
        at,
        `${actor} ${event.isDone ? "could" : "could not"} register ${of} ` +
          `as ${name}`,
      );
    }
    if (!event.isDone) return;
    const key = `${node} ${name}`;
    const tenures = this.#tenures.get(key) ?? [];
    tenures.push({ actor: of, from: at, to: Infinity });
    this.#tenures.set(key, tenures);
  }

  #unregister(
    event: { actor: ActorId; name: string; isDone: boolean },
    at: number,
    report: Report,
  ): void {
    const holder = this.#holder(this.#facts.life(event.actor).node, event.name);
    if ((holder !== undefined) !== event.isDone) {
      report(
        at,
        `${event.actor} ${event.isDone ? "could" : "could not"} unregister ` +
          event.name,
      );
    }
    if (holder !== undefined) holder.to = at;
  }

  #holder(node: string, name: string): Tenure | undefined {
    const last = this.#tenures.get(`${node} ${name}`)?.at(-1);
    return last?.to === Infinity ? last : undefined;
  }

  #hasName(actor: ActorId): boolean {
    return [...this.#tenures.values()].some((tenures) => {
      const last = tenures.at(-1);
      return last?.actor === actor && last.to === Infinity;
    });
  }

  #release(actor: ActorId, at: number): void {
    for (const tenures of this.#tenures.values()) {
      const last = tenures.at(-1);
      if (last?.actor === actor && last.to === Infinity) last.to = at;
    }
  }

  /** Those who held the name at any moment of the span. */
  holders(
    node: string,
    name: string,
    from: number,
    to: number,
  ): readonly Tenure[] {
    const tenures = this.#tenures.get(`${node} ${name}`) ?? [];
    return tenures.filter((tenure) => tenure.from < to && tenure.to > from);
  }

  held(
    node: string,
    name: string,
    actor: ActorId,
    from: number,
    to: number,
  ): boolean {
    return this.holders(node, name, from, to)
      .some((tenure) => tenure.actor === actor);
  }

  /** The holder of the name from then to the end of the run, or null. */
  steadyHolder(node: string, name: string, from: number): ActorId | null {
    const last = this.#tenures.get(`${node} ${name}`)?.at(-1);
    if (last === undefined || last.from > from) return null;
    return last.to > this.#facts.finalAt ? last.actor : null;
  }

  /** Whether the name was free at some moment of the span. */
  wasFree(node: string, name: string, from: number, to: number): boolean {
    let taken = from;
    for (const tenure of this.holders(node, name, from, to)) {
      if (tenure.from > taken) return true;
      taken = tenure.to;
    }
    return taken < to;
  }
}
