/**
 * The rules of exit signals and links: no actor ends, and none takes an EXIT
 * message, without a cause; a cause has its effect; and both ends of a link
 * agree in the end.
 */

import type { ActorId, Event, EventOf, Reason } from "../history.ts";
import type { Facts, Life, Report } from "../facts.ts";

export function judgeExits(facts: Facts, report: Report): void {
  const messages = new ExitMessages(facts, report);
  facts.events.forEach((event, at) => {
    if (event.is === "ended") judgeEnd(facts, report, event, at);
    else if (event.is === "exited") messages.take(event, at);
  });
  for (const life of facts.lives) {
    if (!facts.isSurvivor(life.id)) continue;
    judgeSignalsTo(facts, report, life, messages);
    judgeLinksOf(facts, report, life, messages);
  }
  judgeTables(facts, report);
}

/** An actor has ended: there must be a cause. */
function judgeEnd(
  facts: Facts,
  report: Report,
  { actor, reason }: EventOf<"ended">,
  at: number,
): void {
  if (at > facts.finalAt || isOwnEnd(facts, actor, reason, at)) return;
  const life = facts.life(actor);
  if (
    reason === ":shutdown" &&
    facts.stops.some((stop) => stop.node === life.node && stop.at < at)
  ) return;
  for (const { id } of facts.lives) {
    for (const sent of facts.exitsSent(id, actor)) {
      if (sent.at < at && endsBySignal(facts, actor, sent, reason, at)) return;
    }
    if (id !== actor && endsByLink(facts, actor, id, reason, at)) return;
  }
  const how = facts.trapsAt(actor, at) ? " although it trapped exits" : "";
  report(at, `${actor} ended with ${reason}${how}, for no cause`);
}

/** Whether the last thing it did was to exit. */
function isOwnEnd(
  facts: Facts,
  actor: ActorId,
  reason: Reason,
  at: number,
): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const event = facts.events[i] as Event;
    if (!("actor" in event) || event.actor !== actor) continue;
    return event.is === "exit" && event.reason === reason;
  }
  return false;
}

function endsBySignal(
  facts: Facts,
  actor: ActorId,
  sent: { readonly actor: ActorId; readonly reason: Reason },
  reason: Reason,
  at: number,
): boolean {
  if (sent.reason === ":kill") return reason === ":killed";
  if (facts.trapsAt(actor, at) || sent.reason !== reason) return false;
  return reason !== ":normal" || sent.actor === actor;
}

function endsByLink(
  facts: Facts,
  actor: ActorId,
  peer: ActorId,
  reason: Reason,
  at: number,
): boolean {
  if (reason === ":normal" || facts.trapsAt(actor, at)) return false;
  return isFromLink(facts, actor, peer, reason, at);
}

/** Whether a link to `peer` may have said this to the actor by then. */
function isFromLink(
  facts: Facts,
  actor: ActorId,
  peer: ActorId,
  reason: Reason,
  at: number,
): boolean {
  const life = facts.life(peer);
  const hasEnded = life.endedAt < at;
  if (hasEnded && life.reason === reason) {
    return facts.mayBeLinked(actor, peer, at);
  }
  if (reason === ":noproc" && hasEnded) {
    return facts.linksOf(actor, peer).some((deed) =>
      deed.isLink && deed.by === actor && deed.at < at
    ) && facts.mayBeLinked(actor, peer, at);
  }
  return reason === ":noconnection" && !facts.isClean(actor, peer, at) &&
    facts.mayBeLinked(actor, peer, at);
}

/** EXIT messages, by receiver and sender. */
class ExitMessages {
  readonly #facts: Facts;
  readonly #report: Report;
  readonly #taken = new Map<string, { at: number; reason: Reason }[]>();

  constructor(facts: Facts, report: Report) {
    this.#facts = facts;
    this.#report = report;
  }

  of(actor: ActorId, from: ActorId) {
    return this.#taken.get(`${from}>${actor}`) ?? [];
  }

