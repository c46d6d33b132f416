/**
 * The controller: the actor that starts and stops applications, and its tables.
 * It carries out one order at a time. An order is a function that stays in this
 * object; only its number is sent to the actor.
 */

import {
  asyncHandler,
  atom,
  Call,
  CallError,
  type CallOptions,
  Exit,
  type Handler,
  type Pid,
  printTerm,
  reasons,
  type Self,
  type Stop,
  stop,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { isOrderly } from "../internal/reasons.ts";
import { StartError, type Starting, startLink } from "../proc_lib/mod.ts";
import { masterBehaviour } from "./master.ts";
import {
  type ApplicationContext,
  type ApplicationDefinition,
  ApplicationError,
  type ApplicationInfo,
  type ApplicationType,
  type Config,
  type Env,
} from "./types.ts";

/** As much of an `Application` as the controller needs. */
type App = {
  readonly name: string;
  readonly definition: ApplicationDefinition;
};

/** The caller: an actor or a running node. */
type Caller = Pick<Self<never>, "call">;

type RunningApplication = {
  readonly app: App;
  readonly type: ApplicationType;
  readonly master: Pid;
  readonly root: Pid;
};

/** What the controller's actor is to do. */
type Order = {
  readonly run: (self: Self<unknown>) => Promise<void>;
  /** Whether the controller ends after this order. */
  readonly isLast: boolean;
};

export class Controller {
  /** The applications that run, by name, in the order of their starts. */
  readonly #running = new Map<string, RunningApplication>();
  readonly #config: readonly Config[];
  /** Settings of `putEnv`, by application. */
  readonly #put = new Map<string, Map<string, unknown>>();
  /** Orders that were sent and have not begun, by number. */
  readonly #orders = new Map<number, Order>();
  #lastOrder = 0;
  /** Null before the start of the controller's actor. */
  #self: Self<unknown> | null = null;
  /** The actor that has started the controller and is linked to it. */
  #parent: Pid<never> | null = null;
  /** The master of the application that was started last. */
  #lastMaster: Self<unknown> | null = null;

  constructor(config: readonly Config[]) {
    this.#config = config;
  }

  get pid(): Pid {
    return this.#liveSelf().pid;
  }

  #liveSelf(): Self<unknown> {
    if (this.#self !== null && this.#self.isAlive) return this.#self;
    throw new UsageError(
      "expected the controller of the applications to run, got one that has ended",
    );
  }

  behaviour(parent: Pid<never>, { initAck }: Starting): Handler<unknown> {
    return asyncHandler<null, unknown>((self) => {
      self.trapExits = true;
      this.#self = self;
      this.#parent = parent;
      initAck();
      return null;
    }, (state, message, self) => {
      if (message instanceof Call) return this.#handleCall(self, message);
      if (!(message instanceof Exit)) return state;
      const { from, reason } = message;
      for (const one of this.#running.values()) {
        if (one.master === from) {
          return this.#applicationEnded(self, one, reason);
        }
      }
      // A normal exit of an actor other than the parent is ignored.
      const mustStop = from === parent || reason !== reasons.normal;
      return mustStop ? this.#stopAll(self).then(() => stop(reason)) : state;
    }, { name: "Applications" });
  }

  async #handleCall(
    self: Self<unknown>,
    { from, request }: Call,
  ): Promise<null | Stop> {
    const order = this.#orders.get(request as number);
    this.#orders.delete(request as number);
    await order?.run(self);
    self.reply(from, null);
    return order?.isLast === true ? stop() : null;
  }

  /** Has the controller's actor carry out an order, after earlier ones. */
  async #runOrder<T>(
    caller: Caller,
    run: (self: Self<unknown>) => Promise<T>,
    options: CallOptions,
    isLast = false,
  ): Promise<T> {
    const { pid } = this.#liveSelf();
    let result: (() => T) | null = null;
    const number = ++this.#lastOrder;
    this.#orders.set(number, {
      isLast,
      run: async (self) => {
        try {
          const value = await run(self);
          result = () => value;
        } catch (error) {
          if (!self.isAlive) throw error;
          result = () => {
            throw error;
          };
        }
      },
    });
    await caller.call(pid, number, { timeoutMs: Infinity, ...options });
    return (result as (() => T) | null)!();
  }

  // -- Starts

  start(
    caller: Caller,
    app: App,
    type: ApplicationType,
    options: CallOptions,
  ): Promise<void> {
    mustBeType(type);
    return this.#runOrder(
      caller,
      (self) => this.#startOne(self, app, type),
      options,
    );
  }

  ensureAll(
    caller: Caller,
    apps: readonly App[],
    type: ApplicationType,
    options: CallOptions,
  ): Promise<readonly string[]> {
    mustBeType(type);
    return this.#runOrder(caller, async (self) => {
      const started: string[] = [];
      try {
        for (const app of byDependency(apps)) {
          if (this.#isRunning(app)) continue;
          await this.#startOne(self, app, type);
          started.push(app.name);
        }
      } catch (error) {
        if (!self.isAlive) throw error;
        for (const name of started.reverse()) await this.#stopOne(self, name);
        throw error;
      }
      return started;
    }, options);
  }

  /** Whether it runs. Throws `UsageError` if another one of its name runs. */
  #isRunning(app: App): boolean {
    const known = this.#running.get(app.name);
    if (known === undefined) return false;
    if (known.app === app) return true;
    throw new UsageError(
      `expected one application of the name ${app.name}, got a second one`,
    );
  }

  async #startOne(
    self: Self<unknown>,
    app: App,
    type: ApplicationType,
  ): Promise<void> {
    const { name, definition } = app;
    if (this.#isRunning(app)) {
      throw new ApplicationError(
        name,
        "alreadyStarted",
        `expected ${name} not to run yet, got an application that runs`,
      );
    }
    for (const dependency of definition.dependencies ?? []) {
      if (this.#isRunning(dependency as App)) continue;
      throw new ApplicationError(
        name,
        "dependencyNotStarted",
        `expected ${dependency.name} to run before ${name}; start it first, or ` +
          "use ensureAllStarted",
        dependency.name,
      );
    }
    const context: ApplicationContext = {
      name,
      type,
      env: (key) => this.settings(app)[key] as never,
    };
    const make = masterBehaviour(definition, context, self.pid);
    try {
      const { pid, value } = await startLink<unknown, Pid>(
        self,
        (starting) => (me) => {
          this.#lastMaster = me;
          return make(starting)(me);
        },
        { label: `application ${name}` },
      );
      this.#running.set(name, { app, type, master: pid as Pid, root: value });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const { reason } = error;
      // If the start of the root has failed, its reason is the one to tell.
      const why = reason instanceof StartError ? reason.reason : reason;
      throw new ApplicationError(
        name,
        "startFailed",
        `expected ${name} to start, got ${printTerm(why)}`,
        why,
      );
    }
    self.log("info", `the application ${name} has started`, {
      report: "progress",
      application: name,
      type,
    });
  }

  // -- Stops

  stop(caller: Caller, name: string, options: CallOptions): Promise<void> {
    return this.#runOrder(caller, async (self) => {
      if (!this.#running.has(name)) {
        throw new ApplicationError(
          name,
          "notStarted",
          `expected ${name} to run, got an application that does not`,
        );
      }
      await this.#stopOne(self, name);
    }, options);
  }

  async #stopOne(self: Self<unknown>, name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    const { master } = running;
    try {
      await self.call(master, null, { timeoutMs: Infinity });
    } catch (error) {
      // The application has ended by itself meanwhile.
      if (!(error instanceof CallError)) throw error;
    }
    const ended = (message: unknown): message is Exit =>
      message instanceof Exit && message.from === master;
    const { reason } = await self.receive(ended);
    this.#running.delete(name);
    this.#report(self, running, reason);
  }

  async #stopAll(self: Self<unknown>): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) {
      await this.#stopOne(self, name);
    }
  }

  /** An application has ended by itself. */
  async #applicationEnded(
    self: Self<unknown>,
    running: RunningApplication,
    reason: unknown,
  ): Promise<null | Stop> {
    const { app: { name }, type } = running;
    this.#running.delete(name);
    this.#report(self, running, reason);
    const isFatal = type === "permanent" ||
      (type === "transient" && reason !== reasons.normal);
    if (!isFatal) return null;
    await this.#stopAll(self);
    const why = tuple(atom("application_terminated"), atom(name));
    return stop(tuple(reasons.shutdown, why));
  }

  #report(
    self: Self<unknown>,
    { app, type }: RunningApplication,
    reason: unknown,
  ): void {
    const { name } = app;
    self.log(
      isOrderly(reason) ? "info" : "error",
      `the application ${name} has ended: ${printTerm(reason)}`,
      {
        report: "application",
        application: name,
        type,
        reason: printTerm(reason),
      },
    );
  }

  /**
   * Stops all applications and the controller. Resolves with false if that took
   * too long, and the rest was killed.
   */
  async shutdown(
    caller: Caller,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    if (this.#self?.isAlive !== true) return true;
    try {
      await this.#runOrder(
        caller,
        (self) => this.#stopAll(self),
        options,
        true,
      );
      return true;
    } catch (error) {
      const self = this.#self;
      const isLate = options.signal?.aborted === true ||
        (error instanceof CallError && error.reason === "timeout");
      if (!isLate) {
        // The controller has ended meanwhile, perhaps by another shutdown.
        if (!(error instanceof CallError) || self.isAlive) throw error;
        return error.reason !== reasons.killed;
      }
      if (self.isAlive) this.#killAll(self);
      return false;
    }
  }

  /**
   * Kills all actors of the controller: roots first, because a root that is not
   * linked to its master yet would live on.
   */
  #killAll(self: Self<unknown>): void {
    for (const { root, master } of [...this.#running.values()].reverse()) {
      self.sendExit(root, reasons.kill);
      self.sendExit(master, reasons.kill);
    }
    const master = this.#lastMaster;
    master?.sendExit(master.pid, reasons.kill);
    // The actor that has started the controller must not end with it.
    if (this.#parent !== null) self.unlink(this.#parent as Pid);
    self.sendExit(self.pid, reasons.kill);
  }

  // -- Look-ups

  which(): readonly ApplicationInfo[] {
    return [...this.#running.values()].map(({ app, type, root }) => {
      const { name, definition } = app;
      const { description = "", version = "" } = definition;
      return { name, description, version, type, root };
    });
  }

  applicationOf(self: Pick<Self<never>, "info">, pid: Pid): string | null {
    let one: Pid | null = pid;
    while (one !== null) {
      for (const { app, root, master } of this.#running.values()) {
        if (one === root || one === master) return app.name;
      }
      one = self.info(one)?.parent ?? null;
    }
    return null;
  }

  // -- Settings

  settings({ name, definition }: App): Env {
    return {
      ...definition.env,
      ...Object.assign({}, ...this.#config.map((config) => config[name])),
      ...Object.fromEntries(this.#put.get(name) ?? []),
    };
  }

  put(name: string, key: string, value: unknown): void {
    let known = this.#put.get(name);
    if (known === undefined) this.#put.set(name, known = new Map());
    known.set(key, value);
  }

  unput(name: string, key: string): void {
    this.#put.get(name)?.delete(key);
  }
}

function mustBeType(type: unknown): void {
  if (type === "permanent" || type === "transient" || type === "temporary") {
    return;
  }
  throw new UsageError(
    "expected the type permanent, transient or temporary, got " +
      printTerm(type),
  );
}

/** Each application once, after all its dependencies. */
function byDependency(apps: readonly App[]): readonly App[] {
  const ordered = new Set<App>();
  const visit = (app: App): void => {
    if (ordered.has(app)) return;
    for (const one of app.definition.dependencies ?? []) visit(one as App);
    ordered.add(app);
  };
  for (const app of apps) visit(app);
  return [...ordered];
}
