/**
 * Starts of servers under names: names of this node, and names that a registry
 * keeps.
 */

import { namedStartRules } from "../internal/options.ts";
import {
  type Handler,
  OptionTable,
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

/** The name of a server: a local one, or one that a registry keeps. */
export type ServerName = string | ViaTarget;

/** Options of a server's start. */
export type NamedStartOptions = Omit<StartOptions, "name"> & {
  /**
   * A local name, `{ via: global, name }`, or a registry's `via(key, value)`.
   */
  readonly name?: ServerName;
};

const namedStartOptions = new OptionTable<NamedStartOptions>(
  "a start",
  namedStartRules,
);

/** What the handler of a starting server needs to know of its start. */
export type StartContext = {
  readonly starting: Starting;
  readonly name: ServerName | undefined;
  /**
   * The actor that has linked the server at its start, and whose exit signal
   * terminates it; null without a link.
   */
  readonly parent: Pid | null;
};

/**
 * Starts a server, and returns its pid once it has acknowledged its start, or a
 * promise of the pid where the server has something to wait for. Throws or
 * rejects with a `StartError`, `{already_started, Pid}` when another actor has
 * the name.
 */
export function startNamed(
  self: AnySelf,
  mode: "linked" | "alone",
  makeHandler: (context: StartContext) => Handler<unknown>,
  options: NamedStartOptions,
): Pid<never> | Promise<Pid<never>> {
  namedStartOptions.check(options);
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
  const parent = mode === "linked" ? self.pid as Pid : null;
  const started = startNow(
    self,
    (starting: Starting) => makeHandler({ starting, name, parent }),
    typeof name === "object" ? withoutName(options) : options as StartOptions,
    mode,
  );
  return started instanceof Promise
    ? started.then(pidOfStarted)
    : pidOfStarted(started);
}

function pidOfStarted({ pid }: { readonly pid: Pid<unknown> }): Pid<never> {
  return pid as Pid<never>;
}

/** A registry's name is registered by the server and not by the spawn. */
function withoutName({ name: _, ...options }: NamedStartOptions): StartOptions {
  return options;
}

/**
 * Registers the name, unless the spawn has done so, and then runs `init`. Ends
 * the actor when another one has the name.
 */
export function registerAndInit<T>(
  self: Self<unknown>,
  { name, starting }: StartContext,
  init: () => T | Promise<T>,
): T | Promise<T> {
  if (typeof name !== "object") return init();
  const registering = name.via.register?.(self as never, name.name) ?? false;
  const initIfRegistered = (isRegistered: boolean) =>
    isRegistered ? init() : starting.initFail(
      alreadyStarted(self.whereis(name)),
      reasons.normal,
    );
  return registering instanceof Promise
    ? registering.then(initIfRegistered)
    : initIfRegistered(registering);
}
