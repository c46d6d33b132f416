/**
 * erpc: calling functions that other nodes offer, on one node or on many.
 *
 * The protocol is that of OTP's module `erpc` (OTP 23 and later): the caller's
 * node sends a spawn request for `erpc:execute_call` with a monitor, and the
 * exit reason of the new actor is the result. The called node keeps no other
 * state of a call. `core/node/functions.ts` decides which functions may be
 * called.
 *
 * On the calling side an actor per call waits for the result. So the caller
 * never sees a late result, a time limit holds even while the request cannot be
 * sent, and a caller that gives up or ends leaves nothing behind. A call that
 * has timed out may or may not have run, and it is not stopped.
 */

import { callOptions } from "../../core/contract/option_tables.ts";
import type { CallOptions } from "../../core/contract/self.ts";
import { type AnySelf, checked, erpcCall, erpcCast } from "./call.ts";
import {
  checkResponse,
  type ErpcResult,
  failureOf,
  receiveResponse,
  sendRequest,
  waitResponse,
} from "./requests.ts";

/**
 * Calls a function on several nodes at the same time and resolves with the
 * results in the order of the nodes. Rejects only when it is aborted, and with
 * an `EncodeError` for arguments that cannot leave the node. `timeoutMs`
 * (default 5,000) is for all of them together.
 *
 * @example
 * ```ts
 * import { erpc, start } from "hornbeam";
 *
 * await using node = await start({
 *   functions: { "math:half/1": (n: number) => n / 2 },
 * });
 * const results = await node.run((self) =>
 *   erpc.multicall<number>(self, [self.node, "b@x"], "math:half", [8])
 * );
 * for (const result of results) {
 *   console.log(result.type === "ok" ? result.value : result.error.reason);
 * }
 * // prints: 4
 * // prints: Symbol(noconnection)
 * ```
 */
async function multicall<R = unknown>(
  self: AnySelf,
  nodes: readonly string[],
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<readonly ErpcResult<R>[]> {
  checked(called, args);
  callOptions.check(options, "erpc.multicall");
  const results = await Promise.allSettled(
    nodes.map((node) => erpcCall<R>(self, node, called, args, options)),
  );
  options.signal?.throwIfAborted();
  return results.map((result) =>
    result.status === "fulfilled"
      ? { type: "ok", value: result.value }
      : failureOf(result.reason)
  );
}

/**
 * As `cast`, on several nodes. If the connection to one of them is at its hard
 * limit, the cast still goes to the nodes after it; then the `BusyError` is
 * thrown.
 */
function multicast(
  self: AnySelf,
  nodes: readonly string[],
  called: string,
  args: readonly unknown[] = [],
): void {
  const errors: unknown[] = [];
  for (const node of nodes) {
    try {
      erpcCast(self, node, called, args);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Calls of functions on other nodes; see the single functions. */
export const erpc: {
  readonly call: typeof erpcCall;
  readonly cast: typeof erpcCast;
  readonly multicall: typeof multicall;
  readonly multicast: typeof multicast;
  readonly sendRequest: typeof sendRequest;
  readonly receiveResponse: typeof receiveResponse;
  readonly waitResponse: typeof waitResponse;
  readonly checkResponse: typeof checkResponse;
} = {
  call: erpcCall,
  cast: erpcCast,
  multicall,
  multicast,
  sendRequest,
  receiveResponse,
  waitResponse,
  checkResponse,
};
