/**
 * A supervisor of partitions: several children of one kind, over which keys are
 * spread. Follows Elixir's `PartitionSupervisor`.
 *
 * For an actor that has become a bottleneck: a `DynamicSupervisor` whose
 * children start slowly, a server whose calls wait for something foreign. Each
 * key has its partition, so that what belongs to one key stays in order.
 *
 * When not to use it: to make computing faster. The actors of a node take turns
 * in one thread, and partitions wait at the same time but do not compute at the
 * same time; for that, start children on worker nodes.
 *
 * Guarantees, weak ones included:
 * - A look-up asks nobody. It gives the partition that was started last, which
 *   may have crashed and not been restarted yet: a call then fails with
 *   `noproc`.
 * - The same key has the same partition until `resize`. An integer has the one
 *   of its absolute value modulo their number, any other term that of a hash,
 *   which is not the same as on a BEAM node.
 * - While it is resized, a look-up never gives a partition that is being ended
 *   or has not been started; one that was looked up before may be gone.
 * - Partitions that were resized away run again when a strategy other than
 *   `oneForOne` restarts all; no key has them until the next `resize`.
 * - A temporary partition that has ended, be it by `resize`, is gone for ever.
 * - Look-ups work on the supervisor's node only.
 */

import {
  type CallOptions,
  type CallTarget,
  type Pid,
  printTerm,
  tuple,
  UsageError,
  type ViaTarget,
} from "../../runtime/mod.ts";
import { atom } from "../../runtime/mod.ts";
import { genServer } from "../gen_server/mod.ts";
import type { ServerName } from "../gen_server/mod.ts";
import { partitionDefinition, Table, tableOf } from "./running.ts";
import { Supervisor, SupervisorError } from "../supervisor/mod.ts";
import { SupervisorClient } from "../supervisor/client.ts";
import { checkChild, checkFlags, checkSpecs } from "../supervisor/checks.ts";
import { valueOf } from "../supervisor/protocol.ts";
import type {
  ChildInfo,
  RestartLimits,
  Strategy,
} from "../supervisor/types.ts";
import {
  childId,
  type ChildOptions,
  type ChildSpec,
} from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";

export { SupervisorError };

const Server = genServer(partitionDefinition);

/** Options of a start. */
export type PartitionSupervisorOptions = RestartLimits & {
  /** The specification of the partition of that number; its id is not used. */
  readonly child: (partition: number) => Omit<ChildSpec, "id">;
  /** How many there are at the start, and at most. */
  readonly partitions: number;
  readonly name?: ServerName;
  /** Default `oneForOne`. */
  readonly strategy?: Strategy;
};

/**
 * A supervisor of partitions, as the actor `self` sees it.
 *
 * Methods that return promises reject with a `CallError` when the supervisor is
 * not there, and with a `SupervisorError` when it refuses.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer } from "hornbeam/std/gen_server";
 * import { PartitionSupervisor } from "hornbeam/std/partition_supervisor";
 *
 * const Store = genServer({
 *   init: () => new Map<string, number>(),
 *   calls: {
 *     get: ({ state }, key: string) => state.get(key),
 *     put: ({ state }, key: string, value: number) => state.set(key, value).size,
 *   },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const stores = await PartitionSupervisor.startLink(self, {
 *     partitions: 4,
 *     child: () => Store.child(),
 *   });
 *   const at = (key: string) => Store.at(self, stores.via(key));
 *   await at("a").put("a", 1);
 *   console.log(await at("a").get("a"), stores.partitions); // prints: 1 4
 * });
 * ```
 */
