/** Options of a mailbox; `signals/mailbox_limit.ts` implements them. */

/** What to do with a message for a full mailbox. */
export type MailboxPolicy =
  /** The sender's `send` throws; a sender on another node loses the message. */
  | "refuse"
  /** The actor ends with reason `mailbox_full`. */
  | "kill"
  /** The message is lost. */
  | "dropNewest"
  /** The oldest message is lost. */
  | "dropOldest";

/** Options of a mailbox. */
export type MailboxOptions = {
  /** Most messages it holds, 1 or more. Default: no limit. */
  readonly limit?: number;
  /** Default `refuse`. */
  readonly policy?: MailboxPolicy;
  /**
   * A warning is logged at this length, and whenever it has doubled. Default
   * 100,000; Infinity: never.
   */
  readonly warnAt?: number;
};

/** Default of `warnAt`. */
export const DEFAULT_WARN_AT = 100_000;
