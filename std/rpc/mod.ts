/**
 * Remote calls in the manner of Erlang's older module `rpc`: a failure is a
 * return value, a `BadRpc`.
 *
 * The calls are made by `erpc`, as in OTP 23 and later. A Hornbeam node can be
 * asked for the functions that it offers by name, a BEAM node for any function.
 *
 * When not to use it: in new programs. `erpc` distinguishes a failure from a
 * value, and the kinds of failures; here a function that throws a term looks
 * like a function that returns it. The module is for programs that were written
 * for `rpc`, and for the few functions that `erpc` does not have.
 *
 * Guarantees, weak ones included: as with `erpc`, a call that ends with
 * `timeout` or `nodedown` may or may not have run, and a later reply is
 * dropped. `sbcast` reports which nodes had an actor of the name when the
 * request came, and no more.
 */

import {
  atom,
  CallError,
  type CallOptions,
  erpc,
  ErpcError,
  type ErpcRequest,
  type ErpcResult,
  type Pid,
  printTerm,
  reasons,
  type Self,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { type BroadcastResult, broadcastTo } from "./sbcast.ts";

export type { BroadcastResult };

/** The part of `self` that remote calls need. */
export type RpcSelf =
  & Pick<
    Self<never>,
    "call" | "groupLeader" | "isAlive" | "node" | "nodes" | "send" | "sendExit"
  >
  & Pick<Self, "spawn">
  & { readonly pid: Pid<never> };

/**
 * A call that gave no value. `reason` is that of Erlang's `{badrpc, Reason}`:
 * the atom `nodedown` or `timeout`, or, for a function that has failed, a tuple
 * `{'EXIT', Why}`. `Why` is the exit reason of a function that exited, else
 * `{Error, Stack}`.
 */
export class BadRpc {
  readonly type = "badrpc";
  readonly reason: unknown;
  constructor(reason: unknown) {
    this.reason = reason;
  }
  toString(): string {
    return `badrpc: ${printTerm(this.reason)}`;
  }
}

const NODEDOWN = atom("nodedown");
const TIMEOUT = atom("timeout");
const EXIT = atom("EXIT");

/**
 * Calls a function on a node. Resolves with the value that it returns or
 * throws, or with a `BadRpc`. `called` is `module:function`. Rejects for
 * arguments that cannot be encoded (`EncodeError`), for a malformed `called`
 * (`UsageError`) and when the call is aborted. Without `timeoutMs` there is no
 * time limit, as in Erlang.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { BadRpc, call } from "hornbeam/std/rpc";
 *
 * await using node = await start({
 *   functions: { "math:add/2": (a: number, b: number) => a + b },
 * });
 * await node.run(async (self) => {
 *   console.log(await call(self, self.node, "math:add", [1, 2])); // prints: 3
 *   const sum = await call(self, "b@x", "math:add", [1, 2]);
 *   console.log(sum instanceof BadRpc && String(sum.reason));
 *   // prints: Symbol(nodedown)
 * });
 * ```
 */
export async function call<R = unknown>(
  self: RpcSelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<R | BadRpc> {
  const { timeoutMs = Infinity } = options;
  try {
    return await erpc.call<R>(self, node, called, args, {
      ...options,
      timeoutMs,
    });
  } catch (error) {
    if (!(error instanceof ErpcError)) throw error;
    return failed<R>(error);
  }
}

/** Turns a failure into the value that `rpc` returns for it. */
function failed<R>(error: ErpcError): R | BadRpc {
  const { reason } = error;
  switch (error.class) {
    case "throw":
      return isExit(reason) ? new BadRpc(reason) : reason as R;
    case "exit":
      return new BadRpc(tuple(EXIT, reason));
    case "error":
      return new BadRpc(tuple(EXIT, tuple(reason, error.remoteStack)));
    case "erpc":
      return new BadRpc(reason === reasons.noconnection ? NODEDOWN : reason);
    default:
      return error.class satisfies never;
  }
}

function isExit(reason: unknown): boolean {
  return reason instanceof Tuple && reason.items.length === 2 &&
    reason.items[0] === EXIT;
}

/** Has a function called. The caller gets no result and no error. */
export function cast(
  self: RpcSelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
): void {
  erpc.cast(self, node, called, args);
}

/**
 * As `call`, but in the actor `rex` of that node, OTP's remote execution
 * server: while the function runs, that actor handles no other request.
 */
export async function blockCall<R = unknown>(
  self: RpcSelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<R | BadRpc> {
  const { timeoutMs = Infinity } = options;
  const [module, name] = partsOf(called);
  const request = tuple(
    atom("block_call"),
    atom(module),
    atom(name),
    args,
    self.groupLeader,
  );
  try {
    const target = { name: "rex", node };
    const answer = await self.call(target, request, { ...options, timeoutMs });
    return isBadRpc(answer) ? new BadRpc(answer.items[1]) : answer as R;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const { reason } = error;
    return new BadRpc(reason === "timeout" ? TIMEOUT : NODEDOWN);
  }
}

function isBadRpc(answer: unknown): answer is Tuple {
  return answer instanceof Tuple && answer.items.length === 2 &&
    answer.items[0] === atom("badrpc");
}

function partsOf(called: string): [module: string, name: string] {
  const parts = typeof called === "string" ? called.split(":") : [];
  const [module, name] = parts;
  if (parts.length === 2 && module && name) return [module, name];
  throw new UsageError(
    `expected "module:function" to call, got ${printTerm(called)}`,
  );
}

/** The result of `multicall`. */
export type MulticallResult<R> = {
  /** The results of `call` on all nodes but the bad ones, in their order. */
  readonly results: readonly (R | BadRpc)[];
  /** Nodes that could not be reached or sent no reply in time. */
  readonly badNodes: readonly string[];
};

/**
 * Calls a function on several nodes at the same time. To call this node and all
 * connected ones, pass `everywhere(self)`. Without `timeoutMs` there is no time
 * limit.
 */
export async function multicall<R = unknown>(
  self: RpcSelf,
  nodes: readonly string[],
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<MulticallResult<R>> {
  const { timeoutMs = Infinity } = options;
  const all = await erpc.multicall<R>(self, nodes, called, args, {
    ...options,
    timeoutMs,
  });
  const results: (R | BadRpc)[] = [];
  const badNodes: string[] = [];
  for (const [i, result] of all.entries()) {
    const value = valueOf(result);
    const isBad = value instanceof BadRpc &&
      (value.reason === NODEDOWN || value.reason === TIMEOUT);
    if (isBad) badNodes.push(nodes[i] as string);
    else results.push(value);
  }
  return { results, badNodes };
}

function valueOf<R>(result: ErpcResult<R>): R | BadRpc {
  return result.type === "ok" ? result.value : failed<R>(result.error);
}

/** The names of this node and of all connected nodes. */
export function everywhere(
  self: Pick<Self<never>, "node" | "nodes">,
): readonly string[] {
  return [self.node, ...self.nodes()];
}

/** Casts on several nodes; see `everywhere`. */
export function evalEverywhere(
  self: RpcSelf,
  nodes: readonly string[],
  called: string,
  args: readonly unknown[] = [],
): void {
  erpc.multicast(self, nodes, called, args);
}

/** A call that `asyncCall` has started. */
export type RpcKey<R = unknown> = { readonly request: ErpcRequest<R> };

/** Starts a call; `yieldValue` or `nbYield` waits for its value. */
export function asyncCall<R = unknown>(
  self: RpcSelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
): RpcKey<R> {
  return { request: erpc.sendRequest<R>(self, node, called, args) };
}

/** Waits for the value of a call that was started, or its `BadRpc`. */
export async function yieldValue<R>(
  self: RpcSelf,
  { request }: RpcKey<R>,
): Promise<R | BadRpc> {
  const options = { timeoutMs: Infinity };
  const result = await erpc.waitResponse(self, request, options);
  return valueOf(result as ErpcResult<R>);
}

/**
 * Waits for `timeoutMs` (default 0), and resolves with null when the value has
 * not come. After null, the call can be waited for again.
 */
export async function nbYield<R>(
  self: RpcSelf,
  { request }: RpcKey<R>,
  options: CallOptions = {},
): Promise<{ readonly value: R | BadRpc } | null> {
  const result = await erpc.waitResponse(self, request, options);
  return result === null ? null : { value: valueOf(result) };
}

/** Sends a message to the actor of a name on each of the nodes. */
export function abcast(
  self: RpcSelf,
  nodes: readonly string[],
  name: string,
  message: unknown,
): void {
  for (const node of nodes) self.send({ name, node }, message);
}

/**
 * As `abcast`, and resolves with the nodes on which an actor had the name when
 * the message came, and with those that have no such actor or were not reached.
 */
export function sbcast(
  self: RpcSelf,
  nodes: readonly string[],
  name: string,
  message: unknown,
): Promise<BroadcastResult> {
  return broadcastTo(self, nodes, name, message);
}

/**
 * Information on an actor, from its node; see Erlang's `process_info`. Null when
 * the actor has ended.
 */
export async function pinfo(
  self: RpcSelf,
  pid: Pid<never>,
  item?: string,
): Promise<unknown> {
  const args = item === undefined ? [pid] : [pid, atom(item)];
  const info = await call(self, pid.node, "erlang:process_info", args);
  return info ?? null;
}

/**
 * Makes several calls at the same time, spread over all nodes in turn. The
 * values are in the order of the calls.
 */
export function parallelEval<R = unknown>(
  self: RpcSelf,
  calls: readonly (readonly [called: string, args?: readonly unknown[]])[],
): Promise<readonly (R | BadRpc)[]> {
  const nodes = everywhere(self);
  return Promise.all(
    calls.map(([called, args], i) =>
      call<R>(self, nodes[i % nodes.length] as string, called, args)
    ),
  );
}

/**
 * Calls a function with each item and further arguments, at the same time and
 * spread over all nodes in turn. When some calls fail, rejects with an
 * `AggregateError` of their `BadRpc`s.
 */
export async function pmap<R = unknown>(
  self: RpcSelf,
  called: string,
  moreArgs: readonly unknown[],
  items: readonly unknown[],
): Promise<readonly R[]> {
  const calls = items.map((item) => [called, [item, ...moreArgs]] as const);
  const values = await parallelEval<R>(self, calls);
  const bad = values.filter((value) => value instanceof BadRpc);
  if (bad.length === 0) return values as readonly R[];
  throw new AggregateError(
    bad,
    `expected ${called} to return for each item, but ${bad.length} calls ` +
      `failed, the first with ${printTerm(bad[0]?.reason)}`,
  );
}
