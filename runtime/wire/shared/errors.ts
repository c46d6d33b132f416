/**
 * The two ways in which turning terms into bytes and back can fail.
 *
 * An `EncodeError` is the sender's: one message is refused and nothing else
 * happens. A `DecodeError` is the peer's: bytes that do not follow the protocol
 * end the connection, because nothing after them can be trusted.
 */

/** A value that cannot leave its node, with the way to it. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  /** Where the value is, as JavaScript: `message.items[3].callback`. */
  readonly path: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`cannot encode ${path}: ${problem}`, options);
    this.path = path;
  }
}

/** Bytes from a peer that do not follow the protocol. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** What was expected and what came. */
  readonly problem: string;
  /**
   * Byte of the frame at which it was noticed, or at which the faulty signal
   * begins; undefined where that is not known.
   */
  readonly offset: number | undefined;

  constructor(problem: string, offset?: number, options?: ErrorOptions) {
    const place = offset === undefined ? "" : ` at byte ${offset}`;
    super(`cannot decode the frame${place}: ${problem}`, options);
    this.problem = problem;
    this.offset = offset;
  }
}
