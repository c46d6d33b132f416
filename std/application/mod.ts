/**
 * Applications: parts of a program that are started and stopped as one, in the
 * order of their dependencies, with settings. After OTP's `application` and
 * Elixir's `Application`.
 *
 * **To define an application:** `application` with a name, the applications it
 * depends on, its settings, and a function that starts its root, usually a
 * supervisor.
 *
 * **To run a whole program:** `runApplications`. It starts the applications,
 * waits until the process is to end, and stops them in order.
 *
 * **To start and stop applications one by one:** a controller, one for each
 * node, which `Applications.startLink` starts.
 *
 * **To read and change settings:** `getEnv` and `putEnv` of the controller, and
 * `context.env` in the functions of a definition.
 *
 * When not to use it: a program with one tree starts its supervisor. For a tree
 * that another node takes over when this one is lost, see `global`:
 * applications belong to one node, and have no failover or takeover.
 *
 * Guarantees, weak ones included:
 * - An application starts when all its dependencies have started, and stops
 *   before any of them: the controller stops applications in the reverse order
 *   of their starts.
 * - The controller carries out one start or stop at a time. The `start` of an
 *   application must not ask its own controller for another one, because both
 *   would wait for each other.
 * - `stop` of a definition runs once the root has ended, also if the root has
 *   ended by itself. An error in a hook is reported, and the stop goes on.
 * - A shutdown ends within its time limit: then all actors that still run are
 *   killed, and the remaining hooks do not run. A loop that never awaits cannot
 *   be stopped.
 * - When the controller ends, all applications end before it, in order, unless
 *   `shutdown` has killed it.
 */

