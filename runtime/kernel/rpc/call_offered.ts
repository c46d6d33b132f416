/**
 * Calls a function that this node offers, for `erpc` and `rex`, and says how
 * the call ended, in Erlang's four classes: it returned, threw, exited, or
 * raised an error.
 *
 * In JavaScript the last three are all thrown: an `Error` is an error, an
 * `ExitError` an exit, and any other value a throw. The `ErpcError` of a nested
 * call keeps its wrapping, as in OTP's `erpc`.
 */

import { Crash } from "../../core/signals/exits.ts";
import { type Functions, stackEntry } from "../../core/node/functions.ts";
import { ExitError } from "../../core/messages/errors.ts";
import { atom, ExternalFun, Tuple } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { TermError } from "../shared/term_error.ts";
import { ErpcError } from "./error.ts";

export type CallOutcome =
  | { readonly type: "return"; readonly value: unknown }
  | { readonly type: "throw"; readonly value: unknown; readonly stack: Stack }
  | { readonly type: "exit"; readonly reason: unknown }
  | {
    readonly type: "error";
    readonly reason: unknown;
    readonly stack: Stack;
  };

/**
 * Entries `{M, F, ArityOrArguments, []}`. JavaScript's own stack is in the
 * error itself.
 */
type Stack = readonly unknown[];

/** A function and its arguments as they came: any term may stand for each. */
export type Called = {
  readonly module: unknown;
  readonly name: unknown;
  readonly args: unknown;
};

/** Calls a function that is offered, and awaits a promise that it returns. */
export async function callOffered(
  functions: Functions,
  called: Called,
): Promise<CallOutcome> {
  const inner = innermost(called);
  if (inner === null) {
    return { type: "error", reason: atom("badarg"), stack: [] };
  }
  const { module, name, args } = inner;
  const offered = functions.find(module, name, args.length);
  if (offered === undefined) {
    const stack = [stackEntry(module, name, args)];
    return { type: "error", reason: atom("undef"), stack };
  }
  try {
    const value: unknown = offered(...args);
    return {
      type: "return",
      value: value instanceof Promise ? await value : value,
    };
  } catch (error) {
    return failure(error, { module, name, args });
  }
}

/** The error by which an actor ends as a process does after an uncaught one. */
export function uncaught(
  outcome: Exclude<CallOutcome, { readonly type: "return" }>,
): ExitError | Crash {
  switch (outcome.type) {
    case "exit":
      return new ExitError(outcome.reason);
    case "throw": {
      const { value, stack } = outcome;
      const ball = new Tuple([atom("nocatch"), value]);
      return new Crash(value, new Tuple([ball, stack]));
    }
    case "error": {
      const { reason, stack } = outcome;
      const whole = new Tuple([reason, stack]);
      // `undef` and `badarg` are mistakes of the caller: no crash is reported.
      return typeof reason === "symbol"
        ? new ExitError(whole)
        : new Crash(reason, whole);
    }
    default:
      return outcome satisfies never;
  }
}

/**
 * The call itself, or the one at the end of a chain of `erlang:apply`, however
 * long. Null if a module, a name or a list of arguments is none.
 */
function innermost(called: Called): {
  readonly module: string;
  readonly name: string;
  readonly args: readonly unknown[];
} | null {
  for (let next: Called = called;;) {
    const { args } = next;
    const [module, name] = [atomName(next.module), atomName(next.name)];
    if (module === undefined || name === undefined || !Array.isArray(args)) {
      return null;
    }
    const appliedCall = applied(module, name, args);
    if (appliedCall === null) return { module, name, args };
    next = appliedCall;
  }
}

/** The function that `erlang:apply` calls; BEAM nodes call a fun with it. */
function applied(
  module: string,
  name: string,
  args: readonly unknown[],
): Called | null {
  if (module !== "erlang" || name !== "apply") return null;
  if (args.length === 3) {
    return { module: args[0], name: args[1], args: args[2] };
  }
  const [fun, list] = args;
  return fun instanceof ExternalFun && args.length === 2
    ? { module: atom(fun.module), name: atom(fun.name), args: list }
    : null;
}

function failure(
  error: unknown,
  { module, name, args }: {
    readonly module: string;
    readonly name: string;
    readonly args: readonly unknown[];
  },
): CallOutcome {
  const stack = [stackEntry(module, name, args.length)];
  try {
    if (error instanceof ExitError) {
      return { type: "exit", reason: error.reason };
    }
    if (error instanceof ErpcError) return nested(error, stack);
    if (error instanceof TermError) {
      // The caller needs to see which arguments were wrong.
      const shown = [stackEntry(module, name, args)];
      return { type: "error", reason: error.reason, stack: shown };
    }
    if (!(error instanceof Error)) {
      return { type: "throw", value: error, stack };
    }
  } catch {
    // The thrown value throws when it is looked at.
  }
  return { type: "error", reason: error, stack };
}

function nested(error: ErpcError, stack: Stack): CallOutcome {
  const { reason } = error;
  const wrapped = (...items: unknown[]) => new Tuple(items);
  switch (error.class) {
    case "throw":
      return { type: "throw", value: reason, stack };
    case "exit": {
      const how = atom(error.isSignal ? "signal" : "exception");
      return { type: "exit", reason: wrapped(how, reason) };
    }
    case "error":
      return {
        type: "error",
        reason: wrapped(atom("exception"), reason, error.remoteStack),
        stack,
      };
    case "erpc":
      return { type: "error", reason: wrapped(atom("erpc"), reason), stack };
    default:
      return error.class satisfies never;
  }
}
