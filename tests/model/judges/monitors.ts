/**
 * The rules of monitors: exactly one DOWN when the target ends, none before,
 * none for a monitor that was taken back, and with a reason that is true.
 */

import type { ActorId, EventOf, Reason, Target } from "../history.ts";
import { type Facts, isActor, type Report } from "../facts.ts";
import type { NameHistory } from "./names.ts";

type Monitor = {
  readonly ref: number;
  readonly owner: ActorId;
  readonly at: number;
  readonly target: Target;
  readonly downs: number[];
  /** When it was taken back, and with which result. */
  takenBack: {
    readonly at: number;
    readonly wasActive: boolean;
    readonly flush: boolean;
  } | null;
};

export function judgeMonitors(
  facts: Facts,
  names: NameHistory,
  report: Report,
): void {
  const monitors = new Map<number, Monitor>();
  const isOfSpawn = new Set<number>();
  const add = (ref: number, owner: ActorId, at: number, target: Target) => {
    const downs: number[] = [];
    monitors.set(ref, { ref, owner, at, target, downs, takenBack: null });
  };
  facts.events.forEach((event, at) => {
    switch (event.is) {
      case "monitor":
        return add(event.ref, event.actor, at, event.target);
      case "spawned": {
        if (event.ref === null) return;
        const asked = facts.spawns.get(event.spawn)?.at ?? at;
        add(event.ref, event.actor, asked, event.child);
        isOfSpawn.add(event.ref);
        return;
      }
      case "demonitor":
        return takeBack(monitors.get(event.ref), event, at, report);
      case "down": {
        const monitor = monitors.get(event.ref);
        if (monitor === undefined || monitor.owner !== event.actor) {
          report(at, `${event.actor} took a DOWN of a monitor it never set`);
          return;
        }
        judgeDown(facts, names, report, monitor, event, at);
        if (isOfSpawn.has(event.ref)) {
          judgeSpawned(facts, report, monitor, event);
        }
        monitor.downs.push(at);
      }
    }
  });
  for (const monitor of monitors.values()) {
    judgeEnd(facts, report, monitor);
  }
  judgeTables(facts, report, monitors);
}

function takeBack(
  monitor: Monitor | undefined,
  event: EventOf<"demonitor">,
  at: number,
  report: Report,
): void {
  if (monitor === undefined) return;
  const { flush, wasActive } = event;
  if (wasActive && monitor.downs.length > 0) {
    report(at, `monitor ${monitor.ref} was active after its DOWN`);
  }
  if (wasActive && monitor.takenBack?.wasActive) {
    report(at, `monitor ${monitor.ref} was taken back twice`);
  }
  const before = monitor.takenBack;
  // A later flush removes what an earlier demonitor had left.
  if (before === null || (flush && !before.flush)) {
    monitor.takenBack = { at, wasActive, flush };
  }
}

function judgeDown(
  facts: Facts,
  names: NameHistory,
  report: Report,
  monitor: Monitor,
  event: EventOf<"down">,
  at: number,
): void {
  const { ref, owner, target, takenBack } = monitor;
  const what = `the DOWN of monitor ${ref} of ${owner}`;
  if (monitor.downs.length > 0) report(at, `${what} came twice`);
  if (takenBack !== null && (takenBack.wasActive || takenBack.flush)) {
    report(at, `${what} came after it was taken back at ${takenBack.at}`);
  }
  if (facts.life(owner).endedAt < at) report(at, `${what} came to a dead one`);
  if (JSON.stringify(event.target) !== JSON.stringify(target)) {
    report(at, `${what} names ${JSON.stringify(event.target)}`);
  }
  const { reason } = event;
  const isTrue = isActor(target)
    ? isTrueOfActor(facts, owner, target, monitor.at, reason, at)
    : isTrueOfName(facts, names, owner, target, monitor.at, reason, at);
  if (!isTrue) report(at, `${what} says ${reason}, which is not so`);
}

