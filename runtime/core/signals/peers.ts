/**
 * Which local actors have links or monitors with which other node, so that
 * exactly these are notified when its connection is lost.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { Pid, Ref } from "../terms/terms.ts";
import { breakLink } from "./exits.ts";
import { receiveDown } from "./monitors.ts";
import { reasons } from "../messages/reasons.ts";

export class Peers {
  /**
   * By node: every live actor with a link, monitor or watcher over the
   * connection. An actor may stay here after its last one has been removed. No
   * set is empty.
   */
  readonly #involved = new Map<string, Set<ActorRecord>>();

  /** Notes that an actor has a link or monitor with a node. */
  involve(peer: string, actor: ActorRecord): void {
    let actors = this.#involved.get(peer);
    if (actors === undefined) {
      actors = new Set();
      this.#involved.set(peer, actors);
    }
    actors.add(actor);
  }

  /** Removes an actor that has ended. */
  removeActor(actor: ActorRecord): void {
    for (const [peer, actors] of this.#involved) {
      if (actors.delete(actor) && actors.size === 0) {
        this.#involved.delete(peer);
      }
    }
  }

  /**
   * The connection to a node is lost: links and monitors to it get
   * `noconnection`, and monitors that its actors have set are removed.
   */
  peerLost(peer: string): void {
    const actors = this.#involved.get(peer);
    if (actors === undefined) return;
    this.#involved.delete(peer);
    // No actor ends before all have removed their links and monitors to the
    // peer: a notification of an actor that ends would make a new connection.
    const links = [...actors].flatMap((actor) =>
      this.#loseConnection(actor, peer).map((pid) => ({ actor, pid }))
    );
    for (const { actor, pid } of links) {
      breakLink(actor, pid, reasons.noconnection);
    }
  }

  /**
   * Removes all records of a peer from an actor. Returns the links whose effect
   * is still due.
   */
  #loseConnection(actor: ActorRecord, peer: string): Pid[] {
    if (actor.watchers !== null) {
      for (const [key, watcher] of actor.watchers) {
        if (watcher.to.node === peer) actor.watchers.delete(key);
      }
    }
    if (actor.monitors !== null) {
      for (const state of [...actor.monitors.values()]) {
        if (state.remote?.node === peer) {
          receiveDown(actor, state.ref, reasons.noconnection);
        }
      }
    }
    const broken: Pid[] = [];
    if (actor.links !== null) {
      for (const [pid, state] of actor.links) {
        if (pid.node !== peer) continue;
        actor.links.delete(pid);
        if (state.active) broken.push(pid);
      }
    }
    return broken;
  }

  /** For tests: the number of entries. */
  get size(): number {
    let size = 0;
    for (const actors of this.#involved.values()) size += actors.size;
    return size;
  }

  /** Removes a monitor that an actor of another node has set by name. */
  forgetWatcher(key: Ref | string): void {
    for (const actors of this.#involved.values()) {
      for (const actor of actors) {
        if (actor.watchers?.delete(key)) return;
      }
    }
  }
}
