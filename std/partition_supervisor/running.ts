/**
 * The life of a supervisor of partitions: a supervisor with fixed children, and
 * a table of their pids that is read without asking it.
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
import { answer, ok, refusal, words } from "../supervisor/protocol.ts";
import {
  type Family,
  familyDefinition,
  restartChild,
  terminateChild,
} from "../supervisor/running.ts";
import type { SupervisorOptions } from "../supervisor/types.ts";
import type { ChildSpec, ChildStart } from "../internal/child_spec.ts";

/** Where the partitions are, for everybody on the node. */
export class Table {
  /** How many there can be. */
  readonly most: number;
  /** How many keys are spread over. */
  count: number;
  readonly pids: (Pid | null)[];

  constructor(most: number) {
    this.most = most;
    this.count = most;
    this.pids = new Array<Pid | null>(most).fill(null);
  }

  /** The number of a key's partition; -1 when there is none. */
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

  /** Who has the key now, as far as is known. */
  find(key: unknown): Pid | null {
    return this.pids[this.partitionOf(key)] ?? null;
  }

  /** A partition whose start is noted here. */
  child(id: number, spec: Omit<ChildSpec, "id">): ChildSpec {
    const note = (started: ChildStart) => {
      const pid: unknown = started instanceof Pid ? started : started?.pid;
      this.pids[id] = pid instanceof Pid ? pid as Pid : null;
      return started;
    };
    return {
      ...spec,
      id,
      start: (self) => {
        const started = spec.start(self);
        return started instanceof Promise ? started.then(note) : note(started);
      },
    };
  }
}

/** FNV-1a over the UTF-16 units: quick, and spreads short keys well. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** By the supervisor's pid. */
const tables = new WeakMap<Pid, Table>();

/** The table of a supervisor of partitions of this thread. */
export function tableOf(pid: Pid | null): Table | null {
  return pid === null ? null : tables.get(pid) ?? null;
}

/** What a start is given. */
export type Launch = {
  readonly options: SupervisorOptions;
  readonly table: Table;
};

function hasWorked(reply: unknown): boolean {
  return reply === words.ok ||
    (reply instanceof Tuple &&
      (reply.items[0] === words.ok || reply.items[1] === words.running));
}

/**
 * One resizing at a time, since it is a call like others. Keys are spread over
 * fewer partitions before the first one ends, and over more once all run.
 */
async function resize(
  server: Server<Family>,
  count: unknown,
): Promise<unknown> {
  const table = tableOf(server.self.pid) as Table;
  const before = table.count;
  if (
    !Number.isSafeInteger(count) || (count as number) < 0 ||
    (count as number) > table.most
  ) return refusal(atom("badarg"));
  const wanted = count as number;
  if (wanted < before) {
    table.count = wanted;
    await end(server, table, wanted, before);
    return ok(before);
  }
  for (let id = before; id < wanted; id++) {
    const reply = await restartChild(server, id);
    if (hasWorked(reply)) continue;
    await end(server, table, before, id);
    return reply;
  }
  table.count = wanted;
  return ok(before);
}

/** Ends the partitions from `first` up to before `end`, the last one first. */
async function end(
  server: Server<Family>,
  table: Table,
  first: number,
  end: number,
): Promise<void> {
  for (let id = end - 1; id >= first; id--) {
    await terminateChild(server, id);
    table.pids[id] = null;
  }
}

/** What `genServer` makes a supervisor of partitions of. */
export type PartitionDefinition = Definition<
  Promise<Family | Stop>,
  Launch,
  Handlers<Family>,
  Record<never, never>
>;

/** What `genServer` makes a supervisor of partitions of. */
export const partitionDefinition: PartitionDefinition = {
  ...familyDefinition,
  name: "PartitionSupervisor",
  init: (self: Self<unknown>, { options, table }) => {
    tables.set(self.pid, table);
    return familyDefinition.init(self, options);
  },
  calls: {
    ...familyDefinition.calls,
    resize: async (server, count: unknown) =>
      answer(server, await resize(server, count)),
  },
};
