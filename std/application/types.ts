/**
 * Definitions and errors of applications; see `std/application/mod.ts`.
 */

import { causedBy } from "../internal/reasons.ts";
import type { ExitReason, Pid, Self } from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";

/** Settings of an application, by key. */
export type Env = Readonly<Record<string, unknown>>;

/** Settings by the names of applications. */
export type Config = Readonly<Record<string, Env>>;

/**
 * What the end of an application does to the others. Any end of a `permanent`
 * application ends all others, and so does the end of a `transient` one unless
 * its root ended with `normal`. The end of a `temporary` one is only reported.
 */
export type ApplicationType = "permanent" | "transient" | "temporary";

/** The root of an application: a supervisor, or any other actor. */
export type Root = Pid<never> | { readonly pid: Pid<never> };

/** What the functions of a definition get. */
export type ApplicationContext<E extends Env = Env> = {
  readonly name: string;
  readonly type: ApplicationType;
  /** The present value of a setting; undefined if there is none. */
  env<K extends keyof E & string>(key: K): E[K];
};

/** The definition of an application. */
export type ApplicationDefinition<E extends Env = Env> = {
  readonly name: string;
  readonly description?: string;
  readonly version?: string;
  /** Applications that must run while this one runs. */
  readonly dependencies?: readonly { readonly name: string }[];
  /** The values of settings that neither `config` nor `putEnv` gives. */
  readonly env?: E;
  /**
   * Starts the root and returns it. `self` is an actor that belongs to the
   * application. Start the root with `startLink(self, …)`, so that it is linked
   * to that actor.
   */
  readonly start: (
    self: AnySelf & Pick<Self<never>, "log">,
    context: ApplicationContext<E>,
  ) => Root | Promise<Root>;
  /** Functions by name, which run in order once the root has started. */
  readonly startPhases?: Readonly<
    Record<string, (context: ApplicationContext<E>) => unknown>
  >;
  /** Runs before the root is shut down. */
  readonly prepStop?: (context: ApplicationContext<E>) => unknown;
  /** Runs when the root has ended, for any reason. */
  readonly stop?: (context: ApplicationContext<E>) => unknown;
  /**
   * How long the root may take to end before it is killed. Default Infinity.
   */
  readonly shutdownMs?: number;
};

/** A running application. */
export type ApplicationInfo = {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly type: ApplicationType;
  readonly root: Pid;
};

/** An application could not be started or stopped. */
export class ApplicationError extends Error {
  override readonly name = "ApplicationError";
  readonly application: string;
  /**
   * `alreadyStarted`, `notStarted`, `dependencyNotStarted`, or `startFailed`;
   * `reason` of the last one is what the start threw or ended with.
   */
  readonly code:
    | "alreadyStarted"
    | "notStarted"
    | "dependencyNotStarted"
    | "startFailed";
  readonly reason: ExitReason;
  constructor(
    application: string,
    code: ApplicationError["code"],
    message: string,
    reason: ExitReason = null,
  ) {
    super(message, causedBy(reason));
    this.application = application;
    this.code = code;
    this.reason = reason;
  }
}
