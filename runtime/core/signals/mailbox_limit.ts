/**
 * Limits of mailboxes, and the warning about a long one.
 *
 * By default a mailbox has no limit, as in Erlang, and only a warning is
 * logged. An actor may be given a limit with a policy. Messages of the runtime
 * (`Down`, `Exit`, `Timeout`, `NodeUp`, `NodeDown`) are never refused: the actor
 * has asked for them, which bounds their number.
 */

import type { ActorRecord } from "../contract/record.ts";
import { mailboxOptions } from "../contract/option_tables.ts";
import { DEFAULT_WARN_AT, type MailboxOptions } from "../mailbox/options.ts";
import { MailboxFullError } from "../messages/errors.ts";
import { endActor } from "./exits.ts";
import {
  Down,
  Exit,
  NodeDown,
  NodeUp,
  Timeout,
} from "../messages/runtime_messages.ts";
import { atom } from "../terms/terms.ts";

/** Gives a new actor's mailbox its limit. Throws `UsageError`. */
export function limitMailbox(
  actor: ActorRecord,
  options: MailboxOptions,
): void {
  mailboxOptions.check(options);
  actor.mailboxOptions = options;
  actor.mailboxAlarm = Math.min(
    options.limit ?? Infinity,
    options.warnAt ?? DEFAULT_WARN_AT,
  );
}

/**
 * Has `admit` called for each message, for a trace: the alarm gets a negative
 * sign, and its amount stays.
 */
export function traceMessages(actor: ActorRecord): void {
  actor.mailboxAlarm = -actor.mailboxAlarm;
}

/**
 * Called when a mailbox has reached its alarm, which is the length of its limit
 * or of the next warning. On a node with a trace it is called for each message.
 * Returns whether the message goes into the mailbox. Throws `MailboxFullError`.
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
    warnOfLength(actor, length);
    const alarm = Math.min(limit, Math.max(1, length * 2));
    actor.mailboxAlarm = actor.owner.trace === null ? alarm : -alarm;
    return true;
  }
  if (isOfRuntime(message)) return true;
  switch (options?.policy ?? "refuse") {
    case "refuse":
      countLost(actor, limit, "refused");
      throw new MailboxFullError(actor.describe(), limit, message);
    case "kill":
      countLost(actor, limit, "ended its actor because of");
      endActor(actor, atom("mailbox_full"));
      return false;
    case "dropNewest":
      countLost(actor, limit, "dropped");
      return false;
    case "dropOldest":
      countLost(actor, limit, "dropped an older one for");
      dropOldest(actor);
      return true;
  }
}

/** Removes the oldest message that is not one of the runtime. */
function dropOldest(actor: ActorRecord): void {
  const { mailbox } = actor;
  for (let i = 0; i < mailbox.length; i++) {
    if (isOfRuntime(mailbox.at(i))) continue;
    mailbox.removeAt(i);
    // A pending `receive` may have looked at the message already.
    if (actor.scanned > i) actor.scanned--;
    return;
  }
}

function isOfRuntime(message: unknown): boolean {
  // `instanceof` throws for some objects, such as a revoked proxy.
  if (typeof message !== "object" || message === null) return false;
  try {
    return hasRuntimeClass(message);
  } catch {
    return false;
  }
}

function hasRuntimeClass(message: object): boolean {
  return message instanceof Down || message instanceof Exit ||
    message instanceof Timeout || message instanceof NodeUp ||
    message instanceof NodeDown;
}

function warnOfLength(actor: ActorRecord, length: number): void {
  actor.owner.logActor(
    "warning",
    `the mailbox of ${actor.describe()} has ${length} messages`,
    { length },
  );
}

/** Counts a lost message, and logs the number when it has doubled. */
function countLost(actor: ActorRecord, limit: number, what: string): void {
  const lost = ++actor.lostMessages;
  actor.owner.lostMessages++;
  if ((lost & (lost - 1)) !== 0) return;
  actor.owner.logActor(
    "warning",
    `the mailbox of ${actor.describe()} is full and ${what} a message`,
    { limit, lost },
  );
}
