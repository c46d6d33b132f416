/**
 * The options of `start`.
 */

import type { Host, LogLevel, LogRecord } from "./core/host/ports.ts";
import type { Trace } from "./core/host/trace.ts";
import type { ExportedFunction } from "./core/node/functions.ts";
import type { ExportedBehaviour } from "./core/contract/behaviour.ts";
import type { GlobalOptions } from "./kernel/global/server.ts";
import type { Output } from "./kernel/io/user.ts";
import type { Network } from "./net/carrier/carrier.ts";
import type { Discovery } from "./net/epmd/discovery.ts";
import type { DistributionLimits } from "./net/distribution/limits.ts";
import { option, OptionTable } from "./core/messages/options.ts";
import type { TlsOptions } from "./platform/sockets/tls_options.ts";

/** Options of `start`. A node without a name is `nonode@nohost`, and alone. */
export type StartOptions = {
  /** `part@host`; other nodes reach this node at this host. */
  readonly name?: string;
  /**
   * Shared secret of the cluster. Required with a name. It does not encrypt.
   */
  readonly cookie?: string;
  /** Secrets that are shared with single nodes only, by their names. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** Nodes to connect to before `start` resolves. It rejects if one fails. */
  readonly connect?: readonly string[];
  /** Behaviours that other nodes may spawn here, by name. Nothing else. */
  readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  /**
   * Functions that other nodes may call here by erpc and rpc, and that BEAM
   * nodes may spawn: `{ "module:function/2": … }`. A name without the number
   * accepts any number of arguments. The functions get terms, and return a
   * value or a promise.
   */
  readonly functions?: Readonly<Record<string, ExportedFunction>>;
  /**
   * Whether other nodes may inspect this node, as Erlang's tools do by erpc and
   * rpc: `erlang:nodes/0`, `whereis/1`, `registered/0`, `processes/0`,
   * `process_info/1,2` and a few more. Default true.
   */
  readonly inspectable?: boolean;
  /**
   * Takes the output of processes on BEAM nodes that have their group leader on
   * this node. Default: standard output.
   */
  readonly output?: Output;
  /**
   * How the node takes part in the global names of the cluster; see `global`.
   * Nodes that take part connect to all other nodes of their cluster. With
   * false the node does not take part: it knows no global names, and is
   * connected only to nodes to which it connects itself. All nodes of a cluster
   * should have the same value. Default `{}`.
   */
  readonly global?: GlobalOptions | false;
  /** Whether the node is missing in other nodes' `nodes()`. Default false. */
  readonly hidden?: boolean;
  /** Address to listen on. Default: the host of the name. */
  readonly listenHost?: string;
  /**
   * Port to listen on. Default 0: a free port, which epmd tells other nodes.
   */
  readonly port?: number;
  /** Port of epmd, or false for no epmd. Default 4369. */
  readonly epmdPort?: number | false;
  /**
   * Whether the node hosts an epmd on loopback where none runs, and takes over
   * the port when the epmd it is registered with has ended. Erlang's own epmd
   * then finds the port taken. Default true. With false, `start` rejects with a
   * `CarrierError` (`refused`) where there is no epmd, and a node that has lost
   * epmd waits for a new one.
   */
  readonly hostEpmd?: boolean;
  /** Known nodes: `{ "b@127.0.0.1": "127.0.0.1:9001" }`. Asked before epmd. */
  readonly peers?: Readonly<Record<string, string>>;
  /** The port on which all nodes of the cluster listen, instead of epmd. */
  readonly peerPort?: number;
  /** Limits and times of the connections. */
  readonly limits?: DistributionLimits;
  /**
   * Whether integral floats from BEAM nodes arrive as `Float` objects, so that
   * each term that is sent on or back is unchanged. Default false: they arrive
   * as numbers.
   */
  readonly exact?: boolean;
  /**
   * How binaries from BEAM nodes arrive: as strings where they are UTF-8
   * (`"text"`, the default), or always as `Uint8Array` (`"bytes"`).
   */
  readonly binaries?: "text" | "bytes";
  /**
   * Deep-freezes messages between actors of this node, so that a sender that
   * changes a sent message gets an error. Also exit reasons, except errors. For
   * development and tests.
   */
  readonly strict?: boolean;
  /**
   * A turn of an actor that takes this long is reported with the actor's name,
   * because no other actor could run meanwhile. Default 100; Infinity: never.
   */
  readonly longTurnMs?: number;
  /**
   * `copy` copies messages between actors of this node, and exit reasons except
   * errors. A message that cannot be copied is an error of its sender; such an
   * exit reason is replaced by its printed form. Default: messages are shared.
   */
  readonly isolate?: "copy";
  /**
   * Connections with other nodes use TLS, and both ends show and verify
   * certificates. All nodes of a cluster must use it. epmd stays plain TCP: it
   * knows names and ports of nodes, but no secrets.
   */
  readonly tls?: TlsOptions;
  /**
   * Functions that are called when something happens in the node: a turn, a
   * message, the end of an actor. See `Trace`. Workers do not inherit them.
   */
  readonly trace?: Trace;
  /** The network for connections. Default: TCP. */
  readonly network?: Network;
  /** How nodes are found. Default: `peers`, then epmd or `peerPort`. */
  readonly discovery?: Discovery;
  /**
   * Handshake flags that are not offered to BEAM nodes, so that tests can act
   * as an older node.
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
  /**
   * Receives all log records instead; `logLevel` has no effect then. If it
   * throws or rejects, the record is dropped and counted in the `lostLogRecords`
   * of `stats()`.
   */
  readonly log?: (record: LogRecord) => void;
};

/** What the options of `start` take. */
export const startOptions: OptionTable<StartOptions> = new OptionTable<
  StartOptions
>(
  "start",
  {
    name: option.text,
    cookie: option.text,
    cookies: option.object,
    connect: option.list,
    exports: option.object,
    functions: option.object,
    inspectable: option.flag,
    output: option.callback,
    global: option.either(option.exactly(false), option.object),
    hidden: option.flag,
    listenHost: option.text,
    port: option.port,
    epmdPort: option.either(option.port, option.exactly(false)),
    hostEpmd: option.flag,
    peers: option.object,
    peerPort: option.port,
    limits: option.object,
    exact: option.flag,
    binaries: option.oneOf("text", "bytes"),
    strict: option.flag,
    longTurnMs: option.endlessDuration,
    isolate: option.oneOf("copy"),
    tls: option.object,
    trace: option.object,
    network: option.object,
    discovery: option.object,
    withoutFlags: option.any,
    host: option.object,
    logLevel: option.oneOf("debug", "info", "warning", "error"),
    log: option.callback,
  },
);

/** Options of a node with a name. */
export type NamedOptions = StartOptions & {
  readonly name: string;
  readonly cookie: string;
};
