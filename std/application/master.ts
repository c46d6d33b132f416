/**
 * The master of an application: the actor that starts its root, is linked to
 * it, and ends it when the controller asks for it.
 */

import {
  Call,
  Exit,
  type ExitReason,
  Pid,
  printTerm,
  reasons,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";
import type { Starting } from "../proc_lib/mod.ts";
import type { ApplicationContext, ApplicationDefinition } from "./types.ts";

/** The behaviour of a master. Its start is acknowledged with the root's pid. */
export function masterBehaviour(
  definition: ApplicationDefinition,
  context: ApplicationContext,
  controller: Pid<never>,
): (starting: Starting<Pid>) => (self: Self<unknown>) => Promise<void> {
  return ({ initAck, initFail }) => async (self) => {
    self.trapExits = true;
    const master = new Master(self, definition, context, controller);
    try {
      await master.start();
    } catch (error) {
      // The master was ended from outside, which is no failure of the start.
      if (!self.isAlive) throw error;
      await master.endRoot();
      // Actors that were started beside the root end with it, by their links.
      initFail(error, reasons.shutdown);
    }
    initAck(master.root as Pid);
    self.exit(await master.untilEnd());
  };
}

class Master {
  readonly #self: Self<unknown>;
  readonly #definition: ApplicationDefinition;
  readonly #context: ApplicationContext;
  readonly #controller: Pid<never>;
  /** Null before its start, and once `endRoot` has begun to end it. */
  root: Pid | null = null;

  constructor(
    self: Self<unknown>,
    definition: ApplicationDefinition,
    context: ApplicationContext,
    controller: Pid<never>,
  ) {
    this.#self = self;
    this.#definition = definition;
    this.#context = context;
    this.#controller = controller;
  }

  async start(): Promise<void> {
    const { start, startPhases = {} } = this.#definition;
    const root = await start(this.#self as never, this.#context);
    const pid: unknown = root instanceof Pid ? root : root?.pid;
    if (!(pid instanceof Pid)) {
      throw new UsageError(
        `expected the start of ${this.#definition.name} to return its root, or ` +
          `an object with its pid, got ${printTerm(root)}`,
      );
    }
    this.root = pid;
    this.#self.link(this.root);
    for (const phase of Object.values(startPhases)) await phase(this.#context);
  }

  /** Handles messages; resolves with the exit reason of the master. */
  async untilEnd(): Promise<ExitReason> {
    for (;;) {
      const message = await this.#self.receive();
      if (message instanceof Call) {
        await this.#stop();
        this.#self.reply(message.from, null);
        return reasons.shutdown;
      }
      if (!(message instanceof Exit)) continue;
      const { from, reason } = message;
      if (from === this.root) {
        await this.#runHook("stop");
        return reason;
      }
      if (from === this.#controller) {
        await this.#stop();
        return reason;
      }
      if (reason !== reasons.normal) {
        this.#self.log(
          "warning",
          `an actor beside the root of ${this.#definition.name} has ended`,
          { actor: String(from), reason: printTerm(reason) },
        );
      }
    }
  }

  async #stop(): Promise<void> {
    await this.#runHook("prepStop");
    await this.endRoot();
    await this.#runHook("stop");
  }

  /** Shuts the root down, and kills it after `shutdownMs`. */
  async endRoot(): Promise<void> {
    const { root } = this;
    if (root === null) return;
    this.root = null;
    const { shutdownMs = Infinity } = this.#definition;
    const hasEnded = (message: unknown): message is Exit =>
      message instanceof Exit && message.from === root;
    // Without a controller there is no time left for a shutdown.
    const endsWait = (message: unknown): message is Exit =>
      hasEnded(message) ||
      (message instanceof Exit && message.from === this.#controller);
    this.#self.sendExit(root, reasons.shutdown);
    const end = await this.#self.receive(endsWait, { timeoutMs: shutdownMs });
    if (end !== undefined && hasEnded(end)) return;
    this.#self.sendExit(root, reasons.kill);
    await this.#self.receive(hasEnded);
  }

  /** Runs a hook. If it throws, that is reported and the stop goes on. */
  async #runHook(name: "prepStop" | "stop"): Promise<void> {
    try {
      await this.#definition[name]?.(this.#context);
    } catch (error) {
      if (!this.#self.isAlive) throw error;
      this.#self.log(
        "error",
        `${name} of the application ${this.#definition.name} has thrown`,
        { error },
      );
    }
  }
}
