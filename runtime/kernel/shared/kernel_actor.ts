/**
 * What the kernel's actors have in common: anyone can send them anything, and
 * nothing of it may end them.
 */

import type { Handler } from "../../core/contract/behaviour.ts";
import { handler } from "../../core/contract/handler.ts";
import type { Self } from "../../core/contract/self.ts";

/** Told what went wrong with one message. */
export type Complain = (what: string, error: unknown) => void;

/**
 * A handler without a state. What `handle` throws concerns that message only.
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
