/**
 * The rules of messages: at most once, in order between two actors, only to
 * whom they were sent, and exactly once where nothing was in the way.
 */

import type { ActorId, Event, Target } from "../history.ts";
import { type At, type Facts, isActor, type Report } from "../facts.ts";
import type { NameHistory } from "./names.ts";

/** What an actor sends and another takes, of any kind. */
type Sent = {
  readonly at: number;
  readonly from: ActorId;
  readonly to: Target;
  readonly k: number;
};

/** Something taken out of a mailbox, from a known sender. */
type Taken = {
  readonly at: number;
  readonly by: ActorId;
  readonly from: ActorId;
  readonly k: number;
  readonly isSelective: boolean;
};

export function judgeMessages(
  facts: Facts,
  names: NameHistory,
  report: Report,
): void {
  const sends = new Map<number, At<"send">>();
  const calls = new Map<number, At<"call">>();
  const taken = new Map<number, number>();
  const order = new Order(facts, report);
  const aliases = new Aliases(facts, report);
  facts.events.forEach((event, at) => {
    switch (event.is) {
      case "send":
        sends.set(event.id, { ...event, at });
        return;
      case "call":
        calls.set(event.call, { ...event, at });
        return;
      case "data":
      case "called": {
        const id = event.is === "data" ? event.id : event.call;
        const sent = event.is === "data" ? sends.get(id) : calls.get(id);
        const what = `${event.is} ${id} from ${event.from}`;
        if (sent === undefined || sent.actor !== event.from) {
          report(at, `${event.actor} took ${what}, which no actor sent`);
          return;
        }
        if (taken.has(id)) {
          report(at, `${what} came twice, at ${taken.get(id)} and now`);
        }
        taken.set(id, at);
        if (sent.is === "send") aliases.take(sent, at);
        judgeAddress(facts, names, report, event.actor, at, {
          at: sent.at,
          from: sent.actor,
          to: sent.to,
          k: sent.k,
        });
        order.take({
          at,
          by: event.actor,
          from: event.from,
          k: event.k,
          isSelective: event.is === "data" && event.isSelective,
        });
        return;
      }
      case "exited":
      case "down":
        order.end(event, at);
        return;
      case "strange":
        report(at, `${event.actor} took ${event.what}, which no actor sent`);
    }
  });
  for (const send of sends.values()) {
    if (taken.has(send.id) || !mustArrive(facts, names, send)) continue;
    report(send.at, `message ${send.id} of ${send.actor} never came`);
  }
}

/** The actor that took it must live, and be its receiver. */
function judgeAddress(
  facts: Facts,
  names: NameHistory,
  report: Report,
  by: ActorId,
  at: number,
  sent: Sent,
): void {
  const life = facts.life(by);
  if (life.endedAt < at) report(at, `${by} took a message after its end`);
  if (isActor(sent.to)) {
    if (sent.to !== by) {
      report(at, `${by} took what ${sent.from} sent to ${sent.to}`);
    }
    return;
  }
  const { name, node } = sent.to;
  if (node !== life.node || !names.held(node, name, by, sent.at, at)) {
    report(
      at,
      `${by} took what ${sent.from} sent to ${name} on ${node}, a name that ` +
        "it did not hold meanwhile",
    );
  }
}

function mustArrive(
  facts: Facts,
  names: NameHistory,
  send: At<"send">,
): boolean {
  const to = isActor(send.to)
    ? send.to
    : names.steadyHolder(send.to.node, send.to.name, send.at);
  if (to === null || !facts.isSurvivor(to)) return false;
  if (send.alias !== null && !isLastingAlias(facts, send.alias)) return false;
  return send.isLate || facts.isClean(send.actor, to);
}

/** Whether the alias takes every message, and was never taken back. */
function isLastingAlias(facts: Facts, alias: number): boolean {
  return facts.events.every((event) =>
    event.is === "alias"
      ? event.ref !== alias || !event.isOnce
      : event.is !== "unalias" || event.ref !== alias
  );
}

/** What comes under an alias comes while it is active, and once if so said. */
class Aliases {
  readonly #report: Report;
  readonly #once = new Set<number>();
  readonly #used = new Set<number>();
  /** When the owner took it back. */
  readonly #over = new Map<number, number>();

  constructor(facts: Facts, report: Report) {
    this.#report = report;
    facts.events.forEach((event, at) => {
      if (event.is === "alias" && event.isOnce) this.#once.add(event.ref);
      if (event.is === "unalias") this.#over.set(event.ref, at);
    });
  }

  take(send: At<"send">, at: number): void {
    const { alias } = send;
    if (alias === null) return;
    if (this.#once.has(alias) && this.#used.has(alias)) {
      this.#report(at, `alias ${alias} took a second message`);
    }
    this.#used.add(alias);
    const over = this.#over.get(alias);
    if (over !== undefined && over < send.at) {
      this.#report(at, `alias ${alias} took a message after its end`);
    }
  }
}

/** Per pair of actors: what comes later was sent later. */
class Order {
  readonly #facts: Facts;
  readonly #report: Report;
  /** The last that came in order, by receiver and sender. */
  readonly #last = new Map<string, Taken>();
  /** The last that came at all, for those that may have been overtaken. */
  readonly #ended = new Map<string, number>();
  /** By monitor: whom it is for, and what it watches. */
  readonly #targets = new Map<number, Target>();

  constructor(facts: Facts, report: Report) {
    this.#facts = facts;
    this.#report = report;
    for (const event of facts.events) {
      if (event.is === "monitor") this.#targets.set(event.ref, event.target);
      if (event.is === "spawned" && event.ref !== null) {
        this.#targets.set(event.ref, event.child);
      }
    }
  }

  take(taken: Taken): void {
    const { at, by, from, k } = taken;
    const key = `${from}>${by}`;
    const last = this.#last.get(key);
    // Selected data may come before older exit signals, but data is data.
    if (last !== undefined && last.k >= k) {
      this.#report(
        at,
        `${by} took number ${k} of ${from} after its number ${last.k}`,
      );
    }
    const endedAt = this.#ended.get(key);
    if (endedAt !== undefined) {
      this.#report(
        at,
        `${by} took number ${k} of ${from} after the news of its end ` +
          `at ${endedAt}`,
      );
    }
    if (!taken.isSelective) this.#last.set(key, taken);
  }

  /** News of an end come after all that the ended one has sent. */
  end(event: Extract<Event, { is: "exited" | "down" }>, at: number): void {
    const by = event.actor;
    const facts = this.#facts;
    if (event.is === "down") {
      const target = this.#targets.get(event.ref);
      // By a name or over a broken connection it may be alive, or another one.
      if (target === undefined || !isActor(target)) return;
      if (event.reason === ":noconnection") return;
      this.#ended.set(`${target}>${by}`, at);
      return;
    }
    const { from, reason } = event;
    const sent = facts.exitsSent(from, by).find((sent) =>
      sent.reason === reason && sent.at < at
    );
    if (sent !== undefined) {
      // Reasons that are not unique say nothing about which signal this is.
      if (!reason.startsWith(":")) {
        const k = sent.k;
        this.take({ at, by, from, k, isSelective: false });
      }
      return;
    }
    if (reason === ":noconnection" || from < 0) return;
    if (facts.life(from).reason === reason) {
      this.#ended.set(`${from}>${by}`, at);
    }
  }
}
