/**
 * What applications are defined by and tell of; see `std/application/mod.ts`.
 */

import type { ExitReason, Pid, Self } from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";

/** Settings of an application, by key. */
export type Env = Readonly<Record<string, unknown>>;

/** Settings by the names of applications. */
export type Config = Readonly<Record<string, Env>>;

/**
 * What its end means. Of a `permanent` application any end, and of a
 * `transient` one an end that is not in good order, ends all others too; a
 * `temporary` one's is only reported.
 */
export type ApplicationType = "permanent" | "transient" | "temporary";

/** The root of an application: a supervisor, or any other actor. */
export type Root = Pid<never> | { readonly pid: Pid<never> };

/** What the functions of a definition are given. */
export type ApplicationContext<E extends Env = Env> = {
  readonly name: string;
  readonly type: ApplicationType;
  /** A setting as it is now; undefined for one that there is not. */
  env<K extends keyof E & string>(key: K): E[K];
};

/** A definition. */
export type ApplicationDefinition<E extends Env = Env> = {
  readonly name: string;
  readonly description?: string;
  readonly version?: string;
  /** Applications that have to run while this one does. */
  readonly dependencies?: readonly { readonly name: string }[];
  /** Settings, where nothing else gives them another value. */
  readonly env?: E;
  /**
   * Starts the root and returns it. `self` is an actor of the application's
   * own, which is to be linked to the root: start that with `startLink(self,
   * …)`.
   */
  readonly start: (
    self: AnySelf & Pick<Self<never>, "log">,
    context: ApplicationContext<E>,
  ) => Root | Promise<Root>;
  /** Run in order once the root has started, by name. */
  readonly startPhases?: Readonly<
    Record<string, (context: ApplicationContext<E>) => unknown>
  >;
  /** Runs before the root is ended. */
  readonly prepStop?: (context: ApplicationContext<E>) => unknown;
  /** Runs when the root has ended, however that was. */
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
   * `alreadyStarted`, `notStarted`, `dependencyNotStarted`, or `startFailed`,
   * whose `reason` is what its start threw or ended with.
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
    super(message, reason instanceof Error ? { cause: reason } : {});
    this.application = application;
    this.code = code;
    this.reason = reason;
  }
}
