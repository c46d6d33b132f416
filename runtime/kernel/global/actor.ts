/**
 * The kernel actor `global_name_server`: runs the state machine of `global`
 * (`server.ts`) on a node.
 *
 * Every event for the state machine comes through this actor's mailbox, so the
 * machine handles one event at a time. Messages that do not belong to the
 * protocol are dropped.
 */

import { nodeOf } from "../shared/self_or_node.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import { Call, Cast, type ReplyTo } from "../../core/messages/requests.ts";
import type { Handler } from "../../core/contract/behaviour.ts";
import { handler } from "../../core/contract/handler.ts";
import type { Self } from "../../core/contract/self.ts";
import { NodeDown, NodeUp } from "../../core/messages/runtime_messages.ts";
import type { Complain } from "../shared/kernel_actor.ts";
import type { GlobalNames } from "./local_names.ts";
import { isUp, NodePort, Wake } from "./node_port.ts";
import { GlobalFault, GlobalOrder, type Order } from "./orders.ts";
import { readMessage } from "./protocol/read.ts";
import { type GlobalOptions, GlobalServer } from "./server.ts";

export type GlobalParts = {
  readonly options: GlobalOptions;
  readonly names: GlobalNames;
  readonly disconnect: (node: string) => void;
};

export function globalActor(
  parts: GlobalParts,
  complain: Complain,
): Handler<unknown> {
  const startServer = (self: Self<unknown>): GlobalServer => {
    const { disconnect, names: { resolvers } } = parts;
    const port = new NodePort(self as LocalActor, { disconnect, resolvers });
    const server = new GlobalServer(port, parts.options);
    parts.names.serve(server);
    self.monitorNodes();
    server.start();
    return server;
  };
  return handler(startServer, (server, message: unknown, self) => {
    try {
      handle(server, message, self);
    } catch (error) {
      complain("global could not handle a message", error);
    }
    return server;
  });
}

function handle(
  server: GlobalServer,
  message: unknown,
  self: Self<unknown>,
): void {
  if (message instanceof Wake) message.run();
  else if (message instanceof NodeUp) {
    // It may be down again by now; a message would connect to it anew.
    const owner = nodeOf(self);
    if (isUp(owner, self.pid, message.node)) server.nodeUp(message.node);
  } else if (message instanceof NodeDown) server.nodeDown(message.node);
  else if (message instanceof Call) {
    const { request, from } = message;
    const owner = nodeOf(self);
    // The caller's node may be gone by now; an answer would connect to it.
    if (!isUp(owner, self.pid, from.pid.node)) return;
    if (request instanceof GlobalOrder) {
      try {
        carryOut(server, request.order, from, self);
      } catch (error) {
        self.reply(from, new GlobalFault(error));
        throw error;
      }
    } else {
      self.reply(from, server.answer(request, from.pid));
    }
  } else {
    const said = message instanceof Cast ? message.request : message;
    const read = readMessage(said);
    if (read !== null) server.receive(read);
  }
}

function carryOut(
  server: GlobalServer,
  order: Order,
  from: ReplyTo,
  self: Self<unknown>,
): void {
  const done = (result: unknown) => void self.reply(from, result);
  const nodesOf = (nodes: readonly string[] | null) =>
    nodes ?? [self.node, ...self.nodes()];
  switch (order.type) {
    case "change":
      return server.changes.submit(order.change, order.timeoutMs, done);
    case "lock": {
      const { id, retries, timeoutMs } = order;
      const nodes = nodesOf(order.nodes);
      const wish = { id, holder: from.pid, nodes, retries, timeoutMs };
      return server.locks.takeLock(wish, done);
    }
    case "unlock": {
      const nodes = nodesOf(order.nodes);
      const lock = { id: order.id, holder: from.pid, nodes };
      return server.locks.giveLock(lock, () => done(true));
    }
    case "sync":
      return server.sync(order.timeoutMs, done);
    case "leave":
      return done(server.leave());
    default:
      order satisfies never;
  }
}
