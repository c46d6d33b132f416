/**
 * A history sorted by what the judges ask for: lives, links, faults, names.
 *
 * It knows the rules of the Erlang reference manual only as far as they decide
 * what could have been so at a moment; nothing here knows the runtime.
 */

import type { ActorId, Event, EventOf, Reason, Target } from "./history.ts";

/** An event and its time. */
export type At<K extends Event["is"]> = EventOf<K> & { readonly at: number };

/** The life of an actor. */
export type Life = {
  readonly id: ActorId;
  readonly node: string;
  /** Counts the starts of its node. */
  readonly incarnation: number;
  readonly bornAt: number;
  /** When it ended, or its node did; Infinity while it lives. */
  endedAt: number;
  /** Null when no actor could see the reason: its node crashed. */
  reason: Reason | null;
  /** When it began or ceased to trap exits. */
  readonly traps: { readonly at: number; readonly on: boolean }[];
  /** The spawn that it came from. */
  readonly spawn: number | null;
};

export type LinkDeed = {
  readonly at: number;
  readonly by: ActorId;
  readonly peer: ActorId;
  readonly isLink: boolean;
  /** The actor's count of what it had sent; 0 where none was counted. */
  readonly k: number;
};

export class Facts {
  readonly events: readonly Event[];
  readonly lives: Life[] = [];
  readonly spawns: Map<number, At<"spawn">> = new Map();
  readonly childOf: Map<number, ActorId> = new Map();
  /** Of either side, oldest first; key of the pair. */
  readonly #links = new Map<string, LinkDeed[]>();
  /** Times of faults by pair of nodes. */
  readonly #faults = new Map<string, number[]>();
  readonly #exits = new Map<string, At<"sendExit">[]>();
  readonly quiets: number[] = [];
  readonly stops: { readonly at: number; readonly node: string }[] = [];
  finalAt: number = Infinity;
  finalMs: number = 0;
  readonly #incarnations = new Map<string, number>();
  readonly #nodes = new Set<string>();

