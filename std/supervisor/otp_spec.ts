/** Child specifications in the form of OTP, for supervisors of a BEAM node. */

import {
  atom,
  printTerm,
  Shared,
  Tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { checkChild } from "./checks.ts";
import type {
  ChildOptions,
  ChildSpec,
  Restart,
  Shutdown,
} from "../internal/child_spec.ts";

/** A child that a supervisor of a BEAM node is to start. */
export type OtpChildSpec = ChildOptions & {
  readonly id: unknown;
  /** `{Module, Function, Arguments}`. */
  readonly start: Tuple;
};

function defaults(spec: ChildOptions) {
  const { restart = "permanent", type = "worker", significant = false } = spec;
  const otherwise: Shutdown = type === "supervisor" ? Infinity : 5_000;
  return { restart, type, significant, shutdown: spec.shutdown ?? otherwise };
}

function shutdownTerm(shutdown: Shutdown): unknown {
  if (shutdown === "brutalKill") return atom("brutal_kill");
  return shutdown === Infinity ? atom("infinity") : shutdown;
}

/** The callback module, for what looks for it in a list of children. */
function modulesOf({ items: [module] }: Tuple): readonly unknown[] {
  return [module];
}

function mustBeStart(start: Tuple): void {
  if (start.items.length === 3 && Array.isArray(start.items[2])) return;
  throw new UsageError(
    "expected start to be a tuple {Module, Function, Arguments}, got " +
      printTerm(start),
  );
}

function checkOptions(spec: ChildOptions): void {
  checkChild({ ...spec, start: () => null });
}

/** The map that `supervisor:start_child` takes. */
export function specTerm(spec: OtpChildSpec): unknown {
  mustBeStart(spec.start);
  checkOptions(spec);
  const { restart, type, significant, shutdown } = defaults(spec);
  return {
    id: spec.id,
    start: spec.start,
    restart: atom(restart),
    shutdown: shutdownTerm(shutdown),
    type: atom(type),
    modules: modulesOf(spec.start),
    significant,
  };
}

/** The tuple that Elixir's `DynamicSupervisor` takes. */
export function dynamicTerm(spec: Omit<OtpChildSpec, "id">): Tuple {
  mustBeStart(spec.start);
  checkOptions(spec);
  const { restart, type, shutdown } = defaults(spec);
  return new Tuple([
    spec.start,
    atom(restart),
    shutdownTerm(shutdown),
    atom(type),
    modulesOf(spec.start),
  ]);
}

/**
 * What an own supervisor shows of a specification to another node, where its
 * start has no form.
 */
export function shownTerm(spec: ChildSpec): unknown {
  const { restart, type, significant, shutdown } = defaults(spec);
  return {
    id: spec.id,
    start: new Tuple([atom("hornbeam"), atom("start"), []]),
    restart: atom(restart),
    shutdown: shutdownTerm(shutdown),
    type: atom(type),
    modules: [],
    significant,
  };
}

/**
 * Reads what `get_childspec` answers: a map with atoms as keys is an object.
 */
export function specOf(answered: unknown): ChildSpec | OtpChildSpec {
  if (answered instanceof Shared) return answered.value as ChildSpec;
  const { id, start, restart, type, shutdown, significant } =
    answered as Readonly<Record<string, unknown>>;
  const name = (value: unknown, otherwise: string) =>
    typeof value === "symbol" ? Symbol.keyFor(value) : otherwise;
  return {
    id,
    start: start as Tuple,
    restart: name(restart, "permanent") as Restart,
    type: name(type, "worker") as "worker",
    significant: significant === true,
    shutdown: typeof shutdown === "number"
      ? shutdown
      : shutdown === atom("infinity")
      ? Infinity
      : "brutalKill",
  };
}
