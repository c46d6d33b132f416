/**
 * Applications: parts of a program that are started and stopped as one, in the
 * order of their dependencies, with settings. After OTP's `application` and
 * Elixir's `Application`.
 *
 * A definition names what it depends on, its settings, and a function that
 * starts its root, usually a supervisor. A controller (`Applications`), one for
 * a node, starts and stops them and knows the settings.
 *
 * When not to use it: a program with one tree starts its supervisor. Where a
 * tree runs on another node when this one is lost, see `global`: applications
 * are of one node, and have no failover or takeover.
 *
 * Guarantees, weak ones included:
 * - An application is started when all that it depends on has started, and
 *   stopped before any of these: the controller stops in the reverse order of
 *   the starts.
 * - Starts and stops are one at a time. So an application's `start` must not
 *   ask its own controller to start or stop something, which would wait for
 *   itself.
 * - `stop` of a definition runs once its root has ended, also when that has
 *   ended by itself. What hooks throw is reported, and the stop goes on.
 * - A shutdown is over in its time limit: then whatever still runs is killed,
 *   and hooks that had no turn do not run. A loop that never awaits cannot be
 *   stopped.
 * - When the controller ends, so do all applications, in good order unless it
 *   was killed by `shutdown`.
 */

import {
  type CallOptions,
  Exit,
  onTermination,
  type Pid,
  type RunningNode,
  type Self,
  systemHost,
  type TerminationSignal,
  UsageError,
} from "../../runtime/mod.ts";
import { Controller } from "./controller.ts";
import {
  type ApplicationContext,
  type ApplicationDefinition,
  ApplicationError,
  type ApplicationInfo,
  type ApplicationType,
  type Config,
  type Env,
  type Root,
} from "./types.ts";
import type { AnySelf } from "../internal/wait.ts";
import { startLink } from "../proc_lib/mod.ts";

export { ApplicationError };
export type {
  ApplicationContext,
  ApplicationDefinition,
  ApplicationInfo,
  ApplicationType,
  Config,
  Env,
  Root,
};

/** An application that can be started; made by `application`. */
export class Application<E extends Env = Env> {
  readonly name: string;
  readonly definition: ApplicationDefinition<E>;

  /** @internal Made by `application`. */
  constructor(definition: ApplicationDefinition<E>) {
    this.name = definition.name;
    this.definition = definition;
  }
}

/** Any application, whatever its settings. */
export type AnyApplication = Pick<Application<never>, "name"> & {
  readonly definition: unknown;
};

/**
 * Defines an application. Throws `UsageError` for one without a name, and for
 * dependencies that are none.
 */
export function application<E extends Env = Env>(
  definition: ApplicationDefinition<E>,
): Application<E> {
  const { name, dependencies = [], shutdownMs = 0 } = definition;
  if (typeof name !== "string" || name === "") {
    throw new UsageError(`expected a name of the application, got ${name}`);
  }
  for (const dependency of dependencies) {
    if (dependency instanceof Application) continue;
    throw new UsageError(
      `expected dependencies of ${name} to be applications, got something else`,
    );
  }
  if (!(shutdownMs >= 0)) {
    throw new UsageError(
      `expected shutdownMs of ${name} to be 0 or more, got ${shutdownMs}`,
    );
  }
  return new Application(definition);
}

/** Options of a controller. */
export type ApplicationsOptions = {
  /** Registers the controller's actor. Default: it has no name. */
  readonly name?: string;
  /**
   * Settings by application, before those of the definitions; of several, later
   * ones before earlier ones: `[fromFile, fromCommandLine]`.
   */
  readonly config?: Config | readonly Config[];
};

/** Whoever asks a controller: an actor or a running node. */
export type Asker = Pick<Self<never>, "call">;

/** Options of `shutdown`. */
export type ShutdownOptions = {
  /** What still runs after it is killed. Default Infinity. */
  readonly timeoutMs?: number;
  /** Does the same as the end of the time. */
  readonly signal?: AbortSignal;
};

