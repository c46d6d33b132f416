/**
 * Child specifications as terms, in the form of OTP: for supervisors of a BEAM
 * node, and for callers there.
 */

import {
  atom,
  printTerm,
  Shared,
  Tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { restartOf, shutdownOf, typeOf } from "./defaults.ts";
import { checkChild } from "./checks.ts";
import type {
  ChildOptions,
  ChildSpec,
  Restart,
  Shutdown,
} from "../internal/child_spec.ts";

/** The specification of a child for a supervisor of a BEAM node. */
export type OtpChildSpec = ChildOptions & {
  readonly id: unknown;
  /** `{Module, Function, Arguments}`. */
  readonly start: Tuple;
};

function withDefaults(spec: ChildOptions) {
  const { significant = false } = spec;
  return {
    restart: restartOf(spec),
    type: typeOf(spec),
    significant,
    shutdown: shutdownOf(spec),
  };
}

function shutdownTerm(shutdown: Shutdown): unknown {
  if (shutdown === "brutalKill") return atom("brutal_kill");
  return shutdown === Infinity ? atom("infinity") : shutdown;
}

/** The callback modules of a child, which OTP's tools show. */
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

function checkChildOptions(spec: ChildOptions): void {
  checkChild({ ...spec, start: () => null });
}

/** The map that `supervisor:start_child` takes. */
export function specTerm(spec: OtpChildSpec): unknown {
  mustBeStart(spec.start);
  checkChildOptions(spec);
  const { restart, type, significant, shutdown } = withDefaults(spec);
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
  checkChildOptions(spec);
  const { restart, type, shutdown } = withDefaults(spec);
  return new Tuple([
    spec.start,
    atom(restart),
    shutdownTerm(shutdown),
    atom(type),
    modulesOf(spec.start),
  ]);
}

/**
 * A specification of one of our supervisors, as it is shown to another node. The
 * start is a function, which cannot be sent, so another one stands for it.
 */
export function specForOtherNode(spec: ChildSpec): unknown {
  const { restart, type, significant, shutdown } = withDefaults(spec);
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
 * Reads the reply to `get_childspec`. A map with atoms as keys is an object
 * here.
 */
export function specOf(reply: unknown): ChildSpec | OtpChildSpec {
  if (reply instanceof Shared) return reply.value as ChildSpec;
  const { id, start, restart, type, shutdown, significant } = reply as Readonly<
    Record<string, unknown>
  >;
  const nameOf = (value: unknown, otherwise: string) =>
    typeof value === "symbol" ? Symbol.keyFor(value) : otherwise;
  return {
    id,
    start: start as Tuple,
    restart: nameOf(restart, "permanent") as Restart,
    type: nameOf(type, "worker") as "worker",
    significant: significant === true,
    shutdown: typeof shutdown === "number"
      ? shutdown
      : shutdown === atom("infinity")
      ? Infinity
      : "brutalKill",
  };
}
