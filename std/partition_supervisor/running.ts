/**
 * One partition supervisor: a supervisor with fixed children, and a table of
 * their pids that callers read without sending it a message.
 */

import {
  atom,
  Pid,
  type Self,
  type Stop,
  termKey,
  Tuple,
} from "../../runtime/mod.ts";
import type { Definition, Handlers, Server } from "../gen_server/types.ts";
import {
  errorReply,
  okReply,
  protocolAtoms,
  sendReply,
} from "../supervisor/protocol.ts";
import {
  restartChild,
  supervisorDefinition,
  type SupervisorState,
  terminateChild,
} from "../supervisor/running.ts";
import type { SupervisorOptions } from "../supervisor/types.ts";
import type { ChildSpec, ChildStart } from "../internal/child_spec.ts";

/** The pids of the partitions, which all actors of the node may read. */
export class PartitionTable {
  /** The most partitions that there can be. */
  readonly most: number;
  /** The number of partitions that keys are spread over. */
  count: number;
  /** By number; null before the first start and after an end by `resize`. */
  readonly pids: (Pid | null)[];

  constructor(most: number) {
    this.most = most;
    this.count = most;
    this.pids = new Array<Pid | null>(most).fill(null);
  }

  /** The number of a key's partition; -1 when `count` is 0. */
  partitionOf(key: unknown): number {
    if (this.count === 0) return -1;
    if (typeof key === "number" && Number.isInteger(key)) {
      return Math.abs(key) % this.count;
    }
    if (typeof key === "bigint") {
      return Number((key < 0n ? -key : key) % BigInt(this.count));
    }
    return hashOf(termKey(key)) % this.count;
  }

  /** The pid of a key's partition, which may have crashed. */
  find(key: unknown): Pid | null {
    return this.pids[this.partitionOf(key)] ?? null;
  }

  /** A specification whose starts put the pid into this table. */
  trackedSpec(id: number, spec: Omit<ChildSpec, "id">): ChildSpec {
    const track = (started: ChildStart) => {
      const pid: unknown = started instanceof Pid ? started : started?.pid;
      this.pids[id] = pid instanceof Pid ? pid as Pid : null;
      return started;
    };
    return {
      ...spec,
      id,
      start: (self) => {
        const started = spec.start(self);
        return started instanceof Promise
          ? started.then(track)
          : track(started);
      },
    };
  }
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the UTF-16 units: quick, and spreads short keys well. */
function hashOf(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  return hash >>> 0;
}

/** By the supervisor's pid. */
const tables = new WeakMap<Pid, PartitionTable>();

/** The table of a partition supervisor of this thread; else null. */
export function tableOf(pid: Pid | null): PartitionTable | null {
  return pid === null ? null : tables.get(pid) ?? null;
}

/** The argument of a start. */
export type PartitionStart = {
  readonly options: SupervisorOptions;
  readonly table: PartitionTable;
};

function isStarted(reply: unknown): boolean {
  return reply === protocolAtoms.ok ||
    (reply instanceof Tuple &&
      (reply.items[0] === protocolAtoms.ok ||
        reply.items[1] === protocolAtoms.running));
}

/**
 * Changes the number of partitions. It is a call, so one resize runs at a time.
 * Keys are spread over fewer partitions before the first one ends, and over
 * more once all of them run.
 */
async function resize(
  server: Server<SupervisorState>,
  count: unknown,
): Promise<unknown> {
  const table = tableOf(server.self.pid) as PartitionTable;
  const before = table.count;
  if (
    !Number.isSafeInteger(count) || (count as number) < 0 ||
    (count as number) > table.most
  ) return errorReply(atom("badarg"));
  const wanted = count as number;
  if (wanted < before) {
    table.count = wanted;
    await endPartitions(server, table, wanted, before);
    return okReply(before);
  }
  for (let id = before; id < wanted; id++) {
    const reply = await restartChild(server, id);
    if (isStarted(reply)) continue;
    await endPartitions(server, table, before, id);
    return reply;
  }
  table.count = wanted;
  return okReply(before);
}

/** Ends the partitions from `first` to before `end`, the last one first. */
async function endPartitions(
  server: Server<SupervisorState>,
  table: PartitionTable,
  first: number,
  end: number,
): Promise<void> {
  for (let id = end - 1; id >= first; id--) {
    await terminateChild(server, id);
    table.pids[id] = null;
  }
}

/** The type of `partitionDefinition`. */
export type PartitionDefinition = Definition<
  Promise<SupervisorState | Stop>,
  PartitionStart,
  Handlers<SupervisorState>,
  Record<never, never>
>;

/** The server definition of a partition supervisor. */
export const partitionDefinition: PartitionDefinition = {
  ...supervisorDefinition,
  name: "PartitionSupervisor",
  init: (self: Self<unknown>, { options, table }) => {
    tables.set(self.pid, table);
    return supervisorDefinition.init(self, options);
  },
  calls: {
    ...supervisorDefinition.calls,
    resize: async (server, count: unknown) =>
      sendReply(server, await resize(server, count)),
  },
};
