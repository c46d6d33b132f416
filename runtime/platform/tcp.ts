/**
 * TCP as a `Network`, over `node:net`, which serves Node.js, Deno and Bun.
 *
 * Batching is the caller's: every `write` here is a write of the socket.
 * Nothing is unreferenced, so an open carrier or listener keeps the process
 * alive until its owner closes it.
 */

import * as net from "node:net";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
  type Network,
} from "../net/carrier.ts";

/** Settings of a TCP network. */
export type TcpOptions = {
  /**
   * `write` returns false while more than this many bytes wait in the process;
   * 1 MiB by default.
   */
  readonly highMarkBytes?: number;
};

const defaultHighMarkBytes = 1_048_576;

/** Makes a `Network` over TCP. */
export function createTcpNetwork(options: TcpOptions = {}): Network {
  const highMark = options.highMarkBytes ?? defaultHighMarkBytes;
  return {
    connect: (to) => connect(to, highMark),
    listen: (at, accept) => listen(at, accept, highMark),
  };
}

function connect(
  to: {
    readonly host: string;
    readonly port: number;
    readonly timeoutMs: number;
  },
  highMark: number,
): Promise<Carrier> {
  const where = endpoint(to.host, to.port);
  return new Promise((resolve, reject) => {
    let socket: net.Socket;
    try {
      socket = net.connect({ host: to.host, port: to.port, noDelay: true });
    } catch (error) {
      reject(carrierError(error, `connect to ${where}`));
      return;
    }
    const fail = (error: CarrierError) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const onError = (error: unknown) =>
      fail(carrierError(error, `connect to ${where}`));
    const onClose = () =>
      fail(new CarrierError("other", `${where} closed before it was open`));
    const timer = setTimeout(() => {
      fail(
        new CarrierError(
          "timeout",
          `expected ${where} to answer within ${to.timeoutMs} ms, ` +
            `got nothing; check the address and firewalls`,
        ),
      );
    }, to.timeoutMs);
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("connect", () => {
      clearTimeout(timer);
      const carrier = new TcpCarrier(socket, where, highMark);
      socket.off("error", onError);
      socket.off("close", onClose);
      resolve(carrier);
    });
  });
}

function listen(
  at: { readonly host: string; readonly port: number },
  accept: (carrier: Carrier) => void,
  highMark: number,
): Promise<Listener> {
  const where = endpoint(at.host, at.port);
  return new Promise((resolve, reject) => {
    const server = net.createServer({ noDelay: true }, (socket) => {
      const remote = endpoint(socket.remoteAddress, socket.remotePort);
      accept(new TcpCarrier(socket, remote, highMark));
    });
    // Also after listening: an accept that fails must not end the process.
    server.on(
      "error",
      (error) => reject(carrierError(error, `listen on ${where}`)),
    );
    const onListening = () => {
      const address = server.address();
      const port = address !== null && typeof address === "object"
        ? address.port
        : at.port;
      resolve({ port, close: () => closeServer(server) });
    };
    try {
      server.listen({ host: at.host, port: at.port }, onListening);
    } catch (error) {
      reject(carrierError(error, `listen on ${where}`));
    }
  });
}

/**
 * The server's own callback waits for every accepted socket; the port is free
 * one turn of the loop after the call.
 */
