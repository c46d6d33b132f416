/**
 * A carrier over a socket of `node:net` or `node:tls`, and what dialling and
 * listening have in common there.
 *
 * It does not know which of the two it is: `tcp.ts` and `tls.ts` make the
 * sockets.
 */

import type { Server, Socket } from "node:net";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
} from "../../net/carrier/carrier.ts";
import { SocketWatch } from "./socket_watch.ts";
import { explainTls } from "./tls_errors.ts";

/** `write` returns false above this, where nothing else is said. */
export const defaultHighMarkBytes = 1_048_576;

/** How to open a socket to somebody. */
export type Dialling<S extends Socket> = {
  /** For messages: `127.0.0.1:4711`. */
  readonly where: string;
  readonly timeoutMs: number;
  /** Begins to connect. */
  readonly open: () => S;
  /** The event that says that the socket can be used. */
  readonly ready: "connect" | "secureConnect";
  /** What to look at when somebody is there and says nothing of use. */
  readonly hint: string;
};

/**
 * Opens a socket and makes a carrier of it. Rejects with a `CarrierError`; what
 * `accept` throws ends the socket as well.
 */
export function dial<S extends Socket>(
  { where, timeoutMs, open, ready, hint }: Dialling<S>,
  accept: (socket: S) => Carrier,
): Promise<Carrier> {
  return new Promise((resolve, reject) => {
    let socket: S;
    try {
      socket = open();
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
      fail(carrierError(error, `connect to ${where}`, hint));
    const onClose = () =>
      fail(
        new CarrierError(
          "other",
          `${where} closed before it was open; ${hint}`,
        ),
      );
    const timer = setTimeout(() => {
      fail(
        new CarrierError(
          "timeout",
          `expected ${where} to answer within ${timeoutMs} ms, ` +
            `got nothing; ${hint}`,
        ),
      );
    }, timeoutMs);
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once(ready, () => {
      clearTimeout(timer);
      try {
        resolve(accept(socket));
      } catch (error) {
        onError(error);
        return;
      }
      socket.off("error", onError);
      socket.off("close", onClose);
    });
  });
}

/** Opens a server's port. Rejects with a `CarrierError`. */
export function listenOn(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<Listener> {
  const where = endpoint(at.host, at.port);
  return new Promise((resolve, reject) => {
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
function closeServer(server: Server): Promise<void> {
  if (server.listening) server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** Chunks of this size come from a stream and not from a conversation. */
const bulkBytes = 16 * 1024;

/** How long a stream is read before actors get their turn. */
const bulkReadMs = 2;

/** A carrier over one socket. */
export class SocketCarrier implements Carrier {
  readonly remote: string;
  readonly #socket: Socket;
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
  /** What the end means, of a peer that has said nothing. */
  readonly #silentEnd: string | null;
  readonly #mayPause: boolean;
  #hasRead = false;
  readonly #watch = new SocketWatch();

  constructor(
    socket: Socket,
    options: {
      readonly remote: string;
      readonly highMarkBytes: number;
      readonly silentEnd?: string;
      /** False where a socket that was paused may lose its end. */
      readonly mayPause?: boolean;
    },
  ) {
    this.remote = options.remote;
    this.#socket = socket;
    this.#highMark = options.highMarkBytes;
    this.#silentEnd = options.silentEnd ?? null;
    this.#mayPause = options.mayPause ?? true;
    // Some runtimes take the option of connect and createServer, all take this.
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      const code = errorCode(error);
      this.#reason ??= code === "ECONNRESET"
        ? this.#ended("reset by peer")
        : explainTls(code) ?? (code || String(error));
    });
    socket.on("end", () => {
      this.#reason ??= this.#ended("closed by peer");
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
      this.#hasRead = true;
      if (this.#closing) return;
      const isBulk = chunk.length >= bulkBytes && this.#mayPause;
      if (isBulk) this.#beginBulk();
      // A plain view: `subarray` of a Buffer is several times slower.
      handlers.data(
        new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength),
      );
      if (isBulk) this.#pauseBulk();
      else this.#watch.came();
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

  writeAll(chunks: readonly Uint8Array[]): boolean {
    // Without it, each chunk would be a packet of its own, the small ones too.
    this.#socket.cork();
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = this.write(chunk);
    this.#socket.uncork();
    return hasRoom;
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

  #ended(how: string): string {
    return this.#hasRead || this.#silentEnd === null
      ? how
      : `${how}; ${this.#silentEnd}`;
  }

  #onDrain(): void {
    if (!this.#isFull || this.#closing) return;
    this.#isFull = false;
    this.#handlers?.drain();
  }

  #onClose(): void {
    this.#watch.stop();
    clearTimeout(this.#linger);
    this.#reason ??= "closed";
    if (this.#reported || this.#handlers === null) return;
    this.#reported = true;
    this.#handlers.closed(this.#reason);
  }
}

/** For messages and as a key: `127.0.0.1:4711`, `[::1]:4711`. */
export function endpoint(
  host: string | undefined,
  port: number | undefined,
): string {
  const name = host ?? "unknown";
  return `${name.includes(":") ? `[${name}]` : name}:${port ?? 0}`;
}

/** The code of a system error, also when several addresses were tried. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  return error instanceof Error ? error.name : "";
}

function carrierError(
  error: unknown,
  what: string,
  hint?: string,
): CarrierError {
  if (error instanceof CarrierError) return error;
  const code = errorCode(error);
  const tls = explainTls(code);
  if (tls !== null) {
    return new CarrierError("untrusted", `could not ${what}: ${tls}`);
  }
  const text = error instanceof Error && error.message !== ""
    ? error.message
    : code;
  const more = code === "ECONNRESET" && hint !== undefined ? `; ${hint}` : "";
  return new CarrierError(errorKind(code), `could not ${what}: ${text}${more}`);
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
