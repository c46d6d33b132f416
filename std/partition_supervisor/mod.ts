/**
 * Partition supervisors: several children of one kind, over which keys are
 * spread. Follows Elixir's `PartitionSupervisor`.
 *
 * **To spread an actor that has become a bottleneck:** start it as a partition
 * with `PartitionSupervisor.startLink(self, { partitions, child })`. Such an
 * actor is a `DynamicSupervisor` whose children start slowly, or a server whose
 * calls wait for input or output.
 *
 * **To call the partition of a key:** use `via(key)` as the target, for example
 * `Store.at(self, stores.via(key))`. Each key has one partition, so that its
 * messages stay in order.
 *
 * **To change their number:** `resize`.
 *
 * When not to use it: to compute faster. The actors of a node take turns in one
 * thread, so partitions wait at the same time but do not compute at the same
 * time; for that, start children on worker nodes.
 *
 * Guarantees, weak ones included:
 * - A look-up sends no message. It gives the partition that was started last,
 *   which may have crashed and not been restarted yet: a call then fails with
 *   `noproc`.
 * - A key keeps its partition until `resize`. The partition of an integer is
 *   its absolute value modulo their number; the partition of any other term
 *   comes from a hash, which is not the one of a BEAM node.
 * - During a `resize`, a look-up never gives a partition that is being ended or
 *   has not been started. A partition that was looked up before may have ended.
 * - Partitions that were ended by `resize` run again when a strategy other than
 *   `oneForOne` restarts all children; no key has them until the next `resize`.
 * - A temporary partition that has ended, also by `resize`, never runs again.
 * - Look-ups work on the supervisor's node only.
 */

import {
  restartLimitRules,
  serverName,
  strategyRule,
} from "../internal/options.ts";
import {
  atom,
  type CallOptions,
  type CallTarget,
  option,
  OptionTable,
  type Pid,
  printTerm,
  tuple,
  UsageError,
  type ViaTarget,
} from "../../runtime/mod.ts";
import { genServer } from "../gen_server/mod.ts";
import { childId, type ChildSpec } from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import { checkChild, checkSpecs } from "../supervisor/checks.ts";
import {
  nameOptions,
  type SupervisorChildOptions,
  SupervisorClient,
  supervisorSpec,
} from "../supervisor/client.ts";
import { Supervisor, SupervisorError } from "../supervisor/mod.ts";
import { valueOf } from "../supervisor/protocol.ts";
import type {
  ChildInfo,
  RestartLimits,
  Strategy,
} from "../supervisor/types.ts";
import { partitionDefinition, PartitionTable, tableOf } from "./running.ts";

export { SupervisorError };

const Server = genServer(partitionDefinition);

/** Options of a start. */
export type PartitionSupervisorOptions = RestartLimits & {
  /** Makes the specification of a partition by its number; an id is ignored. */
  readonly child: (partition: number) => Omit<ChildSpec, "id">;
  /** The number of partitions at the start, which is the most there can be. */
  readonly partitions: number;
  readonly name?: ServerName;
  /** Default `oneForOne`. */
  readonly strategy?: Strategy;
};

