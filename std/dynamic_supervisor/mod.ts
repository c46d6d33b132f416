/**
 * A supervisor of many: its children are started at run time, by whoever asks,
 * and known by their pids. Follows Elixir's `DynamicSupervisor`, which is OTP's
 * `simple_one_for_one`, also on the wire.
 *
 * It starts empty. Children have nothing to do with each other: one that ends
 * is restarted alone, there is no order, and at the end all are ended at once.
 *
 * When not to use it: for a fixed set of children with an order, see
 * `std/supervisor`. Where one such supervisor is asked by too many at a time,
 * `std/partition_supervisor` makes several of it.
 *
 * Guarantees, weak ones included:
 * - `startChild` resolves once the child has acknowledged its start, and starts
 *   come one after the other: a slow one holds up those behind it.
 * - What a call costs does not grow with the number of children.
 * - `terminateChild` resolves when the child has ended.
 * - A restart is a new actor with another pid: whoever needs to find it has it
 *   registered. A restart that fails counts as a further one and is tried
 *   again, with calls answered in between; meanwhile the child counts.
 * - Too many restarts within the window end the supervisor with all children,
 *   with reason `shutdown`.
 * - At the end, children have as long as each of them may take, all at the same
 *   time; what is asked of the supervisor meanwhile fails with its end.
 * - When it is killed, those that trap exits may live on.
 */

import {
  type CallOptions,
  type CallTarget,
  type Pid,
  printTerm,
  Shared,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { crowdDefinition } from "./running.ts";
import type {
  DynamicChildInfo,
  DynamicChildSpec,
  DynamicSupervisorOptions,
} from "./types.ts";
import { genServer } from "../gen_server/mod.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import { checkChild, checkLimits } from "../supervisor/checks.ts";
import { SupervisorClient } from "../supervisor/client.ts";
import { dynamicTerm, type OtpChildSpec } from "../supervisor/otp_spec.ts";
import {
  infoOf,
  mustTakeStarts,
  startedOf,
  SupervisorError,
  valueOf,
  words,
} from "../supervisor/protocol.ts";
import {
  childId,
  type ChildOptions,
  type ChildSpec,
} from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";

export { SupervisorError };
export type {
  DynamicChildInfo,
  DynamicChildSpec,
  DynamicSupervisorOptions,
} from "./types.ts";
export type { OtpChildSpec, StopOptions };

const Server = genServer(crowdDefinition);

/**
 * A supervisor of many, as the actor `self` sees it. `X` is what each start is
 * given besides.
 *
 * Every method rejects with a `CallError` when the supervisor is not there, and
 * with a `SupervisorError` when it refuses. Without other options of `at`, they
 * wait as long as it takes.
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
   * `StartError` of `{already_started, Pid}` when the name has a holder. Throws
   * `UsageError` for options that make no sense.
   */
  static startLink<X extends readonly unknown[] = readonly []>(
    self: AnySelf,
    options: DynamicSupervisorOptions<X> = {},
  ): Promise<RunningDynamicSupervisor<X>> {
    return begin(self, "startLink", options);
  }

  /** As `startLink`, without a link. */
  static start<X extends readonly unknown[] = readonly []>(
    self: AnySelf,
    options: DynamicSupervisorOptions<X> = {},
  ): Promise<RunningDynamicSupervisor<X>> {
    return begin(self, "start", options);
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
    child: ChildOptions & { readonly id?: unknown } = {},
  ): ChildSpec {
    return {
      type: "supervisor",
      ...child,
      id: child.id ?? childId(options.name, "DynamicSupervisor"),
      start: (self) => DynamicSupervisor.startLink(self, options),
    };
  }

  /**
   * Starts a child. Resolves with its pid; with null when its start came to
   * nothing (`ignore`).
   *
   * Rejects with `max_children`, or the reason for which it could not be
   * started; then nothing is left of it. Rejects with a `UsageError` for a
   * specification that makes no sense. A start is a function, so a supervisor
   * of another node of ours cannot be given one, which is a `UsageError` as
   * well; one of a BEAM node takes a start `{Module, Function, Arguments}`.
   */
  async startChild(
    spec: DynamicChildSpec<X> | Omit<OtpChildSpec, "id">,
  ): Promise<Pid | null> {
    const reply = await this.ask(tuple(words.startChild, this.#asked(spec)));
    return startedOf(reply, "start a child");
  }

  /**
   * Ends a child, and resolves when it has ended. One that waits to be
   * restarted is known by the pid that it had. Rejects with `not_found`.
   */
  async terminateChild(pid: Pid<never>): Promise<void> {
    const reply = await this.ask(tuple(words.terminateChild, pid));
    valueOf(reply, "terminate a child");
  }

  /** All children, in no order that could be relied on. */
  async whichChildren(): Promise<readonly DynamicChildInfo[]> {
    const rows = await this.ask<readonly unknown[]>(words.whichChildren);
    return rows.map((row) => {
      const { pid, type, modules } = infoOf(row);
      return { pid, type, modules };
    });
  }

  /** A specification as it is sent. */
  #asked(spec: DynamicChildSpec<X> | Omit<OtpChildSpec, "id">): unknown {
    if (spec?.start instanceof Tuple) {
      return dynamicTerm(spec as Omit<OtpChildSpec, "id">);
    }
    checkDynamic(spec as DynamicChildSpec<never>);
    mustTakeStarts(this.self, this.target);
    return new Shared(spec);
  }
}

/** A supervisor that was just started. */
export type RunningDynamicSupervisor<
  X extends readonly unknown[] = readonly [],
> = DynamicSupervisor<X> & { readonly pid: Pid<never> };

function checkDynamic(spec: DynamicChildSpec<never>): void {
  checkChild(spec);
  if ((spec as ChildSpec).significant !== true) return;
  throw new UsageError(
    "expected a child of a DynamicSupervisor not to be significant, since " +
      "others of its kind come and go; use a Supervisor with autoShutdown",
  );
}

function checkOptions(options: DynamicSupervisorOptions<never>): void {
  checkLimits(options);
  const { maxChildren = Infinity, extraArguments = [] } = options;
  if (
    maxChildren !== Infinity &&
    !(Number.isSafeInteger(maxChildren) && maxChildren >= 0)
  ) {
    throw new UsageError(
      "expected maxChildren to be a whole number from 0 on or Infinity, got " +
        printTerm(maxChildren),
    );
  }
  if (!Array.isArray(extraArguments)) {
    throw new UsageError(
      `expected extraArguments to be an array, got ${
        printTerm(extraArguments)
      }`,
    );
  }
  for (const name of ["strategy", "autoShutdown"] as const) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const only = name === "strategy" ? "oneForOne" : "never";
    if (value === undefined || value === only) continue;
    throw new UsageError(
      `expected no ${name} for a DynamicSupervisor, whose children have ` +
        `nothing to do with each other, got ${printTerm(value)}`,
    );
  }
}

async function begin<X extends readonly unknown[]>(
  self: AnySelf,
  how: "start" | "startLink",
  options: DynamicSupervisorOptions<X>,
): Promise<RunningDynamicSupervisor<X>> {
  checkOptions(options as never);
  const { name } = options;
  const { pid } = await Server[how](
    self,
    options,
    name === undefined ? {} : { name },
  );
  return new DynamicSupervisor<X>(self, pid) as RunningDynamicSupervisor<X>;
}
