/**
 * Calls of erpc that are sent first and whose results are collected later, one
 * by one or in the order in which they arrive.
 *
 * Each request has an actor that waits for its result. So no message of a
 * request is ever in its owner's mailbox, and a request ends with its owner.
 */

import { callOptions } from "../../core/contract/option_tables.ts";
import { Call } from "../../core/messages/requests.ts";
import type { CallOptions, Self } from "../../core/contract/self.ts";
import { CallError } from "../../core/messages/errors.ts";
import type { Down } from "../../core/messages/runtime_messages.ts";
import { reasons } from "../../core/messages/reasons.ts";
import { atom, type Pid } from "../../core/terms/terms.ts";
import {
  type AnySelf,
  checked,
  erpcFailure,
  perform,
  type Result,
  titleOf,
} from "./call.ts";
import { ErpcError } from "./error.ts";

/**
 * How a call has ended: with a value, or with an `ErpcError`, whose fields are
 * repeated here. `error` is that error.
 */
export type ErpcResult<R = unknown> =
  | { readonly type: "ok"; readonly value: R }
  | {
    readonly type: "throw";
    readonly value: unknown;
    readonly error: ErpcError;
  }
  | {
    readonly type: "exit";
    readonly reason: unknown;
    readonly isSignal: boolean;
    readonly error: ErpcError;
  }
  | {
    readonly type: "error";
    readonly reason: unknown;
    readonly remoteStack: readonly unknown[];
    readonly error: ErpcError;
  }
  /** The call itself failed: `timeout`, `noconnection`, `notsup`, … */
  | {
    readonly type: "erpc";
    readonly reason: unknown;
    readonly error: ErpcError;
  };

/** The result for an `ErpcError`; any other error is thrown. */
export function failureOf(error: unknown): ErpcResult<never> {
  if (!(error instanceof ErpcError)) throw error;
  const { reason } = error;
  switch (error.class) {
    case "throw":
      return { type: "throw", value: reason, error };
    case "exit":
      return { type: "exit", reason, isSignal: error.isSignal, error };
    case "error": {
      const { remoteStack } = error;
      return { type: "error", reason, remoteStack, error };
    }
    case "erpc":
      return { type: "erpc", reason, error };
    default:
      return error.class satisfies never;
  }
}

/** A call that was sent; made by `erpc.sendRequest`. */
export class ErpcRequest<out R = unknown> {
  /** Never set: it gives the type its variance. */
  declare readonly gives?: () => R;
  /** How error messages name it: `module:function/2 on node`. */
  readonly title: string;
  /** @internal The actor that waits for the result. */
  readonly waiter: Pid<never>;
  /** @internal Null until the call has ended; set once. */
  result: Result | null = null;
  /** @internal Called once when the result is set; empty from then on. */
  readonly sleepers: Set<() => void> = new Set();

  /** @internal */
  constructor(title: string, spawn: (request: ErpcRequest) => Pid<never>) {
    this.title = title;
    this.waiter = spawn(this as ErpcRequest);
  }

  /** @internal */
  setResult(result: Result): void {
    if (this.result !== null) return;
    this.result = result;
    for (const wake of this.sleepers) wake();
    this.sleepers.clear();
  }
}

/**
 * Sends a call without waiting; see `receiveResponse`, `waitResponse` and
 * `checkResponse` for its result. The request is abandoned when the caller
 * ends. Throws `UsageError` for arguments that are no call.
 */
export function sendRequest<R = unknown>(
  self: AnySelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
): ErpcRequest<R> {
  const parts = checked(called, args);
  const title = titleOf(node, called, args);
  const caller = self.pid;
  return new ErpcRequest<R>(
    title,
    (request) =>
      self.spawn(async (me: Self<Call | Down>) => {
        const result = await perform(me, caller, { node, parts, title });
        if (result !== null && me.isAlive) request.setResult(result);
      }, { label: "erpc" }) as Pid<never>,
  );
}

/**
 * Waits for the result of a request and resolves with the value. Rejects as
 * `erpc.call` does. After `timeoutMs` (default Infinity), and when the wait is
 * aborted, the request is abandoned.
 */
export async function receiveResponse<R>(
  self: AnySelf,
  request: ErpcRequest<R>,
  options: CallOptions = {},
): Promise<R> {
  callOptions.check(options, "erpc.receiveResponse");
  const { timeoutMs = Infinity } = options;
  try {
    await firstOf(self, [request], { ...options, timeoutMs });
  } catch (error) {
    abandon(self, request);
    throw error;
  }
  if (request.result === null) abandon(self, request);
  const { result } = request as ErpcRequest;
  if (result?.type === "value") return result.value as R;
  throw result?.error;
}

/**
 * Waits for the result of a request for `timeoutMs` (default 0). Resolves with
 * the result, or with null when it has not arrived; then the request can be
 * waited for again. Rejects only with the signal's reason, and with an
 * `EncodeError` when the arguments could not leave the node.
 */