/**
 * The applications of a node: what runs, and the settings.
 *
 * @example
 * ```ts
 * import { handler, start } from "hornbeam";
 * import { application, Applications } from "hornbeam/std/application";
 *
 * const store = application({
 *   name: "store",
 *   env: { size: 10 },
 *   start: (self) => self.spawnLink(handler(0, (n: number) => n)),
 *   stop: () => console.log("store is stopped"),
 * });
 * const shop = application({
 *   name: "shop",
 *   dependencies: [store],
 *   start: (self) => self.spawnLink(handler(0, (n: number) => n)),
 *   stop: () => console.log("shop is stopped"),
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const apps = await Applications.startLink(self, {
 *     config: { store: { size: 20 } },
 *   });
 *   console.log(...await apps.ensureAllStarted(self, [shop]));
 *   // prints: store shop
 *   console.log(apps.getEnv(store, "size")); // prints: 20
 *   await apps.shutdown(self);
 *   // prints: shop is stopped
 *   // prints: store is stopped
 * });
 * ```
 */
export class Applications {
  readonly #controller: Controller;

  /** @internal Made by `startLink`. */
  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /**
   * Starts a controller that is linked to the caller: when that ends, all
   * applications are stopped. It ends, with `{shutdown,
   * {application_terminated, Name}}`, when an application ends whose type says
   * so, after all others.
   */
  static async startLink(
    self: AnySelf,
    options: ApplicationsOptions = {},
  ): Promise<Applications> {
    const { name, config = [] } = options;
    const controller = new Controller(
      Array.isArray(config) ? config : [config as Config],
    );
    await startLink(
      self,
      (starting) => controller.behaviour(self.pid, starting),
      name === undefined ? { label: "applications" } : { name },
    );
    return new Applications(controller);
  }

  /** The controller's actor. */
  get pid(): Pid {
    return this.#controller.pid;
  }

  /**
   * Starts one application, whose dependencies must run. Default type
   * `temporary`. Rejects with an `ApplicationError`; when a start has failed,
   * nothing of it is left.
   */
  start<E extends Env>(
    self: Asker,
    app: Application<E>,
    type: ApplicationType = "temporary",
    options: CallOptions = {},
  ): Promise<void> {
    return this.#controller.start(self, app as never, type, options);
  }

  /**
   * Starts applications and all that they depend on, where they do not run, and
   * resolves with the names of those that it has started, in order. When one
   * fails, those are stopped again. Rejects with an `ApplicationError`.
   */
  ensureAllStarted(
    self: Asker,
    apps: readonly AnyApplication[],
    type: ApplicationType = "temporary",
    options: CallOptions = {},
  ): Promise<readonly string[]> {
    const all = apps as readonly Application<never>[];
    return this.#controller.ensureAll(self, all as never, type, options);
  }

  /**
   * Stops one application and leaves what it depends on. Rejects with an
   * `ApplicationError` when it does not run. Others that depend on it are not
   * asked.
   */
  stop(
    self: Asker,
    app: { readonly name: string },
    options: CallOptions = {},
  ): Promise<void> {
    return this.#controller.stop(self, app.name, options);
  }

  /**
   * Stops all applications, the last that was started first, and the
   * controller. Resolves with whether that was done in time.
   */
  shutdown(self: Asker, options: ShutdownOptions = {}): Promise<boolean> {
    return this.#controller.shutdown(self, options);
  }

  /** What runs, in the order of the starts. */
  which(): readonly ApplicationInfo[] {
    return this.#controller.which();
  }

  isStarted(app: { readonly name: string }): boolean {
    return this.which().some(({ name }) => name === app.name);
  }

  /**
   * To which running application an actor of this node belongs: the one whose
   * root has spawned it, or whose root's children have, as far as they live.
   */
  applicationOf(self: Pick<Self<never>, "info">, pid: Pid): string | null {
    return this.#controller.applicationOf(self, pid);
  }

  /**
   * A setting: what was put, else of the configuration, else the definition's.
   */
  getEnv<E extends Env, K extends keyof E & string>(
    app: Application<E>,
    key: K,
  ): E[K] {
    return this.#controller.settings(app as never)[key] as E[K];
  }

  /** All settings as they are now. */
  getAllEnv<E extends Env>(app: Application<E>): E {
    return this.#controller.settings(app as never) as E;
  }

  /** Puts a setting, which holds until it is deleted, also over restarts. */
  putEnv<E extends Env, K extends keyof E & string>(
    app: Application<E>,
    key: K,
    value: E[K],
  ): void {
    this.#controller.put(app.name, key, value);
  }

  /** Takes back what was put. */
  deleteEnv<E extends Env>(app: Application<E>, key: keyof E & string): void {
    this.#controller.unput(app.name, key);
  }
}

