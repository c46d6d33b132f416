/**
 * A small epmd inside a node, for machines on which Erlang is not installed.
 *
 * It listens on loopback only, does not start when the port is taken, and
 * speaks the protocol of Erlang's epmd: register, look up, list. Requests with
 * which another program could disturb nodes are refused (`kill`) or not
 * answered (`stop`, `dump`). When the process that hosts it ends, its nodes
 * register again with the epmd that takes over the port; see
 * `epmd/presence.ts`.
 */

import type { Host, LogLevel } from "../../core/host/ports.ts";
import {
  decodeEpmdRequest,
  encodeAliveAnswer,
  encodeNamesAnswer,
  encodePortAnswer,
  EPMD_REQUEST_BYTES_MAX,
  type EpmdEntry,
  type EpmdName,
  type EpmdRequest,
} from "../../wire/epmd/messages.ts";
import { FrameParser } from "../../wire/framing/frames.ts";
import {
  type Carrier,
  CarrierError,
  type Listener,
  type Network,
} from "../carrier/carrier.ts";
import { listenLastingly } from "../carrier/lasting_listener.ts";
import { addressOf } from "../limits/addresses.ts";
import { LogLimit } from "../limits/log_limit.ts";
import { Slots } from "../limits/slots.ts";

/** Settings of an embedded epmd. */
export type EpmdServerOptions = {
  readonly network: Network;
  /** A loopback address. Default `127.0.0.1`. */
  readonly host?: string;
  /** Erlang's epmd has 4369. 0: any free port. */
  readonly port: number;
  readonly platform: Pick<
    Host,
    "now" | "setTimer" | "clearTimer" | "randomU32" | "log" | "logs"
  >;
  /** The node that hosts this epmd, for the log. */
  readonly nodeName: string;
  /**
   * Connections at a time. Three quarters are for registered nodes; further
   * ones are refused. The rest are for requests, among them look-ups: when
   * there are more, the oldest ones are closed. Default 512, least 4.
   */
  readonly maxConnections?: number;
  /**
   * Limit for a request to arrive. Default 10,000. It does not hold for
   * registered nodes, whose connections stay open.
   */
  readonly requestTimeoutMs?: number;
};

/** A running embedded epmd. */
export interface EpmdServer {
  readonly port: number;
  /** The registered nodes. */
  names(): EpmdName[];
  /** Frees the port and closes every connection. */
  close(): Promise<void>;
}

/** Smaller creations are old ones, which some peers treat differently. */
const FIRST_CREATION = 4;

/** Names whose last creation is kept after their nodes have ended. */
const MAX_REMEMBERED_NAMES = 4_096;

const LINGER_MS = 1_000;

/** The creation that Erlang's epmd sends along with a refusal. */
const NO_CREATION = 99;

/**
 * Starts an embedded epmd, or resolves with `already-running` when the port is
 * taken. Rejects with a `CarrierError` when it cannot listen for any other
 * reason.
 */
export async function startEpmdServer(
  options: EpmdServerOptions,
): Promise<EpmdServer | "already-running"> {
  const host = options.host ?? "127.0.0.1";
  if (host !== "::1" && !/^127\.\d+\.\d+\.\d+$/.test(host)) {
    throw new Error(
      `expected a loopback address for the embedded epmd, got ${host}; ` +
        `run Erlang's own epmd to serve other machines`,
    );
  }
  const server = new Server(options);
  try {
    await server.listen(host);
  } catch (error) {
    if (error instanceof CarrierError && error.code === "in-use") {
      return "already-running";
    }
    throw error;
  }
  return server;
}

/** One accepted connection. */
type Connection = {
  readonly carrier: Carrier;
  readonly parser: FrameParser;
  /** Closes the connection. Cleared once a node is registered by it. */
  timer: unknown;
  /** Set by the first request: nothing after it is read. */
  isAnswered: boolean;
  /** The entry that this connection keeps registered, if there is one. */
  entry: EpmdEntry | null;
};

class Server implements EpmdServer {
  readonly #options: EpmdServerOptions;
  /** Null until `listen` has resolved. */
  #listener: Listener | null = null;
  /** The open connections: those of `#requests`, and the registered nodes. */
  readonly #connections = new Set<Connection>();
  /** Connections without a registered node, at most a quarter of all. */
  readonly #requests: Slots<Connection>;
  /** Limit of registered nodes. */
  readonly #maxEntries: number;
  readonly #logLimit: LogLimit;
  /** Exactly the entries of `#connections`, by name. */
  readonly #entries = new Map<string, EpmdEntry>();
  /**
   * The last creation of each name, least recently used first; at most
   * `MAX_REMEMBERED_NAMES`.
   */
  readonly #creations = new Map<string, number>();

