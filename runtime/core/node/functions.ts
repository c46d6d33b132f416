/**
 * The functions that a node offers to others by name, for erpc, rpc and the
 * spawn requests of BEAM nodes. Nothing else of a node can be called.
 *
 * This is only the table. `kernel/rpc/call_offered.ts` runs a function and
 * reports its result.
 */

import { UsageError } from "../messages/errors.ts";
import { atom, printTerm, Tuple } from "../terms/terms.ts";

/**
 * An offered function. It gets the arguments of the caller as terms and returns
 * a value or a promise of one. Check the arguments: they come from another node.
 * (The type is declared as a method, so that parameters may be narrower than
 * `unknown`.)
 */
export type ExportedFunction = {
  call(...args: unknown[]): unknown;
}["call"];

/**
 * Limit of arguments of a function, as on a BEAM node. A request with more of
 * them names no function: a call with that many could overflow the stack.
 */
export const MAX_ARITY = 255;

export class Functions {
  /** By `module:function/arity`, or by `module:function` for any arity. */
  readonly #offered = new Map<string, ExportedFunction>();
  /** Functions of the runtime itself; those that a program offers go first. */
  readonly #own = new Map<string, ExportedFunction>();

  /** Adds or replaces a function. Throws `UsageError` and changes nothing then. */
  offer(key: string, called: ExportedFunction): void {
    check(key, called);
    this.#offered.set(key, called);
  }

  /** Adds functions of the runtime, each with its arity. */
  addOwn(functions: Readonly<Record<string, ExportedFunction>>): void {
    for (const [key, called] of Object.entries(functions)) {
      this.#own.set(key, called);
    }
  }

  /** Undefined also for more than 255 arguments. */
  find(
    module: string,
    name: string,
    arity: number,
  ): ExportedFunction | undefined {
    if (arity > MAX_ARITY) return undefined;
    const key = `${module}:${name}`;
    const exact = `${key}/${arity}`;
    return this.#offered.get(exact) ?? this.#offered.get(key) ??
      this.#own.get(exact);
  }
}

function check(key: unknown, called: unknown): void {
  const parts = typeof key === "string"
    ? /^[^:/]+:[^/]+(?:\/(\d{1,3}))?$/.exec(key)
    : null;
  if (parts === null || Number(parts[1] ?? 0) > MAX_ARITY) {
    throw new UsageError(
      'expected "module:function" or "module:function/arity" as the name of ' +
        `a function, got ${printTerm(key)}`,
    );
  }
  if (typeof called !== "function") {
    throw new UsageError(
      `expected a function to offer as "${key}", got ${printTerm(called)}`,
    );
  }
}

/** Module and function of `module:function`. */
export function splitCalled(
  called: string,
): { readonly module: string; readonly name: string } {
  const at = called.indexOf(":");
  return { module: called.slice(0, at), name: called.slice(at + 1) };
}

/**
 * One entry of an Erlang stack trace: which function was called, with its
 * arguments or only their number.
 */
export function stackEntry(
  module: string,
  name: string,
  args: readonly unknown[] | number,
): Tuple {
  return new Tuple([atom(module), atom(name), args, []]);
}
