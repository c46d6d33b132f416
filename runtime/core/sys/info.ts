/**
 * Figures of a live actor, for tools and tests. They are those of the moment.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { ActorInfo } from "../contract/actor_info.ts";
import type { AnyBehaviour } from "../contract/behaviour.ts";

export function infoOf(actor: ActorRecord): ActorInfo {
  return {
    pid: actor.pid,
    name: actor.name,
    label: actor.label,
    kind: actor.isHandler ? "handler" : "function",
    behaviour: behaviourName(actor.behaviour),
    parent: actor.parent,
    status: actor.status,
    mailboxLength: actor.mailbox.length,
    lostMessages: actor.lostMessages,
    reductions: actor.reductions,
    links: [...actor.links ?? []].filter(([, link]) => link.active)
      .map(([pid]) => pid),
    monitors: [
      ...[...actor.monitors?.values() ?? []].map(({ shown }) => shown),
      ...(actor.calls ?? []).flatMap(({ callee }) => callee?.pid ?? []),
    ],
    monitoredBy: [
      ...[...actor.watchers?.values() ?? []].map(({ to }) => to),
      ...(actor.callers ?? []).map((call) => call.actor.pid),
    ],
    timers: actor.timers?.length ?? 0,
    aliases: (actor.aliases?.size ?? 0) + (actor.calls?.length ?? 0),
    trapExits: actor.trapExits,
    groupLeader: actor.groupLeader,
  };
}

/** The name of a behaviour. Never throws, also for a hostile name. */
export function behaviourName(behaviour: AnyBehaviour): string {
  try {
    return String(behaviour.name);
  } catch {
    return "";
  }
}

/** An actor's pid, its name or label, and its behaviour. */
export function describeInFull(actor: ActorRecord): string {
  const [pid] = actor.describe().split(" ", 1);
  const label = String(actor.name ?? actor.label);
  const name = behaviourName(actor.behaviour);
  const behaviour = name === "" ? "" : `behaviour ${name}`;
  const kind = actor.isHandler ? "handler" : "function";
  const known = [label, behaviour || kind].filter((part) => part !== "");
  return `${pid} (${known.join(", ")})`;
}
