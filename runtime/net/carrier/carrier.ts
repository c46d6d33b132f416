/**
 * What `net` needs from a network: carriers, listeners and a way to make them.
 *
 * A carrier is one ordered, reliable byte stream between two nodes. It knows
 * nothing of frames, names or cookies. `platform/sockets/tcp.ts` implements it
 * over sockets, `net/carrier/memory.ts` over a pair of queues.
 */

/**
 * Callbacks a carrier drives; set once, by `open`, before any of them fires.
 */
export interface CarrierHandlers {
  /** Bytes as they came; the chunk belongs to the receiver from now on. */
  data(chunk: Uint8Array): void;
  /**
   * Everything below the low mark again after `write` returned false. Never
   * inside of a `write`, whose caller may have more of the same to write.
   */
  drain(): void;
  /** The stream has ended, for whatever reason; called exactly once. */
  closed(reason: string): void;
}

/** One ordered byte stream to a peer. */
export interface Carrier {
  /** For logs: `127.0.0.1:4711`. */
  readonly remote: string;
  /** Bytes accepted by `write` and not yet handed to the system. */
  readonly bufferedBytes: number;
  /**
   * Size of the length in front of a handshake message, in bytes: 4 over TLS,
   * because Erlang has it so there; 2 where it is not said.
   */
  readonly handshakeHeaderBytes?: 2 | 4;
  /**
   * What speaks against a peer with that node name at the other end, for the
   * log; null if nothing does. Absent where a carrier knows nothing of its
   * peer.
   */
  complainAbout?(nodeName: string): string | null;
  /** Starts delivery. Data that came earlier is delivered first. */
  open(handlers: CarrierHandlers): void;
  /**
   * Queues bytes in order. The carrier may keep the chunk: its owner must not
   * write to it again. Returns false when the stream cannot keep up; the bytes
   * are accepted all the same and `drain` follows.
   */
  write(chunk: Uint8Array): boolean;
  /**
   * As `write` for several chunks, in one operation of the system. Absent where
   * that makes no difference.
   */
  writeAll?(chunks: readonly Uint8Array[]): boolean;
  /** Ends the stream after what was written, waiting at most `lingerMs`. */
  close(lingerMs: number): void;
  /** Ends the stream at once. */
  destroy(): void;
}

/** An open port that accepts carriers. */
export interface Listener {
  readonly port: number;
  /** Stops accepting; carriers that were accepted stay open. */
  close(): Promise<void>;
}

/** Why a connect or listen failed, in a form that callers can branch on. */
export class CarrierError extends Error {
  override readonly name = "CarrierError";
  readonly code:
    | "refused"
    | "timeout"
    | "in-use"
    | "not-found"
    | "denied"
    /** One side has no certificate that the other accepts, or no TLS. */
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
    /** The node that is expected there, for networks that can check it. */
    readonly nodeName?: string;
  }): Promise<Carrier>;
  /** `port` 0 takes a free one. Rejects with a `CarrierError` (`in-use`). */
  listen(
    at: { readonly host: string; readonly port: number },
    accept: (carrier: Carrier) => void,
  ): Promise<Listener>;
}
