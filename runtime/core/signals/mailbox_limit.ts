/**
 * What happens when a mailbox grows long.
 *
 * By default nothing but a warning, as in Erlang, where mailboxes are the one
 * queue without a limit. An actor may be given a limit with a policy. What the
 * runtime itself has to say (`Down`, `Exit`, `NodeUp`, `NodeDown`) is never
 * refused: its number is bounded by what the actor asked for.
 */

import type { ActorRecord } from "../contract/record.ts";
import { DEFAULT_WARN_AT, type MailboxOptions } from "../mailbox/options.ts";
import { MailboxFullError, UsageError } from "../messages/errors.ts";
import { endActor } from "./exits.ts";
import {
  Down,
  Exit,
  NodeDown,
  NodeUp,
  Timeout,
} from "../messages/runtime_messages.ts";
import { atom, printTerm } from "../terms/terms.ts";

/** Gives a new actor's mailbox its limit. Throws `UsageError`. */
export function limitMailbox(
  actor: ActorRecord,
  options: MailboxOptions,
): void {
  mustBeLengths(options);
  actor.mailboxOptions = options;
  actor.mailboxAlarm = Math.min(
    options.limit ?? Infinity,
    options.warnAt ?? DEFAULT_WARN_AT,
  );
}

/**
 * Has `admit` called for each message, for a trace: the alarm becomes negative,
 * and its amount is what it was.
 */
export function traceMessages(actor: ActorRecord): void {
  actor.mailboxAlarm = -actor.mailboxAlarm;
}

/** Throws `UsageError` for numbers that are no length of a mailbox. */
function mustBeLengths({ limit, warnAt }: MailboxOptions): void {
  for (const [name, length] of Object.entries({ limit, warnAt })) {
    if (length === undefined || length === Infinity) continue;
    if (Number.isInteger(length) && length >= 1) continue;
    throw new UsageError(
      `expected mailbox.${name} to be a whole number of 1 or more, or ` +
        `Infinity, got ${printTerm(length)}`,
    );
  }
}

/**
 * Called when a mailbox has reached its alarm, which is the limit or the next
 * warning, and on a node with a trace for each message. Returns whether the
 * message goes in. Throws `MailboxFullError`.
 */
export function admit(actor: ActorRecord, message: unknown): boolean {
  const { trace } = actor.owner;
  if (trace === null) return takesMessage(actor, message);
  const alarm = Math.abs(actor.mailboxAlarm);
  const isTaken = actor.mailbox.length < alarm || takesMessage(actor, message);
  if (isTaken) trace.messageDelivered(actor.pid, message);
  return isTaken;
}

function takesMessage(actor: ActorRecord, message: unknown): boolean {
  const options = actor.mailboxOptions;
  const { length } = actor.mailbox;
  const limit = options?.limit ?? Infinity;
  if (length < limit) {
    warn(actor, length);
    const alarm = Math.min(limit, Math.max(1, length * 2));
    actor.mailboxAlarm = actor.owner.trace === null ? alarm : -alarm;
    return true;
  }
  if (isOurs(message)) return true;
  switch (options?.policy ?? "refuse") {
    case "refuse":
      count(actor, limit, "refused");
      throw new MailboxFullError(actor.describe(), limit, message);
    case "kill":
      count(actor, limit, "ended its actor because of");
      endActor(actor, atom("mailbox_full"));
      return false;
    case "dropNewest":
      count(actor, limit, "dropped");
      return false;
    case "dropOldest":
      count(actor, limit, "dropped an older one for");
      dropOldest(actor);
      return true;
  }
}

/** What the runtime itself has to say is not lost here either. */
function dropOldest(actor: ActorRecord): void {
  const { mailbox } = actor;
  for (let i = 0; i < mailbox.length; i++) {
    if (isOurs(mailbox.at(i))) continue;
    mailbox.removeAt(i);
    // A pending receive may have looked at the message already.
    if (actor.scanned > i) actor.scanned--;
    return;
  }
}

function isOurs(message: unknown): boolean {
  // Of other objects the prototype need not be readable: a revoked proxy's.
  if (typeof message !== "object" || message === null) return false;
  try {
    return isRuntimes(message);
  } catch {
    return false;
  }
}

function isRuntimes(message: object): boolean {
  return message instanceof Down || message instanceof Exit ||
    message instanceof Timeout || message instanceof NodeUp ||
    message instanceof NodeDown;
}

function warn(actor: ActorRecord, length: number): void {
  actor.owner.logActor(
    "warning",
    `the mailbox of ${actor.describe()} has ${length} messages`,
    { length },
  );
}

/** Counts what was lost, and logs it when the number has doubled. */
function count(actor: ActorRecord, limit: number, what: string): void {
  const lost = ++actor.lostMessages;
  actor.owner.lostMessages++;
  if ((lost & (lost - 1)) !== 0) return;
  actor.owner.logActor(
    "warning",
    `the mailbox of ${actor.describe()} is full and ${what} a message`,
    { limit, lost },
  );
}
