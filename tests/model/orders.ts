/**
 * What drivers are told and what they tell each other, as messages.
 */

import { type Pid, type Ref, UsageError } from "../../runtime/mod.ts";
import type { Deed, Op } from "./program.ts";

/** What an actor is told to do. */
export type Order = {
  readonly type: "order";
  readonly op: Op & { readonly do: Deed };
  /** The other actor, as this one's node knows it. */
  readonly peer: Pid;
  readonly node: string;
  readonly name: string;
  /** After all faults. */
  readonly isLate: boolean;
};

export type Data = {
  readonly type: "data";
  readonly id: number;
  readonly from: number;
  readonly k: number;
  /** The sender once more, to see whether pids survive the way. */
  readonly me: Pid;
};

/** What a timer of another actor sends; its ref is known once it is set. */
export type Due = { readonly type: "due"; ref: Ref | null };

export type Request = {
  readonly call: number;
  readonly from: number;
  k: number;
};

export const actorNames: readonly string[] = ["n0", "n1", "n2"];
/** Longer than any run: such a timer must be cancelled at the end. */
export const FAR_MS = 10_000_000;

/** How a new driver is to be. */
export type Style = {
  readonly isHandler: boolean;
  readonly trap: boolean;
  /** Whether it ends before it has taken any message. */
  readonly isShort: boolean;
};

export function styleOf(y: number): Style {
  return {
    isHandler: (y & 1) !== 0,
    trap: (y & 2) !== 0,
    isShort: y > 8,
  };
}

export function isOfType<T extends { readonly type: string }>(
  message: unknown,
  type: T["type"],
): message is T {
  return typeof message === "object" && message !== null &&
    (message as { type?: unknown }).type === type;
}

export function isAllowed(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return false;
  }
}
