/** Checks of child specifications and flags, before any child is started. */

import { printTerm, termKey, UsageError } from "../../runtime/mod.ts";
import type { AutoShutdown, RestartLimits, SupervisorFlags } from "./types.ts";
import type { ChildOptions, ChildSpec } from "../internal/child_spec.ts";

const restartValues: readonly unknown[] = [
  "permanent",
  "transient",
  "temporary",
];
const typeValues: readonly unknown[] = ["worker", "supervisor"];
const strategyValues: readonly unknown[] = [
  "oneForOne",
  "oneForAll",
  "restForOne",
];
const autoShutdownValues: readonly unknown[] = [
  "never",
  "anySignificant",
  "allSignificant",
];

/** The longest timer of the runtime. */
const MAX_SHUTDOWN_MS = 2 ** 40;

function mustBeOneOf(
  values: readonly unknown[],
  value: unknown,
  what: string,
): void {
  if (value === undefined || values.includes(value)) return;
  throw new UsageError(
    `expected ${what} to be one of ${values.join(", ")}, got ${
      printTerm(value)
    }`,
  );
}

/** Checks the part of a specification that all kinds of supervisors share. */
export function checkChild(spec: ChildOptions & { start: unknown }): void {
  if (typeof spec !== "object" || spec === null) {
    throw new UsageError(
      `expected a child specification { id, start }, got ${printTerm(spec)}`,
    );
  }
  const { start, restart, type, shutdown, significant } = spec;
  if (typeof start !== "function") {
    throw new UsageError(
      "expected start of a child specification to be a function, such as " +
        `(self) => Counter.startLink(self, 0), got ${printTerm(start)}`,
    );
  }
  mustBeOneOf(restartValues, restart, "restart");
  mustBeOneOf(typeValues, type, "type");
  mustBeOneOf([true, false], significant, "significant");
  if (shutdown === undefined || shutdown === "brutalKill") return;
  if (
    shutdown === Infinity ||
    (typeof shutdown === "number" && shutdown >= 0 &&
      shutdown <= MAX_SHUTDOWN_MS)
  ) return;
  throw new UsageError(
    "expected shutdown to be a number of ms, Infinity or brutalKill, got " +
      printTerm(shutdown),
  );
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

/** Throws `UsageError` for limits that are not valid. */
export function checkLimits(limits: RestartLimits): void {
  const { maxRestarts = 3, withinMs = 5_000 } = limits;
  if (
    maxRestarts !== Infinity &&
    !(Number.isSafeInteger(maxRestarts) && maxRestarts >= 0)
  ) {
    throw new UsageError(
      "expected maxRestarts to be a whole number from 0 on or Infinity, got " +
        printTerm(maxRestarts),
    );
  }
  if (!(Number.isFinite(withinMs) && withinMs > 0)) {
    throw new UsageError(
      `expected withinMs to be a number of ms above 0, got ${
        printTerm(withinMs)
      }`,
    );
  }
}

/** Throws `UsageError` for flags that are not valid. */
export function checkFlags(flags: SupervisorFlags): void {
  mustBeOneOf(strategyValues, flags.strategy, "strategy");
  mustBeOneOf(autoShutdownValues, flags.autoShutdown, "autoShutdown");
  checkLimits(flags);
}