  take({ actor, from, reason }: EventOf<"exited">, at: number): void {
    const facts = this.#facts;
    const what = `the EXIT ${reason} of ${from} to ${actor}`;
    if (facts.life(actor).endedAt < at) {
      this.#report(at, `${what} came to a dead one`);
    }
    const key = `${from}>${actor}`;
    const before = this.#taken.get(key) ?? [];
    this.#taken.set(key, [...before, { at, reason }]);
    const sent = facts.exitsSent(from, actor).filter((signal) =>
      signal.reason === reason && signal.reason !== ":kill" && signal.at < at
    );
    const fromLinks = this.#mostFromLinks(actor, from, reason, at);
    const count = before.filter((other) => other.reason === reason).length;
    if (count >= sent.length + fromLinks) {
      this.#report(
        at,
        fromLinks + sent.length === 0
          ? `${what} came for no cause`
          : `${what} came more often than there was cause`,
      );
    }
    const earliest = sent[0]?.at ?? this.#earliest(actor, from, reason);
    if (!facts.traps("ever", actor, earliest, at)) {
      this.#report(at, `${what} came although it did not trap exits`);
    }
  }

  /** How many such messages links may have brought. */
  #mostFromLinks(
    actor: ActorId,
    from: ActorId,
    reason: Reason,
    at: number,
  ): number {
    // A message may have waited in the mailbox while the link was taken back.
    const facts = this.#facts;
    const life = facts.life(from);
    const queued = this.#wasPossible(actor, from, reason, at);
    if (!queued) return 0;
    const own = life.reason === reason && life.endedAt < at ? 1 : 0;
    if (reason !== ":noproc" && reason !== ":noconnection") return own;
    const links = facts.linksOf(actor, from).filter((deed) => deed.isLink);
    return own + links.length;
  }

  /** At any moment since the cause, as messages wait to be taken. */
  #wasPossible(
    actor: ActorId,
    from: ActorId,
    reason: Reason,
    at: number,
  ): boolean {
    const facts = this.#facts;
    if (isFromLink(facts, actor, from, reason, at)) return true;
    return facts.linksOf(actor, from).some((deed) =>
      deed.at < at && deed.by === actor &&
      isFromLink(facts, actor, from, reason, deed.at)
    );
  }

  #earliest(actor: ActorId, from: ActorId, reason: Reason): number {
    const facts = this.#facts;
    if (reason === ":noproc" || reason === ":noconnection") {
      return facts.linksOf(actor, from)[0]?.at ?? 0;
    }
    const { endedAt } = facts.life(from);
    return endedAt === Infinity ? 0 : endedAt;
  }
}

/** Exit signals to one that lived on: were they to be survived? */
function judgeSignalsTo(
  facts: Facts,
  report: Report,
  life: Life,
  messages: ExitMessages,
): void {
  for (const { id } of facts.lives) {
    for (const sent of facts.exitsSent(id, life.id)) {
      if (!facts.isClean(id, life.id)) continue;
      const { at, reason } = sent;
      if (reason === ":kill") {
        report(at, `${life.id} lived on after ${id} killed it`);
        continue;
      }
      if (reason === ":normal" && id !== life.id) {
        if (!facts.traps("always", life.id, at, facts.finalAt)) continue;
      }
      const came = messages.of(life.id, id).some((message) =>
        message.reason === reason && message.at > at
      );
      if (!came) {
        report(at, `the exit signal ${reason} of ${id} to ${life.id} was lost`);
      }
    }
  }
}

/** Links of one that lived on to those that did not. */
function judgeLinksOf(
  facts: Facts,
  report: Report,
  life: Life,
  messages: ExitMessages,
): void {
  for (const peer of facts.lives) {
    if (facts.isSurvivor(peer.id)) continue;
    const deeds = facts.linksOf(life.id, peer.id);
    const last = deeds.at(-1);
    if (last === undefined) continue;
    // An actor that removed a link is owed no signal; one whose signal crossed
    // the removal, perhaps.
    const isOwed = facts.isLocal(life.id, peer.id)
      ? last.isLink
      : deeds.every((deed) => deed.isLink) ||
        (last.isLink && deeds.every((deed) => deed.by === life.id));
    // Where signals may be lost only its own side of a link is sure.
    const since = facts.isClean(life.id, peer.id)
      ? last.at
      : deeds.findLast((deed) => deed.by === life.id)?.at;
    if (!isOwed || since === undefined) continue;
    const isHarmless = peer.reason === ":normal" &&
      !facts.traps("always", life.id, since, facts.finalAt);
    const came = messages.of(life.id, peer.id).some(({ at }) => at > since);
    if (isHarmless || came || isOrphan(facts, peer.id, life.id)) continue;
    report(
      peer.endedAt,
      `${peer.id} ended with ${peer.reason}, and ${life.id} that was linked ` +
        `to it since ${since} took no notice`,
    );
  }
}

/** Whether the parent was never told of the child, so that it has no link. */
function isOrphan(
  facts: Facts,
  child: ActorId,
  parent: ActorId,
): boolean {
  const spawn = facts.life(child).spawn;
  if (spawn === null || facts.spawns.get(spawn)?.actor !== parent) return false;
  return !facts.events.some((event) =>
    event.is === "spawned" && event.spawn === spawn
  );
}

/** At the end both sides of each link must agree, and with what was asked. */
function judgeTables(facts: Facts, report: Report): void {
  const linked = new Map<ActorId, ReadonlySet<ActorId>>();
  for (const event of facts.events) {
    if (event.is === "tables") linked.set(event.actor, new Set(event.links));
  }
  for (const [actor, peers] of linked) {
    for (const peer of peers) {
      if (!linked.has(peer)) {
        report(facts.finalAt, `${actor} is linked to ${peer}, which is dead`);
      } else if (!linked.get(peer)?.has(actor)) {
        report(facts.finalAt, `${actor} is linked to ${peer} on one side only`);
      }
    }
    for (const peer of linked.keys()) {
      if (peer <= actor || !facts.isClean(actor, peer)) continue;
      const deeds = facts.linksOf(actor, peer);
      const last = deeds.at(-1);
      const isCertain = facts.isLocal(actor, peer) ||
        deeds.every((deed) => deed.by === last?.by);
      const expected = last?.isLink ?? false;
      if (!isCertain || peers.has(peer) === expected) continue;
      report(
        facts.finalAt,
        `${actor} and ${peer} are ${expected ? "not " : ""}linked`,
      );
    }
  }
}
