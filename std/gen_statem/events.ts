/** Calls and casts as events, with the names that a definition declares. */

import { type Call, type Cast, Tuple } from "../../runtime/mod.ts";
import type { QueuedEvent } from "./types.ts";

/** An event in a machine's queues. */
// deno-lint-ignore ban-types
export type Queued = QueuedEvent<{}, {}>;

/** Names of calls or casts, by the first atom of the request. */
export type Names = ReadonlyMap<unknown, string>;

export function callEvent(names: Names, { request, from }: Call): Queued {
  const name = nameOf(names, request);
  const args = argsOf(name, request);
  return { type: "call", name, args, request, from } as Queued;
}

export function castEvent(names: Names, { request }: Cast): Queued {
  const name = nameOf(names, request);
  const args = argsOf(name, request);
  return { type: "cast", name, args, request } as Queued;
}

function nameOf(names: Names, request: unknown): string | null {
  const head = request instanceof Tuple ? request.items[0] : request;
  return names.get(head) ?? null;
}

const noArguments: readonly unknown[] = [];

function argsOf(name: string | null, request: unknown): readonly unknown[] {
  return name === null || !(request instanceof Tuple)
    ? noArguments
    : request.items.slice(1);
}
