/**
 * The protocol between a node and its workers: the functions that each side
 * offers to the other side's thread. It exists beside the connection of the two
 * nodes.
 *
 * Arguments and results are structured clones, so all of them are data.
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

/** The node that a new thread starts. */
export type StartOrder = {
  readonly name: string;
  readonly cookie: string;
  /** Name of the node that starts the worker. */
  readonly parent: string;
  readonly options: InheritedOptions;
  readonly port: number;
  /** Whether the parent registers it with epmd. */
  readonly isRegistered: boolean;
  /** Address of the module. */
  readonly module: string;
  /** Names of the offered exports; null for all. */
  readonly exports: readonly string[] | null;
  readonly context: Readonly<Record<string, unknown>>;
  /** Limit for an answer of the parent, in ms. */
  readonly timeoutMs: number;
};

/** Functions that a worker offers to its parent. */
export type WorkerApi = {
  /** Starts the node. Rejects when that fails. */
  start(order: StartOrder): Promise<void>;
  /** Runs the module's default export, if it has one. */
  run(): void;
  /** Takes one end of a link with the node `from`. */
  accept(from: string, end: LinkEnd): void;
  /** The thread of another worker has ended. */
  siblingLost(nodeName: string, reason: string): void;
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
    /** What was thrown. `name` is null when it was no error. */
    readonly thrown: {
      readonly name: string | null;
      readonly message: string;
      readonly stack: string | null;
    };
  };

/** Functions that a parent offers to its worker. */
export type ParentApi = {
  /** Registers the worker with epmd. Rejects when the name is taken. */
  register(listenPort: number): Promise<{ readonly creation: number }>;
  /** Makes a link to a node of this process; null for any other node. */
  makeLink(nodeName: string): Promise<LinkEnd | null>;
  log(record: LogRecord): void;
  /** How the program has ended. The thread ends after the answer. */
  programEnded(end: ProgramEnd): void;
};

/** The data with which a thread is started. */
export type ThreadPorts = {
  /** Port on which the parent calls the worker. */
  readonly orders: LinkEnd["port"];
  /** Port on which the worker calls the parent. */
  readonly questions: LinkEnd["port"];
};
