/**
 * Which local actors have links or monitors with which other node, so that a
 * lost connection is told to exactly those.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { Pid, Ref } from "../terms/terms.ts";
import { breakLink } from "./exits.ts";
import { receiveDown } from "./monitors.ts";
import { reasons } from "../messages/reasons.ts";

export class Peers {
  /** Actors with any link, monitor or watcher over the connection. */
  readonly #involved = new Map<string, Set<ActorRecord>>();

  involve(peer: string, actor: ActorRecord): void {
    let actors = this.#involved.get(peer);
    if (actors === undefined) {
      actors = new Set();
      this.#involved.set(peer, actors);
    }
    actors.add(actor);
  }

  /** An ended actor is involved with nobody. */
  removeActor(actor: ActorRecord): void {
    for (const [peer, actors] of this.#involved) {
      if (actors.delete(actor) && actors.size === 0) {
        this.#involved.delete(peer);
      }
    }
  }

  /** Links get `noconnection`, monitors fire, watchers there are forgotten. */
  peerLost(peer: string): void {
    const actors = this.#involved.get(peer);
    if (actors === undefined) return;
    this.#involved.delete(peer);
    // Nobody ends before all have let go of the peer: what an ending actor
    // tells its remaining links and monitors would make a new connection.
    const links = [...actors].flatMap((actor) =>
      this.#loseConnection(actor, peer).map((pid) => ({ actor, pid }))
    );
    for (const { actor, pid } of links) {
      breakLink(actor, pid, reasons.noconnection);
    }
  }

  /** Returns the links that are to break; all else has been done. */
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

  /** For tests: how many actors are involved with any node. */
  get size(): number {
    let size = 0;
    for (const actors of this.#involved.values()) size += actors.size;
    return size;
  }

  /** Removes a remote monitor that was set by name. */
  forgetWatcher(key: Ref | string): void {
    for (const actors of this.#involved.values()) {
      for (const actor of actors) {
        if (actor.watchers?.delete(key)) return;
      }
    }
  }
}
