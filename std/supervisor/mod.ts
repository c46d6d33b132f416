/**
 * Supervisors: actors that start other actors, their children, and restart them
 * when they end. Follows OTP's `supervisor` and Elixir's `Supervisor`, also on
 * the wire: `supervisor:which_children` reaches a supervisor of ours, and
 * `Supervisor.at` reaches one of a BEAM node.
 *
 * **To start a tree:** `Supervisor.startLink` with `children`, a list of
 * specifications. A specification is an object with an `id` and a `start`.
 * Servers make theirs with `Counter.child(…)`, supervisors with
 * `Supervisor.child(…)`, and `actorStart` makes the `start` of a bare actor.
 *
 * **To say which children are restarted:** `restart` of each child, and
 * `strategy` of the supervisor.
 *
 * **To end the supervisor when its work is done:** `significant` children and
 * `autoShutdown`.
 *
 * **To change children at run time:** `startChild`, `terminateChild`,
 * `restartChild` and `deleteChild`; `whichChildren` and `countChildren` list
 * them.
 *
 * A child is any actor with a pid: a server, another supervisor, an actor on
 * another node or in a worker.
 *
 * When not to use it: for many children of one kind that come and go, see
 * `std/dynamic_supervisor`; to spread load over several children of one kind,
 * `std/partition_supervisor`. A failure that the caller can handle is for
 * `try`: a supervisor is for failures that the code does not expect.
 *
 * Guarantees, weak ones included:
 * - Children start in order, each once the one before has acknowledged its
 *   start, and end in the opposite order, one after the other. If a child
 *   cannot be started, the children before it are ended and `startLink`
 *   rejects.
 * - A child that ends and is to be restarted is restarted, along with the
 *   children that the strategy names. A restart that fails counts as a further
 *   restart and is tried again at once, with calls answered in between.
 * - Too many restarts within the window end all children and the supervisor,
 *   with reason `shutdown`. The supervisor above it then restarts it or not.
 * - When a supervisor ends, its children have ended before, unless it was
 *   killed: then children that trap exits and children without a link to it may
 *   live on. So may grandchildren, when a supervisor below is given a time
 *   limit.
 * - The supervisor does one thing at a time: while a child starts or ends,
 *   calls wait, and so does the parent's order to shut down.
 * - A child that has removed its link ends with the supervisor, but the
 *   supervisor does not notice when it ends before.
 */

