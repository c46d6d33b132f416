/** Options of a node, and the name service that the kernel adds to it. */

import type { ExportedBehaviour } from "../contract/behaviour.ts";
import type { Host } from "../host/ports.ts";
import type { Trace } from "../host/trace.ts";
import type { Isolate } from "../messages/isolation.ts";
import type { Pid } from "../terms/terms.ts";
import type { ExportedFunction } from "./functions.ts";

export type NodeOptions = {
  readonly name: string;
  /** The incarnation. A node that starts again must have another one. */
  readonly creation: number;
  readonly host: Host;
  readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  /** See `Functions`. A malformed name is a `UsageError`. */
  readonly functions?: Readonly<Record<string, ExportedFunction>>;
  /** Freezes or copies messages between actors of this node. */
  readonly isolate?: Isolate | null;
  /** Turns of this length and longer are reported, in ms. Default 100. */
  readonly longTurnMs?: number;
  /** Trace hooks. A malformed trace is a `UsageError`. */
  readonly trace?: Trace;
};

/** Finds actors by names of the whole cluster; see `kernel/global/global.ts`. */
export interface NameService {
  whereis(name: unknown): Pid | null;
}