/**
 * A partition supervisor, as the actor `self` sees it.
 *
 * Methods that return promises reject with a `CallError` when there is no such
 * supervisor, and with a `SupervisorError` when it refuses.
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
   * `UsageError` for options that are not valid.
   */
  static startLink(
    self: AnySelf,
    options: PartitionSupervisorOptions,
  ): Promise<RunningPartitionSupervisor> {
    return startSupervisor(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start(
    self: AnySelf,
    options: PartitionSupervisorOptions,
  ): Promise<RunningPartitionSupervisor> {
    return startSupervisor(self, "start", options);
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
    child: SupervisorChildOptions = {},
  ): ChildSpec {
    return supervisorSpec(
      child,
      childId(options.name, "PartitionSupervisor"),
      (self) => PartitionSupervisor.startLink(self, options),
    );
  }

  /**
   * The partition of a key, under a supervisor of this node with a name, as the
   * target of sends and calls. The name is looked up at each use. No actor can
   * be started under it.
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

  /** As the static method, for this supervisor. */
  via(key: unknown): ViaTarget {
    return {
      via: {
        find: () =>
          (this.#tableIfHere()?.find(key) ?? null) as
            | Pid<unknown>
            | null,
      },
      name: key,
    };
  }

  /**
   * The number of partitions that keys are spread over. Like all look-ups, it
   * throws `UsageError` if there is no such supervisor on this node.
   */
  get partitions(): number {
    return this.#table().count;
  }

  /**
   * The number of a key's partition. Throws `UsageError` after a resize to 0.
   */
  partitionOf(key: unknown): number {
    const number = this.#table().partitionOf(key);
    if (number >= 0) return number;
    throw new UsageError(
      "expected partitions for keys to be spread over, got none; resize first",
    );
  }

  /** The pid of a key's partition; null before its start. Throws as above. */
  lookup(key: unknown): Pid | null {
    const number = this.partitionOf(key);
    return this.#table().pids[number] ?? null;
  }

  /** Null where there is no such supervisor on this node. */
  #tableIfHere(): PartitionTable | null {
    const { self } = this;
    const pid = this.pid as Pid | null;
    const isHere = pid !== null && pid.node === self.node &&
      self.isActorAlive(pid);
    return isHere ? tableOf(pid) : null;
  }

  #table(): PartitionTable {
    const table = this.#tableIfHere();
    if (table !== null) return table;
    throw new UsageError(
      "expected a PartitionSupervisor that runs on this node, got " +
        printTerm(this.target),
    );
  }

  /** All partitions; the id of each is its number. */
  whichChildren(): Promise<readonly ChildInfo[]> {
    const { self, target, options } = this;
    return Supervisor.at(self, target, options).whichChildren();
  }

  /**
   * Changes the number of partitions, up to their number at the start, and
   * resolves with the number before. The partitions of the highest numbers are
   * ended, or started again. One resize runs at a time.
   *
   * Rejects with `badarg` for a number that is out of range, and with the reason
   * why a partition could not be started; the number is then as before.
   */
  async resize(partitions: number): Promise<number> {
    const request = tuple(atom("resize"), partitions);
    const reply = await this.request(request);
    return valueOf(reply, `have ${partitions} partitions`) as number;
  }
}

/** A supervisor that was started, with its pid. */
export type RunningPartitionSupervisor = PartitionSupervisor & {
  readonly pid: Pid<never>;
};

const partitionOptions = new OptionTable<PartitionSupervisorOptions>(
  "PartitionSupervisor",
  {
    ...restartLimitRules,
    strategy: strategyRule,
    child: option.any,
    partitions: option.amount,
    name: serverName,
  },
);

async function startSupervisor(
  self: AnySelf,
  method: "start" | "startLink",
  options: PartitionSupervisorOptions,
): Promise<RunningPartitionSupervisor> {
  if ("autoShutdown" in options) {
    throw new UsageError(
      "expected no autoShutdown for a PartitionSupervisor, whose partitions " +
        "are all alike; use a Supervisor",
    );
  }
  partitionOptions.check(options);
  const { child, partitions, name: _, ...flags } = options;
  if (partitions === undefined) {
    throw new UsageError("expected a number of partitions, got none");
  }
  if (typeof child !== "function") {
    throw new UsageError(
      "expected child to be a function that makes a specification, such as " +
        `() => Store.child(), got ${printTerm(child)}`,
    );
  }
  const table = new PartitionTable(partitions);
  const children = Array.from(
    { length: partitions },
    (_, number) => {
      const spec = child(number);
      checkChild(spec);
      return table.trackedSpec(number, spec);
    },
  );
  checkSpecs(children, "never");
  const { pid } = await Server[method](
    self,
    { options: { ...flags, children }, table },
    nameOptions(options),
  );
  return new PartitionSupervisor(self, pid) as RunningPartitionSupervisor;
}
