/**
 * How a call of an offered function went, in the words in which Erlang tells
 * the ways apart: it returned, threw, exited, or raised an error.
 *
 * In JavaScript all three of the latter are `throw`: an `Error` is an error, an
 * `ExitError` an exit, and whatever else is thrown a throw. What a nested call
 * of erpc has ended with keeps its wrapping, as in OTP's `erpc`.
 */

import { Crash } from "../../core/signals/exits.ts";
import { type Functions, stackEntry } from "../../core/node/functions.ts";
import { ExitError } from "../../core/messages/errors.ts";
import { atom, ExternalFun, Tuple } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { TermError } from "../shared/term_error.ts";
import { ErpcError } from "./error.ts";

export type Outcome =
  | { readonly class: "return"; readonly value: unknown }
  | { readonly class: "throw"; readonly value: unknown; readonly stack: Stack }
  | { readonly class: "exit"; readonly reason: unknown }
  | {
    readonly class: "error";
    readonly reason: unknown;
    readonly stack: Stack;
  };

/**
 * Entries `{M, F, ArityOrArguments, []}`; what JavaScript knows of the stack is
 * in the error itself.
 */
type Stack = readonly unknown[];

/** Which function with which arguments; anything may have come for them. */
export type Called = {
  readonly module: unknown;
  readonly name: unknown;
  readonly args: unknown;
};

/** Calls a function that is offered, and awaits what it promises. */
export async function callOffered(
  functions: Functions,
  called: Called,
): Promise<Outcome> {
  const { args } = called;
  const [module, name] = [atomName(called.module), atomName(called.name)];
  if (module === undefined || name === undefined || !Array.isArray(args)) {
    return { class: "error", reason: atom("badarg"), stack: [] };
  }
  const inner = applied(module, name, args);
  if (inner !== null) return await callOffered(functions, inner);
  const offered = functions.find(module, name, args.length);
  if (offered === undefined) {
    const stack = [stackEntry(module, name, args)];
    return { class: "error", reason: atom("undef"), stack };
  }
  try {
    const value: unknown = offered(...args as unknown[]);
    return {
      class: "return",
      value: value instanceof Promise ? await value : value,
    };
  } catch (error) {
    return failure(error, { module, name, args });
  }
}

/** What an actor throws to end as a process does that catches nothing. */
export function uncaught(
  outcome: Exclude<Outcome, { readonly class: "return" }>,
): ExitError | Crash {
  switch (outcome.class) {
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
      // `undef` and `badarg` are the caller's mistakes, and no crash of ours.
      return typeof reason === "symbol"
        ? new ExitError(whole)
        : new Crash(reason, whole);
    }
    default:
      return outcome satisfies never;
  }
}

/** The function inside of `erlang:apply`, by which BEAM nodes call a fun. */
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
): Outcome {
  const stack = [stackEntry(module, name, args.length)];
  try {
    if (error instanceof ExitError) {
      return { class: "exit", reason: error.reason };
    }
    if (error instanceof ErpcError) return nested(error, stack);
    if (error instanceof TermError) {
      // Which arguments were wrong is what the caller needs.
      const shown = [stackEntry(module, name, args)];
      return { class: "error", reason: error.reason, stack: shown };
    }
    if (!(error instanceof Error)) {
      return { class: "throw", value: error, stack };
    }
  } catch {
    // What was thrown does not even let itself be looked at.
  }
  return { class: "error", reason: error, stack };
}

function nested(error: ErpcError, stack: Stack): Outcome {
  const { reason } = error;
  const wrapped = (...items: unknown[]) => new Tuple(items);
  switch (error.class) {
    case "throw":
      return { class: "throw", value: reason, stack };
    case "exit": {
      const how = atom(error.isSignal ? "signal" : "exception");
      return { class: "exit", reason: wrapped(how, reason) };
    }
    case "error":
      return {
        class: "error",
        reason: wrapped(atom("exception"), reason, error.remoteStack),
        stack,
      };
    case "erpc":
      return { class: "error", reason: wrapped(atom("erpc"), reason), stack };
    default:
      return error.class satisfies never;
  }
}