  constructor(options: EpmdServerOptions) {
    this.#options = options;
    const all = Math.max(4, options.maxConnections ?? 512);
    this.#requests = new Slots(Math.floor(all / 4));
    this.#maxEntries = all - Math.floor(all / 4);
    this.#logLimit = new LogLimit({
      host: options.platform,
      log: (level, message) => this.#log(level, message),
    });
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  names(): EpmdName[] {
    return [...this.#entries.values()]
      .map(({ name, port }) => ({ name, port }));
  }

  async listen(host: string): Promise<void> {
    const { network, port, platform } = this.#options;
    this.#listener = await listenLastingly({
      network,
      at: { host, port },
      accept: (carrier) => this.#accept(carrier),
      timers: platform,
      log: (level, message, fields) => this.#log(level, message, fields),
    });
  }

  async close(): Promise<void> {
    for (const connection of [...this.#connections]) {
      connection.carrier.destroy();
      this.#forget(connection);
    }
    this.#logLimit.close();
    await this.#listener?.close();
  }

  #accept(carrier: Carrier): void {
    const { requestTimeoutMs = 10_000, platform } = this.#options;
    const connection: Connection = {
      carrier,
      parser: new FrameParser({
        headerBytes: 2,
        maxFrameBytes: EPMD_REQUEST_BYTES_MAX,
      }),
      timer: platform.setTimer(() => carrier.destroy(), requestTimeoutMs),
      isAnswered: false,
      entry: null,
    };
    this.#connections.add(connection);
    const crowded = this.#requests.take(connection, addressOf(carrier.remote));
    if (crowded !== null) {
      crowded.carrier.destroy();
      this.#forget(crowded);
      this.#complain("requests", crowded, "too many requests at a time");
    }
    carrier.open({
      data: (chunk) => this.#receive(connection, chunk),
      drain: () => {},
      closed: () => this.#forget(connection),
    });
  }

  #forget(connection: Connection): void {
    this.#options.platform.clearTimer(connection.timer);
    this.#connections.delete(connection);
    this.#requests.release(connection);
    if (connection.entry !== null) {
      this.#entries.delete(connection.entry.name);
      connection.entry = null;
    }
  }

  #receive(connection: Connection, chunk: Uint8Array): void {
    if (connection.isAnswered) return;
    try {
      connection.parser.push(chunk);
      const payload = connection.parser.next();
      if (payload === null) return;
      connection.isAnswered = true;
      this.#answer(connection, decodeEpmdRequest(payload));
    } catch {
      // Thrown for a length out of bounds. Garbage gets no answer.
      connection.carrier.destroy();
    }
  }

  #answer(connection: Connection, request: EpmdRequest): void {
    const { carrier } = connection;
    switch (request.type) {
      case "alive":
        this.#register(connection, request.entry);
        return;
      case "port":
        carrier.write(
          encodePortAnswer(this.#entries.get(request.name) ?? null),
        );
        break;
      case "names":
        carrier.write(encodeNamesAnswer(this.port, this.names()));
        break;
      case "kill":
        carrier.write(Uint8Array.of(0x4e, 0x4f));
        break;
      case "dump":
      case "stop":
      case "malformed":
        break;
      default:
        request satisfies never;
    }
    carrier.close(LINGER_MS);
  }

  #register(connection: Connection, entry: EpmdEntry): void {
    const { carrier } = connection;
    const isFull = this.#entries.size >= this.#maxEntries;
    if (isFull) {
      const why = `expected fewer than ${this.#maxEntries} registered nodes`;
      this.#complain("registrations", connection, why);
    }
    if (isFull || this.#entries.has(entry.name) || entry.port === 0) {
      // The client closes the connection; if it does not, the timer does.
      carrier.write(encodeAliveAnswer(
        { result: 1, creation: NO_CREATION },
        entry.highestVersion,
      ));
      return;
    }
    this.#options.platform.clearTimer(connection.timer);
    this.#requests.release(connection);
    connection.entry = entry;
    this.#entries.set(entry.name, entry);
    carrier.write(encodeAliveAnswer(
      { result: 0, creation: this.#nextCreation(entry.name) },
      entry.highestVersion,
    ));
    this.#logLimit.log({
      level: "debug",
      kind: "registered",
      source: `from ${addressOf(carrier.remote)}`,
      message: `epmd registered ${entry.name} at port ${entry.port}`,
    });
  }

  #nextCreation(name: string): number {
    const last = this.#creations.get(name) ??
      this.#options.platform.randomU32();
    const next = last >= 0xffff_ffff
      ? FIRST_CREATION
      : Math.max(last + 1, FIRST_CREATION);
    this.#creations.delete(name);
    this.#creations.set(name, next);
    if (this.#creations.size > MAX_REMEMBERED_NAMES) {
      for (const oldest of this.#creations.keys()) {
        this.#creations.delete(oldest);
        break;
      }
    }
    return next;
  }

  /** Warns of a client that is refused, which may be one of very many. */
  #complain(kind: string, { carrier }: Connection, why: string): void {
    const { remote } = carrier;
    this.#logLimit.log({
      level: "warning",
      kind,
      source: `from ${addressOf(remote)}`,
      message: `epmd refused ${remote}: ${why}`,
    });
  }

  #log(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#options.platform.log({
      level,
      category: "epmd",
      node: this.#options.nodeName,
      message,
      fields,
    });
  }
}
