/**
 * What a node and its actors hold, seen from inside: the tables of links and
 * monitors at the end of a program, and what is left when all actors are gone.
 */

import type { Node } from "../../runtime/core/node/node.ts";
import type { ActorId, EventOf } from "./history.ts";
import type { Known, Recorder } from "./recorder.ts";

/** How many of something a node holds, and how many it should. */
export type Held = {
  readonly what: string;
  readonly count: number;
  readonly expected: number;
};

/** An actor's tables, or what is wrong if there are none. */
export function tablesOf(
  { id, core, pid }: Known,
  recorder: Recorder,
): EventOf<"tables"> | string {
  const actor = core.localActor(pid);
  if (actor === null) return `actor ${id} never ended and is gone`;
  return {
    is: "tables",
    actor: id,
    links: [...actor.links ?? []].filter(([, { active }]) => active)
      .map(([peer]) => recorder.actorOf(peer)),
    monitors: [...actor.monitors?.keys() ?? []]
      .map((ref) => recorder.refOf(ref)),
    watchers: [...actor.watchers?.values() ?? []]
      .map(({ ref }) => recorder.refOf(ref)),
  };
}

/** The peers whose acknowledgement an actor still waits for. */
export function unansweredUnlinks(
  { core, pid }: Known,
  recorder: Recorder,
): readonly ActorId[] {
  return [...core.localActor(pid)?.links ?? []]
    .filter(([, { active }]) => !active)
    .map(([peer]) => recorder.actorOf(peer));
}

/** What must be, when no actor waits for a reply or for a time to pass. */
export function looseEnds(core: Node, recorder: Recorder): readonly Held[] {
  let timers = 0;
  let aliases = 0;
  for (const actor of core.actors()) {
    timers += actor.timers?.length ?? 0;
    for (const ref of actor.aliases ?? []) {
      if (recorder.isAlias(ref)) aliases++;
    }
  }
  return [
    { what: "aliases", count: core.aliases.size, expected: aliases },
    { what: "spawn requests", count: core.spawns.size, expected: 0 },
    { what: "timers", count: core.timers.size, expected: timers },
  ];
}

/** Each is registered. */
const KERNEL_ACTORS = 5;

/** What must be, when only the actors of the kernel are left. */
export function leftovers(core: Node): readonly Held[] {
  let entries = 0;
  for (const { links, monitors, watchers, timers } of core.actors()) {
    entries += timers?.length ?? 0;
    for (const table of [links, monitors, watchers]) {
      entries += table?.size ?? 0;
    }
  }
  const none = (what: string, count: number) => ({ what, count, expected: 0 });
  return [
    { what: "actors", count: core.actorCount, expected: KERNEL_ACTORS },
    {
      what: "names",
      count: core.names.registered().length,
      expected: KERNEL_ACTORS,
    },
    none("aliases", core.aliases.size),
    none("timers", core.timers.size),
    none("timers of actors", core.actorTimers.size),
    none("actors involved with peers", core.peers.size),
    none("spawn requests", core.spawns.size),
    none("runnable actors", core.scheduler.runnable),
    none("entries of kernel actors", entries),
  ];
}
