/**
 * A small epmd inside a node, for machines where no Erlang is installed.
 *
 * It serves loopback only, stands aside when the port is taken, and speaks the
 * protocol of the real one: register, look up, list. What would let a stranger
 * disturb others is refused (`kill`, `stop`) or left out (`dump`). When the
 * process that hosts it ends, the nodes registered with it register anew with
 * whoever takes the port; see `epmd/client.ts`.
 */

import type { Host } from "../../core/host/ports.ts";
import {
  decodeEpmdRequest,
  encodeAliveAnswer,
  encodeNamesAnswer,
  encodePortAnswer,
  type EpmdEntry,
  type EpmdName,
  type EpmdRequest,
  maxEpmdRequestBytes,
} from "../../wire/epmd/messages.ts";
import { FrameParser } from "../../wire/framing/frames.ts";
import {
  type Carrier,
  CarrierError,
  type Listener,
  type Network,
} from "../carrier/carrier.ts";

/** Settings of an embedded epmd. */
export type EpmdServerOptions = {
  readonly network: Network;
  /** Must be a loopback address; `127.0.0.1` by default. */
  readonly host?: string;
  /** 4369 is epmd's own; 0 takes a free one. */
  readonly port: number;
  readonly platform: Pick<
    Host,
    "setTimer" | "clearTimer" | "randomU32" | "log"
  >;
  /** Who hosts it, for the log. */
  readonly nodeName: string;
  /** Connections at a time; 1,024 by default. Further ones are closed. */
  readonly maxConnections?: number;
  /** Time for a request, 10,000 by default. Registered nodes may stay. */
  readonly requestTimeoutMs?: number;
};

/** A running embedded epmd. */
export interface EpmdServer {
  readonly port: number;
  /** Nodes registered now. */
  names(): EpmdName[];
  /** Frees the port and closes every connection. */
  close(): Promise<void>;
}

/** Creations below are the old small ones, which some peers treat apart. */
const firstCreation = 4;

/** Names whose last creation is remembered when they are gone. */
const maxRememberedNames = 4_096;

const lingerMs = 1_000;

/** What the real epmd sends as the creation of a refusal. */
const noCreation = 99;

/**
 * Starts an embedded epmd, or says that somebody already listens on the port.
 * Rejects with a `CarrierError` when it cannot listen for another reason.
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
  /** Running until the request has come; null for a registered node. */
  timer: unknown;
  /** Set once a request came: nothing else is read. */
  isAnswered: boolean;
  /** What this connection keeps registered. */
  entry: EpmdEntry | null;
};

class Server implements EpmdServer {
  readonly #options: EpmdServerOptions;
  #listener: Listener | null = null;
  /** At most `maxConnections`. */
  readonly #connections = new Set<Connection>();
  /** Exactly the entries of the connections, by name. */
  readonly #entries = new Map<string, EpmdEntry>();
  /** Last creation by name, the longest unused first. */
  readonly #creations = new Map<string, number>();

  constructor(options: EpmdServerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  names(): EpmdName[] {
    return [...this.#entries.values()]
      .map(({ name, port }) => ({ name, port }));
  }

  async listen(host: string): Promise<void> {
    this.#listener = await this.#options.network.listen(
      { host, port: this.#options.port },
      (carrier) => this.#accept(carrier),
    );
  }

  async close(): Promise<void> {
    for (const connection of [...this.#connections]) {
      connection.carrier.destroy();
      this.#forget(connection);
    }
    await this.#listener?.close();
  }

  #accept(carrier: Carrier): void {
    const { maxConnections = 1_024, requestTimeoutMs = 10_000, platform } =
      this.#options;
    if (this.#connections.size >= maxConnections) {
      this.#log("warning", `epmd refused ${carrier.remote}: too many peers`);
      carrier.destroy();
      return;
    }
    const connection: Connection = {
      carrier,
      parser: new FrameParser({
        headerBytes: 2,
        maxFrameBytes: maxEpmdRequestBytes,
      }),
      timer: platform.setTimer(() => carrier.destroy(), requestTimeoutMs),
      isAnswered: false,
      entry: null,
    };
    this.#connections.add(connection);
    carrier.open({
      data: (chunk) => this.#receive(connection, chunk),
      drain: () => {},
      closed: () => this.#forget(connection),
    });
  }

  #forget(connection: Connection): void {
    this.#options.platform.clearTimer(connection.timer);
    this.#connections.delete(connection);
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
      // Only a length out of bounds throws, and garbage gets no answer.
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
    carrier.close(lingerMs);
  }

  #register(connection: Connection, entry: EpmdEntry): void {
    const { carrier } = connection;
    if (this.#entries.has(entry.name) || entry.port === 0) {
      // The client closes; the request's timer sees to it that it does.
      carrier.write(encodeAliveAnswer(
        { result: 1, creation: noCreation },
        entry.highestVersion,
      ));
      return;
    }
    this.#options.platform.clearTimer(connection.timer);
    connection.entry = entry;
    this.#entries.set(entry.name, entry);
    carrier.write(encodeAliveAnswer(
      { result: 0, creation: this.#nextCreation(entry.name) },
      entry.highestVersion,
    ));
    this.#log("debug", `epmd registered ${entry.name} at port ${entry.port}`);
  }

  #nextCreation(name: string): number {
    const last = this.#creations.get(name) ??
      this.#options.platform.randomU32();
    const next = last >= 0xffff_ffff
      ? firstCreation
      : Math.max(last + 1, firstCreation);
    this.#creations.delete(name);
    this.#creations.set(name, next);
    if (this.#creations.size > maxRememberedNames) {
      for (const oldest of this.#creations.keys()) {
        this.#creations.delete(oldest);
        break;
      }
    }
    return next;
  }

  #log(level: "debug" | "warning", message: string): void {
    this.#options.platform.log({
      level,
      category: "epmd",
      node: this.#options.nodeName,
      message,
    });
  }
}
