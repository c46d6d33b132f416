/**
 * TLS as a `Network`, over `node:tls`, which serves Node.js, Deno and Bun. Both
 * ends show a certificate and check the other's, as Erlang's `inet_tls_dist`
 * does when it is told to (`verify_peer`, `fail_if_no_peer_cert`).
 *
 * Only nodes speak TLS with each other; epmd is always plain TCP. With TLS 1.3
 * the side that dials is through before the other has judged its certificate,
 * so a refusal may come as the end of a carrier that was open already.
 */

import type { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import type { LogLevel } from "../../core/host/ports.ts";
import {
  type Carrier,
  CarrierError,
  type Network,
} from "../../net/carrier/carrier.ts";
import {
  defaultHighMarkBytes,
  dial,
  endpoint,
  errorCode,
  listenOn,
  SocketCarrier,
} from "./socket_carrier.ts";
import { runtimeName } from "../host/runtime.ts";
import { explainTls } from "./tls_errors.ts";
import {
  complainAboutHost,
  hostOf,
  type PemTexts,
  pemTexts,
  type TlsOptions,
} from "./tls_options.ts";

/** Settings of a TLS network. */
export type TlsNetworkOptions = TlsOptions & {
  /** As for TCP. */
  readonly highMarkBytes?: number;
  /** Longest wait for a peer that dials to set up TLS. Default 7,000. */
  readonly handshakeTimeoutMs?: number;
  /** Peers that may set up TLS at a time; more are closed. Default 256. */
  readonly maxHandshakes?: number;
  /** Told of peers that dial and are refused, one line for each. */
  readonly log?: (level: LogLevel, message: string) => void;
};

/** Makes a `Network` over TLS. Some runtimes throw for senseless options. */
export function createTlsNetwork(options: TlsNetworkOptions): Network {
  const texts = pemTexts(options);
  return {
    connect: (to) => connect(to, texts, options),
    listen: async (at, accept) => {
      const { handshakeTimeoutMs: handshakeTimeout = 7_000 } = options;
      const server = tls.createServer({
        ...texts,
        ...lowest,
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout,
        noDelay: true,
      });
      const forget = watch(server, options, accept);
      const { port, close } = await listenOn(server, at);
      return {
        port,
        close: () => {
          forget();
          return close();
        },
      };
    },
  };
}

const lowest = { minVersion: "TLSv1.2" } as const;

function connect(
  to: Parameters<Network["connect"]>[0],
  texts: PemTexts,
  options: TlsNetworkOptions,
): Promise<Carrier> {
  const { host, port, timeoutMs, nodeName } = to;
  const where = endpoint(host, port);
  const asked = nodeName === undefined ? host : hostOf(nodeName);
  return dial({
    where,
    timeoutMs,
    open: () =>
      tls.connect({
        host,
        port,
        ...texts,
        ...lowest,
        // An address is not a name that may be asked for.
        ...(isIP(asked) === 0 ? { servername: asked } : {}),
        // By the node's name below, which need not be where we dial.
        checkServerIdentity: () => undefined,
        rejectUnauthorized: true,
      }),
    ready: "secureConnect",
    hint: "perhaps it does not speak TLS, or a firewall is in between",
  }, (socket) => {
    const carrier = new TlsCarrier(socket, {
      ...options,
      remote: where,
      silentEnd: "perhaps it does not accept our certificate",
    });
    const complaint = !socket.authorized
      ? "its certificate was not verified"
      : nodeName === undefined
      ? null
      : carrier.complainAbout(nodeName);
    if (complaint === null) return carrier;
    throw new CarrierError(
      "untrusted",
      `could not connect to ${where}: ${complaint}`,
    );
  });
}

/**
 * Accepts those who have set up TLS, and reports the others. Returns what ends
 * that, and ends those who are still about it.
 */
function watch(
  server: tls.Server,
  options: TlsNetworkOptions,
  accept: (carrier: Carrier) => void,
): () => void {
  const { maxHandshakes = 256, log = () => {} } = options;
  let isClosed = false;
  /** Sockets that have not set up TLS yet, by their address. */
  const pending = new Map<string, Socket>();
  /** The address of a socket that is closed can be asked no more. */
  const remotes = new WeakMap<Socket, string>();

  server.on("connection", (socket) => {
    const remote = endpoint(socket.remoteAddress, socket.remotePort);
    remotes.set(socket, remote);
    if (pending.size >= maxHandshakes) {
      socket.destroy();
      log("warning", `refused ${remote}: too many TLS handshakes`);
      return;
    }
    pending.set(remote, socket);
    socket.once("close", () => {
      if (pending.get(remote) === socket) pending.delete(remote);
    });
  });

  server.on("secureConnection", (socket) => {
    const remote = endpoint(socket.remoteAddress, socket.remotePort);
    pending.delete(remote);
    // The runtime has seen to it; a fault there must not let anybody in.
    if (socket.authorized && !isClosed) {
      accept(new TlsCarrier(socket, { ...options, remote }));
      return;
    }
    socket.destroy();
    if (isClosed) return;
    log("warning", `refused ${remote}: its certificate was not verified`);
  });

  server.on("tlsClientError", (error, socket) => {
    const bottom = below(socket);
    const remote = remotes.get(bottom) ?? "a peer";
    socket.destroy();
    if (isClosed) return;
    const code = String(socket.authorizationError ?? errorCode(error));
    // Somebody who only looked whether the port is open. Bun counts no bytes,
    // so there it is also said of one that does not accept our certificate.
    const isNothing = code === "ECONNRESET" && bottom.bytesRead === 0;
    const why = code === "ECONNRESET"
      ? "it ended the connection before TLS was set up; perhaps it does not " +
        "accept our certificate"
      : explainTls(code) ?? error.message;
    log(isNothing ? "debug" : "warning", `refused ${remote}: ${why}`);
  });

  return () => {
    isClosed = true;
    for (const socket of pending.values()) socket.destroy();
  };
}

/**
 * The socket that TLS runs over, of which only its address is of interest, and
 * only for the log: Node.js and Deno keep it in a field that is not documented.
 * In Bun it is the same one.
 */
function below(socket: tls.TLSSocket): Socket {
  const parent: unknown = Reflect.get(socket, "_parent");
  return parent instanceof Object && "bytesRead" in parent
    ? parent as Socket
    : socket;
}

class TlsCarrier extends SocketCarrier {
  readonly handshakeHeaderBytes = 4;
  readonly #certificate: X509Certificate | undefined;
  readonly #checksHost: boolean;

  constructor(
    socket: tls.TLSSocket,
    options: TlsNetworkOptions & {
      readonly remote: string;
      readonly silentEnd?: string;
    },
  ) {
    super(socket, {
      highMarkBytes: defaultHighMarkBytes,
      ...options,
      // Deno 2.9 forgets the end of a TLS stream that comes during a pause.
      mayPause: runtimeName !== "deno",
    });
    this.#certificate = socket.getPeerX509Certificate();
    this.#checksHost = options.checkHost ?? true;
  }

  complainAbout(nodeName: string): string | null {
    if (!this.#checksHost) return null;
    return this.#certificate === undefined
      ? `expected a certificate of ${nodeName}, got none`
      : complainAboutHost(nodeName, this.#certificate);
  }
}
