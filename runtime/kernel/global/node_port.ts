/**
 * What the state machine of `global` needs from its node, on a running node:
 * clock, connections, monitors and messages. Every callback runs in a turn of
 * the server's actor, by way of a `Wake` in its mailbox.
 */

import { nodeOf } from "../shared/self_or_node.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import { Call, Cast, type ReplyTo } from "../../core/messages/requests.ts";
import type { Self } from "../../core/contract/self.ts";
import type { LogLevel } from "../../core/host/ports.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import type { Node } from "../../core/node/node.ts";
import { demonitor, monitorWith } from "../../core/signals/monitors.ts";
import type { Pid } from "../../core/terms/terms.ts";
import { erpc } from "../rpc/erpc.ts";
import { isEverywhere, type Resolvers } from "./names/resolve.ts";
import { type NameEntry, SERVER_NAME } from "./protocol/terms.ts";
import type { Answered, GlobalPort, Undo } from "./state/port.ts";

/** Longest wait for a resolver; well within a join's time. */
const RESOLVE_MS = 10_000;

/** A message of the port to the actor: an event for the state machine. */
export class Wake {
  readonly run: () => void;
  constructor(run: () => void) {
    this.run = run;
  }
}

export function isUp(node: Node, from: Pid, peer: string): boolean {
  return node.way(from, { name: SERVER_NAME, node: peer }).isUp;
}

export type NodePortParts = {
  readonly resolvers: Resolvers;
  readonly disconnect: (node: string) => void;
};

/** The `GlobalPort` of a running node. */
export class NodePort implements GlobalPort {
  readonly node: string;
  readonly creation: number;
  readonly pid: Pid;
  readonly #node: Node;
  readonly #actor: LocalActor;
  readonly #parts: NodePortParts;
  /**
   * The nodes whose servers are monitored. `isConnecting` is true from the
   * monitor, which connects, until the node has once been found connected.
   */
  readonly #monitored = new Map<string, { isConnecting: boolean }>();

  constructor(actor: LocalActor, parts: NodePortParts) {
    this.#actor = actor;
    this.#node = nodeOf(actor);
    this.#parts = parts;
    this.node = this.#node.name;
    this.creation = this.#node.creation;
    this.pid = actor.pid;
  }

  /** Calls back in a turn of the actor, at most once, and not after `undo`. */
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
      this.#node.sendFrom(this.pid, { name: SERVER_NAME, node }, message);
    } catch (error) {
      // The machine goes on, as it does when a message is lost.
      this.#node.log("error", "kernel", "global: a message cannot be sent", {
        error,
      });
    }
  }

  /**
   * Whether a node is connected, or is being connected to because its server is
   * monitored. Only such a monitor may make a connection: a message that was
   * left over for a lost node would connect to it anew.
   */
  #isInReach(node: string): boolean {
    const monitored = this.#monitored.get(node);
    if (isUp(this.#node, this.pid, node)) {
      if (monitored !== undefined) monitored.isConnecting = false;
      return true;
    }
    return monitored?.isConnecting ?? false;
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
      takeMessage: call,
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

  monitorServer(node: string, gone: (reason: unknown) => void): Undo {
    const monitored = { isConnecting: !isUp(this.#node, this.pid, node) };
    this.#monitored.set(node, monitored);
    const forget = () => {
      if (this.#monitored.get(node) === monitored) this.#monitored.delete(node);
    };
    const end = this.#monitor({ name: SERVER_NAME, node }, (reason) => {
      forget();
      gone(reason);
    });
    return () => {
      forget();
      end();
    };
  }

  monitorPid(pid: Pid, gone: () => void): Undo {
    const { node } = pid;
    if (node === this.node || !this.#monitored.has(node)) {
      return this.#monitor(pid, gone);
    }
    if (this.#isInReach(node)) return this.#monitor(pid, gone);
    const { call, undo } = this.#later(gone);
    call();
    return undo;
  }

  #monitor(target: Pid | NamedTarget, gone: (reason: unknown) => void): Undo {
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
    const decide: Answered = (answer) => {
      endTimer();
      call(answer);
    };
    const args = [method, name, theirs, pid] as const;
    if (this.#node.isOwnPid(pid) || isEverywhere(method)) {
      void this.#parts.resolvers.resolve(...args)
        .then((value) => decide({ value }));
      return;
    }
    this.#node.spawnActor(
      async (self: Self<unknown>) => {
        const called = "global:resolve_it";
        try {
          const options = { timeoutMs: RESOLVE_MS };
          const value = await erpc.call(self, pid.node, called, args, options);
          decide({ value });
        } catch {
          decide(null);
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