function closeServer(server: net.Server): Promise<void> {
  if (server.listening) server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** Chunks of this size come from a stream and not from a conversation. */
const bulkBytes = 16 * 1024;

/** How long a stream is read before actors get their turn. */
const bulkReadMs = 2;

class TcpCarrier implements Carrier {
  readonly remote: string;
  readonly #socket: net.Socket;
  readonly #highMark: number;
  /** Null until `open`. */
  #handlers: CarrierHandlers | null = null;
  /** Why the stream ended; null while it has not. */
  #reason: string | null = null;
  /** Whether `closed` was called. */
  #reported = false;
  /** Set by `close` and `destroy`: nothing but `closed` is delivered then. */
  #closing = false;
  /** When the first bulk chunk since the last macrotask came; -1 for none. */
  #bulkSince = -1;
  /** Whether a `write` returned false since the last `drain`. */
  #isFull = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: net.Socket, remote: string, highMark: number) {
    this.remote = remote;
    this.#socket = socket;
    this.#highMark = highMark;
    // Some runtimes take the option of connect and createServer, all take this.
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      this.#reason ??= describeError(error);
    });
    socket.on("end", () => {
      this.#reason ??= "closed by peer";
    });
    socket.on("close", () => this.#onClose());
    socket.on("drain", () => this.#onDrain());
  }

  get bufferedBytes(): number {
    return this.#reported ? 0 : this.#socket.writableLength;
  }

  open(handlers: CarrierHandlers): void {
    if (this.#handlers !== null) {
      throw new Error(
        `expected a carrier to be opened once, got a second open`,
      );
    }
    this.#handlers = handlers;
    if (this.#socket.destroyed) {
      queueMicrotask(() => this.#onClose());
      return;
    }
    this.#socket.on("data", (chunk: Uint8Array) => {
      if (this.#closing) return;
      const isBulk = chunk.length >= bulkBytes;
      if (isBulk) this.#beginBulk();
      // A plain view: `subarray` of a Buffer is several times slower.
      handlers.data(
        new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength),
      );
      if (isBulk) this.#pauseBulk();
    });
  }

  /** The first chunk of many; they may take until the next macrotask. */
  #beginBulk(): void {
    if (this.#bulkSince >= 0) return;
    this.#bulkSince = performance.now();
    setImmediate(() => {
      this.#bulkSince = -1;
      if (this.#socket.isPaused()) this.#socket.resume();
    });
  }

  /**
   * The system hands over as many as 32 chunks of 64 KiB in a row. Their
   * messages would fill mailboxes for a long time before any actor may go on.
   */
  #pauseBulk(): void {
    const since = this.#bulkSince;
    if (this.#closing || since < 0) return;
    if (performance.now() - since > bulkReadMs) this.#socket.pause();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closing || this.#socket.destroyed) return true;
    this.#socket.write(chunk);
    if (this.#socket.writableLength <= this.#highMark) return true;
    this.#isFull = true;
    return false;
  }

  close(lingerMs: number): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#socket.destroyed) return;
    this.#reason ??= "closed here";
    this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs);
    // Unread data would turn the end into a reset, which may overtake what was
    // written, and the peer's end is only seen by reading on.
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#closing = true;
    this.#reason ??= "closed here";
    this.#socket.destroy();
  }

  #onDrain(): void {
    if (!this.#isFull || this.#closing) return;
    this.#isFull = false;
    this.#handlers?.drain();
  }

  #onClose(): void {
    clearTimeout(this.#linger);
    this.#reason ??= "closed";
    if (this.#reported || this.#handlers === null) return;
    this.#reported = true;
    this.#handlers.closed(this.#reason);
  }
}

function endpoint(host: string | undefined, port: number | undefined): string {
  const name = host ?? "unknown";
  return `${name.includes(":") ? `[${name}]` : name}:${port ?? 0}`;
}

/** The code of a system error, also when several addresses were tried. */
function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  return error instanceof Error ? error.name : "";
}

function describeError(error: unknown): string {
  const code = errorCode(error);
  return code === "ECONNRESET" ? "reset by peer" : code || String(error);
}

function carrierError(error: unknown, what: string): CarrierError {
  const code = errorCode(error);
  const kind = errorKind(code);
  const text = error instanceof Error && error.message !== ""
    ? error.message
    : code;
  return new CarrierError(kind, `could not ${what}: ${text}`);
}

function errorKind(code: string): CarrierError["code"] {
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ETIMEDOUT":
      return "timeout";
    case "EADDRINUSE":
      return "in-use";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NODATA":
    case "EAI_NONAME":
      return "not-found";
    case "EACCES":
    case "EPERM":
    case "NotCapable":
    case "PermissionDenied":
      return "denied";
    default:
      return "other";
  }
}
