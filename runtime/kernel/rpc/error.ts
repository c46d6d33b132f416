/**
 * The error of a remote call, with the same classes as OTP's `erpc`.
 */

import { isError } from "../../core/terms/error_text.ts";
import { printTerm } from "../../core/terms/terms.ts";

/**
 * A remote call that has failed.
 *
 * | `class` | what happened | `erpc:call` in Erlang |
 * |---|---|---|
 * | `error` | it threw an `Error`, or raised an Erlang error |
 * `error:{exception, Reason, Stack}` |
 * | `exit` | it exited (`ExitError`), or a signal ended it | `exit:{exception,
 * R}`, `exit:{signal, R}` |
 * | `throw` | it threw something else | `throw:Value` |
 * | `erpc` | the call itself failed | `error:{erpc, Reason}` |
 */
export class ErpcError extends Error {
  override readonly name = "ErpcError";
  readonly class: "error" | "exit" | "throw" | "erpc";
  /**
   * What was thrown, or the exit reason. An error of a Hornbeam node is an
   * `Error`. Of class `erpc` an atom: `timeout`, `noconnection`, `notsup`,
   * `badarg`, …
   */
  readonly reason: unknown;
  /** Of class `exit`: whether an exit signal has ended the call. */
  readonly isSignal: boolean;
  /**
   * Of class `error`: `{M, F, ArityOrArguments, Location}`, innermost first.
   */
  readonly remoteStack: readonly unknown[];

  constructor(
    called: string,
    failure: {
      readonly class: ErpcError["class"];
      readonly reason: unknown;
      readonly isSignal?: boolean;
      readonly remoteStack?: readonly unknown[];
    },
  ) {
    const { reason } = failure;
    super(
      `expected ${called} to return, got ${failure.class} ${printTerm(reason)}`,
      isError(reason) ? { cause: reason } : undefined,
    );
    this.class = failure.class;
    this.reason = reason;
    this.isSignal = failure.isSignal ?? false;
    this.remoteStack = failure.remoteStack ?? [];
  }
}
