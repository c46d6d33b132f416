/**
 * What a node and its workers say to each other beside the connection of the
 * two nodes: the functions that each side offers the other's thread.
 *
 * Only clones cross, so everything here is data.
 */

import type { LogRecord } from "../core/host/ports.ts";
import type { LinkEnd } from "../platform/workers/carrier.ts";
import type { NodeStats } from "../node_stats.ts";
import type { StartOptions } from "../start_options.ts";

/** Names of the options that a worker's node takes over from its parent. */
export const inheritedNames = [
  "binaries",
  "cookies",
  "epmdPort",
  "exact",
  "hidden",
  "inspectable",
  "isolate",
  "limits",
  "listenHost",
  "longTurnMs",
  "peerPort",
  "peers",
  "strict",
  "tls",
  "withoutFlags",
] as const;

/**
 * Options that a worker's node takes over from its parent. `keyof`, because an
 * internal option is not a key of `StartOptions` in a package's declarations.
 */
export type InheritedOptions = Pick<
  StartOptions,
  keyof StartOptions & typeof inheritedNames[number]
>;

/** What a thread is to become. */
export type StartOrder = {
  readonly name: string;
  readonly cookie: string;
  /** The node that starts it. */
  readonly parent: string;
  readonly options: InheritedOptions;
  readonly port: number;
  /** Whether the parent registers it with epmd. */
  readonly isRegistered: boolean;
  /** Address of the module. */
  readonly module: string;
  /** Names of the exports that are offered; null for all. */
  readonly exports: readonly string[] | null;
  readonly context: Readonly<Record<string, unknown>>;
  /** Longest wait for an answer of the parent, in ms. */
  readonly timeoutMs: number;
};

/** What a worker's thread does when its parent asks. */
export type WorkerApi = {
  /** Starts the node; rejects with what keeps it from starting. */
  start(order: StartOrder): Promise<void>;
  /** Runs the module's default export, if it has one. */
  run(): void;
  /** Takes over one end of a link with the node `from`. */
  accept(from: string, end: LinkEnd): void;
  /** A sibling's thread is gone. */
  lost(nodeName: string, reason: string): void;
  stats(): NodeStats;
  /** Names of the behaviours that other nodes may spawn there. */
  exported(): readonly string[];
  /** Ends the program, the node and the thread, in this order. */
  stop(): void;
  /** Ends the thread at once. */
  quit(): void;
};

/** How a worker's program ended. */
export type ProgramEnd =
  | { readonly type: "done" }
  | {
    readonly type: "failed";
    /** What was thrown, as far as it crosses; `name` is null for no error. */
    readonly thrown: {
      readonly name: string | null;
      readonly message: string;
      readonly stack: string | null;
    };
  };

/** What a parent does when a worker asks. */
export type ParentApi = {
  /** Makes the port known to epmd; rejects when the name is taken. */
  register(listenPort: number): Promise<{ readonly creation: number }>;
  /** An end of a link to a node of this process; null if it is none. */
  link(nodeName: string): Promise<LinkEnd | null>;
  log(record: LogRecord): void;
  /** The worker's last word before its thread ends. */
  ended(end: ProgramEnd): void;
};

/** What a thread is started with. */
export type ThreadPorts = {
  /** By which the parent calls the worker. */
  readonly orders: LinkEnd["port"];
  /** By which the worker calls the parent. */
  readonly questions: LinkEnd["port"];
};
