/** The errors that core throws, and with which its promises reject. */

import { atom, type Pid, printTerm, Tuple } from "../terms/terms.ts";
import type { NamedTarget } from "./named_target.ts";
import type { ExitReason } from "./reasons.ts";

/** Thrown by `self.exit`; carries the reason up to the runtime. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    super(`the actor exits with reason ${printTerm(reason)}`);
    this.reason = reason;
  }
}

/** Target and time limit of a call, for the exit reason. */
type FailedCall = {
  /** The last form is a name of another registry, such as `global`. */
  readonly to: Pid<never> | NamedTarget | string | { readonly name: unknown };
  readonly timeoutMs: number;
};

/**
 * A call that got no reply. An actor that does not catch it ends with its
 * `exitReason`.
 */
export class CallError extends Error {
  override readonly name: string = "CallError";
  /**
   * `"timeout"`, or why the called actor ended: `noproc`, `noconnection`, …;
   * `calling_self` when it was the caller.
   */
  readonly reason: ExitReason;
  readonly #request: unknown;
  readonly #call: FailedCall | undefined;
  constructor(
    target: string,
    request: unknown,
    reason: ExitReason,
    call?: FailedCall,
  ) {
    super(
      `expected a reply from ${target} to ${printTerm(request)}, got ${
        printTerm(reason)
      }`,
    );
    this.reason = reason;
    this.#request = request;
    this.#call = call;
  }

  /**
   * The exit reason of OTP's `gen_server:call`:
   * `{Reason, {gen_server, call, [Target, Request, Timeout]}}`.
   */
  get exitReason(): Tuple {
    const { to, timeoutMs = Infinity } = this.#call ?? {};
    const target = typeof to === "string"
      ? atom(to)
      : to === undefined || !("name" in to)
      ? to
      : "node" in to
      ? new Tuple([atom(to.name), atom(to.node)])
      : to.name;
    return new Tuple([
      this.reason === "timeout" ? atom("timeout") : this.reason,
      new Tuple([atom("gen_server"), atom("call"), [
        target,
        this.#request,
        timeoutMs === Infinity ? atom("infinity") : timeoutMs,
      ]]),
    ]);
  }
}

/**
 * The rejection of a pending `receive` when its actor is killed, so that
 * `finally` and `using` still run.
 */
export class KilledError extends Error {
  override readonly name = "KilledError";
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    super(
      `this actor has been ended by an exit signal with reason ${
        printTerm(reason)
      }; it may clean up but cannot use its node any more`,
    );
    this.reason = reason;
  }
}

/** The runtime refuses a request of the program; nothing has changed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A spawn on another node has failed. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  /** `noconnection`, `notsup`, `badopt`, … */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A full mailbox refused a message; the error carries it back. */
export class MailboxFullError extends Error {
  override readonly name = "MailboxFullError";
  /** The message that was not sent. */
  readonly unsent: unknown;
  constructor(actor: string, limit: number, unsent: unknown) {
    super(
      `expected fewer than ${limit} messages in the mailbox of ${actor}, but ` +
        "it is full; let it keep up, or give it another policy",
    );
    this.unsent = unsent;
  }
}
