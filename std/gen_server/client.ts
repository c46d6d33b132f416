/**
 * Typed clients: for each call and cast of a definition a method that sends the
 * request in OTP's form.
 */

import {
  atom,
  type CallOptions,
  type CallTarget,
  Pid,
  type Self,
  Tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { pidOf, resolved } from "../internal/targets.ts";

/** As much of an actor as a client needs. */
export type ClientSelf = Pick<Self<never>, "call" | "cast" | "whereis">;

/** What a name of a call or a cast must not be. */
const RESERVED = new Set(["pid", "target", "with", "then", "constructor"]);

/** The request that calls `name` with arguments, as it goes over the wire. */
export function requestOf(name: symbol, args: readonly unknown[]): unknown {
  return args.length === 0 ? name : new Tuple([name, ...args]);
}

/**
 * The methods that all clients share. What else they hold is private, for calls
 * and casts may have any name that is not `RESERVED`.
 */
export class BoundClient {
  readonly #self: ClientSelf;
  readonly target: CallTarget;
  readonly #options: CallOptions;

  constructor(self: ClientSelf, target: CallTarget, options: CallOptions) {
    this.#self = self;
    this.target = target;
    this.#options = options;
  }

  get pid(): Pid<never> | null {
    return pidOf(this.#self, this.target);
  }

  with(options: CallOptions): BoundClient {
    const Class = this.constructor as typeof BoundClient;
    return new Class(this.#self, this.target, { ...this.#options, ...options });
  }

  static call(client: BoundClient, request: unknown): unknown {
    return client.#self.call(client.target, request, client.#options);
  }

  static cast(client: BoundClient, request: unknown): void {
    const { target } = client;
    // Most targets are pids, and need no look-up.
    if (target instanceof Pid) client.#self.cast(target, request);
    else cast(client.#self, target, request);
  }
}

/** A class of clients with a method for each name. */
export function clientClass(
  calls: readonly string[],
  casts: readonly string[],
): typeof BoundClient {
  class NamedClient extends BoundClient {}
  const methods = NamedClient.prototype as unknown as Record<string, unknown>;
  for (const name of [...calls, ...casts]) {
    if (RESERVED.has(name) || name in methods) {
      throw new UsageError(
        `expected each name of calls and casts once, and none of ${
          [...RESERVED].join(", ")
        } or of the methods of all objects, got ${name}`,
      );
    }
    const head = atom(name);
    methods[name] = calls.includes(name)
      ? function (this: BoundClient, ...args: unknown[]): unknown {
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

/** Never fails, whoever is there or is not. */
export function cast(
  self: ClientSelf,
  to: CallTarget,
  request: unknown,
): void {
  const target = resolved(self, to);
  if (target !== null) self.cast(target, request);
}
