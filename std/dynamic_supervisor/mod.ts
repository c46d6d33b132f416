/**
 * Dynamic supervisors: children are started at run time and known by their
 * pids. Follows Elixir's `DynamicSupervisor`, which is OTP's
 * `simple_one_for_one`, also on the wire.
 *
 * **To start one:** `DynamicSupervisor.startLink(self)`. It starts without
 * children. Below another supervisor: `DynamicSupervisor.child()`.
 *
 * **To add a child:** `startChild` with a specification, such as
 * `Room.child("birds")`. It needs no id.
 *
 * **To limit them:** `maxChildren`. To give all starts the same arguments:
 * `extraArguments`.
 *
 * **To end a child:** `terminateChild` with its pid.
 *
 * The children are independent of each other: a child that ends is restarted
 * alone, there is no order, and at the end all are shut down at once.
 *
 * When not to use it: for a fixed set of children with an order, see
 * `std/supervisor`. If one such supervisor gets too many requests at a time,
 * `std/partition_supervisor` starts several of them.
 *
 * Guarantees, weak ones included:
 * - `startChild` resolves once the child has acknowledged its start. Starts
 *   come one after the other: a slow one delays those behind it.
 * - The cost of a call does not grow with the number of children.
 * - `terminateChild` resolves when the child has ended.
 * - A restart is a new actor with another pid; register a name if other actors
 *   are to find it. A restart that fails counts as a further restart and is
 *   tried again, with calls answered in between; the child is counted
 *   meanwhile.
 * - Too many restarts within the window end the supervisor with all children,
 *   with reason `shutdown`.
 * - At the end, all children are shut down at the same time, each within its
 *   own limit. Calls to the supervisor fail meanwhile.
 * - When the supervisor is killed, children that trap exits may live on.
 */

