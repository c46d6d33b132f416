/**
 * A carrier over a socket of `node:net` or `node:tls`, and the common parts of
 * dialling and listening with both.
 *
 * This module does not know which of the two it has: `tcp.ts` and `tls.ts` make
 * the sockets.
 */

import type { Server, Socket } from "node:net";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
} from "../../net/carrier/carrier.ts";
import { checkAccepts } from "./accept_check.ts";
import { SocketWatch } from "./socket_watch.ts";
import { explainTls } from "./tls_errors.ts";

/** `write` returns false above this many bytes, by default. */
export const DEFAULT_HIGH_MARK_BYTES = 1_048_576;

/** How to open a socket to a peer. */
export type Dialling<S extends Socket> = {
  /** For messages: `127.0.0.1:4711`. */
  readonly where: string;
  readonly timeoutMs: number;
  /** Starts to connect. */
  readonly open: () => S;
  /** The event after which the socket can be used. */
  readonly ready: "connect" | "secureConnect";
  /** What to check when the peer is there but does not answer as expected. */
  readonly hint: string;
};

/**
 * Opens a socket and makes a carrier from it. Rejects with a `CarrierError`. An
 * error that `accept` throws ends the socket, too.
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

/**
 * Opens the port of a server. Rejects with a `CarrierError`. `failed` is called
 * when the server has failed after that; see `Network`.
 */
export function listenOn(
  server: Server,
  at: { readonly host: string; readonly port: number },
  failed: (why: string) => void = () => {},
): Promise<Listener> {
  const where = endpoint(at.host, at.port);
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let stopCheck = (): void => {};
    const fail = (why: string): void => {
      if (!isOpen) return;
      isOpen = false;
      stopCheck();
      failed(why);
    };
    // Stays after listening: a failed accept must not end the process.
    server.on("error", (error) => {
      const explained = carrierError(error, `listen on ${where}`);
      if (isOpen) fail(explained.message);
      else reject(explained);
    });
    server.on("close", () => fail("it was closed by the system"));
    const onListening = () => {
      const address = server.address();
      const port = address !== null && typeof address === "object"
        ? address.port
        : at.port;
      isOpen = true;
      stopCheck = checkAccepts(server, { host: at.host, port }, fail);
      const close = (): Promise<void> => {
        isOpen = false;
        stopCheck();
        return closeServer(server);
      };
      resolve({ port, close });
    };
    try {
      server.listen({ host: at.host, port: at.port }, onListening);
    } catch (error) {
      reject(carrierError(error, `listen on ${where}`));
    }
  });
}

/**
 * Not by the callback of `close`, which waits for every accepted socket: the
 * port is free one turn of the event loop after the call.
 */
