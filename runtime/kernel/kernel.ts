/**
 * The actors that every node has, and the functions that it answers without an
 * actor. The composition root starts them before the first connection.
 *
 * `node_info`, `user`, `rex`, `net_kernel`, `logger_proxy` and
 * `global_name_server` are registered under these names. When an exit signal
 * has ended one of them it is started again at once, with another pid: other
 * nodes take a missing kernel actor for a fault of the whole node.
 */

import type { Node } from "../core/node/node.ts";
import type { AnyBehaviour } from "../core/contract/behaviour.ts";
import { serveErpc } from "./rpc/serve.ts";
import { globalActor } from "./global/actor.ts";
import { GlobalNames } from "./global/local_names.ts";
import { globalFunctions } from "./global/functions.ts";
import { Resolvers } from "./global/names/resolve.ts";
import type { GlobalOptions } from "./global/server.ts";
import { SERVER_NAME } from "./global/protocol/terms.ts";
import { loggerProxy } from "./io/logger_proxy.ts";
import { netKernelActor } from "./node/net_kernel.ts";
import { erlangFunctions } from "./node/erlang_functions.ts";
import { nodeInfo } from "./node/node_info.ts";
import { pgFunctions } from "./groups/pg.ts";
import { pg2Functions } from "./groups/pg2.ts";
import type { Complain } from "./shared/kernel_actor.ts";
import { rex } from "./rpc/rex.ts";
import { type Output, user } from "./io/user.ts";

export type KernelOptions = {
  /** Returns the node's figures, for `node_info`. */
  readonly stats: () => object;
  /** Takes the text that is printed on this node's `user`. */
  readonly output: Output;
  /** Whether other nodes may call `erlang:nodes/0` and the like. */
  readonly inspectable: boolean;
  /** How the node takes part in `global`; false: it does not. */
  readonly global: GlobalOptions | false;
  /** Ends the connection to a node. */
  readonly disconnect: (node: string) => void;
};

export function startKernel(node: Node, options: KernelOptions): void {
  const complain = complaintsTo(node);
  if (options.inspectable) {
    node.functions.addOwn(erlangFunctions(node));
    node.functions.addOwn(pgFunctions(node));
    node.functions.addOwn(pg2Functions(node));
  }
  serveErpc(node);
  keep(node, "user", () => user(options.output, complain));
  keep(node, "node_info", () => nodeInfo(options.stats));
  keep(node, "net_kernel", () => netKernelActor(node, complain));
  keep(node, "rex", () => rex(node, complain));
  keep(node, "logger_proxy", () => loggerProxy(node, complain));
  if (options.global !== false) startGlobal(node, options, options.global);
}

function startGlobal(
  node: Node,
  { disconnect }: KernelOptions,
  options: GlobalOptions,
): void {
  const complain = complaintsTo(node);
  const resolvers = new Resolvers(node);
  node.functions.addOwn(globalFunctions(node, resolvers));
  const names = node.globalNames = new GlobalNames(node, resolvers);
  const parts = { options, names, disconnect };
  keep(node, SERVER_NAME, () => globalActor(parts, complain));
}

/** Writes complaints to the node's log. */
function complaintsTo(node: Node): Complain {
  return (what, error) => node.log("warning", "kernel", what, { error });
}

/** Starts a kernel actor, and starts it again each time that it has ended. */
function keep(node: Node, name: string, make: () => AnyBehaviour): void {
  const actor = node.spawnActor(make(), { name }, null);
  actor.isExempt = true;
  if (name === "user") node.groupLeader = actor.pid;
  actor.onExit = () => {
    // Another actor may have registered the name in the meantime.
    if (!node.stopped && node.names.holder(name) === null) {
      keep(node, name, make);
    }
  };
}
