/** What starts of servers and of state machines have in common. */

import {
  asyncHandler,
  type AsyncMessageHandler,
  type Handler,
  type HandlerOptions,
  type Pid,
  reasons,
  type Self,
  Stop,
} from "../../runtime/mod.ts";
import { StartError, type Starting } from "../proc_lib/mod.ts";
import { Ignore, Refuse } from "./types.ts";
import { type Launch, underName } from "../proc_lib/naming.ts";

/** As much of a definition as its start needs. */
export type Startable<S> = {
  readonly trapExits: boolean;
  readonly init: (self: Self<unknown>, arg: never) => unknown;
  /** The same for all of the kind. */
  readonly options: HandlerOptions<S>;
};

/** How one of a kind comes to life. */
export type Life<S, P> = {
  readonly make: (plan: P, self: Self<unknown>, parent: Pid | null) => S;
  /** Takes what `init` has returned, unless that refuses the start. */
  readonly settle: (
    made: S,
    first: unknown,
    initAck: () => void,
  ) => S | Promise<S>;
  readonly handle: AsyncMessageHandler<S, unknown>;
};

/** The behaviour of what is about to start. */
export function startedBy<S, P extends Startable<S>>(
  plan: P,
  life: Life<S, P>,
  arg: unknown,
  launch: Launch,
): Handler<unknown> {
  // It begins once, and what lives long need not keep what for.
  let once: readonly [unknown, Launch] | null = [arg, launch];
  return asyncHandler<S, unknown>(
    (self) => {
      const [first, how] = once as readonly [unknown, Launch];
      once = null;
      if (plan.trapExits) self.trapExits = true;
      const made = life.make(plan, self, how.parent);
      const settle = (returned: unknown) => {
        mustNotRefuse(returned, how.starting);
        return life.settle(made, returned, how.starting.initAck);
      };
      return underName<S>(self, how, () => {
        const returned = plan.init(self, first as never);
        return returned instanceof Promise
          ? returned.then(settle)
          : settle(returned);
      });
    },
    life.handle,
    plan.options,
  );
}

function mustNotRefuse(returned: unknown, { initFail }: Starting): void {
  if (returned instanceof Stop) initFail(returned.reason);
  if (returned instanceof Refuse) initFail(returned.reason, reasons.normal);
  if (returned instanceof Ignore) initFail(returned, reasons.normal);
}

/** Throws what is no wish of `init` that there be nothing. */
export function nullIfIgnored(error: unknown): null {
  if (error instanceof StartError && error.reason instanceof Ignore) {
    return null;
  }
  throw error;
}
