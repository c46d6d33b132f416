/** What supervisors of every kind are to the actor that asks them. */

import type {
  CallOptions,
  CallTarget,
  ExitReason,
  Pid,
} from "../../runtime/mod.ts";
import { stopBySystem, type StopOptions } from "../gen_server/stop.ts";
import { pidOf } from "../internal/targets.ts";
import { countsOf, words } from "./protocol.ts";
import type { ChildCounts } from "./types.ts";
import type { AnySelf } from "../internal/wait.ts";

/** The base of `Supervisor`, `DynamicSupervisor` and `PartitionSupervisor`. */
export class SupervisorClient {
  readonly self: AnySelf;
  readonly target: CallTarget;
  readonly options: CallOptions;

  /** @internal Made by `startLink`, `start` and `at` of its kinds. */
  constructor(self: AnySelf, target: CallTarget, options: CallOptions = {}) {
    this.self = self;
    this.target = target;
    this.options = { timeoutMs: Infinity, ...options };
  }

  /** Who is asked now; null when nobody has the name, or on another node. */
  get pid(): Pid<never> | null {
    return pidOf(this.self, this.target);
  }

  /** How many children there are, of which kind, and how many of them run. */
  async countChildren(): Promise<ChildCounts> {
    return countsOf(await this.ask(words.countChildren));
  }

  /**
   * Ends the supervisor and its children, and resolves when it has ended; see
   * `stop` of `std/gen_server`. Default reason `normal`.
   */
  stop(reason?: ExitReason, options: StopOptions = {}): Promise<void> {
    return stopBySystem(this.self, this.target, reason, options);
  }

  /** @internal */
  protected ask<R>(request: unknown): Promise<R> {
    return this.self.call<R>(this.target, request, this.options);
  }
}
