/** A supervisor of any kind, as the actor that calls it sees it. */

import { callOptions, childRules } from "../internal/options.ts";
import { option, OptionTable } from "../../runtime/mod.ts";
import type {
  CallOptions,
  CallTarget,
  ExitReason,
  Pid,
} from "../../runtime/mod.ts";
import { stopBySystem, type StopOptions } from "../gen_server/stop.ts";
import type { ChildOptions, ChildSpec } from "../internal/child_spec.ts";
import { pidOfTarget } from "../internal/targets.ts";
import { countsOf, protocolAtoms } from "./protocol.ts";
import type { ChildCounts } from "./types.ts";
import type { ServerOptions } from "../gen_server/types.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";

/** The base of `Supervisor`, `DynamicSupervisor` and `PartitionSupervisor`. */
export class SupervisorClient {
  readonly self: AnySelf;
  readonly target: CallTarget;
  readonly options: CallOptions;

  /** @internal Made by `startLink`, `start` and `at` of its subclasses. */
  constructor(self: AnySelf, target: CallTarget, options: CallOptions = {}) {
    callOptions.check(options, "at");
    this.self = self;
    this.target = target;
    this.options = { timeoutMs: Infinity, ...options };
  }

  /**
   * The supervisor's pid now; null when no actor has the name, or on another
   * node.
   */
  get pid(): Pid<never> | null {
    return pidOfTarget(this.self, this.target);
  }

  /** How many children there are, of which type, and how many of them run. */
  async countChildren(): Promise<ChildCounts> {
    return countsOf(await this.request(protocolAtoms.countChildren));
  }

  /**
   * Ends the supervisor and its children, and resolves when it has ended; see
   * `stop` of `std/gen_server`. Default reason `normal`.
   */
  stop(reason?: ExitReason, options: StopOptions = {}): Promise<void> {
    return stopBySystem(this.self, this.target, reason, options);
  }

  /** @internal Calls the supervisor. */
  protected request<R>(request: unknown): Promise<R> {
    return this.self.call<R>(this.target, request, this.options);
  }
}

/** Options of a supervisor below another one. */
export type SupervisorChildOptions = ChildOptions & { readonly id?: unknown };

const childOptions = new OptionTable<SupervisorChildOptions>("child", {
  ...childRules,
  id: option.any,
});

/** The specification of a supervisor below another one. */
export function supervisorSpec(
  options: SupervisorChildOptions,
  defaultId: unknown,
  start: ChildSpec["start"],
): ChildSpec {
  childOptions.check(options);
  return {
    type: "supervisor",
    ...options,
    id: options.id ?? defaultId,
    start,
  };
}

/** The options of a server's start, with the name if there is one. */
export function nameOptions(
  { name }: { readonly name?: ServerName },
): ServerOptions {
  return name === undefined ? {} : { name };
}