function closeServer(server: Server): Promise<void> {
  if (server.listening) server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** A chunk of this size is part of a stream and not of a conversation. */
const BULK_BYTES = 16 * 1024;

/** How long a stream is read before actors get their turn, in ms. */
const BULK_READ_MS = 2;

/** How long the bytes that wait may still be written after the peer's end. */
const PEER_END_LINGER_MS = 1_000;

/** A carrier over one socket. */
export class SocketCarrier implements Carrier {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #highMark: number;
  /** Null until `open`. */
  #handlers: CarrierHandlers | null = null;
  /** Why the stream ends or has ended; null before. Never changes once set. */
  #reason: string | null = null;
  /** Whether `closed` was called. */
  #isReported = false;
  /** Set by `close` and `destroy`: only `closed` is called after that. */
  #isClosing = false;
  /**
   * When the first bulk chunk since the last macrotask arrived; -1 when none
   * has. Not -1 exactly while a macrotask that resumes reading is scheduled.
   */
  #bulkSince = -1;
  /** Whether a `write` returned false since the last `drain`. */
  #isFull = false;
  /** Timer that destroys the socket after `close`. */
  #linger: ReturnType<typeof setTimeout> | undefined;
  /** Explains the end of a peer that has sent no bytes. */
  readonly #silentEnd: string | null;
  readonly #mayPause: boolean;
  /** Whether the peer has sent any byte. */
  #hasRead = false;
  readonly #watch = new SocketWatch();

  constructor(
    socket: Socket,
    options: {
      readonly remote: string;
      readonly highMarkBytes: number;
      readonly silentEnd?: string;
      /** False where a paused socket may lose the end of the stream. */
      readonly mayPause?: boolean;
    },
  ) {
    this.remote = options.remote;
    this.#socket = socket;
    this.#highMark = options.highMarkBytes;
    this.#silentEnd = options.silentEnd ?? null;
    this.#mayPause = options.mayPause ?? true;
    // Not all runtimes take the option of connect and createServer.
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      const code = errorCode(error);
      this.#reason ??= code === "ECONNRESET"
        ? this.#explainEnd("reset by peer")
        : explainTls(code) ?? (code || String(error));
    });
    socket.on("end", () => this.#peerEnded());
    socket.on("close", () => this.#onClose());
    socket.on("drain", () => this.#onDrain());
  }

  get bufferedBytes(): number {
    return this.#isReported ? 0 : this.#socket.writableLength;
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
      if (this.#isClosing) return;
      const isBulk = chunk.length >= BULK_BYTES && this.#mayPause;
      if (isBulk) this.#startBulk();
      // A new view, because `subarray` of a Buffer is several times slower.
      handlers.data(
        new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength),
      );
      if (isBulk) this.#pauseBulk();
      else this.#watch.bytesArrived();
    });
  }

  /** Notes the first bulk chunk; reading may go on until the next macrotask. */
  #startBulk(): void {
    if (this.#bulkSince >= 0) return;
    this.#bulkSince = performance.now();
    setImmediate(() => {
      this.#bulkSince = -1;
      if (this.#socket.isPaused()) this.#socket.resume();
    });
  }

  /**
   * Stops reading when the time is over. The system hands over up to 32 chunks
   * of 64 KiB in a row, and no actor could run before all of their messages are
   * in mailboxes.
   */
  #pauseBulk(): void {
    const since = this.#bulkSince;
    if (this.#isClosing || since < 0) return;
    if (performance.now() - since > BULK_READ_MS) this.#socket.pause();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isClosing || this.#socket.destroyed) return true;
    this.#socket.write(chunk);
    if (this.#socket.writableLength <= this.#highMark) return true;
    this.#isFull = true;
    return false;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    // Without `cork`, each chunk would be a packet, however small.
    this.#socket.cork();
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = this.write(chunk);
    this.#socket.uncork();
    return hasRoom;
  }

  close(lingerMs: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#socket.destroyed) return;
    this.#reason ??= "closed here";
    this.#linger = setTimeout(() => this.#socket.destroy(), lingerMs);
    // Unread data would turn the end into a reset, which may overtake written
    // bytes. And the end of the peer's stream is seen only by reading on.
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#reason ??= "closed here";
    this.#socket.destroy();
  }

  /**
   * Reported at once. The socket closes only when the bytes that wait here are
   * written, and a peer that reads no more would delay that for ever.
   */
  #peerEnded(): void {
    this.#reason ??= this.#explainEnd("closed by peer");
    if (this.#isClosing) return;
    this.close(PEER_END_LINGER_MS);
    this.#report();
  }

  #explainEnd(how: string): string {
    return this.#hasRead || this.#silentEnd === null
      ? how
      : `${how}; ${this.#silentEnd}`;
  }

  #onDrain(): void {
    if (!this.#isFull || this.#isClosing) return;
    this.#isFull = false;
    this.#handlers?.drain();
  }

  #onClose(): void {
    this.#watch.stop();
    clearTimeout(this.#linger);
    this.#report();
  }

  #report(): void {
    this.#reason ??= "closed";
    if (this.#isReported || this.#handlers === null) return;
    this.#isReported = true;
    this.#handlers.closed(this.#reason);
  }
}

/** An address as text, for messages and as a key: `[::1]:4711`. */
export function endpoint(
  host: string | undefined,
  port: number | undefined,
): string {
  const name = host ?? "unknown";
  return `${name.includes(":") ? `[${name}]` : name}:${port ?? 0}`;
}

/** The code of a system error, also of one for several addresses. */
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
  return new CarrierError(
    carrierCodeOf(code),
    `could not ${what}: ${text}${more}`,
  );
}

function carrierCodeOf(code: string): CarrierError["code"] {
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
