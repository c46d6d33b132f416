/**
 * TLS as a `Network`, over `node:tls` of Node.js, Deno and Bun. Both ends show
 * a certificate and verify the other's, as Erlang's `inet_tls_dist` does with
 * the options `verify_peer` and `fail_if_no_peer_cert`.
 *
 * Only connections between nodes use TLS; epmd is always plain TCP. In TLS 1.3
 * the side that dials is done before the other side has verified its
 * certificate. So a refusal may arrive as the end of a carrier that is already
 * open.
 */

import type { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import * as tls from "node:tls";
import type { LogLevel } from "../../core/host/ports.ts";
import {
  type Carrier,
  CarrierError,
  type Network,
} from "../../net/carrier/carrier.ts";
import { addressOf } from "../../net/limits/addresses.ts";
import { LogLimit } from "../../net/limits/log_limit.ts";
import { Slots } from "../../net/limits/slots.ts";
import {
  DEFAULT_HIGH_MARK_BYTES,
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
  /** Limit for a peer that dials to set up TLS. Default 7,000. */
  readonly handshakeTimeoutMs?: number;
  /**
   * Peers that may set up TLS at a time. When there are more, the oldest one of
   * the address that holds the most is closed. Default 256.
   */
  readonly maxHandshakes?: number;
  /** Gets one line for each peer that dials and is refused. */
  readonly log?: (level: LogLevel, message: string) => void;
};

/** Makes a `Network` over TLS. Some runtimes throw for invalid options. */
export function createTlsNetwork(options: TlsNetworkOptions): Network {
  const texts = pemTexts(options);
  return {
    connect: (to) => connect(to, texts, options),
    listen: async (at, accept, failed) => {
      const { handshakeTimeoutMs: handshakeTimeout = 7_000 } = options;
      const server = tls.createServer({
        ...texts,
        ...minimum,
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout,
        noDelay: true,
      });
      const stopAccepting = acceptPeers(server, options, accept);
      const { port, close } = await listenOn(server, at, failed);
      return {
        port,
        close: () => {
          stopAccepting();
          return close();
        },
      };
    },
  };
}

const minimum = { minVersion: "TLSv1.2" } as const;

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
        ...minimum,
        // SNI must not hold an address.
        ...(isIP(asked) === 0 ? { servername: asked } : {}),
        // Checked below by the node's name, which may differ from `host`.
        checkServerIdentity: () => undefined,
        rejectUnauthorized: true,
      }),
    ready: "secureConnect",
    hint: "perhaps it does not speak TLS, or a firewall is in between",
  }, (socket) => {
    const carrier = new TlsCarrier(socket, {
      ...options,
      remote: where,
      silentEnd: "perhaps it does not accept this node's certificate",
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
 * Accepts peers that have set up TLS, and reports the others. Returns a
 * function that ends this, and closes sockets that are still setting up TLS.
 */
function acceptPeers(
  server: tls.Server,
  options: TlsNetworkOptions,
  accept: (carrier: Carrier) => void,
): () => void {
  const { maxHandshakes = 256, log = () => {} } = options;
  let isClosed = false;
  /** Sockets that are setting up TLS, by address and port. */
  const pending = new Map<string, Socket>();
  /** The keys of `pending`, at most `maxHandshakes`. */
  const slots = new Slots<string>(maxHandshakes);
  const release = (remote: string) => {
    pending.delete(remote);
    slots.release(remote);
  };
  /** Sockets that gave way to others; they were reported then. */
  const crowdedOut = new WeakSet<Socket>();
  const limit = makeLogLimit(log);
  const refused = (
    level: LogLevel,
    kind: string,
    remote: string,
    why: string,
  ) =>
    limit.log({
      level,
      kind,
      source: `from ${addressOf(remote)}`,
      message: `refused ${remote}: ${why}`,
    });
  /** Addresses, because a closed socket does not tell its address. */
  const remotes = new WeakMap<Socket, string>();

  server.on("connection", (socket) => {
    const remote = endpoint(socket.remoteAddress, socket.remotePort);
    remotes.set(socket, remote);
    const loser = slots.take(remote, addressOf(remote));
    if (loser !== null) {
      const crowded = pending.get(loser);
      release(loser);
      if (crowded !== undefined) crowdedOut.add(crowded.destroy());
      refused("warning", "crowded", loser, "too many TLS handshakes");
    }
    pending.set(remote, socket);
    socket.once("close", () => {
      if (pending.get(remote) === socket) release(remote);
    });
  });

  server.on("secureConnection", (socket) => {
    const remote = endpoint(socket.remoteAddress, socket.remotePort);
    slots.prove(remote);
    release(remote);
    // The runtime has verified this already. Checked again, so that a fault
    // there lets no peer in.
    if (socket.authorized && !isClosed) {
      accept(new TlsCarrier(socket, { ...options, remote }));
      return;
    }
    socket.destroy();
    if (isClosed) return;
    const why = "its certificate was not verified";
    refused("warning", "certificate", remote, why);
  });

  server.on("tlsClientError", (error, socket) => {
    const bottom = below(socket);
    const remote = remotes.get(bottom) ?? "a peer";
    socket.destroy();
    if (isClosed || crowdedOut.has(bottom)) return;
    const code = String(socket.authorizationError ?? errorCode(error));
    // A port scan. Bun counts no bytes, so on Bun a peer that does not accept
    // this node's certificate is taken for one, too.
    const isScan = code === "ECONNRESET" && bottom.bytesRead === 0;
    const why = code === "ECONNRESET"
      ? "it ended the connection before TLS was set up; perhaps it does not " +
        "accept this node's certificate"
      : explainTls(code) ?? error.message;
    refused(isScan ? "debug" : "warning", code, remote, why);
  });

  return () => {
    isClosed = true;
    limit.close();
    for (const socket of pending.values()) socket.destroy();
  };
}

/** Sums up lines that peers without a certificate can cause. */
function makeLogLimit(log: NonNullable<TlsNetworkOptions["log"]>): LogLimit {
  const host = {
    now: () => performance.now(),
    setTimer: (callback: () => void, delayMs: number) =>
      setTimeout(callback, delayMs),
    clearTimer: (handle: unknown) =>
      clearTimeout(handle as ReturnType<typeof setTimeout>),
  };
  return new LogLimit({ host, log });
}

/**
 * The TCP socket below a TLS socket. Only its address and byte count are used,
 * for the log. Node.js and Deno keep it in an undocumented field; in Bun both
 * sockets are one object.
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
      highMarkBytes: DEFAULT_HIGH_MARK_BYTES,
      ...options,
      // Deno 2.9 loses the end of a TLS stream that arrives during a pause.
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