/** Options of `stopOnTermination`. */
export type StopOptions = {
  /** For all applications together, in ms. Default 30,000. */
  readonly timeoutMs?: number;
  /** Signals of the operating system to heed. Default SIGINT and SIGTERM. */
  readonly signals?: readonly TerminationSignal[];
  /** Stops when it is aborted, as the signal that `hornbeam run` gives. */
  readonly signal?: AbortSignal;
};

/** How a program was stopped. */
export type Stopped = {
  readonly cause: TerminationSignal | "abort" | "ended";
  /** Whether all was stopped in good order in its time. */
  readonly inTime: boolean;
};

/** A second signal this soon is the first one again: npm passes on its own. */
const ECHO_MS = 500;

/**
 * Waits until the process is asked to end, or the controller has ended; then
 * stops all applications in order and the node, and resolves. Keeps the process
 * alive meanwhile. A second signal, half a second or more after the first, ends
 * the wait for the applications.
 */
export async function stopOnTermination(
  node: RunningNode,
  apps: Applications,
  options: StopOptions = {},
): Promise<Stopped> {
  const { timeoutMs = 30_000, signals, signal } = options;
  const asked = Promise.withResolvers<Stopped["cause"]>();
  const impatience = new AbortController();
  const { now } = systemHost();
  let askedAt = Infinity;
  using _ = onTermination((name) => {
    if (askedAt === Infinity) askedAt = now();
    else if (now() - askedAt >= ECHO_MS) impatience.abort();
    asked.resolve(name);
  }, signals);
  const onAbort = () => asked.resolve("abort");
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const watching = node.run(async (self: Self<unknown>) => {
    const ref = self.monitor(apps.pid);
    await self.receive(ref);
  }).then(() => asked.resolve("ended"), () => asked.resolve("ended"));
  const cause = await asked.promise;
  signal?.removeEventListener("abort", onAbort);
  const inTime = cause === "ended" || await apps.shutdown(node, {
    timeoutMs,
    signal: impatience.signal,
  });
  await watching;
  await node.stop();
  return { cause, inTime };
}

/** Options of `runApplications`. */
export type RunOptions = ApplicationsOptions & StopOptions & {
  /** Of the applications that are named. Default `permanent`. */
  readonly type?: ApplicationType;
};

/**
 * A whole program: starts applications with all that they depend on, waits as
 * `stopOnTermination` does, also while they start, and resolves when all is
 * stopped, the node as well. Rejects with an `ApplicationError` when one does
 * not start, once those before it and the node are stopped.
 *
 * In a program of `hornbeam run`, which heeds signals itself, give it `{
 * signal, signals: [] }` with the `signal` that the program is given; it has 3
 * seconds to end then.
 *
 * @example
 * ```ts
 * import { handler, start } from "hornbeam";
 * import { application, runApplications } from "hornbeam/std/application";
 *
 * const abort = new AbortController();
 * const store = application({
 *   name: "store",
 *   start: (self) => self.spawnLink(handler(0, (n: number) => n)),
 *   // In the place of `kill <pid>`.
 *   startPhases: { last: () => abort.abort() },
 *   stop: () => console.log("saved"),
 * });
 *
 * const node = await start();
 * const { cause, inTime } = await runApplications(node, [store], {
 *   timeoutMs: 5_000,
 *   signal: abort.signal,
 * });
 * // prints: saved
 * console.log(cause, inTime); // prints: abort true
 * ```
 */
export async function runApplications(
  node: RunningNode,
  apps: readonly AnyApplication[],
  options: RunOptions = {},
): Promise<Stopped> {
  const { type = "permanent" } = options;
  let failure: ApplicationError | null = null;
  const begun = Promise.withResolvers<{ readonly end: Promise<Stopped> }>();
  node.spawn(async (self: Self<unknown>) => {
    self.trapExits = true;
    try {
      const all = await Applications.startLink(self, options);
      const { pid } = all;
      begun.resolve({ end: stopOnTermination(node, all, options) });
      await all.ensureAllStarted(self, apps, type).catch((error: unknown) => {
        // Anything else means that it was stopped in the meantime.
        if (!(error instanceof ApplicationError)) throw error;
        failure = error;
        return all.shutdown(self);
      });
      await self.receive((m) => m instanceof Exit && m.from === pid);
    } catch (error) {
      begun.reject(error);
    }
  }, { label: "applications of the program" });
  const stopped = await (await begun.promise).end;
  if (failure !== null) throw failure as ApplicationError;
  return stopped;
}
