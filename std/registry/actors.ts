/**
 * The actors of a registry: one per partition, which registrants are linked to,
 * and above them a root actor that starts and restarts them.
 *
 * Registrations and look-ups run in the caller's turn. The actors do what needs
 * a mailbox: they clean up after registrants that have ended, and keep locks.
 * Restarts follow Elixir's registry. With unique keys all partitions restart,
 * because the entries of an owner lie in several; with duplicate keys only the
 * crashed one does.
 */

import {
  Call,
  Cast,
  Down,
  Exit,
  type Handler,
  handler,
  reasons,
  type Self,
  type Stop,
  stop,
  Timeout,
} from "../../runtime/mod.ts";
import { type LockRequest, Locks, type UnlockRequest } from "./locks.ts";
import type { Partition, Tables } from "./tables.ts";

/** More restarts than this within `RESTARTS_WITHIN_MS` end the registry. */
const MAX_RESTARTS = 3;
const RESTARTS_WITHIN_MS = 5_000;

/** The root. An `Exit` of any actor that is no partition of it ends it. */
export function rootActor<Key, Value, Message>(
  label: string,
  tables: Tables<Key, Value, Message>,
  onStart: (self: Self<unknown>) => void,
): Handler<unknown> {
  const { partitions } = tables;
  const startPartition = (
    self: Self<unknown>,
    partition: Partition<Key, Value, Message>,
  ): void => {
    const behaviour = partitionActor(self, partition, tables);
    partition.pid = self.spawnLink(behaviour, {
      trapExits: true,
      label: `${label} partition`,
    });
  };
  return handler<number, unknown>(
    (self) => {
      self.trapExits = true;
      for (const partition of partitions) startPartition(self, partition);
      onStart(self);
      return 0;
    },
    (restarts, message, self) => {
      // One of the restarts is no longer within RESTARTS_WITHIN_MS.
      if (message instanceof Timeout) return restarts - 1;
      if (!(message instanceof Exit)) return restarts;
      const crashed = partitions.find(({ pid }) => pid === message.from);
      if (crashed === undefined) return stop(message.reason);
      if (restarts === MAX_RESTARTS) return stop(reasons.shutdown);
      self.startTimer(RESTARTS_WITHIN_MS, null);
      const restarted = tables.layout === "unique" ? partitions : [crashed];
      for (const partition of restarted) {
        if (partition !== crashed) killPartition(self, partition);
        partition.clear();
      }
      for (const partition of restarted) startPartition(self, partition);
      return restarts + 1;
    },
  );
}

function killPartition(
  self: Self<unknown>,
  { pid }: Partition<unknown, unknown, never>,
): void {
  if (pid === null) return;
  self.unlink(pid);
  self.sendExit(pid, reasons.kill);
}

function partitionActor<Key, Value, Message>(
  root: Self<unknown>,
  partition: Partition<Key, Value, Message>,
  tables: Tables<Key, Value, Message>,
): Handler<unknown> {
  return handler<Locks, unknown>(
    () => new Locks(),
    (locks, message, self): Locks | Stop => {
      if (message instanceof Exit) {
        const { from } = message;
        if (from === root.pid) return stop(message.reason);
        // An exit signal that a live actor has sent does not count.
        if (from.node === self.node && !self.isActorAlive(from)) {
          tables.forget(partition, from);
        }
      } else if (message instanceof Down) {
        locks.claimantEnded(self, message.ref);
      } else if (message instanceof Call && isLock(message.request)) {
        locks.requestLock(self, message.request, message.from);
      } else if (message instanceof Cast && isUnlock(message.request)) {
        locks.releaseLock(self, message.request);
      }
      return locks;
    },
  );
}

function isLock(request: unknown): request is LockRequest {
  return hasType(request, "lock");
}

function isUnlock(request: unknown): request is UnlockRequest {
  return hasType(request, "unlock");
}

function hasType(value: unknown, type: string): boolean {
  return typeof value === "object" && value !== null && "type" in value &&
    value.type === type;
}
