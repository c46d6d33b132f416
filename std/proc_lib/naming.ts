/**
 * Starting servers under names: local ones, and those that are kept elsewhere.
 */

import {
  type Handler,
  type Pid,
  printTerm,
  reasons,
  type Self,
  UsageError,
  type ViaTarget,
} from "../../runtime/mod.ts";
import { alreadyStarted } from "../internal/reasons.ts";
import type { AnySelf } from "../internal/wait.ts";
import {
  StartError,
  type Starting,
  startNow,
  type StartOptions,
} from "./mod.ts";

/** Where a server can be found: a local name, or one that is kept elsewhere. */
export type ServerName = string | ViaTarget;

/** Options of a server's start. */
export type NamedStartOptions = Omit<StartOptions, "name"> & {
  /**
   * A local name, `{ via: global, name }`, or a registry's `via(key, value)`.
   */
  readonly name?: ServerName;
};

/** What a server that is about to start needs to know. */
export type Launch = {
  readonly starting: Starting;
  readonly name: ServerName | undefined;
  /** Whose exit signal is an order to end; null without a link. */
  readonly parent: Pid | null;
};

/**
 * Starts a server and returns its pid when it has acknowledged, or a promise of
 * it where the server has something to wait for. Throws or rejects with a
 * `StartError`, `{already_started, Pid}` when the name has a holder.
 */
export function startNamed(
  self: AnySelf,
  how: "linked" | "alone",
  make: (launch: Launch) => Handler<unknown>,
  options: NamedStartOptions,
): Pid<never> | Promise<Pid<never>> {
  const { name } = options;
  if (typeof name === "object" && name.via.register === undefined) {
    throw new UsageError(
      "expected a name to start under whose via has a method register, got one " +
        `that can be looked up only: ${printTerm(name.name)}`,
    );
  }
  const holder = name === undefined ? null : self.whereis(name);
  if (holder !== null) {
    throw new StartError(alreadyStarted(holder), holder, null);
  }
  const parent = how === "linked" ? self.pid as Pid : null;
  const started = startNow(
    self,
    (starting: Starting) => make({ starting, name, parent }),
    typeof name === "object" ? unnamed(options) : options as StartOptions,
    how,
  );
  return started instanceof Promise ? started.then(pidOf) : pidOf(started);
}

function pidOf({ pid }: { readonly pid: Pid<unknown> }): Pid<never> {
  return pid as Pid<never>;
}

/** A name that is kept elsewhere is not for the spawn to take. */
function unnamed({ name: _, ...options }: NamedStartOptions): StartOptions {
  return options;
}

/**
 * Takes the name, where that is not done by the spawn, and then initialises.
 * Ends the actor when somebody else has it.
 */
export function underName<T>(
  self: Self<unknown>,
  { name, starting }: Launch,
  initialise: () => T | Promise<T>,
): T | Promise<T> {
  if (typeof name !== "object") return initialise();
  const hasIt = name.via.register?.(self as never, name.name) ?? false;
  const goOn = (is: boolean) =>
    is ? initialise() : starting.initFail(
      alreadyStarted(self.whereis(name)),
      reasons.normal,
    );
  return hasIt instanceof Promise ? hasIt.then(goOn) : goOn(hasIt);
}
