/**
 * The options of `start`, which `start.ts` makes a node of.
 */

import type { Host, LogLevel, LogRecord } from "./core/host/ports.ts";
import type { ExportedFunction } from "./core/node/functions.ts";
import type { ExportedBehaviour } from "./core/contract/behaviour.ts";
import type { GlobalOptions } from "./kernel/global/server.ts";
import type { Output } from "./kernel/io/user.ts";
import type { Network } from "./net/carrier/carrier.ts";
import type { Discovery } from "./net/epmd/discovery.ts";
import type { DistributionLimits } from "./net/distribution/limits.ts";
import type { TlsOptions } from "./platform/sockets/tls_options.ts";

/** Options of `start`. Without a name the node is alone, as `nonode@nohost`. */
export type StartOptions = {
  /** `part@host`; the host is where others reach this node. */
  readonly name?: string;
  /** Shared secret of the cluster. Needed with a name; is not encryption. */
  readonly cookie?: string;
  /** Other secrets, shared with single nodes, by their names. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** Nodes to connect to before `start` resolves; rejects if one fails. */
  readonly connect?: readonly string[];
  /** Behaviours that other nodes may spawn here, by name. Nothing else. */
  readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  /**
   * Functions that other nodes may call here by erpc and rpc, and that BEAM
   * nodes may spawn: `{ "module:function/2": … }`, or without the number for
   * any number of arguments. They get terms and return a value or a promise.
   */
  readonly functions?: Readonly<Record<string, ExportedFunction>>;
  /**
   * Whether other nodes may ask what runs here, as Erlang's tools do by erpc
   * and rpc: `erlang:nodes/0`, `whereis/1`, `registered/0`, `processes/0`,
   * `process_info/1,2` and a few more. Default true.
   */
  readonly inspectable?: boolean;
  /**
   * Takes what processes of BEAM nodes print whose group leader is on this
   * node. Default: standard output.
   */
  readonly output?: Output;
  /**
   * How the node takes part in the names of the cluster; see `global`. Nodes
   * that do so connect to all others of their cluster. With false it does not:
   * it is told no names, and is connected to nobody but those it connects to
   * itself. All nodes of a cluster should have the same. Default `{}`.
   */
  readonly global?: GlobalOptions | false;
  /** Invisible in other nodes' `nodes()`. Default false. */
  readonly hidden?: boolean;
  /** Address to listen on. Default: the host of the name. */
  readonly listenHost?: string;
  /** Port to listen on. Default 0: a free one, which epmd tells others. */
  readonly port?: number;
  /** Port of epmd, or false to do without. Default 4369. */
  readonly epmdPort?: number | false;
  /**
   * Whether the node hosts an epmd on loopback where none runs, and takes the
   * port over when the one it is registered with has ended; Erlang's own then
   * finds the port taken. Default true. With false, `start` rejects with a
   * `CarrierError` (`refused`) where there is none, and a node that has lost
   * epmd waits for a new one.
   */
  readonly hostEpmd?: boolean;
  /** Known nodes: `{ "b@127.0.0.1": "127.0.0.1:9001" }`. Asked before epmd. */
  readonly peers?: Readonly<Record<string, string>>;
  /** Port that every node of the cluster listens on, where there is no epmd. */
  readonly peerPort?: number;
  readonly limits?: DistributionLimits;
  /**
   * From BEAM nodes, integral floats arrive as `Float` objects, so that every
   * term that is sent on or back is what it was. Default false: as numbers.
   */
  readonly exact?: boolean;
  /**
   * From BEAM nodes, binaries arrive as strings where they are UTF-8
   * (`"text"`, the default) or always as `Uint8Array` (`"bytes"`).
   */
  readonly binaries?: "text" | "bytes";
  /**
   * Deep-freezes messages between actors of this node, so that whoever still
   * writes to what it has sent gets an error. For development and tests.
   * Exit reasons too, but for errors, which stay as they are.
   */
  readonly strict?: boolean;
  /**
   * A turn of an actor that takes this long is reported with its name, since
   * nobody else could go on meanwhile. Default 100; Infinity: never.
   */
  readonly longTurnMs?: number;
  /**
   * `copy` copies messages between actors of this node, and exit reasons but
   * for errors. A message that has no copy is an error of its sender; such an
   * exit reason is printed. Default: neither.
   */
  readonly isolate?: "copy";
  /**
   * Connections with other nodes go over TLS, and both ends show and check
   * certificates. All nodes of a cluster must do so. epmd stays plain TCP: it
   * knows names and ports of nodes, and no secrets.
   */
  readonly tls?: TlsOptions;
  /** What carries the connections. Default: TCP. */
  readonly network?: Network;
  /** How nodes are found. Default: `peers`, then epmd or `peerPort`. */
  readonly discovery?: Discovery;
  /**
   * Flags of the handshake that are not offered to BEAM nodes, so that tests
   * can behave like an older one.
   *
   * @internal
   */
  readonly withoutFlags?: bigint;
  /** Clock, event loop, entropy and log. Default: this machine's. */
  readonly host?: Host;
  /**
   * Least severe level that is written to standard error. Default `warning`.
   */
  readonly logLevel?: LogLevel;
  /** Receives every log record instead; `logLevel` means nothing then. */
  readonly log?: (record: LogRecord) => void;
};

/** Options of a node with a name. */
export type NamedOptions = StartOptions & {
  readonly name: string;
  readonly cookie: string;
};
