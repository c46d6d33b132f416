/**
 * Supervisors: actors that start others, their children, see them end, and
 * start them again. Follows OTP's `supervisor` and Elixir's `Supervisor`, also
 * on the wire: `supervisor:which_children` reaches one of ours, and
 * `Supervisor.at` reaches one of a BEAM node.
 *
 * A child is whatever has a pid: a server, another supervisor, an actor on
 * another node or in a worker. Its specification is an object with an `id` and
 * a `start`; servers make theirs with `Counter.child(…)`.
 *
 * When not to use it: for many children of one kind that come and go, see
 * `std/dynamic_supervisor`; to spread load over several of one kind,
 * `std/partition_supervisor`. A failure that the caller can handle is for
 * `try`: a supervisor is for those that nobody has thought of.
 *
 * Guarantees, weak ones included:
 * - Children start in order, each once the one before has acknowledged its
 *   start, and end in the opposite order, one after the other. Where one cannot
 *   be started, those before it are ended and `startLink` rejects.
 * - When a child that is to be restarted ends, it is, and with it those whom
 *   the strategy names. A restart that fails counts as a further one and is
 *   tried again at once, but the supervisor answers in between.
 * - Too many restarts within the window end all children and the supervisor,
 *   with reason `shutdown`: whoever stands above decides what then.
 * - When the supervisor has ended, so have its children, unless it was killed:
 *   then those that trap exits and those without a link to it may live on. So
 *   may grandchildren, when a supervisor below is given a time limit.
 * - One thing at a time: while a child's start or end takes its time, calls
 *   wait, and so does the parent's order to shut down.
 * - A child that has taken its link back ends with the supervisor, but its end
 *   before that goes unnoticed.
 */

import type {
  Behaviour,
  CallOptions,
  CallTarget,
  Pid,
  SpawnOptions,
} from "../../runtime/mod.ts";
import { Shared, Tuple, tuple } from "../../runtime/mod.ts";
import { genServer } from "../gen_server/mod.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import { checkFlags, checkSpec, checkSpecs } from "./checks.ts";
import { SupervisorClient } from "./client.ts";
import { specOf, specTerm } from "./otp_spec.ts";
import {
  infoOf,
  mustTakeStarts,
  startedOf,
  SupervisorError,
  valueOf,
  words,
} from "./protocol.ts";
import { familyDefinition } from "./running.ts";
import type { AutoShutdown, ChildInfo, SupervisorOptions } from "./types.ts";
import type { OtpChildSpec } from "./otp_spec.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import {
  childId,
  type ChildOptions,
  type ChildSpec,
} from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";

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

const Server = genServer(familyDefinition);

/**
 * A supervisor, as the actor `self` sees it.
 *
 * Every method rejects with a `CallError` when the supervisor is not there, and
 * with a `SupervisorError` when it refuses. Without other options of `at`, they
 * wait as long as it takes.
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
 *   // What is asked of the supervisor now comes after the restart.
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
   * the name has a holder, and `{shutdown, {failed_to_start_child, Id,
   * Reason}}` when a child cannot be started; a caller that does not trap exits
   * ends with that. Throws `UsageError` for specifications that make no sense.
   */
  static startLink(
    self: AnySelf,
    options: SupervisorOptions,
  ): Promise<RunningSupervisor> {
    return begin(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start(
    self: AnySelf,
    options: SupervisorOptions,
  ): Promise<RunningSupervisor> {
    return begin(self, "start", options);
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
   * The specification of a supervisor below another one. `id` is its name or
   * `"Supervisor"` unless told; it may take as long as it needs to end.
   */
  static child(
    options: SupervisorOptions,
    child: ChildOptions & { readonly id?: unknown } = {},
  ): ChildSpec {
    return {
      type: "supervisor",
      ...child,
      id: child.id ?? childId(options.name, "Supervisor"),
      start: (self) => Supervisor.startLink(self, options),
    };
  }

  /** All children, the one that was started last first. */
  async whichChildren(): Promise<readonly ChildInfo[]> {
    const rows = await this.ask<readonly unknown[]>(words.whichChildren);
    return rows.map(infoOf);
  }

  /**
   * Adds a child and starts it. Resolves with its pid; with null when its start
   * came to nothing (`ignore`), and its specification is kept unless it is
   * temporary.
   *
   * Rejects with `already_present`, `{already_started, Pid}`, or the reason for
   * which it could not be started; then nothing is kept. Rejects with a
   * `UsageError` for a specification that makes no sense. A start is a
   * function, so a supervisor of another node of ours cannot be given one,
   * which is a `UsageError` as well; one of a BEAM node takes a start `{Module,
   * Function, Arguments}`.
   */
  async startChild(spec: ChildSpec | OtpChildSpec): Promise<Pid | null> {
    const reply = await this.ask(tuple(words.startChild, this.#asked(spec)));
    return startedOf(reply, "start a child");
  }

  /**
   * Starts a child again that was terminated, or has ended and is not
   * restarted. Rejects with `not_found`, `running`, `restarting`, or why it
   * cannot start.
   */
  async restartChild(id: unknown): Promise<Pid | null> {
    const reply = await this.ask(tuple(words.restartChild, id));
    return startedOf(reply, "restart a child");
  }

  /**
   * Ends a child and keeps its specification, unless it is temporary. Resolves
   * when it has ended, and for one that does not run. One that waits to be
   * restarted is not. Rejects with `not_found`.
   */
  async terminateChild(id: unknown): Promise<void> {
    const reply = await this.ask(tuple(words.terminateChild, id));
    valueOf(reply, "terminate a child");
  }

  /**
   * Forgets a child that does not run. Rejects with `not_found`, `running` or
   * `restarting`.
   */
  async deleteChild(id: unknown): Promise<void> {
    const reply = await this.ask(tuple(words.deleteChild, id));
    valueOf(reply, "delete a child");
  }

  /** The specification of a child. Rejects with `not_found`. */
  async getChildSpec(id: unknown): Promise<ChildSpec | OtpChildSpec> {
    const reply = await this.ask(tuple(words.getSpec, id));
    return specOf(valueOf(reply, "tell a specification"));
  }

  /** A specification as it is sent. */
  #asked(spec: ChildSpec | OtpChildSpec): unknown {
    if (spec?.start instanceof Tuple) return specTerm(spec as OtpChildSpec);
    checkSpec(spec as ChildSpec, undefined);
    mustTakeStarts(this.self, this.target);
    return new Shared(spec);
  }
}

/** A supervisor that was just started. */
export type RunningSupervisor = Supervisor & { readonly pid: Pid<never> };

async function begin(
  self: AnySelf,
  how: "start" | "startLink",
  options: SupervisorOptions,
): Promise<RunningSupervisor> {
  checkFlags(options);
  checkSpecs(options.children, options.autoShutdown ?? "never");
  const { name } = options;
  const { pid } = await Server[how](
    self,
    options,
    name === undefined ? {} : { name },
  );
  return new Supervisor(self, pid) as RunningSupervisor;
}

/**
 * Throws `UsageError` for specifications that make no sense, alone or among
 * each other; with `autoShutdown`, also for significant children that this
 * supervisor could not have.
 */
export function checkChildSpecs(
  specs: readonly ChildSpec[],
  options: { readonly autoShutdown?: AutoShutdown } = {},
): void {
  checkSpecs(specs, options.autoShutdown);
}

/**
 * The start of a child that is a bare actor. It counts as started at once; for
 * one that has something to prepare, see `startLink` of `std/proc_lib`.
 *
 * A handler's first state is used again at each restart: give `handler` a
 * function that makes it.
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
