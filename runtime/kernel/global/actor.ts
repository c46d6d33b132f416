/**
 * The kernel actor `global_name_server`: the state machine of `global` on a
 * node, with its clock, its connections and its actors.
 *
 * Whatever comes back to the machine comes through this actor's mailbox, so one
 * thing happens at a time. What does not belong to the protocol is dropped.
 */

import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { NameService, Node } from "../../core/node/node.ts";
import type { Handler } from "../../core/contract/handler.ts";
import type { Self } from "../../core/contract/self.ts";
import { Call, Cast, type ReplyTo } from "../../core/calls/calls.ts";
import { demonitor, monitorWith } from "../../core/signals/links.ts";
import {
  type NamedTarget,
  NodeDown,
  NodeUp,
} from "../../core/messages/messages.ts";
import type { LogLevel } from "../../core/host/ports.ts";
import { handler } from "../../core/contract/handler.ts";
import type { Pid } from "../../core/terms/terms.ts";
import { erpc } from "../rpc/erpc.ts";
import type { Answered, GlobalPort, Undo } from "./state/port.ts";
import type { Change } from "./names/registrar.ts";
import {
  isEverywhere,
  type ResolverFunction,
  type Resolvers,
} from "./names/resolve.ts";
import { type GlobalOptions, GlobalServer } from "./server.ts";
import { type LockId, type NameEntry, serverName } from "./protocol/terms.ts";
import { readSaid } from "./protocol/read.ts";
import type { Complain } from "../shared/kernel_actor.ts";

/** Longest wait for a resolver; well within a join's time. */
const RESOLVE_MS = 10_000;

/** What an actor of this node asks for. Never crosses to another node. */
export type Order =
  | {
    readonly do: "change";
    readonly change: Change;
    readonly timeoutMs: number;
  }
  | {
    readonly do: "lock";
    readonly id: LockId;
    /** Null: this one and all that are connected and visible. */
    readonly nodes: readonly string[] | null;
    readonly retries: number;
    readonly timeoutMs: number;
  }
  | {
    readonly do: "unlock";
    readonly id: LockId;
    readonly nodes: readonly string[] | null;
  }
  | { readonly do: "sync"; readonly timeoutMs: number }
  | { readonly do: "leave" };

/** An order as it is sent: of a class, which no other node can make. */
export class GlobalOrder {
  readonly order: Order;
  constructor(order: Order) {
    this.order = order;
  }
}

/** The answer to an order that threw; who asked would wait for ever. */
export class GlobalFault {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Something that happened to the machine outside of a message. */
class Wake {
  readonly run: () => void;
  constructor(run: () => void) {
    this.run = run;
  }
}

/** What there is to see on a node, for tests and tools. */
export type GlobalInside = {
  /** What is locked on it. */
  readonly locks: readonly LockId[];
  /** Nodes whose names are the same. */
  readonly known: readonly string[];
  /** Nodes that it is joining. */
  readonly pending: readonly string[];
};

/**
 * What a node's other actors see of it, at any time: nothing at all until the
 * server has had its first turn.
 */
export class GlobalNames implements NameService {
  readonly resolvers: Resolvers;
  readonly #node: Node;
  #server: GlobalServer | null = null;

  constructor(node: Node, resolvers: Resolvers) {
    this.#node = node;
    this.resolvers = resolvers;
  }

  /** From now on this one's names are seen; an earlier one has ended. */
  serve(server: GlobalServer): void {
    this.#server = server;
  }

  whereis(name: unknown): Pid | null {
    const pid = this.#server?.tables.find(name)?.pid ?? null;
    const isDead = pid !== null && this.#node.isOwnPid(pid) &&
      this.#node.localActor(pid) === null;
    return isDead ? null : pid;
  }

  /** See `Resolvers.add`. */
  addResolver(
    name: unknown,
    pid: Pid,
    resolver: ResolverFunction,
  ): (isGiven: boolean) => void {
    const { resolvers } = this;
    resolvers.sweep((name, pid) =>
      this.#server?.tables.find(name)?.pid === pid
    );
    return resolvers.add(name, pid, resolver);
  }

  names(): readonly unknown[] {
    return this.#server?.tables.entries().map(({ name }) => name) ?? [];
  }

