/**
 * The actor of a groups server: of a `PgScope` or of the `Pg2Server`, which is
 * called its owner here. It has a registered name, receives the events of
 * nodes, monitors other actors, and sends without making connections. The owner
 * handles its messages.
 */

import type { ReplyTo } from "../../core/messages/requests.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { Node } from "../../core/node/node.ts";
import type { Destination } from "../../core/contract/self.ts";
import { demonitor, monitorWith } from "../../core/signals/monitors.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import { kernelActor } from "../shared/kernel_actor.ts";

/** The callbacks of the owner. */
export type ServerActorEvents = {
  readonly message: (message: unknown) => void;
  /** A monitored pid is gone; called in the signal itself, not by a message. */
  readonly down: (pid: Pid) => void;
  /** The actor has ended, but not by `stop` and not with its node. */
  readonly ended: () => void;
};

export class ServerActor {
  readonly node: Node;
  readonly #actor: LocalActor;
  readonly #events: ServerActorEvents;
  /** The monitors of `monitor` for which `down` is still to be called. */
  readonly #monitors = new Map<Pid, Ref>();
  /** Set by `stop`, before the actor ends; `ended` is not called then. */
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

  /** Ends the actor by `end`; the owner is not notified. */
  stop(end: (actor: LocalActor) => void): void {
    this.#isStopped = true;
    end(this.#actor);
  }

  /** Sends, or drops the message if there is no connection to the node. */
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

  /** `down` is called once, unless `demonitor` is called first. */
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

  /** Calls back once, when an actor ends or its node is lost. */
  onDown(pid: Pid, callback: () => void): Ref {
    const ref = this.#actor.makeRef();
    monitorWith(this.#actor, ref, pid, { onDown: callback });
    return ref;
  }

  cancelOnDown(ref: Ref): void {
    demonitor(this.#actor, ref, false);
  }
}
