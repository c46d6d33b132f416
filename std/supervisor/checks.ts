/** Checks of child specifications and flags, before any child is started. */

import {
  option,
  OptionTable,
  printTerm,
  termKey,
  UsageError,
} from "../../runtime/mod.ts";
import {
  childRules,
  restartLimitRules,
  type RulesFor,
  strategyRule,
} from "../internal/options.ts";
import type { AutoShutdown } from "./types.ts";
import type { ChildOptions, ChildSpec } from "../internal/child_spec.ts";

export const flagRules:
  & typeof restartLimitRules
  & RulesFor<"strategy" | "autoShutdown"> = {
    ...restartLimitRules,
    strategy: strategyRule,
    autoShutdown: option.oneOf("never", "anySignificant", "allSignificant"),
  };

const specOptions = new OptionTable<ChildSpec>("a child specification", {
  ...childRules,
  id: option.any,
  start: option.any,
});

/** Checks the part of a specification that all kinds of supervisors share. */
export function checkChild(spec: ChildOptions & { start: unknown }): void {
  if (typeof spec !== "object" || spec === null) {
    throw new UsageError(
      `expected a child specification { id, start }, got ${printTerm(spec)}`,
    );
  }
  // A server is easily given instead of its specification, and has a `start`.
  if (typeof (spec as { child?: unknown }).child === "function") {
    throw new UsageError(
      "expected a child specification, got what has a method `child` that " +
        "makes one; write: Counter.child(argument)",
    );
  }
  if (typeof spec.start !== "function") {
    throw new UsageError(
      "expected start of a child specification to be a function, such as " +
        `(self) => Counter.startLink(self, 0), got ${printTerm(spec.start)}`,
    );
  }
  specOptions.check(spec as ChildSpec);
}

/** Checks a specification, and returns the key of its id. */
export function checkSpec(
  spec: ChildSpec,
  autoShutdown: AutoShutdown | undefined,
): string {
  checkChild(spec);
  if (spec.id === undefined) {
    throw new UsageError(
      "expected a child specification with an id, got none; any term that " +
        "no sibling has will do",
    );
  }
  if (spec.significant === true) {
    if ((spec.restart ?? "permanent") === "permanent") {
      throw new UsageError(
        `expected a significant child to be transient or temporary, got the ` +
          `permanent child ${printTerm(spec.id)}, which is always restarted`,
      );
    }
    if (autoShutdown === "never") {
      throw new UsageError(
        `expected autoShutdown to be anySignificant or allSignificant for the ` +
          `significant child ${printTerm(spec.id)}, got never`,
      );
    }
  }
  return childKey(spec.id);
}

/** The key of an id. Throws `UsageError` for a value that is no term. */
export function childKey(id: unknown): string {
  try {
    return termKey(id);
  } catch (error) {
    throw new UsageError(
      `expected the id of a child to be a term, got ${printTerm(id)}`,
      { cause: error },
    );
  }
}

/** Throws `UsageError` for specifications that are not valid. */
export function checkSpecs(
  specs: readonly ChildSpec[],
  autoShutdown?: AutoShutdown,
): void {
  if (!Array.isArray(specs)) {
    throw new UsageError(
      `expected children to be an array, got ${printTerm(specs)}`,
    );
  }
  const keys = new Set<string>();
  for (const spec of specs as readonly ChildSpec[]) {
    const key = checkSpec(spec, autoShutdown);
    if (keys.has(key)) {
      throw new UsageError(
        `expected each child to have an id of its own, got ${
          printTerm(spec.id)
        } twice; give one of them another id`,
      );
    }
    keys.add(key);
  }
}
