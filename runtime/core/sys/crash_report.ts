/**
 * The log record of an actor that has crashed: its names, its exit reason, its
 * links, monitors and messages. It follows Erlang's crash report (`proc_lib`).
 *
 * It is no copy of the actor. Messages are shortened to a line and long lists
 * are cut, so that the report of a large actor is cheap as well.
 */

import { errorStack } from "../terms/error_text.ts";
import type { ActorRecord } from "../contract/record.ts";
import type { Pid } from "../terms/terms.ts";
import { behaviourName } from "./info.ts";
import { printTerm } from "../terms/terms.ts";

/** Limit of messages that are shown, the oldest first. */
const MAX_MESSAGES = 5;
/** Limit of links, of monitors and of ancestors that are shown. */
const MAX_SHOWN = 20;

/** Makes the report, before the links and monitors are removed. */
export function crashReport(
  actor: ActorRecord,
  error: unknown,
): { readonly message: string; readonly fields: Record<string, unknown> } {
  const reason = printTerm(error);
  const stack = errorStack(error);
  const { mailbox, links, monitors } = actor;
  return {
    message: `${actor.describe()} crashed: ${reason}`,
    fields: {
      report: "crash",
      // The value that was thrown.
      error,
      pid: String(actor.pid),
      ...(actor.name === null ? {} : { name: actor.name }),
      ...(actor.label === "" ? {} : { label: actor.label }),
      behaviour: behaviourName(actor.behaviour),
      reason,
      ...(stack === null ? {} : { stack }),
      ancestors: ancestorsOf(actor),
      trapExits: actor.trapExits,
      mailboxLength: mailbox.length,
      messages: Array.from(
        { length: Math.min(mailbox.length, MAX_MESSAGES) },
        (_, i) => printTerm(mailbox.at(i)),
      ),
      links: printFirst(links ?? [], ([pid]) => pid),
      monitors: printFirst(monitors?.values() ?? [], ({ shown }) => shown),
    },
  };
}

/**
 * The parent of the actor, the parent of that one, and so on, up to an actor
 * that has ended or is on another node: their parents are not known here.
 */
function ancestorsOf(actor: ActorRecord): string[] {
  const ancestors: string[] = [];
  let pid: Pid | null = actor.parent;
  while (pid !== null && ancestors.length < MAX_SHOWN) {
    const parent = actor.owner.localActor(pid);
    ancestors.push(parent?.describe() ?? String(pid));
    pid = parent?.parent ?? null;
  }
  return ancestors;
}

/** The first items, printed; `...` stands for the others. */
function printFirst<T>(all: Iterable<T>, show: (one: T) => unknown): string[] {
  const shown: string[] = [];
  for (const one of all) {
    if (shown.length === MAX_SHOWN) {
      shown.push("...");
      break;
    }
    shown.push(printTerm(show(one)));
  }
  return shown;
}
