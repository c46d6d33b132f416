/**
 * What can be known of a living actor, for tools and tests. Figures are those
 * of the moment and old as soon as they are read.
 */

import type { Actor } from "../actor/actor.ts";
import type { NamedTarget } from "../messages/messages.ts";
import type { Pid } from "../terms/terms.ts";
import type { AnyBehaviour } from "../contract/self.ts";

/** A living actor, seen from outside. */
export type ActorInfo = {
  readonly pid: Pid;
  /** Registered name, or null. */
  readonly name: string | null;
  readonly label: string;
  readonly kind: "handler" | "function";
  /** Name of its function, or of its handler's; empty when that has none. */
  readonly behaviour: string;
  /** Who spawned it, living or not; null when no actor did. */
  readonly parent: Pid | null;
  /**
   * `waiting` for a message that is not there, `runnable` (waiting for its
   * turn), `held` back because a connection is full of what it has sent, or
   * `running`: its code runs or awaits something else.
   */
  readonly status: "waiting" | "runnable" | "held" | "running";
  readonly mailboxLength: number;
  /** Messages that its mailbox has lost to its limit. */
  readonly lostMessages: number;
  /** Messages it has taken. */
  readonly reductions: number;
  readonly links: readonly Pid[];
  /** What it monitors. */
  readonly monitors: readonly (Pid | NamedTarget)[];
  readonly monitoredBy: readonly Pid[];
  /** Timers that will send to its pid, whoever has set them. */
  readonly timers: number;
  readonly aliases: number;
  readonly trapExits: boolean;
  readonly groupLeader: Pid;
};

export function infoOf(actor: Actor): ActorInfo {
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

/** Never throws, whatever was given as the behaviour or as its name. */
export function behaviourName(behaviour: AnyBehaviour): string {
  try {
    return String(behaviour.name);
  } catch {
    return "";
  }
}

/** An actor's pid, its name or label, and its behaviour. */
export function describeInFull(actor: Actor): string {
  const [pid] = actor.describe().split(" ", 1);
  const label = String(actor.name ?? actor.label);
  const name = behaviourName(actor.behaviour);
  const behaviour = name === "" ? "" : `behaviour ${name}`;
  const kind = actor.isHandler ? "handler" : "function";
  const known = [label, behaviour || kind].filter((part) => part !== "");
  return `${pid} (${known.join(", ")})`;
}
