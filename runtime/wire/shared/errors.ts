/**
 * The two errors of encoding and decoding.
 *
 * An `EncodeError` is the fault of the sender: one message is refused, and
 * nothing else happens. A `DecodeError` is the fault of the peer: bytes that do
 * not follow the protocol end the connection, because the bytes after them
 * cannot be trusted.
 */

/** A value cannot be encoded. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  /** The path to the value, as JavaScript: `message.items[3].callback`. */
  readonly path: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`cannot encode ${path}: ${problem}`, options);
    this.path = path;
  }
}

/** Bytes from a peer that do not follow the protocol. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** What was expected, and what came instead. */
  readonly problem: string;
  /**
   * The byte of the frame at which the fault was found, or at which the faulty
   * signal begins; undefined where that is not known.
   */
  readonly offset: number | undefined;

  constructor(problem: string, offset?: number, options?: ErrorOptions) {
    const place = offset === undefined ? "" : ` at byte ${offset}`;
    super(`cannot decode the frame${place}: ${problem}`, options);
    this.problem = problem;
    this.offset = offset;
  }
}
