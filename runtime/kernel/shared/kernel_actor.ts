/**
 * The handler of the kernel's actors. Any actor of the cluster can send them
 * any message, and no message may end them.
 */

import type { Handler } from "../../core/contract/behaviour.ts";
import { handler } from "../../core/contract/handler.ts";
import type { Self } from "../../core/contract/self.ts";

/** Reports what went wrong with one message. */
export type Complain = (what: string, error: unknown) => void;

/**
 * A handler without a state. An error of `handle` is reported, and concerns
 * only the message that it was called with.
 */
export function kernelActor(
  complain: Complain,
  handle: (message: unknown, self: Self<unknown>) => void,
): Handler<unknown> {
  return handler(null, (state: null, message: unknown, self) => {
    try {
      handle(message, self);
    } catch (error) {
      complain("a kernel actor could not handle a message", error);
    }
    return state;
  });
}
