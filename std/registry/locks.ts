/**
 * Locks by key: one holder at a time; other callers wait in order of arrival.
 *
 * A part of a partition's actor. It monitors each caller: when a holder ends,
 * its lock goes to the next caller, and when a waiting caller ends, it leaves
 * the queue.
 */

import type { MapKey, Pid, Ref, ReplyTo, Self } from "../../runtime/mod.ts";

/** Asks for a lock. A call; the reply comes when the caller holds the lock. */
export type LockRequest = {
  readonly type: "lock";
  /** `mapKey` of the lock's key. */
  readonly mapKey: MapKey;
  /** Identifies the request in an `UnlockRequest`. */
  readonly ticket: Ref;
};

/** Releases a lock, or withdraws a request for it. A cast. */
export type UnlockRequest = { readonly type: "unlock"; readonly ticket: Ref };

type Claim = {
  readonly mapKey: MapKey;
  readonly ticket: Ref;
  readonly monitor: Ref;
  readonly from: ReplyTo;
};

export class Locks {
  /** By key, oldest first: the first claim holds the lock. */
  readonly #queues = new Map<MapKey, Set<Claim>>();
  readonly #byTicket = new Map<Ref, Claim>();
  readonly #byMonitor = new Map<Ref, Claim>();

  requestLock(self: Self<unknown>, request: LockRequest, from: ReplyTo): void {
    const { mapKey, ticket } = request;
    const monitor = self.monitor(from.pid as Pid<never>);
    const claim: Claim = { mapKey, ticket, monitor, from };
    this.#byTicket.set(ticket, claim);
    this.#byMonitor.set(monitor, claim);
    const queue = this.#queues.get(mapKey);
    if (queue !== undefined) {
      queue.add(claim);
      return;
    }
    this.#queues.set(mapKey, new Set([claim]));
    self.reply(from, null);
  }

  releaseLock(self: Self<unknown>, { ticket }: UnlockRequest): void {
    const claim = this.#byTicket.get(ticket);
    if (claim === undefined) return;
    self.demonitor(claim.monitor, { flush: true });
    this.#remove(self, claim);
  }

  /** The caller that this monitor is of has ended. */
  claimantEnded(self: Self<unknown>, monitor: Ref): void {
    const claim = this.#byMonitor.get(monitor);
    if (claim !== undefined) this.#remove(self, claim);
  }

  #remove(self: Self<unknown>, claim: Claim): void {
    this.#byTicket.delete(claim.ticket);
    this.#byMonitor.delete(claim.monitor);
    const queue = this.#queues.get(claim.mapKey);
    if (queue === undefined) return;
    const [holder] = queue;
    queue.delete(claim);
    if (queue.size === 0) {
      this.#queues.delete(claim.mapKey);
    } else if (holder === claim) {
      const [next] = queue;
      if (next !== undefined) self.reply(next.from, null);
    }
  }
}