import { callOptions, waitRules } from "../internal/options.ts";
import {
  type CallOptions,
  Exit,
  onTermination,
  option,
  OptionTable,
  type Pid,
  printTerm,
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

/** Any application, with settings of any type. */
export type AnyApplication = Pick<Application<never>, "name"> & {
  readonly definition: unknown;
};

/**
 * Defines an application. Throws `UsageError` for an empty name, and for
 * dependencies that are no applications. See `Applications` for an example.
 */
export function application<E extends Env = Env>(
  definition: ApplicationDefinition<E>,
): Application<E> {
  const { name, dependencies = [], shutdownMs = 0 } = definition;
  if (typeof name !== "string" || name === "") {
    throw new UsageError(
      `expected a name of the application, got ${printTerm(name)}`,
    );
  }
  for (const dependency of dependencies) {
    if (dependency instanceof Application) continue;
    throw new UsageError(
      `expected dependencies of ${name} to be applications, got ${
        printTerm(dependency)
      }`,
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
  /** The registered name of the controller's actor. Default: none. */
  readonly name?: string;
  /**
   * Settings by application, which override those of the definitions. A list
   * of them is allowed, such as `[fromFile, fromCommandLine]`: later ones
   * override earlier ones.
   */
  readonly config?: Config | readonly Config[];
};

/** What can call a controller: an actor or a running node. */
export type Asker = Pick<Self<never>, "call">;

/** Options of `shutdown`. */
export type ShutdownOptions = {
  /** Actors that still run after this time are killed. Default Infinity. */
  readonly timeoutMs?: number;
  /** When aborted, has the same effect as the end of the time. */
  readonly signal?: AbortSignal;
};

/**
 * The controller of a node's applications, and their settings.
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
   * Starts a controller that is linked to the caller. When the caller ends, all
   * applications are stopped. When an application ends whose type requires it,
   * the controller stops all others and then ends with `{shutdown,
   * {application_terminated, Name}}`.
   */
  static async startLink(
    self: AnySelf,
    options: ApplicationsOptions = {},
  ): Promise<Applications> {
    applicationsOptions.check(options);
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
   * `temporary`. Rejects with an `ApplicationError`; a failed start leaves no
   * actor.
   */
  start<E extends Env>(
    self: Asker,
    app: Application<E>,
    type: ApplicationType = "temporary",
    options: CallOptions = {},
  ): Promise<void> {
    callOptions.check(options, "start");
    return this.#controller.start(self, app as never, type, options);
  }

  /**
   * Starts applications and all their dependencies, unless they run already.
   * Resolves with the names of the started applications, in order. When one
   * fails, these are stopped again. Rejects with an `ApplicationError`.
   */
  ensureAllStarted(
    self: Asker,
    apps: readonly AnyApplication[],
    type: ApplicationType = "temporary",
    options: CallOptions = {},
  ): Promise<readonly string[]> {
    callOptions.check(options, "ensureAllStarted");
    const all = apps as readonly Application<never>[];
    return this.#controller.ensureAll(self, all as never, type, options);
  }

  /**
   * Stops one application; its dependencies go on. Rejects with an
   * `ApplicationError` when it does not run. It is not checked whether other
   * applications depend on it.
   */
  stop(
    self: Asker,
    app: { readonly name: string },
    options: CallOptions = {},
  ): Promise<void> {
    callOptions.check(options, "stop");
    return this.#controller.stop(self, app.name, options);
  }

  /**
   * Stops all applications, the last started first, and the controller.
   * Resolves with whether that was done in time.
   */
  shutdown(self: Asker, options: ShutdownOptions = {}): Promise<boolean> {
    shutdownOptions.check(options);
    return this.#controller.shutdown(self, options);
  }

  /** The applications that run, in the order of their starts. */
  which(): readonly ApplicationInfo[] {
    return this.#controller.which();
  }

  isStarted(app: { readonly name: string }): boolean {
    return this.which().some(({ name }) => name === app.name);
  }

  /**
   * The name of the running application that an actor of this node belongs to:
   * the root of the application is a parent of the actor, or a parent of its
   * parent, and so on. Null if there is none, or if an actor in between has
   * ended.
   */
  applicationOf(self: Pick<Self<never>, "info">, pid: Pid): string | null {
    return this.#controller.applicationOf(self, pid);
  }

  /**
   * A setting: the value of `putEnv`, or else of the configuration, or else of
   * the definition.
   */
  getEnv<E extends Env, K extends keyof E & string>(
    app: Application<E>,
    key: K,
  ): E[K] {
    return this.#controller.settings(app as never)[key] as E[K];
  }

  /** The present values of all settings. */
  getAllEnv<E extends Env>(app: Application<E>): E {
    return this.#controller.settings(app as never) as E;
  }

  /** Sets a value that holds until `deleteEnv`, also across restarts. */
  putEnv<E extends Env, K extends keyof E & string>(
    app: Application<E>,
    key: K,
    value: E[K],
  ): void {
    this.#controller.put(app.name, key, value);
  }

  /** Removes a value of `putEnv`. */
  deleteEnv<E extends Env>(app: Application<E>, key: keyof E & string): void {
    this.#controller.unput(app.name, key);
  }
}

/** Options of `stopOnTermination`. */
export type StopOptions = {
  /** The time limit of the stop of all applications. Default 30,000. */
  readonly timeoutMs?: number;
  /** Signals of the operating system. Default SIGINT and SIGTERM. */
  readonly signals?: readonly TerminationSignal[];
  /** Stops the program when aborted, such as the signal of `hornbeam run`. */
  readonly signal?: AbortSignal;
};

/** How a program was stopped. */
export type Stopped = {
  readonly cause: TerminationSignal | "abort" | "ended";
  /** Whether all applications were stopped in order and in time. */
  readonly inTime: boolean;
};

/**
 * A second signal within this time is a copy of the first: npm passes the
 * signal on that the process has got already.
 */
const ECHO_MS = 500;

/**
 * Waits until the process gets a signal to end, or the controller has ended;
 * then stops all applications in order and the node, and resolves. The process
 * stays alive meanwhile. A second signal, half a second or more after the
 * first, kills the applications that still run. See `runApplications` for an
 * example.
 */
export async function stopOnTermination(
  node: RunningNode,
  apps: Applications,
  options: StopOptions = {},
): Promise<Stopped> {
  stopOptions.check(options);
  const { timeoutMs = 30_000, signals, signal } = options;
  const cause = Promise.withResolvers<Stopped["cause"]>();
  const secondSignal = new AbortController();
  const { now } = systemHost();
  let firstAt = Infinity;
  using _ = onTermination((name) => {
    if (firstAt === Infinity) firstAt = now();
    else if (now() - firstAt >= ECHO_MS) secondSignal.abort();
    cause.resolve(name);
  }, signals);
  const onAbort = () => cause.resolve("abort");
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const controllerEnd = node.run(async (self: Self<unknown>) => {
    const ref = self.monitor(apps.pid);
    await self.receive(ref);
  }).then(() => cause.resolve("ended"), () => cause.resolve("ended"));
  const stopCause = await cause.promise;
  signal?.removeEventListener("abort", onAbort);
  const inTime = stopCause === "ended" || await apps.shutdown(node, {
    timeoutMs,
    signal: secondSignal.signal,
  });
  await controllerEnd;
  await node.stop();
  return { cause: stopCause, inTime };
}

/** Options of `runApplications`. */
export type RunOptions = ApplicationsOptions & StopOptions & {
  /** The type of the given applications. Default `permanent`. */
  readonly type?: ApplicationType;
};

const applicationsRules = {
  name: option.text,
  config: option.either(option.object, option.list),
};

const stopRules = { ...waitRules, signals: option.list };

const applicationsOptions = new OptionTable<ApplicationsOptions>(
  "Applications",
  applicationsRules,
);

const shutdownOptions = new OptionTable<ShutdownOptions>("shutdown", waitRules);

const stopOptions = new OptionTable<StopOptions>(
  "stopOnTermination",
  stopRules,
);

const runOptions = new OptionTable<RunOptions>("runApplications", {
  ...applicationsRules,
  ...stopRules,
  type: option.oneOf("permanent", "transient", "temporary"),
});

/**
 * Runs a whole program: starts applications with all their dependencies, waits
 * as `stopOnTermination` does, also while they start, and resolves when the
 * applications and the node have stopped. If an application does not start,
 * stops those before it and the node, and rejects with an `ApplicationError`.
 *
 * In a program of `hornbeam run`, which handles signals itself, pass `{ signal,
 * signals: [] }` with the `signal` that the program gets; the program then has
 * 3 seconds to end.
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
 *   // Stands for `kill <pid>`.
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
  runOptions.check(options);
  const { type = "permanent", name, config, ...stop } = options;
  let failure: ApplicationError | null = null;
  const started = Promise.withResolvers<{ readonly end: Promise<Stopped> }>();
  node.spawn(async (self: Self<unknown>) => {
    self.trapExits = true;
    try {
      const all = await Applications.startLink(self, {
        ...(name === undefined ? {} : { name }),
        ...(config === undefined ? {} : { config }),
      });
      const { pid } = all;
      started.resolve({ end: stopOnTermination(node, all, stop) });
      await all.ensureAllStarted(self, apps, type).catch((error: unknown) => {
        // With any other error the controller was stopped meanwhile.
        if (!(error instanceof ApplicationError)) throw error;
        failure = error;
        return all.shutdown(self);
      });
      await self.receive((m) => m instanceof Exit && m.from === pid);
    } catch (error) {
      started.reject(error);
    }
  }, { label: "applications of the program" });
  const stopped = await (await started.promise).end;
  if (failure !== null) throw failure as ApplicationError;
  return stopped;
}
