/**
 * The rules of what has an answer: spawns, calls and timers. At most one
 * answer, a true one, and one in the end.
 */

import type { Event } from "../history.ts";
import { type At, type Facts, isActor, type Report } from "../facts.ts";
import type { NameHistory } from "./names.ts";

export function judgeRequests(
  facts: Facts,
  names: NameHistory,
  report: Report,
): void {
  judgeSpawns(facts, report);
  judgeCalls(facts, names, report);
  judgeTimers(facts, report);
}

/** Indexes the events of one kind by their number. */
function indexed<K extends Event["is"]>(
  facts: Facts,
  is: K,
  numberOf: (event: At<K>) => number,
): Map<number, At<K>[]> {
  const found = new Map<number, At<K>[]>();
  facts.events.forEach((event, at) => {
    if (event.is !== is) return;
    const full = { ...event, at } as unknown as At<K>;
    const number = numberOf(full);
    found.set(number, [...found.get(number) ?? [], full]);
  });
  return found;
}

function judgeSpawns(facts: Facts, report: Report): void {
  const done = indexed(facts, "spawned", ({ spawn }) => spawn);
  const failed = indexed(facts, "unspawned", ({ spawn }) => spawn);
  const born = indexed(facts, "born", ({ spawn }) => spawn ?? -1);
  for (const [spawn, { at, actor, node }] of facts.spawns) {
    const children = born.get(spawn) ?? [];
    const answers = done.get(spawn) ?? [];
    const refusals = failed.get(spawn) ?? [];
    const what = `spawn ${spawn} of ${actor} on ${node}`;
    if (children.length > 1) report(at, `${what} made several actors`);
    if (children.some((child) => child.node !== node)) {
      report(at, `${what} made an actor elsewhere`);
    }
    if (answers.length + refusals.length > 1) {
      report(at, `${what} was answered twice`);
    }
    for (const answer of answers) {
      if (answer.child === children[0]?.actor) continue;
      report(answer.at, `${what} was answered with ${answer.child}`);
    }
    const isClean = facts.isCleanPath(facts.life(actor).node, node);
    for (const refusal of refusals) {
      if (refusal.reason === "noconnection" && !isClean) continue;
      report(refusal.at, `${what} failed with ${refusal.reason}`);
    }
    if (facts.isSurvivor(actor) && answers.length + refusals.length === 0) {
      report(at, `${what} was never answered`);
    }
  }
}

function judgeCalls(
  facts: Facts,
  names: NameHistory,
  report: Report,
): void {
  const taken = indexed(facts, "called", ({ call }) => call);
  const answers = indexed(facts, "answer", ({ call }) => call);
  const failures = indexed(facts, "uncall", ({ call }) => call);
  for (const [call, [asked]] of indexed(facts, "call", ({ call }) => call)) {
    if (asked === undefined) continue;
    const { actor, at, to } = asked;
    const what = `call ${call} of ${actor}`;
    const came = [...answers.get(call) ?? [], ...failures.get(call) ?? []];
    if (came.length > 1) report(at, `${what} was answered twice`);
    if (came.length === 0 && facts.isSurvivor(actor)) {
      report(at, `${what} never came to an end`);
    }
    for (const answer of answers.get(call) ?? []) {
      const by = taken.get(call)?.[0];
      if (answer.of === call && by?.actor === answer.by) continue;
      report(answer.at, `${what} was answered by ${answer.by}`);
    }
    for (const { at: failedAt, reason } of failures.get(call) ?? []) {
      const node = isActor(to) ? facts.life(to).node : to.node;
      const isTrue = reason === "timeout" ||
        (reason === ":calling_self" &&
          candidates(names, to, at, failedAt).includes(actor)) ||
        (reason === ":noconnection" &&
          !facts.isCleanPath(facts.life(actor).node, node, failedAt)) ||
        candidates(names, to, at, failedAt).some((target) => {
          const life = facts.life(target);
          return life.endedAt < failedAt &&
            (life.reason === reason || reason === ":noproc");
        }) ||
        (!isActor(to) && reason === ":noproc" &&
          names.wasFree(to.node, to.name, at, failedAt));
      if (!isTrue) report(failedAt, `${what} failed with ${reason}`);
    }
  }
}

function candidates(
  names: NameHistory,
  to: At<"call">["to"],
  from: number,
  until: number,
): readonly number[] {
  if (isActor(to)) return [to];
  return names.holders(to.node, to.name, from, until)
    .map(({ actor }) => actor);
}

function judgeTimers(facts: Facts, report: Report): void {
  const fired = indexed(facts, "timeout", ({ ref }) => ref);
  const cancelled = indexed(facts, "cancel", ({ ref }) => ref);
  for (const [ref, [timer]] of indexed(facts, "timer", ({ ref }) => ref)) {
    if (timer === undefined) continue;
    const { at, to, dueMs } = timer;
    const what = `timer ${ref} to ${to}`;
    const messages = fired.get(ref) ?? [];
    const cancels = cancelled.get(ref) ?? [];
    const wasCancelled = cancels.some(({ wasActive }) => wasActive);
    judgeCancels(facts, timer, cancels, report);
    if (messages.length > 1) report(at, `${what} fired twice`);
    for (const message of messages) {
      if (message.actor !== to) report(at, `${what} told ${message.actor}`);
      if (message.nowMs < dueMs) {
        report(message.at, `${what} fired at ${message.nowMs}, not ${dueMs}`);
      }
      if (wasCancelled) report(message.at, `${what} fired and was cancelled`);
    }
    const isDue = dueMs < facts.finalMs;
    if (
      isDue && !wasCancelled && messages.length === 0 &&
      facts.isSurvivor(to)
    ) report(at, `${what} never fired`);
  }
  for (const [ref, messages] of fired) {
    const isKnown = facts.events.some((event) =>
      event.is === "timer" && event.ref === ref
    );
    if (!isKnown) report(messages[0]?.at ?? 0, `timer ${ref} was never set`);
  }
}

/** Any actor on the node can cancel a timer, once, until it is due or ends. */
function judgeCancels(
  facts: Facts,
  { ref, to, dueMs }: At<"timer">,
  cancels: readonly At<"cancel">[],
  report: Report,
): void {
  let isOver = false;
  for (const { at, actor, nowMs, wasActive } of cancels) {
    const isThere = !isOver && facts.life(to).endedAt > at &&
      facts.isLocal(actor, to);
    if (wasActive && !isThere) {
      report(at, `timer ${ref} to ${to} was cancelled when it was over`);
    }
    if (!wasActive && isThere && nowMs < dueMs) {
      report(at, `timer ${ref} to ${to} was unknown to ${actor}`);
    }
    isOver ||= wasActive;
  }
}
