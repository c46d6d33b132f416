/**
 * The actors of a registry: one per partition, which registrants are linked to,
 * and above them a root, which starts them and starts them anew.
 *
 * Registering and looking up happens in the turn of whoever does it. What is
 * left for actors is what needs a mailbox: cleaning up after registrants, and
 * locks. Restarts follow Elixir's registry: all partitions of a unique one,
 * because an owner's entries lie in several, and only the crashed one else.
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

/** More restarts than this within the time below end the registry. */
const MAX_RESTARTS = 3;
const RESTARTS_WITHIN_MS = 5_000;

/** The root. An `Exit` message of anybody but a partition ends it. */
export function rootActor<Key, Value, Message>(
  label: string,
  tables: Tables<Key, Value, Message>,
  onStart: (self: Self<unknown>) => void,
): Handler<unknown> {
  const { partitions } = tables;
  const begin = (
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
      for (const partition of partitions) begin(self, partition);
      onStart(self);
      return 0;
    },
    (restarts, message, self) => {
      // A restart is long enough ago to be forgotten.
      if (message instanceof Timeout) return restarts - 1;
      if (!(message instanceof Exit)) return restarts;
      const crashed = partitions.find(({ pid }) => pid === message.from);
      if (crashed === undefined) return stop(message.reason);
      if (restarts === MAX_RESTARTS) return stop(reasons.shutdown);
      self.startTimer(RESTARTS_WITHIN_MS, null);
      const concerned = tables.layout === "unique" ? partitions : [crashed];
      for (const partition of concerned) {
        if (partition !== crashed) kill(self, partition);
        partition.clear();
      }
      for (const partition of concerned) begin(self, partition);
      return restarts + 1;
    },
  );
}

function kill(
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
        // Only the end of an owner counts, not what a living one sends.
        if (from.node === self.node && !self.isActorAlive(from)) {
          tables.forget(partition, from);
        }
      } else if (message instanceof Down) {
        locks.ended(self, message.ref);
      } else if (message instanceof Call && isLock(message.request)) {
        locks.request(self, message.request, message.from);
      } else if (message instanceof Cast && isUnlock(message.request)) {
        locks.release(self, message.request);
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