  constructor(events: readonly Event[]) {
    this.events = events;
    events.forEach((event, at) => this.#note(event, at));
  }

  #note(event: Event, at: number): void {
    switch (event.is) {
      case "born":
        return this.#born(event, at);
      case "ended": {
        const life = this.life(event.actor);
        life.endedAt = Math.min(life.endedAt, at);
        life.reason = event.reason;
        return;
      }
      case "crash":
      case "stop":
        return this.#nodeEnds(event, at);
      case "fault":
        return this.#fault(event.a, event.b, at);
      case "quiet":
        this.quiets.push(at);
        return;
      case "final":
        this.finalAt = at;
        this.finalMs = event.nowMs;
        return;
      case "trap":
        this.life(event.actor).traps.push({ at, on: event.on });
        return;
      case "sendExit": {
        const key = `${event.actor}>${event.to}`;
        const sent = this.#exits.get(key) ?? [];
        sent.push({ ...event, at });
        this.#exits.set(key, sent);
        return;
      }
      case "spawn":
        this.spawns.set(event.spawn, { ...event, at });
        return;
      case "link":
      case "unlink":
        return this.#linkDeed({
          at,
          by: event.actor,
          peer: event.peer,
          isLink: event.is === "link",
          k: event.is === "link" ? event.k : 0,
        });
    }
  }

  #born({ actor, node, trap, spawn }: EventOf<"born">, at: number): void {
    this.#nodes.add(node);
    this.lives[actor] = {
      id: actor,
      node,
      incarnation: this.#incarnations.get(node) ?? 0,
      bornAt: at,
      endedAt: Infinity,
      reason: null,
      traps: [{ at, on: trap }],
      spawn,
    };
    const asked = spawn === null ? undefined : this.spawns.get(spawn);
    if (asked === undefined || spawn === null) return;
    this.childOf.set(spawn, actor);
    if (!asked.link) return;
    // The child's side is there from its birth; the parent's from some time
    // after it asked, which is not later than the child's when both are local.
    const k = 0;
    this.#linkDeed({ at, by: actor, peer: asked.actor, isLink: true, k });
    this.#linkDeed({ at, by: asked.actor, peer: actor, isLink: true, k });
  }

  #nodeEnds(event: EventOf<"crash" | "stop">, at: number): void {
    const { node } = event;
    for (const other of this.#nodes) this.#fault(node, other, at);
    if (event.is === "stop") this.stops.push({ at, node });
    // Actors of a stopped node end one by one, with a reason.
    for (const life of this.lives) {
      if (event.is === "stop" || life.node !== node) continue;
      if (life.endedAt === Infinity) life.endedAt = at;
    }
    this.#incarnations.set(node, (this.#incarnations.get(node) ?? 0) + 1);
  }

  #fault(a: string, b: string, at: number): void {
    const key = pairKey(a, b);
    const times = this.#faults.get(key) ?? [];
    times.push(at);
    this.#faults.set(key, times);
  }

  #linkDeed(deed: LinkDeed): void {
    const key = pairKey(deed.by, deed.peer);
    const deeds = this.#links.get(key) ?? [];
    deeds.push(deed);
    this.#links.set(key, deeds);
  }

  life(actor: ActorId): Life {
    const life = this.lives[actor];
    if (life === undefined) throw new Error(`there is no actor ${actor}`);
    return life;
  }

  /** Whether the actor lived to the end. */
  isSurvivor(actor: ActorId): boolean {
    return this.life(actor).endedAt > this.finalAt;
  }

  isLocal(a: ActorId, b: ActorId): boolean {
    const [x, y] = [this.life(a), this.life(b)];
    return x.node === y.node && x.incarnation === y.incarnation;
  }

  /** Nothing happened to what connects the two, before that time. */
  isClean(a: ActorId, b: ActorId, before: number = Infinity): boolean {
    return this.isLocal(a, b) ||
      this.isCleanPath(this.life(a).node, this.life(b).node, before);
  }

  isCleanPath(a: string, b: string, before: number = Infinity): boolean {
    const first = this.#faults.get(pairKey(a, b))?.[0] ?? Infinity;
    return first >= before;
  }

  exitsSent(from: ActorId, to: ActorId): readonly At<"sendExit">[] {
    return this.#exits.get(`${from}>${to}`) ?? [];
  }

  linksOf(a: ActorId, b: ActorId): readonly LinkDeed[] {
    return this.#links.get(pairKey(a, b)) ?? [];
  }

  /** Whether the actor trapped exits at that moment. */
  trapsAt(actor: ActorId, at: number): boolean {
    let on = false;
    for (const trap of this.life(actor).traps) {
      if (trap.at <= at) on = trap.on;
    }
    return on;
  }

  /** Whether it trapped exits at any, or at every moment of a span. */
  traps(
    how: "ever" | "always",
    actor: ActorId,
    from: number,
    to: number,
  ): boolean {
    const found = this.life(actor).traps
      .filter(({ at }) => at > from && at <= to).map(({ on }) => on);
    found.push(this.trapsAt(actor, from));
    return how === "ever" ? found.includes(true) : !found.includes(false);
  }

  /** Whether a quiet moment lies between the two. */
  isQuietBetween(from: number, to: number): boolean {
    return this.quiets.some((at) => at > from && at < to);
  }

  /**
   * Whether `owner` may have had an active link to `peer` just before `at`:
   * one of them set it up, and the owner has not removed it since.
   */
  mayBeLinked(owner: ActorId, peer: ActorId, at: number): boolean {
    return this.linksOf(owner, peer).some((deed) =>
      deed.isLink && deed.at < at && !this.#isTakenBack(owner, deed, at)
    );
  }

  #isTakenBack(owner: ActorId, link: LinkDeed, before: number): boolean {
    const deeds = this.linksOf(link.by, link.peer);
    return deeds.some((deed) => {
      if (deed.isLink || deed.at < link.at || deed.at >= before) return false;
      // Both sides of a local link are taken back at once.
      if (this.isLocal(link.by, link.peer)) return true;
      if (deed.by !== owner) return false;
      return link.by === owner || this.#hadArrived(link, deed.at);
    });
  }

  /** Whether the peer's link had come, or met one that was there, by then. */
  #hadArrived(link: LinkDeed, by: number): boolean {
    if (this.isQuietBetween(link.at, by)) return true;
    const { by: peer, peer: owner } = link;
    const deeds = this.linksOf(peer, owner);
    const wasUndone = deeds.some((deed) => !deed.isLink && deed.at < by);
    // A lost connection ends the wait for the acknowledgement, too.
    return !wasUndone && this.isClean(peer, owner) &&
      deeds.some((deed) => deed.isLink && deed.by === owner && deed.at < by);
  }
}

export function pairKey(a: string | number, b: string | number): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

export function isActor(target: Target): target is ActorId {
  return typeof target === "number";
}

/** One line that says which rule was broken, when, and how. */
export type Report = (at: number, what: string) => void;