  inspect(): GlobalInside {
    return {
      locks: this.#server?.tables.locks() ?? [],
      known: this.#server?.members.known() ?? [],
      pending: this.#server?.joins.pending() ?? [],
    };
  }
}

export type GlobalParts = {
  readonly options: GlobalOptions;
  readonly names: GlobalNames;
  readonly disconnect: (node: string) => void;
};

export function globalActor(
  parts: GlobalParts,
  complain: Complain,
): Handler<unknown> {
  const begin = (self: Self<unknown>): GlobalServer => {
    const port = new NodePort(self as LocalActor, parts);
    const server = new GlobalServer(port, parts.options);
    parts.names.serve(server);
    self.monitorNodes();
    server.start();
    return server;
  };
  return handler(begin, (server, message: unknown, self) => {
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
    // Or it is down again, and to speak to it would bring it back.
    const { owner } = self as LocalActor;
    if (isUp(owner, self.pid, message.node)) server.nodeUp(message.node);
  } else if (message instanceof NodeDown) server.nodeDown(message.node);
  else if (message instanceof Call) {
    const { request, from } = message;
    const { owner } = self as LocalActor;
    // Who asked has gone by now, and an answer would bring it back.
    if (!isUp(owner, self.pid, from.pid.node)) return;
    if (request instanceof GlobalOrder) {
      try {
        obey(server, request.order, from, self);
      } catch (error) {
        self.reply(from, new GlobalFault(error));
        throw error;
      }
    } else {
      self.reply(from, server.answer(request, from.pid));
    }
  } else {
    const said = readSaid(message instanceof Cast ? message.request : message);
    if (said !== null) server.said(said);
  }
}

function obey(
  server: GlobalServer,
  order: Order,
  from: ReplyTo,
  self: Self<unknown>,
): void {
  const done = (result: unknown) => void self.reply(from, result);
  const nodesOf = (nodes: readonly string[] | null) =>
    nodes ?? [self.node, ...self.nodes()];
  switch (order.do) {
    case "change":
      return server.changes.submit(order.change, order.timeoutMs, done);
    case "lock": {
      const { id, retries, timeoutMs } = order;
      const nodes = nodesOf(order.nodes);
      const wish = { id, holder: from.pid, nodes, retries, timeoutMs };
      return server.locks.take(wish, done);
    }
    case "unlock": {
      const nodes = nodesOf(order.nodes);
      const lock = { id: order.id, holder: from.pid, nodes };
      return server.locks.give(lock, () => done(true));
    }
    case "sync":
      return server.sync(order.timeoutMs, done);
    case "leave":
      return done(server.leave());
    default:
      order satisfies never;
  }
}

function isUp(node: Node, from: Pid, peer: string): boolean {
  return node.way(from, { name: serverName, node: peer }).isUp;
}

/** The port to a real node. */
class NodePort implements GlobalPort {
  readonly node: string;
  readonly creation: number;
  readonly pid: Pid;
  readonly #node: Node;
  readonly #actor: LocalActor;
  readonly #parts: GlobalParts;
  /** Nodes whose servers are watched; false once they have been reached. */
  readonly #watched = new Map<string, { isConnecting: boolean }>();

  constructor(actor: LocalActor, parts: GlobalParts) {
    this.#actor = actor;
    this.#node = actor.owner;
    this.#parts = parts;
    this.node = this.#node.name;
    this.creation = this.#node.creation;
    this.pid = actor.pid;
  }

  /** Calls back in a turn of the actor's, once and unless undone. */
  #later<A extends readonly unknown[]>(
    run: (...args: A) => void,
  ): { readonly call: (...args: A) => void; readonly undo: Undo } {
    let isOver = false;
    const call = (...args: A): void =>
      this.#actor.deliver(
        new Wake(() => {
          if (isOver) return;
          isOver = true;
          run(...args);
        }),
      );
    return { call, undo: () => void (isOver = true) };
  }

  nodes(): readonly string[] {
    return this.#node.nodes();
  }

