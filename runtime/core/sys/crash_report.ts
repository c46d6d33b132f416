/**
 * What the log is told of an actor that crashed: who it was, what it died of,
 * and what it held at that moment. After Erlang's crash report (`proc_lib`).
 *
 * It is no copy of the actor: messages are shortened to a line, and of long
 * lists only the beginning is kept, so that a crash costs little whatever the
 * actor had grown to.
 */

import { errorStack } from "../terms/error_text.ts";
import type { ActorRecord } from "../contract/record.ts";
import type { Pid } from "../terms/terms.ts";
import { behaviourName } from "./info.ts";
import { printTerm } from "../terms/terms.ts";

/** Messages that are shown, from the oldest on. */
const MAX_MESSAGES = 5;
/** Links, monitors and ancestors that are shown of each. */
const MAX_SHOWN = 20;

/** Made before the actor gives anything back. */
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
      // What was thrown, as it was.
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
      links: first(links ?? [], ([pid]) => pid),
      monitors: first(monitors?.values() ?? [], ({ shown }) => shown),
    },
  };
}

/**
 * Who spawned it, who spawned that one, and so on, until somebody is dead or on
 * another node, whose own parent nobody here knows.
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

function first<T>(all: Iterable<T>, show: (one: T) => unknown): string[] {
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