import { serverName } from "../internal/options.ts";
import {
  type Behaviour,
  type CallOptions,
  type CallTarget,
  option,
  OptionTable,
  type Pid,
  Shared,
  type SpawnOptions,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";
import { genServer } from "../gen_server/mod.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import { childId, type ChildSpec } from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import { checkSpec, checkSpecs, flagRules } from "./checks.ts";
import {
  nameOptions,
  type SupervisorChildOptions,
  SupervisorClient,
  supervisorSpec,
} from "./client.ts";
import { type OtpChildSpec, specOf, specTerm } from "./otp_spec.ts";
import {
  infoOf,
  mustTakeFunctions,
  protocolAtoms,
  startedPid,
  SupervisorError,
  valueOf,
} from "./protocol.ts";
import { supervisorDefinition } from "./running.ts";
import type { AutoShutdown, ChildInfo, SupervisorOptions } from "./types.ts";

export { SupervisorError };
export type {
  AutoShutdown,
  ChildCounts,
  ChildInfo,
  RestartLimits,
  Strategy,
  SupervisorFlags,
  SupervisorOptions,
} from "./types.ts";
export type { OtpChildSpec } from "./otp_spec.ts";
export type {
  ChildOptions,
  ChildSpec,
  ChildStart,
  Restart,
  Shutdown,
} from "../internal/child_spec.ts";
export type { AnySelf, ServerName, StopOptions };

const Server = genServer(supervisorDefinition);

/**
 * A supervisor, as the actor `self` sees it.
 *
 * Every method rejects with a `CallError` when there is no such supervisor, and
 * with a `SupervisorError` when it refuses. The methods have no time limit
 * unless `at` is given one.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer } from "hornbeam/std/gen_server";
 * import { Supervisor } from "hornbeam/std/supervisor";
 *
 * const Counter = genServer({
 *   init: (_self, first: number) => first,
 *   calls: { add: (server, n: number) => server.state += n },
 *   casts: {
 *     crash: () => {
 *       throw "as asked";
 *     },
 *   },
 * });
 *
 * await using node = await start({ log: () => {} });
 * await node.run(async (self) => {
 *   const sup = await Supervisor.startLink(self, {
 *     strategy: "oneForOne",
 *     children: [Counter.child(40, { id: "counter", name: "counter" })],
 *   });
 *   const counter = Counter.at(self, "counter");
 *   console.log(await counter.add(2)); // prints: 42
 *   const crash = self.monitor("counter");
 *   counter.crash();
 *   await self.receive(crash);
 *   // The supervisor handles this call after the restart.
 *   const [child] = await sup.whichChildren();
 *   console.log(child?.id, await counter.add(2)); // prints: counter 42
 * });
 * ```
 */
export class Supervisor extends SupervisorClient {
  /**
   * Starts a supervisor that is linked to the caller, and resolves once its
   * children have started.
   *
   * Rejects with a `StartError`. Its `reason` is `{already_started, Pid}` when
   * another actor has the name, and `{shutdown, {failed_to_start_child, Id,
   * Reason}}` when a child cannot be started; a caller that does not trap exits
   * then ends with it. Throws `UsageError` for specifications that are not
   * valid.
   */
  static startLink(
    self: AnySelf,
    options: SupervisorOptions,
  ): Promise<RunningSupervisor> {
    return startSupervisor(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start(
    self: AnySelf,
    options: SupervisorOptions,
  ): Promise<RunningSupervisor> {
    return startSupervisor(self, "start", options);
  }

  /**
   * A supervisor that runs already, of ours or of a BEAM node: of a pid, a
   * local name, `{ name, node }`, or `{ via: global, name }`.
   */
  static at(
    self: AnySelf,
    target: CallTarget,
    options?: CallOptions,
  ): Supervisor {
    return new Supervisor(self, target, options);
  }

  /**
   * The specification of a supervisor below another one. Default `id`: its
   * name, or else `"Supervisor"`. Default `shutdown`: Infinity.
   */
  static child(
    options: SupervisorOptions,
    child: SupervisorChildOptions = {},
  ): ChildSpec {
    return supervisorSpec(
      child,
      childId(options.name, "Supervisor"),
      (self) => Supervisor.startLink(self, options),
    );
  }

  /** All children, the last started first. */
  async whichChildren(): Promise<readonly ChildInfo[]> {
    const rows = await this.request<readonly unknown[]>(
      protocolAtoms.whichChildren,
    );
    return rows.map(infoOf);
  }

  /**
   * Adds a child and starts it. Resolves with its pid. Resolves with null when
   * its start has started nothing (`ignore`); its specification is then kept
   * unless it is temporary.
   *
   * Rejects with `already_present`, `{already_started, Pid}`, or the reason why
   * it could not be started; the specification is then not kept. Rejects with a
   * `UsageError` for a specification that is not valid. A start is a function,
   * which cannot be sent to another node, so that is a `UsageError` as well; a
   * supervisor of a BEAM node takes a start `{Module, Function, Arguments}`.
   */
  async startChild(spec: ChildSpec | OtpChildSpec): Promise<Pid | null> {
    const reply = await this.request(
      tuple(protocolAtoms.startChild, this.#specToSend(spec)),
    );
    return startedPid(reply, "start a child");
  }

  /**
   * Starts a child that was terminated, or that has ended and is not restarted.
   * Rejects with `not_found`, `running`, `restarting`, or the reason why it
   * could not be started.
   */
  async restartChild(id: unknown): Promise<Pid | null> {
    const reply = await this.request(tuple(protocolAtoms.restartChild, id));
    return startedPid(reply, "restart a child");
  }

  /**
   * Ends a child and keeps its specification, unless it is temporary. Resolves
   * when the child has ended, and at once if it does not run. A restart that is
   * due does not happen. Rejects with `not_found`.
   */
  async terminateChild(id: unknown): Promise<void> {
    const reply = await this.request(tuple(protocolAtoms.terminateChild, id));
    valueOf(reply, "terminate a child");
  }

  /**
   * Removes the specification of a child that does not run. Rejects with
   * `not_found`, `running` or `restarting`.
   */
  async deleteChild(id: unknown): Promise<void> {
    const reply = await this.request(tuple(protocolAtoms.deleteChild, id));
    valueOf(reply, "delete a child");
  }

  /** The specification of a child. Rejects with `not_found`. */
  async getChildSpec(id: unknown): Promise<ChildSpec | OtpChildSpec> {
    const reply = await this.request(tuple(protocolAtoms.getSpec, id));
    return specOf(valueOf(reply, "return a specification"));
  }

  /** The specification as it is sent. */
  #specToSend(spec: ChildSpec | OtpChildSpec): unknown {
    if (spec?.start instanceof Tuple) return specTerm(spec as OtpChildSpec);
    checkSpec(spec as ChildSpec, undefined);
    mustTakeFunctions(this.self, this.target);
    return new Shared(spec);
  }
}

const supervisorOptions = new OptionTable<SupervisorOptions>("Supervisor", {
  ...flagRules,
  children: option.list,
  name: serverName,
});

const checkOptions = new OptionTable<
  { readonly autoShutdown?: AutoShutdown }
>("checkChildSpecs", { autoShutdown: flagRules.autoShutdown });

/** A supervisor that was started, with its pid. */
export type RunningSupervisor = Supervisor & { readonly pid: Pid<never> };

async function startSupervisor(
  self: AnySelf,
  method: "start" | "startLink",
  options: SupervisorOptions,
): Promise<RunningSupervisor> {
  supervisorOptions.check(options ?? null);
  checkSpecs(options.children, options.autoShutdown ?? "never");
  const { pid } = await Server[method](self, options, nameOptions(options));
  return new Supervisor(self, pid) as RunningSupervisor;
}

/**
 * Checks specifications without starting a child. Throws `UsageError` for one
 * that is not valid, and for two of the same id; with `autoShutdown`, also for
 * significant children that a supervisor of this setting refuses.
 *
 * @example
 * ```ts
 * import { actorStart, checkChildSpecs } from "hornbeam/std/supervisor";
 *
 * const start = actorStart(() => {});
 * try {
 *   checkChildSpecs([{ id: "a", start }, { id: "a", start }]);
 * } catch (error) {
 *   console.log(String(error)); // prints: UsageError: expected each child…
 * }
 * ```
 */
export function checkChildSpecs(
  specs: readonly ChildSpec[],
  options: { readonly autoShutdown?: AutoShutdown } = {},
): void {
  checkOptions.check(options);
  checkSpecs(specs, options.autoShutdown);
}

/**
 * The `start` of a child that is a bare actor. It counts as started at once;
 * for an actor that has something to prepare, see `startLink` of
 * `std/proc_lib`.
 *
 * A handler's first state is used again at each restart, so give `handler` a
 * function that makes the state.
 *
 * @example
 * ```ts
 * import { type Self, start } from "hornbeam";
 * import { actorStart, Supervisor } from "hornbeam/std/supervisor";
 *
 * const echo = async (self: Self<string>) => {
 *   for await (const word of self) console.log(word);
 * };
 * await using node = await start();
 * await node.run(async (self) => {
 *   const sup = await Supervisor.startLink(self, {
 *     children: [{ id: "echo", start: actorStart(echo, { name: "echo" }) }],
 *   });
 *   self.send("echo", "hello"); // prints: hello
 *   await sup.stop();
 * });
 * ```
 */
export function actorStart<M>(
  behaviour: Behaviour<M>,
  options: SpawnOptions = {},
): ChildSpec["start"] {
  return (self) => self.spawnLink(behaviour, options);
}