function isTrueOfActor(
  facts: Facts,
  owner: ActorId,
  target: ActorId,
  setAt: number,
  reason: Reason,
  at: number,
): boolean {
  const life = facts.life(target);
  if (reason === ":noconnection" && !facts.isClean(owner, target, at)) {
    return true;
  }
  if (life.endedAt > at) return false;
  if (life.endedAt > setAt && life.reason === reason) return true;
  if (reason === ":noproc") {
    return facts.isLocal(owner, target)
      ? life.endedAt < setAt
      // It may have ended while the monitor was on its way.
      : !facts.isQuietBetween(setAt, life.endedAt);
  }
  return false;
}

/** The monitor of a spawn was there before its target ran. */
function judgeSpawned(
  facts: Facts,
  report: Report,
  monitor: Monitor,
  { reason }: EventOf<"down">,
): void {
  const { target } = monitor;
  if (reason !== ":noproc" || !isActor(target)) return;
  if (facts.life(target).reason === reason) return;
  report(monitor.at, `monitor ${monitor.ref}, set by a spawn, says noproc`);
}

function isTrueOfName(
  facts: Facts,
  names: NameHistory,
  owner: ActorId,
  { name, node }: { readonly name: string; readonly node: string },
  setAt: number,
  reason: Reason,
  at: number,
): boolean {
  const isHere = facts.life(owner).node === node;
  if (!isHere && reason === ":noconnection") {
    if (!facts.isCleanPath(facts.life(owner).node, node, at)) return true;
  }
  const until = isHere ? setAt + 1 : at;
  if (reason === ":noproc" && names.wasFree(node, name, setAt, until)) {
    return true;
  }
  return names.holders(node, name, setAt, until).some(({ actor }) => {
    const life = facts.life(actor);
    return life.endedAt < at && life.endedAt > setAt &&
      life.reason === reason;
  });
}

/** What must have come by the end. */
function judgeEnd(facts: Facts, report: Report, monitor: Monitor): void {
  const { owner, target, downs, takenBack, ref } = monitor;
  if (!facts.isSurvivor(owner)) return;
  if (takenBack !== null) {
    const isOwed = !takenBack.wasActive && !takenBack.flush;
    if (isOwed && downs.length === 0) {
      report(
        takenBack.at,
        `demonitor of ${ref} said that it had fired, but no DOWN ever came`,
      );
    }
    return;
  }
  if (!isActor(target) || facts.isSurvivor(target)) return;
  if (downs.length === 0) {
    report(
      facts.life(target).endedAt,
      `${target} ended and ${owner} got no DOWN of its monitor ${ref}`,
    );
  }
}

/** At the end each monitor is at both of its ends or at none. */
function judgeTables(
  facts: Facts,
  report: Report,
  monitors: ReadonlyMap<number, Monitor>,
): void {
  const watched = new Map<number, ActorId>();
  const active = new Map<number, ActorId>();
  for (const event of facts.events) {
    if (event.is !== "tables") continue;
    for (const ref of event.watchers) {
      if (watched.has(ref)) {
        report(facts.finalAt, `${event.actor} is watched twice under ${ref}`);
      }
      watched.set(ref, event.actor);
    }
    for (const ref of event.monitors) active.set(ref, event.actor);
  }
  for (const [ref, actor] of active) {
    const target = monitors.get(ref)?.target;
    if (!watched.has(ref) || target === undefined) {
      report(facts.finalAt, `monitor ${ref} of ${actor} has no target`);
    } else if (isActor(target) && watched.get(ref) !== target) {
      report(facts.finalAt, `monitor ${ref} watches another one`);
    }
  }
  for (const [ref, actor] of watched) {
    if (active.has(ref)) continue;
    report(facts.finalAt, `${actor} is watched by ${ref}, which is no more`);
  }
  for (const { ref, owner, downs, takenBack } of monitors.values()) {
    if (!facts.isSurvivor(owner) || takenBack !== null) continue;
    if (active.has(ref) !== (downs.length > 0)) continue;
    report(
      facts.finalAt,
      `monitor ${ref} of ${owner} ${
        active.has(ref) ? "is active after" : "is gone without"
      } its DOWN`,
    );
  }
}
