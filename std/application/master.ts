/**
 * The actor of one running application: it starts the root, is linked to it,
 * and ends it when it is told to.
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

/** Its behaviour. The start resolves with the root. */
export function masterOf(
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
      // What it holds goes with it; a signal that ended it is no failure.
      if (!self.isAlive) throw error;
      await master.endRoot();
      // What was started beside a root goes over its link.
      initFail(error, reasons.shutdown);
    }
    initAck(master.root as Pid);
    self.exit(await master.serve());
  };
}

class Master {
  readonly #self: Self<unknown>;
  readonly #definition: ApplicationDefinition;
  readonly #context: ApplicationContext;
  readonly #controller: Pid<never>;
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
          `what has its pid, got ${printTerm(root)}`,
      );
    }
    this.root = pid;
    this.#self.link(this.root);
    for (const phase of Object.values(startPhases)) await phase(this.#context);
  }

  /** Resolves with the reason to end with. */
  async serve(): Promise<ExitReason> {
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
        await this.#hook("stop");
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
    await this.#hook("prepStop");
    await this.endRoot();
    await this.#hook("stop");
  }

  /** Ends the root in good order, or kills it when its time is over. */
  async endRoot(): Promise<void> {
    const { root } = this;
    if (root === null) return;
    this.root = null;
    const { shutdownMs = Infinity } = this.#definition;
    const hasEnded = (message: unknown): message is Exit =>
      message instanceof Exit && message.from === root;
    // Whoever had this stopped may be gone meanwhile, and then there is no
    // time.
    const isOver = (message: unknown): message is Exit =>
      hasEnded(message) ||
      (message instanceof Exit && message.from === this.#controller);
    this.#self.sendExit(root, reasons.shutdown);
    const end = await this.#self.receive(isOver, { timeoutMs: shutdownMs });
    if (end !== undefined && hasEnded(end)) return;
    this.#self.sendExit(root, reasons.kill);
    await this.#self.receive(hasEnded);
  }

  /** What a hook throws is reported, and the stop goes on. */
  async #hook(name: "prepStop" | "stop"): Promise<void> {
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
