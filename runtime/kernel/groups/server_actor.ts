/**
 * The actor that a state machine of the kernel acts through: it has a
 * registered name, is told of nodes, watches others and sends without making
 * connections. What it does with messages is its owner's business.
 */

import type { ReplyTo } from "../../core/messages/requests.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { Node } from "../../core/node/node.ts";
import type { Destination } from "../../core/contract/self.ts";
import { demonitor, monitorWith } from "../../core/signals/monitors.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import { kernelActor } from "../shared/kernel_actor.ts";

/** What the owner makes of it. */
export type ServerActorEvents = {
  readonly message: (message: unknown) => void;
  /** Called as soon as it is so, not by a message. */
  readonly down: (pid: Pid) => void;
  /** The actor has ended, and not by `stop`. */
  readonly ended: () => void;
};

export class ServerActor {
  readonly node: Node;
  readonly #actor: LocalActor;
  readonly #events: ServerActorEvents;
  readonly #monitors = new Map<Pid, Ref>();
  #isStopped = false;

  /** Throws `UsageError` when the name is taken. */
  constructor(node: Node, name: string, events: ServerActorEvents) {
    this.node = node;
    this.#events = events;
    const complain = (what: string, error: unknown) =>
      node.log("warning", "kernel", `${name}: ${what}`, { error });
    const actor = node.spawnActor(
      kernelActor(complain, events.message),
      { name },
      null,
    );
    actor.isExempt = true;
    actor.onExit = () => {
      if (!this.#isStopped && !node.stopped) events.ended();
    };
    node.nodeEvents.subscribe(actor, true);
    this.#actor = actor;
  }

  get pid(): Pid<unknown> {
    return this.#actor.pid;
  }

  /** Ends the actor, in good order. */
  stop(end: (actor: LocalActor) => void): void {
    this.#isStopped = true;
    end(this.#actor);
  }

  /** Lost where there is no connection; nothing here makes one. */
  send(to: Pid | NamedTarget, message: unknown): void {
    const { pid, node } = this;
    if (!node.way(pid, to).isUp) return;
    try {
      node.sendFrom(pid, to as Destination, message);
    } catch (error) {
      node.log("error", "kernel", "a message could not be sent to a peer", {
        error,
      });
    }
  }

  reply(to: ReplyTo, value: unknown): void {
    this.#actor.reply(to, value);
  }

  /** `down` is called once, unless `demonitor` comes before. */
  monitor(pid: Pid): void {
    const ref = this.onDown(pid, () => {
      this.#monitors.delete(pid);
      this.#events.down(pid);
    });
    this.#monitors.set(pid, ref);
  }

  demonitor(pid: Pid): void {
    const ref = this.#monitors.get(pid);
    if (ref === undefined) return;
    this.#monitors.delete(pid);
    this.cancelOnDown(ref);
  }

  /** Calls back once, when a living actor ends or its node is lost. */
  onDown(pid: Pid, callback: () => void): Ref {
    const ref = this.#actor.makeRef();
    monitorWith(this.#actor, ref, pid, { onDown: callback });
    return ref;
  }

  cancelOnDown(ref: Ref): void {
    demonitor(this.#actor, ref, false);
  }
}
