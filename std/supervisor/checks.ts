/** Whether specifications and flags make sense, before anything is started. */

import { printTerm, termKey, UsageError } from "../../runtime/mod.ts";
import type { AutoShutdown, RestartLimits, SupervisorFlags } from "./types.ts";
import type { ChildOptions, ChildSpec } from "../internal/child_spec.ts";

const RESTARTS: readonly unknown[] = ["permanent", "transient", "temporary"];
const TYPES: readonly unknown[] = ["worker", "supervisor"];
const STRATEGIES: readonly unknown[] = [
  "oneForOne",
  "oneForAll",
  "restForOne",
];
const AUTO_SHUTDOWNS: readonly unknown[] = [
  "never",
  "anySignificant",
  "allSignificant",
];

/** How long a timer of the runtime can be. */
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

/** The part of a specification that all kinds of supervisors share. */
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
  mustBeOneOf(RESTARTS, restart, "restart");
  mustBeOneOf(TYPES, type, "type");
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

/** Throws `UsageError`; returns the key of its id. */
export function checkSpec(
  spec: ChildSpec,
  autoShutdown: AutoShutdown | undefined,
): string {
  checkChild(spec);
  if (spec.id === undefined) {
    throw new UsageError(
      "expected a child specification with an id, got none; any term will do " +
        "that no sibling has",
    );
  }
  if (spec.significant === true) {
    if ((spec.restart ?? "permanent") === "permanent") {
      throw new UsageError(
        `expected a significant child to be transient or temporary, got the ` +
          `permanent child ${printTerm(spec.id)}, which never ends for good`,
      );
    }
    if (autoShutdown === "never") {
      throw new UsageError(
        `expected autoShutdown to be anySignificant or allSignificant for the ` +
          `significant child ${printTerm(spec.id)}, got never`,
      );
    }
  }
  return keyOf(spec.id);
}

/** The key of an id. Throws `UsageError` for what is no term. */
export function keyOf(id: unknown): string {
  try {
    return termKey(id);
  } catch (error) {
    throw new UsageError(
      `expected the id of a child to be a term, got ${printTerm(id)}`,
      { cause: error },
    );
  }
}

/** Throws `UsageError` for a specification that makes no sense. */
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

/** Throws `UsageError` for limits that make no sense. */
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

/** Throws `UsageError` for flags that make no sense. */
export function checkFlags(flags: SupervisorFlags): void {
  mustBeOneOf(STRATEGIES, flags.strategy, "strategy");
  mustBeOneOf(AUTO_SHUTDOWNS, flags.autoShutdown, "autoShutdown");
  checkLimits(flags);
}