  isUp(node: string): boolean {
    return isUp(this.#node, this.pid, node);
  }

  cast(node: string, request: unknown): void {
    this.send(node, new Cast(request));
  }

  send(node: string, message: unknown): void {
    if (!this.#isInReach(node)) return;
    try {
      this.#node.sendFrom(this.pid, { name: serverName, node }, message);
    } catch (error) {
      // The machine must go on, as when the message is lost.
      this.#node.log("error", "kernel", "global: a message cannot be sent", {
        error,
      });
    }
  }

  /**
   * Whether a node is connected, or is being connected to because it is
   * watched. Nothing else may make a connection: what is still to be said to a
   * node that was lost would bring it back.
   */
  #isInReach(node: string): boolean {
    const watched = this.#watched.get(node);
    if (isUp(this.#node, this.pid, node)) {
      if (watched !== undefined) watched.isConnecting = false;
      return true;
    }
    return watched?.isConnecting ?? false;
  }

  tell(pid: Pid, message: unknown): void {
    this.#node.sendFrom(this.pid, pid as Pid<unknown>, message);
  }

  call(
    node: string,
    holder: Pid,
    request: unknown,
    answered: (value: unknown) => void,
  ): Undo {
    const { aliases } = this.#node;
    const tag = this.#node.makeRef();
    const { call, undo } = this.#later(answered);
    aliases.add(tag, {
      actor: this.#actor,
      mode: "once",
      settle: call,
    });
    this.send(node, new Call({ pid: holder, tag }, request));
    return () => {
      undo();
      aliases.remove(tag);
    };
  }

  post(node: string, holder: Pid, request: unknown): void {
    const tag = this.#node.makeRef();
    this.send(node, new Call({ pid: holder, tag }, request));
  }

  reply(to: ReplyTo, value: unknown): void {
    this.#actor.reply(to, value);
  }

  watchServer(node: string, gone: (reason: unknown) => void): Undo {
    const watched = { isConnecting: !isUp(this.#node, this.pid, node) };
    this.#watched.set(node, watched);
    const forget = () => {
      if (this.#watched.get(node) === watched) this.#watched.delete(node);
    };
    const end = this.#watch({ name: serverName, node }, (reason) => {
      forget();
      gone(reason);
    });
    return () => {
      forget();
      end();
    };
  }

  watchPid(pid: Pid, gone: () => void): Undo {
    const { node } = pid;
    if (node === this.node || !this.#watched.has(node)) {
      return this.#watch(pid, gone);
    }
    if (this.#isInReach(node)) return this.#watch(pid, gone);
    const { call, undo } = this.#later(gone);
    call();
    return undo;
  }

  #watch(target: Pid | NamedTarget, gone: (reason: unknown) => void): Undo {
    const { call, undo } = this.#later(gone);
    const ref = this.#node.makeRef();
    monitorWith(this.#actor, ref, target, { onDown: call });
    return () => {
      undo();
      demonitor(this.#actor, ref, false);
    };
  }

  timer(ms: number, fire: () => void): Undo {
    const { timers } = this.#node;
    const { call, undo } = this.#later(fire);
    const timer = timers.set(ms, call);
    return () => {
      undo();
      timers.cancel(timer);
    };
  }

  disconnect(node: string): void {
    this.#parts.disconnect(node);
  }

  random(count: number): number {
    return this.#node.host.randomU32() % count;
  }

  resolve(
    { name, pid, method }: NameEntry,
    theirs: Pid,
    decided: Answered,
  ): void {
    const { call, undo } = this.#later(decided);
    const endTimer = this.timer(RESOLVE_MS, () => {
      undo();
      decided(null);
    });
    const settle: Answered = (answer) => {
      endTimer();
      call(answer);
    };
    const args = [method, name, theirs, pid] as const;
    if (this.#node.isOwnPid(pid) || isEverywhere(method)) {
      void this.#parts.names.resolvers.resolve(...args)
        .then((value) => settle({ value }));
      return;
    }
    this.#node.spawnActor(
      async (self: Self<unknown>) => {
        const called = "global:resolve_it";
        try {
          const options = { timeoutMs: RESOLVE_MS };
          const value = await erpc.call(self, pid.node, called, args, options);
          settle({ value });
        } catch {
          settle(null);
        }
      },
      { label: "global resolver" },
      null,
    );
  }

  log(level: LogLevel, message: string): void {
    this.#node.log(level, "kernel", message);
  }
}
