/**
 * What a definition becomes: a kind of server that is started any number of
 * times. The common base of `GenServer` and `GenStatem`.
 */

import {
  atom,
  type CallOptions,
  type CallTarget,
  type Handler,
  type Pid,
} from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";
import { type StartContext, startNamed } from "../proc_lib/naming.ts";
import {
  type BoundClient,
  clientClass,
  type ClientSelf,
  requestOf,
} from "./client.ts";
import {
  type Lifecycle,
  nullIfIgnored,
  type Startable,
  startingHandler,
} from "./starting.ts";
import type { Client, ServerOptions, Started } from "./types.ts";

/** The arguments of a start: the one of `init`, and options. */
export type AnyArguments = readonly [arg?: unknown, options?: ServerOptions];

/** The base of `GenServer` and `GenStatem`. */
export class ServerKind<Arguments extends AnyArguments, R, C, K> {
  /** The definition's name. */
  readonly name: string;
  readonly #handlerFor: (
    arg: unknown,
    context: StartContext,
  ) => Handler<unknown>;
  readonly #Client: typeof BoundClient;

  /** @internal Made by `genServer` and `genStatem`. */
  constructor(
    plan: Startable<never>,
    lifecycle: Lifecycle<never, never>,
    calls: readonly string[],
    casts: readonly string[],
  ) {
    this.name = plan.name;
    this.#handlerFor = (arg, context) =>
      startingHandler(plan as never, lifecycle, arg, context);
    this.#Client = clientClass(calls, casts);
  }

  /**
   * Starts an actor that is linked to the caller, and resolves with a client of
   * it once `init` is done; with null when `init` returned `ignore`.
   *
   * Rejects with a `StartError`. Its `reason` is what `init` gave to `stop` or
   * `refuse` or has thrown, `{already_started, Pid}` when another actor has the
   * name, or `"timeout"`. As in OTP, a caller that does not trap exits ends
   * with an actor whose `init` throws or stops abnormally.
   */
  startLink(
    self: AnySelf,
    ...[arg, options]: Arguments
  ): Promise<Started<R, C, K>> {
    return this.#start(self, "linked", arg, options);
  }

  /** As `startLink`, without a link. */
  start(
    self: AnySelf,
    ...[arg, options]: Arguments
  ): Promise<Started<R, C, K>> {
    return this.#start(self, "alone", arg, options);
  }

  async #start(
    self: AnySelf,
    mode: "linked" | "alone",
    arg: unknown,
    options: ServerOptions = {},
  ): Promise<Started<R, C, K>> {
    try {
      const makeHandler = (context: StartContext) =>
        this.#handlerFor(arg, context);
      const pid = await startNamed(self, mode, makeHandler, options);
      return this.at(self, pid) as Started<R, C, K>;
    } catch (error) {
      return nullIfIgnored(error) as Started<R, C, K>;
    }
  }

  /**
   * As `startLink`, without a client, and without a promise if none is needed.
   *
   * @internal For supervisors.
   */
  protected startChild(
    self: AnySelf,
    arg: unknown,
    options: ServerOptions,
  ): Pid<never> | null | Promise<Pid<never> | null> {
    const makeHandler = (context: StartContext) =>
      this.#handlerFor(arg, context);
    const started = startNamed(self, "linked", makeHandler, options);
    return started instanceof Promise ? started.catch(nullIfIgnored) : started;
  }

  /**
   * A client of an actor that runs already, here or on another node: of a pid,
   * a local name, `{ name, node }`, or `{ via: global, name }`. It is not
   * checked whether the actor is of this kind.
   */
  at(
    self: ClientSelf,
    target: CallTarget,
    options: CallOptions = {},
  ): Client<C, K> {
    return new this.#Client(self, target, options) as unknown as Client<C, K>;
  }

  /**
   * The request of a call or cast as it is sent: for `multiCall`, `abcast`, and
   * for callers on a BEAM node.
   */
  request<N extends keyof (C & K) & string>(
    name: N,
    ...args: (C & K)[N] extends (first: never, ...args: infer P) => unknown ? P
      : never
  ): unknown {
    return requestOf(atom(name), args);
  }
}