export async function waitResponse<R>(
  self: AnySelf,
  request: ErpcRequest<R>,
  options: CallOptions = {},
): Promise<ErpcResult<R> | null> {
  callOptions.check(options, "erpc.waitResponse");
  const { timeoutMs = 0 } = options;
  await firstOf(self, [request], { ...options, timeoutMs });
  return checkResponse(request);
}

/** The result of a request, or null if it has not arrived. Does not wait. */
export function checkResponse<R>(
  request: ErpcRequest<R>,
): ErpcResult<R> | null {
  const { result } = request;
  if (result === null) return null;
  return result.type === "value"
    ? { type: "ok", value: result.value as R }
    : failureOf(result.error);
}

/** Ends a request; its result is that of a time-out. */
function abandon(self: AnySelf, request: ErpcRequest): void {
  if (!self.isAlive) return;
  self.sendExit(request.waiter as Pid, reasons.kill);
  const error = erpcFailure(request.title, atom("timeout"));
  request.setResult({ type: "error", error });
}

/** What `ErpcRequests.wait` resolves with. */
export type LabelledResponse<L, R> =
  | {
    readonly type: "response";
    readonly label: L;
    readonly result: ErpcResult<R>;
  }
  /** No result arrived in time. */
  | { readonly type: "noResponse" }
  /** No request is left. */
  | { readonly type: "noRequest" };

/**
 * Requests with labels, whose results are taken in the order of their arrival.
 *
 * @example
 * ```ts
 * import { erpc, ErpcRequests, start } from "hornbeam";
 *
 * await using node = await start({
 *   functions: { "math:double/1": (n: number) => 2 * n },
 * });
 * await node.run(async (self) => {
 *   const requests = new ErpcRequests<string, number>();
 *   const ask = (n: number) =>
 *     erpc.sendRequest<number>(self, self.node, "math:double", [n]);
 *   requests.add(ask(1), "one").add(ask(2), "two");
 *   let sum = 0;
 *   for (;;) {
 *     const next = await requests.wait(self, { timeoutMs: 5_000 });
 *     if (next.type !== "response") break;
 *     if (next.result.type === "ok") sum += next.result.value;
 *   }
 *   console.log(sum); // prints: 6
 * });
 * ```
 */
export class ErpcRequests<L, R = unknown> {
  readonly #labels = new Map<ErpcRequest<R>, L>();

  /** How many results are still to be taken. */
  get size(): number {
    return this.#labels.size;
  }

  add(request: ErpcRequest<R>, label: L): this {
    this.#labels.set(request, label);
    return this;
  }

  /** Each request with its label, in the order in which they were added. */
  [Symbol.iterator](): IterableIterator<[ErpcRequest<R>, L]> {
    return this.#labels.entries();
  }

  /**
   * Waits until one of the requests has its result, removes that request and
   * resolves with its result. If several have one, the request that was added
   * first is taken. After `timeoutMs` (default Infinity) it resolves with
   * `noResponse` and the requests stay. Rejects with the signal's reason.
   */
  async wait(
    self: AnySelf,
    options: CallOptions = {},
  ): Promise<LabelledResponse<L, R>> {
    callOptions.check(options, "wait");
    const { timeoutMs = Infinity } = options;
    if (this.size === 0) return { type: "noRequest" };
    const requests = [...this.#labels.keys()];
    await firstOf(self, requests, { ...options, timeoutMs });
    for (const [request, label] of this.#labels) {
      if (request.result === null) continue;
      this.#labels.delete(request);
      const result = checkResponse(request) as ErpcResult<R>;
      return { type: "response", label, result };
    }
    return { type: "noResponse" };
  }

  /** Abandons all requests that are left; their functions may still run. */
  abandon(self: AnySelf): void {
    for (const request of this.#labels.keys()) {
      if (request.result === null) {
        abandon(self, request as ErpcRequest);
      }
    }
    this.#labels.clear();
  }
}

/** Resolves when one of the requests has its result, or at the time limit. */
async function firstOf(
  self: AnySelf,
  requests: readonly ErpcRequest[],
  options: CallOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const hasResult = () => requests.some(({ result }) => result !== null);
  if (hasResult() || options.timeoutMs === 0) return;
  let wake = () => {};
  const watcher = self.spawn(async (me: Self<Call | Down | null>) => {
    const { from } = await me.receive((m): m is Call => m instanceof Call);
    me.monitor(from.pid);
    wake = () => void me.send(me.pid, null);
    if (!hasResult()) {
      for (const { sleepers } of requests) sleepers.add(wake);
      await me.receive();
    }
    me.reply(from, null);
  }, { label: "erpc requests" });
  try {
    await self.call(watcher, null, options);
  } catch (error) {
    self.sendExit(watcher as Pid, reasons.kill);
    const isLate = error instanceof CallError && error.reason === "timeout";
    if (!isLate) throw error;
  } finally {
    for (const { sleepers } of requests) sleepers.delete(wake);
  }
}
