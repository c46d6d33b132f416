/**
 * Clients: an actor that calls, bound to the target that it calls. A definition
 * has a class of clients with a method for each call and cast, which sends the
 * request in OTP's form.
 */

import { callOptions } from "../internal/options.ts";
import {
  atom,
  type CallOptions,
  type CallTarget,
  Pid,
  type Self,
  Tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { MAX_ARGUMENTS, tooManyArguments } from "../internal/arity.ts";
import { pidOfTarget, resolveTarget } from "../internal/targets.ts";

/** As much of an actor as a client needs. */
export type ClientSelf = Pick<Self<never>, "call" | "cast" | "whereis">;

/** Names that calls and casts must not have. */
const reservedNames = new Set(["pid", "target", "with", "then", "constructor"]);

/**
 * The request of the call `name` with arguments, as it is sent. Throws
 * `UsageError` for more than 255 of them.
 */
export function requestOf(name: symbol, args: readonly unknown[]): unknown {
  if (args.length > MAX_ARGUMENTS) {
    throw tooManyArguments(String(name.description), args.length);
  }
  return args.length === 0 ? name : new Tuple([name, ...args]);
}

/**
 * What all clients share: a caller, a target, and the limits of calls. The base
 * of `Agent` and `GenEvent`, too. Fields are private where a call or a cast may
 * have their name, which is any that is not reserved.
 */
export class BoundClient<S extends ClientSelf = ClientSelf> {
  readonly #self: S;
  readonly target: CallTarget;
  readonly #options: CallOptions;

  /** @internal */
  constructor(self: S, target: CallTarget, options: CallOptions) {
    callOptions.check(options, "a client");
    this.#self = self;
    this.target = target;
    this.#options = options;
  }

  /**
   * The pid of the target now; null when no actor has the name, or on another
   * node.
   */
  get pid(): Pid<never> | null {
    return pidOfTarget(this.#self, this.target);
  }

  /** The same client, with other limits of its calls. */
  with(options: CallOptions): this {
    const Class = this.constructor as new (
      self: S,
      target: CallTarget,
      options: CallOptions,
    ) => this;
    return new Class(this.#self, this.target, { ...this.#options, ...options });
  }

  /** @internal The caller. */
  static selfOf<S extends ClientSelf>(client: BoundClient<S>): S {
    return client.#self;
  }

  /** @internal */
  static call(client: BoundClient, request: unknown): Promise<unknown> {
    return client.#self.call(client.target, request, client.#options);
  }

  /** @internal */
  static cast(client: BoundClient, request: unknown): void {
    const { target } = client;
    // Most targets are pids, which need no look-up.
    if (target instanceof Pid) client.#self.cast(target, request);
    else cast(client.#self, target, request);
  }
}

/**
 * A class of clients with a method for each name. Throws `UsageError` for names
 * that cannot be methods of a client.
 */
export function clientClass(
  calls: readonly string[],
  casts: readonly string[],
): typeof BoundClient {
  class NamedClient<S extends ClientSelf> extends BoundClient<S> {}
  const methods = NamedClient.prototype as unknown as Record<string, unknown>;
  for (const name of [...calls, ...casts]) {
    if (reservedNames.has(name) || name in methods) {
      throw new UsageError(
        `expected each name of calls and casts once, and none of ${
          [...reservedNames].join(", ")
        } or of the methods of all objects, got ${name}`,
      );
    }
    const head = atom(name);
    methods[name] = calls.includes(name)
      ? function (this: BoundClient, ...args: unknown[]): unknown {
        if (args.length > MAX_ARGUMENTS) {
          return Promise.reject(tooManyArguments(name, args.length));
        }
        return BoundClient.call(this, requestOf(head, args));
      }
      : function (this: BoundClient, ...args: unknown[]): void {
        BoundClient.cast(
          this,
          args.length === 0 ? head : requestOf(head, args),
        );
      };
  }
  return NamedClient;
}

/** Casts a request. Never fails, also when there is no such actor. */
export function cast(
  self: ClientSelf,
  to: CallTarget,
  request: unknown,
): void {
  const target = resolveTarget(self, to);
  if (target !== null) self.cast(target, request);
}
