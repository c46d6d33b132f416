/**
 * The controller's actor and its tables. It carries out one order at a time;
 * orders are closures of this object, and only their numbers are sent.
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
import { masterOf } from "./master.ts";
import {
  type ApplicationContext,
  type ApplicationDefinition,
  ApplicationError,
  type ApplicationInfo,
  type ApplicationType,
  type Config,
  type Env,
} from "./types.ts";

/** What is asked: an `Application`, of which this is all that matters. */
type App = {
  readonly name: string;
  readonly definition: ApplicationDefinition;
};

type Asker = Pick<Self<never>, "call">;

type Running = {
  readonly app: App;
  readonly type: ApplicationType;
  readonly master: Pid;
  readonly root: Pid;
};

/** Carried out in the controller's turn. */
type Order = {
  readonly act: (self: Self<unknown>) => Promise<void>;
  /** Whether the controller ends with it. */
  readonly isLast: boolean;
};

export class Controller {
  /** In the order of the starts. */
  readonly #running = new Map<string, Running>();
  readonly #config: readonly Config[];
  readonly #put = new Map<string, Map<string, unknown>>();
  readonly #orders = new Map<number, Order>();
  #lastOrder = 0;
  #self: Self<unknown> | null = null;
  /** Who has started it, and is linked to it. */
  #parent: Pid<never> | null = null;
  /** Runs the start function of an application. */
  #starting: Self<unknown> | null = null;

  constructor(config: readonly Config[]) {
    this.#config = config;
  }

  get pid(): Pid {
    return this.#living().pid;
  }

  #living(): Self<unknown> {
    if (this.#self !== null && this.#self.isAlive) return this.#self;
    throw new UsageError(
      "expected the controller of the applications to run, but it has ended",
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
      if (message instanceof Call) return this.#obey(self, message);
      if (!(message instanceof Exit)) return state;
      const { from, reason } = message;
      for (const one of this.#running.values()) {
        if (one.master === from) return this.#ended(self, one, reason);
      }
      // Masters that were stopped end in good order; anybody else gives orders.
      const isOrder = from === parent || reason !== reasons.normal;
      return isOrder ? this.#stopAll(self).then(() => stop(reason)) : state;
    }, { name: "Applications" });
  }

  async #obey(
    self: Self<unknown>,
    { from, request }: Call,
  ): Promise<null | Stop> {
    const order = this.#orders.get(request as number);
    this.#orders.delete(request as number);
    await order?.act(self);
    self.reply(from, null);
    return order?.isLast === true ? stop() : null;
  }

  /** Has something done by the controller, after what was asked before. */
  async #ask<T>(
    asker: Asker,
    act: (self: Self<unknown>) => Promise<T>,
    options: CallOptions,
    isLast = false,
  ): Promise<T> {
    const { pid } = this.#living();
    let outcome: (() => T) | null = null;
    const number = ++this.#lastOrder;
    this.#orders.set(number, {
      isLast,
      act: async (self) => {
        try {
          const value = await act(self);
          outcome = () => value;
        } catch (error) {
          if (!self.isAlive) throw error;
          outcome = () => {
            throw error;
          };
        }
      },
    });
    await asker.call(pid, number, { timeoutMs: Infinity, ...options });
    return (outcome as (() => T) | null)!();
  }

  // -- Starting

  start(
    asker: Asker,
    app: App,
    type: ApplicationType,
    options: CallOptions,
  ): Promise<void> {
    mustBeType(type);
    return this.#ask(asker, (self) => this.#startOne(self, app, type), options);
  }

  ensureAll(
    asker: Asker,
    apps: readonly App[],
    type: ApplicationType,
    options: CallOptions,
  ): Promise<readonly string[]> {
    mustBeType(type);
    return this.#ask(asker, async (self) => {
      const started: string[] = [];
      try {
        for (const app of inOrder(apps)) {
          if (this.#isSame(app)) continue;
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

  /** Whether it runs. Throws `UsageError` when another of its name does. */
  #isSame(app: App): boolean {
    const known = this.#running.get(app.name);
    if (known === undefined) return false;
    if (known.app === app) return true;
    throw new UsageError(
      `expected one application of the name ${app.name}, but another runs`,
    );
  }

  async #startOne(
    self: Self<unknown>,
    app: App,
    type: ApplicationType,
  ): Promise<void> {
    const { name, definition } = app;
    if (this.#isSame(app)) {
      throw new ApplicationError(
        name,
        "alreadyStarted",
        `expected ${name} not to run yet, but it does`,
      );
    }
    for (const dependency of definition.dependencies ?? []) {
      if (this.#isSame(dependency as App)) continue;
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
    const make = masterOf(definition, context, self.pid);
    try {
      const { pid, value } = await startLink<unknown, Pid>(
        self,
        (starting) => (me) => {
          this.#starting = me;
          return make(starting)(me);
        },
        { label: `application ${name}` },
      );
      this.#running.set(name, { app, type, master: pid as Pid, root: value });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const { reason } = error;
      // Its root's own start may have failed, which is what there is to know.
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

  // -- Ending

  stop(asker: Asker, name: string, options: CallOptions): Promise<void> {
    return this.#ask(asker, async (self) => {
      if (!this.#running.has(name)) {
        throw new ApplicationError(
          name,
          "notStarted",
          `expected ${name} to run, but it does not`,
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
      // It ended by itself meanwhile, which is as good.
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
  async #ended(
    self: Self<unknown>,
    running: Running,
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

  #report(self: Self<unknown>, { app, type }: Running, reason: unknown): void {
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

  /** Whether it was done in time; else all of it is killed. */
  async shutdown(
    asker: Asker,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    if (this.#self?.isAlive !== true) return true;
    try {
      await this.#ask(asker, (self) => this.#stopAll(self), options, true);
      return true;
    } catch (error) {
      const self = this.#self;
      const isLate = options.signal?.aborted === true ||
        (error instanceof CallError && error.reason === "timeout");
      if (!isLate) {
        // It has ended while it was asked, for another shutdown maybe.
        if (!(error instanceof CallError) || self.isAlive) throw error;
        return error.reason !== reasons.killed;
      }
      if (self.isAlive) this.#kill(self);
      return false;
    }
  }

  /** Roots first: they would outlive a master that is not linked yet. */
  #kill(self: Self<unknown>): void {
    for (const { root, master } of [...this.#running.values()].reverse()) {
      self.sendExit(root, reasons.kill);
      self.sendExit(master, reasons.kill);
    }
    const starting = this.#starting;
    starting?.sendExit(starting.pid, reasons.kill);
    // Whoever has asked for this is not to go with it.
    if (this.#parent !== null) self.unlink(this.#parent as Pid);
    self.sendExit(self.pid, reasons.kill);
  }

  // -- Asking

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

/** Each once, after all that it depends on. */
function inOrder(apps: readonly App[]): readonly App[] {
  const ordered = new Set<App>();
  const visit = (app: App): void => {
    if (ordered.has(app)) return;
    for (const one of app.definition.dependencies ?? []) visit(one as App);
    ordered.add(app);
  };
  for (const app of apps) visit(app);
  return [...ordered];
}