import { restartLimitRules, serverName } from "../internal/options.ts";
import {
  type CallOptions,
  type CallTarget,
  option,
  OptionTable,
  type Pid,
  printTerm,
  Shared,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { genServer } from "../gen_server/mod.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import { MAX_ARGUMENTS, tooManyArguments } from "../internal/arity.ts";
import { childId, type ChildSpec } from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";
import { checkChild } from "../supervisor/checks.ts";
import {
  nameOptions,
  type SupervisorChildOptions,
  SupervisorClient,
  supervisorSpec,
} from "../supervisor/client.ts";
import { dynamicTerm, type OtpChildSpec } from "../supervisor/otp_spec.ts";
import {
  infoOf,
  mustTakeFunctions,
  protocolAtoms,
  startedPid,
  SupervisorError,
  valueOf,
} from "../supervisor/protocol.ts";
import { dynamicDefinition } from "./running.ts";
import type {
  DynamicChildInfo,
  DynamicChildSpec,
  DynamicSupervisorOptions,
} from "./types.ts";

export { SupervisorError };
export type {
  DynamicChildInfo,
  DynamicChildSpec,
  DynamicSupervisorOptions,
} from "./types.ts";
export type { OtpChildSpec, StopOptions };

const Server = genServer(dynamicDefinition);

/**
 * A dynamic supervisor, as the actor `self` sees it. `X` is the type of
 * `extraArguments`.
 *
 * Every method rejects with a `CallError` when there is no such supervisor, and
 * with a `SupervisorError` when it refuses. The methods have no time limit
 * unless `at` is given one.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { DynamicSupervisor } from "hornbeam/std/dynamic_supervisor";
 * import { genServer } from "hornbeam/std/gen_server";
 *
 * const Room = genServer({
 *   init: (_self, topic: string) => topic,
 *   calls: { topic: ({ state }) => state },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const rooms = await DynamicSupervisor.startLink(self);
 *   const pid = await rooms.startChild(Room.child("birds"));
 *   console.log(await Room.at(self, pid!).topic()); // prints: birds
 *   await rooms.terminateChild(pid!);
 *   console.log((await rooms.countChildren()).active); // prints: 0
 * });
 * ```
 */
export class DynamicSupervisor<X extends readonly unknown[] = readonly []>
  extends SupervisorClient {
  /**
   * Starts a supervisor that is linked to the caller. Rejects with a
   * `StartError` of `{already_started, Pid}` when another actor has the name.
   * Throws `UsageError` for options that are not valid.
   */
  static startLink<X extends readonly unknown[] = readonly []>(
    self: AnySelf,
    options: DynamicSupervisorOptions<X> = {},
  ): Promise<RunningDynamicSupervisor<X>> {
    return startSupervisor(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start<X extends readonly unknown[] = readonly []>(
    self: AnySelf,
    options: DynamicSupervisorOptions<X> = {},
  ): Promise<RunningDynamicSupervisor<X>> {
    return startSupervisor(self, "start", options);
  }

  /**
   * A supervisor that runs already, of ours or of a BEAM node: of a pid, a
   * local name, `{ name, node }`, or `{ via: global, name }`.
   */
  static at<X extends readonly unknown[] = readonly []>(
    self: AnySelf,
    target: CallTarget,
    options?: CallOptions,
  ): DynamicSupervisor<X> {
    return new DynamicSupervisor<X>(self, target, options);
  }

  /** The specification of such a supervisor below another one. */
  static child<X extends readonly unknown[] = readonly []>(
    options: DynamicSupervisorOptions<X> = {},
    child: SupervisorChildOptions = {},
  ): ChildSpec {
    return supervisorSpec(
      child,
      childId(options.name, "DynamicSupervisor"),
      (self) => DynamicSupervisor.startLink(self, options),
    );
  }

  /**
   * Starts a child. Resolves with its pid; with null when its start has started
   * nothing (`ignore`).
   *
   * Rejects with `max_children`, or the reason why the child could not be
   * started; it is then not kept. Rejects with a `UsageError` for a
   * specification that is not valid. A start is a function, which cannot be
   * sent to another node, so that is a `UsageError` as well; a supervisor of a
   * BEAM node takes a start `{Module, Function, Arguments}`.
   */
  async startChild(
    spec: DynamicChildSpec<X> | Omit<OtpChildSpec, "id">,
  ): Promise<Pid | null> {
    const reply = await this.request(
      tuple(protocolAtoms.startChild, this.#specToSend(spec)),
    );
    return startedPid(reply, "start a child");
  }

  /**
   * Ends a child, and resolves when it has ended. A child that waits to be
   * restarted is known by its previous pid. Rejects with `not_found`.
   */
  async terminateChild(pid: Pid<never>): Promise<void> {
    const reply = await this.request(tuple(protocolAtoms.terminateChild, pid));
    valueOf(reply, "terminate a child");
  }

  /** All children, in no particular order. */
  async whichChildren(): Promise<readonly DynamicChildInfo[]> {
    const rows = await this.request<readonly unknown[]>(
      protocolAtoms.whichChildren,
    );
    return rows.map((row) => {
      const { pid, type, modules } = infoOf(row);
      return { pid, type, modules };
    });
  }

  /** The specification as it is sent. */
  #specToSend(spec: DynamicChildSpec<X> | Omit<OtpChildSpec, "id">): unknown {
    if (spec?.start instanceof Tuple) {
      return dynamicTerm(spec as Omit<OtpChildSpec, "id">);
    }
    checkDynamic(spec as DynamicChildSpec<never>);
    mustTakeFunctions(this.self, this.target);
    return new Shared(spec);
  }
}

/** A supervisor that was started, with its pid. */
export type RunningDynamicSupervisor<
  X extends readonly unknown[] = readonly [],
> = DynamicSupervisor<X> & { readonly pid: Pid<never> };

function checkDynamic(spec: DynamicChildSpec<never>): void {
  checkChild(spec);
  if ((spec as ChildSpec).significant !== true) return;
  throw new UsageError(
    "expected a child of a DynamicSupervisor not to be significant, since " +
      "its children come and go; use a Supervisor with autoShutdown",
  );
}

const dynamicOptions = new OptionTable<DynamicSupervisorOptions<never>>(
  "DynamicSupervisor",
  {
    ...restartLimitRules,
    name: serverName,
    maxChildren: option.endlessCount,
    extraArguments: option.list,
  },
);

function checkOptions(options: DynamicSupervisorOptions<never>): void {
  for (const name of ["strategy", "autoShutdown"] as const) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    throw new UsageError(
      `expected no ${name} for a DynamicSupervisor, whose children are ` +
        `independent of each other, got ${printTerm(value)}`,
    );
  }
  dynamicOptions.check(options);
  // The first argument of a start is the supervisor itself.
  const count = 1 + (options.extraArguments ?? []).length;
  if (count > MAX_ARGUMENTS) throw tooManyArguments("a child's start", count);
}

async function startSupervisor<X extends readonly unknown[]>(
  self: AnySelf,
  method: "start" | "startLink",
  options: DynamicSupervisorOptions<X>,
): Promise<RunningDynamicSupervisor<X>> {
  checkOptions(options as never);
  const { pid } = await Server[method](self, options, nameOptions(options));
  return new DynamicSupervisor<X>(self, pid) as RunningDynamicSupervisor<X>;
}