export class PartitionSupervisor extends SupervisorClient {
  /**
   * Starts a supervisor that is linked to the caller, and resolves once its
   * partitions have started. Rejects as `Supervisor.startLink` does, and throws
   * `UsageError` for options that make no sense.
   */
  static startLink(
    self: AnySelf,
    options: PartitionSupervisorOptions,
  ): Promise<RunningPartitionSupervisor> {
    return begin(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start(
    self: AnySelf,
    options: PartitionSupervisorOptions,
  ): Promise<RunningPartitionSupervisor> {
    return begin(self, "start", options);
  }

  /** A supervisor that runs already. */
  static at(
    self: AnySelf,
    target: CallTarget,
    options?: CallOptions,
  ): PartitionSupervisor {
    return new PartitionSupervisor(self, target, options);
  }

  /** The specification of such a supervisor below another one. */
  static child(
    options: PartitionSupervisorOptions,
    child: ChildOptions & { readonly id?: unknown } = {},
  ): ChildSpec {
    return {
      type: "supervisor",
      ...child,
      id: child.id ?? childId(options.name, "PartitionSupervisor"),
      start: (self) => PartitionSupervisor.startLink(self, options),
    };
  }

  /**
   * The partition of a key under a supervisor of this node that has a name, as
   * a destination and something to call. The name is looked up when it is used.
   * Nothing can be started under it.
   */
  static via(name: string, key: unknown): ViaTarget {
    return {
      via: {
        find: (node) =>
          tableOf(node.names.whereis(name))?.find(key) as
            | Pid<unknown>
            | null
            | undefined ?? null,
      },
      name: key,
    };
  }

  /** As the static one, for this supervisor. */
  via(key: unknown): ViaTarget {
    return {
      via: {
        find: () =>
          (this.#known()?.find(key) ?? null) as
            | Pid<unknown>
            | null,
      },
      name: key,
    };
  }

  /**
   * How many partitions keys are spread over. As all look-ups, it throws
   * `UsageError` where there is no such supervisor on this node.
   */
  get partitions(): number {
    return this.#table().count;
  }

  /**
   * The number of a key's partition. Throws `UsageError` when there is none.
   */
  partitionOf(key: unknown): number {
    const number = this.#table().partitionOf(key);
    if (number >= 0) return number;
    throw new UsageError(
      "expected partitions for keys to be spread over, got none; resize first",
    );
  }

  /** The partition of a key: null while none was started. Throws as above. */
  lookup(key: unknown): Pid | null {
    const number = this.partitionOf(key);
    return this.#table().pids[number] ?? null;
  }

  /** Null where there is no such supervisor on this node. */
  #known(): Table | null {
    const { self } = this;
    const pid = this.pid as Pid | null;
    const isHere = pid !== null && pid.node === self.node &&
      self.isActorAlive(pid);
    return isHere ? tableOf(pid) : null;
  }

  #table(): Table {
    const table = this.#known();
    if (table !== null) return table;
    throw new UsageError(
      "expected a PartitionSupervisor that runs on this node, got " +
        printTerm(this.target),
    );
  }

  /** All partitions: their ids are their numbers. */
  whichChildren(): Promise<readonly ChildInfo[]> {
    const { self, target, options } = this;
    return Supervisor.at(self, target, options).whichChildren();
  }

  /**
   * Changes how many partitions there are, up to as many as there were at the
   * start, and resolves with how many there were. The partitions of the highest
   * numbers are ended, or started again. One resizing at a time.
   *
   * Rejects with `badarg` for a number that cannot be, and with the reason for
   * which a partition could not be started; then nothing has changed.
   */
  async resize(partitions: number): Promise<number> {
    const request = tuple(atom("resize"), partitions);
    const reply = await this.ask(request);
    return valueOf(reply, `have ${partitions} partitions`) as number;
  }
}

/** A supervisor that was just started. */
export type RunningPartitionSupervisor = PartitionSupervisor & {
  readonly pid: Pid<never>;
};

async function begin(
  self: AnySelf,
  how: "start" | "startLink",
  options: PartitionSupervisorOptions,
): Promise<RunningPartitionSupervisor> {
  const { child, partitions, name, ...flags } = options;
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new UsageError(
      "expected partitions to be a whole number from 1 on, got " +
        printTerm(partitions),
    );
  }
  if (typeof child !== "function") {
    throw new UsageError(
      "expected child to be a function that makes a specification, such as " +
        `() => Store.child(), got ${printTerm(child)}`,
    );
  }
  if ("autoShutdown" in flags) {
    throw new UsageError(
      "expected no autoShutdown for a PartitionSupervisor, whose partitions " +
        "are all alike; use a Supervisor",
    );
  }
  checkFlags(flags);
  const table = new Table(partitions);
  const children = Array.from(
    { length: partitions },
    (_, number) => {
      const spec = child(number);
      checkChild(spec);
      return table.child(number, spec);
    },
  );
  checkSpecs(children, "never");
  const { pid } = await Server[how](
    self,
    { options: { ...flags, children }, table },
    name === undefined ? {} : { name },
  );
  return new PartitionSupervisor(self, pid) as RunningPartitionSupervisor;
}
