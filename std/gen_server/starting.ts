/** The handler of a server or state machine that is about to start. */

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
import { registerAndInit, type StartContext } from "../proc_lib/naming.ts";
import { Ignore, Refuse } from "./types.ts";

/** As much of a definition as its start needs. */
export type Startable<S> = {
  readonly name: string;
  readonly trapExits: boolean;
  readonly init: (self: Self<unknown>, arg: never) => unknown;
  /** The same object for all actors of the definition. */
  readonly options: HandlerOptions<S>;
};

/** How a definition, as the plan `P`, becomes a running `S`. */
export type Lifecycle<S, P> = {
  readonly create: (plan: P, self: Self<unknown>, parent: Pid | null) => S;
  /** Takes what `init` has returned, unless that refuses the start. */
  readonly afterInit: (
    created: S,
    returned: unknown,
    initAck: () => void,
  ) => S | Promise<S>;
  readonly handleMessage: AsyncMessageHandler<S, unknown>;
};

/** The handler of one actor of a definition. */
export function startingHandler<S, P extends Startable<S>>(
  plan: P,
  lifecycle: Lifecycle<S, P>,
  ...once: readonly [arg: unknown, context: StartContext]
): Handler<unknown> {
  // Used once and then cleared: an actor must not keep its argument alive.
  let start: typeof once | null = once;
  return asyncHandler<S, unknown>(
    (self) => {
      const [initArg, context] = start as NonNullable<typeof start>;
      start = null;
      if (plan.trapExits) self.trapExits = true;
      const created = lifecycle.create(plan, self, context.parent);
      const afterInit = (returned: unknown) => {
        failIfRefused(returned, context.starting);
        return lifecycle.afterInit(created, returned, context.starting.initAck);
      };
      return registerAndInit<S>(self, context, () => {
        const returned = plan.init(self, initArg as never);
        return returned instanceof Promise
          ? returned.then(afterInit)
          : afterInit(returned);
      });
    },
    lifecycle.handleMessage,
    plan.options,
  );
}

function failIfRefused(returned: unknown, { initFail }: Starting): void {
  if (returned instanceof Stop) initFail(returned.reason);
  if (returned instanceof Refuse) initFail(returned.reason, reasons.normal);
  if (returned instanceof Ignore) initFail(returned, reasons.normal);
}

/** Null where `init` has returned `ignore`; throws any other error again. */
export function nullIfIgnored(error: unknown): null {
  if (error instanceof StartError && error.reason instanceof Ignore) {
    return null;
  }
  throw error;
}
