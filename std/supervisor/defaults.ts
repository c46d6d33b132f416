/** What a child specification means where it says nothing. */

import type {
  ChildOptions,
  Restart,
  Shutdown,
} from "../internal/child_spec.ts";

const DEFAULT_SHUTDOWN_MS = 5_000;

export function restartOf({ restart }: ChildOptions): Restart {
  return restart ?? "permanent";
}

export function typeOf({ type }: ChildOptions): "worker" | "supervisor" {
  return type ?? "worker";
}

export function shutdownOf({ shutdown, type }: ChildOptions): Shutdown {
  return shutdown ??
    (type === "supervisor" ? Infinity : DEFAULT_SHUTDOWN_MS);
}
