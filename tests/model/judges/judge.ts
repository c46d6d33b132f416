/**
 * The reference: judges the history of a run by the rules of the Erlang
 * reference manual ("Processes": signals, links, monitors, names).
 *
 * It does not predict what happens; it says what must not. Where the manual
 * leaves an order open, each order is right. It imports nothing of the runtime,
 * so that they cannot share a mistake.
 */

import type { Event } from "../history.ts";
import { Facts } from "../facts.ts";
import { judgeExits } from "./exits.ts";
import { judgeMessages } from "./messages.ts";
import { judgeMonitors } from "./monitors.ts";
import { NameHistory } from "./names.ts";
import { judgeRequests } from "./requests.ts";

/**
 * What was wrong, one line each, in order of time; none when all was well.
 * What follows the event `final` is not looked at.
 */
export function judge(history: readonly Event[]): readonly string[] {
  const end = history.findIndex(({ is }) => is === "final") + 1;
  const events = end === 0 ? history : history.slice(0, end);
  const found: { readonly at: number; readonly what: string }[] = [];
  const report = (at: number, what: string) => void found.push({ at, what });
  const facts = new Facts(events);
  const names = new NameHistory(facts, report);
  judgeMessages(facts, names, report);
  judgeMonitors(facts, names, report);
  judgeExits(facts, report);
  judgeRequests(facts, names, report);
  judgeConnections(facts, report);
  return found.sort((a, b) => a.at - b.at)
    .map(({ at, what }) => `at ${at}: ${what}`);
}

/** Without a fault no connection is lost. */
function judgeConnections(
  facts: Facts,
  report: (at: number, what: string) => void,
): void {
  facts.events.forEach((event, at) => {
    if (event.is !== "nodedown") return;
    if (!facts.isCleanPath(event.node, event.peer, at)) return;
    report(at, `${event.node} lost ${event.peer} and nothing was in the way`);
  });
}
