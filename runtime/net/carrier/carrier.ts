/**
 * The interfaces that `net` needs from a network: carriers, listeners and a way
 * to make both.
 *
 * A carrier is one ordered, reliable byte stream between two nodes. It knows
 * nothing of frames, names or cookies. `platform/sockets/tcp.ts` implements it
 * over sockets, `platform/workers/carrier.ts` over shared memory of two
 * threads, and `net/carrier/memory.ts` over a pair of queues.
 */

/** Callbacks of a carrier. They are set once, by `open`; none fires before. */
export interface CarrierHandlers {
  /** Bytes as they arrived. The receiver owns the chunk from now on. */
  data(chunk: Uint8Array): void;
  /**
   * There is room again after `write` returned false. Never called inside a
   * `write`, because its caller may be in the middle of writing one frame.
   */
  drain(): void;
  /**
   * The stream has ended, in order or by a failure. Called exactly once, and at
   * once when the peer has ended its direction, also while bytes still wait
   * here: no carrier stays half open.
   */
  closed(reason: string): void;
}

/** One ordered byte stream to a peer. */
export interface Carrier {
  /** For logs: `127.0.0.1:4711`. */
  readonly remote: string;
  /** Bytes that `write` has accepted and the system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Size of the length in front of a handshake message, in bytes: 4 over TLS,
   * as in Erlang. Default 2.
   */
  readonly handshakeHeaderBytes?: 2 | 4;
  /**
   * Why the peer may not use this node name, as text for the log; null when it
   * may. Absent on a carrier that knows nothing about its peer.
   */
  complainAbout?(nodeName: string): string | null;
  /** Starts delivery. Data that arrived earlier is delivered first. */
  open(handlers: CarrierHandlers): void;
  /**
   * Queues bytes in order. The carrier may keep the chunk, so the caller must
   * not change it afterwards. Returns false when the stream cannot keep up; the
   * bytes are accepted nevertheless, and `drain` follows.
   */
  write(chunk: Uint8Array): boolean;
  /**
   * As `write` for several chunks, in one system call. Absent on a carrier for
   * which that makes no difference.
   */
  writeAll?(chunks: readonly Uint8Array[]): boolean;
  /**
   * Ends the stream once all bytes are written, after `lingerMs` at most. Over a
   * socket, `closed` is called when the peer has ended the stream too, after
   * `lingerMs` at most.
   */
  close(lingerMs: number): void;
  /** Ends the stream at once. */
  destroy(): void;
}

/** An open port that accepts carriers. */
export interface Listener {
  readonly port: number;
  /** Stops accepting. Carriers that were accepted before stay open. */
  close(): Promise<void>;
}

/** Why `connect` or `listen` failed; callers can branch on `code`. */
export class CarrierError extends Error {
  override readonly name = "CarrierError";
  readonly code:
    | "refused"
    | "timeout"
    | "in-use"
    | "not-found"
    | "denied"
    /** One side has no TLS, or no certificate that the other side accepts. */
    | "untrusted"
    | "other";
  constructor(code: CarrierError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Makes carriers. */
export interface Network {
  /** Rejects with a `CarrierError`. */
  connect(to: {
    readonly host: string;
    readonly port: number;
    readonly timeoutMs: number;
    /** The expected node, for networks that can check it. */
    readonly nodeName?: string;
  }): Promise<Carrier>;
  /**
   * `port` 0: any free port. Rejects with a `CarrierError` (`in-use`). `failed`
   * is called at most once, when the listener accepts nothing any more although
   * it was not closed; it has to be closed all the same.
   */
  listen(
    at: { readonly host: string; readonly port: number },
    accept: (carrier: Carrier) => void,
    failed?: (why: string) => void,
  ): Promise<Listener>;
}
