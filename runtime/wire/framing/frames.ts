/**
 * Splits a byte stream into frames: a length of 16 or 32 bits, then that many
 * bytes of payload. A length of zero is a tick.
 *
 * This is not a codec: it does not look at payloads. It follows the Erlang
 * distribution protocol, where a connection starts with 2-byte lengths (the
 * handshake) and continues with 4-byte lengths in the same stream. So one parser
 * reads both, and keeps the bytes it has when the length changes.
 */

/** Size of the length in front of a frame. */
export type HeaderBytes = 2 | 4;

/** The peer announced a frame that is longer than allowed. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  /** The length the peer announced, in bytes. */
  readonly announcedBytes: number;
  readonly limitBytes: number;
  constructor(announcedBytes: number, limitBytes: number) {
    super(
      `expected a frame of at most ${limitBytes} bytes, ` +
        `got one that announces ${announcedBytes}; ` +
        `raise the frame limit or send the message in smaller pieces`,
    );
    this.announcedBytes = announcedBytes;
    this.limitBytes = limitBytes;
  }
}

const nothing = new Uint8Array(0);

/**
 * First allocation for a longer frame that spans chunks: enough for the longest
 * frame that is not sent in fragments.
 */
const FIRST_BODY_BYTES = 129 * 1024;

/**
 * An incremental frame parser.
 *
 * Push a chunk, then take frames until there is none. A frame that lies within
 * one chunk is a view of it. A frame that spans chunks is copied once into a
 * buffer, which is never larger than 129 KiB or four times the bytes that have
 * arrived.
 */
export class FrameParser {
  /** After `advance` returned true: the bytes the frame lies in. */
  bytes: Uint8Array = nothing;
  /** First byte of the frame's payload within `bytes`. */
  start = 0;
  /** One past the last byte; equal to `start` for a tick. */
  end = 0;
  /** Bytes of the whole payload, also of a frame that was landed. */
  length = 0;
  /**
   * Called for each frame that spans chunks, with the bytes that have arrived and
   * the length of the frame. It may return a place for the rest of the payload:
   * then the frame is landed. The rest is written to that place, and once it is
   * complete, the parser hands out only the bytes in front of it. With null the
   * frame becomes one buffer.
   */
  land: ((start: Uint8Array, length: number) => Uint8Array | null) | null =
    null;

  #headerBytes: HeaderBytes;
  #maxFrameBytes: number;
  /** The current chunk; the bytes before `#offset` are consumed. */
  #chunk: Uint8Array = nothing;
  #offset = 0;
  /** Chunks behind `#chunk`, while frames of it were not taken. */
  #waiting: Uint8Array[] = [];
  /** Raw bytes of a header that spans chunks: fewer than `#headerBytes`. */
  readonly #head = new Uint8Array(4);
  #headFilled = 0;
  /** Payload length of a frame that spans chunks, or -1 for none. */
  #bodyLength = -1;
  #body: Uint8Array = nothing;
  #bodyFilled = 0;
  /**
   * The beginning of a frame that is being landed, as which it is handed out;
   * null for any other frame.
   */
  #landed: Uint8Array | null = null;
  /** Not null once a length was too large; it stays then. */
  #failure: FrameError | null = null;

  constructor(
    options: {
      readonly headerBytes: HeaderBytes;
      /** Longest payload accepted, in bytes. */
      readonly maxFrameBytes: number;
    },
  ) {
    this.#headerBytes = options.headerBytes;
    this.#maxFrameBytes = options.maxFrameBytes;
  }

  /** Adds bytes. The parser keeps the chunk; it must not be written to again. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#offset === this.#chunk.length) {
      this.#chunk = chunk;
      this.#offset = 0;
    } else {
      this.#waiting.push(chunk);
    }
  }

  /**
   * The next payload, empty for a tick, or null when more bytes are needed.
   * Throws a `FrameError` at this and every later call once a length is too
   * large.
   */
  next(): Uint8Array | null {
    if (!this.advance()) return null;
    return this.start === 0 && this.end === this.bytes.length
      ? this.bytes
      : this.bytes.subarray(this.start, this.end);
  }

  /**
   * As `next`, without making an object. Returns true when `bytes`, `start` and
   * `end` describe a frame.
   */
  advance(): boolean {
    const chunk = this.#chunk;
    const at = this.#offset;
    const start = at + this.#headerBytes;
    if (
      start <= chunk.length && this.#headFilled === 0 && this.#bodyLength < 0
    ) {
      const length = this.#headerBytes === 4
        ? chunk[at]! * 0x1000000 +
          ((chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!)
        : (chunk[at]! << 8) | chunk[at + 1]!;
      if (length <= this.#maxFrameBytes && start + length <= chunk.length) {
        this.bytes = chunk;
        this.start = start;
        this.end = start + length;
        this.length = length;
        this.#offset = this.end;
        if (this.#offset === chunk.length) this.#nextChunk();
        return true;
      }
    }
    return this.#advanceSlowly();
  }

  /**
   * Reads 4-byte lengths from the next frame on, with another limit if given.
   */
  switchTo(headerBytes: 4, maxFrameBytes: number = this.#maxFrameBytes): void {
    this.#headerBytes = headerBytes;
    this.#maxFrameBytes = maxFrameBytes;
  }

  #nextChunk(): void {
    this.#chunk = this.#waiting.shift() ?? nothing;
    this.#offset = 0;
  }

  /** The path for frames that span chunks; its state is kept between chunks. */
  #advanceSlowly(): boolean {
    if (this.#failure !== null) throw this.#failure;
    while (this.#offset < this.#chunk.length) {
      if (this.#bodyLength < 0) this.#takeHeader();
      else this.#takeBody();
      if (this.#bodyLength >= 0 && this.#bodyFilled === this.#bodyLength) {
        this.bytes = this.#landed ?? this.#body;
        this.start = 0;
        this.end = this.bytes.length;
        this.length = this.#bodyLength;
        this.#body = nothing;
        this.#landed = null;
        this.#bodyLength = -1;
        this.#bodyFilled = 0;
        return true;
      }
    }
    return false;
  }

  #takeHeader(): void {
    const head = this.#head;
    while (
      this.#headFilled < this.#headerBytes && this.#offset < this.#chunk.length
    ) {
      head[this.#headFilled++] = this.#chunk[this.#offset++]!;
    }
    if (this.#headFilled === this.#headerBytes) {
      let length = 0;
      for (let i = 0; i < this.#headerBytes; i++) {
        length = length * 256 + head[i]!;
      }
      if (length > this.#maxFrameBytes) {
        this.#failure = new FrameError(length, this.#maxFrameBytes);
        throw this.#failure;
      }
      this.#headFilled = 0;
      this.#bodyLength = length;
      this.#findPlace(length);
    }
    if (this.#offset === this.#chunk.length) this.#nextChunk();
  }

  #findPlace(length: number): void {
    const start = this.#chunk.subarray(this.#offset, this.#offset + length);
    const place = this.land?.(start, length) ?? null;
    if (place === null) return;
    this.#body = place;
    this.#landed = start.subarray(0, length - place.length);
    this.#offset += this.#landed.length;
    this.#bodyFilled = this.#landed.length;
  }

  #takeBody(): void {
    const landed = this.#landed?.length ?? 0;
    const take = Math.min(
      this.#bodyLength - this.#bodyFilled,
      this.#chunk.length - this.#offset,
    );
    const filled = this.#bodyFilled + take;
    if (landed === 0 && filled > this.#body.length) {
      // An announcement alone must not cost memory, so a long buffer grows
      // with what arrives and reaches the announced length only at the end.
      const body = new Uint8Array(
        Math.min(this.#bodyLength, Math.max(FIRST_BODY_BYTES, filled * 4)),
      );
      body.set(this.#body.subarray(0, this.#bodyFilled));
      this.#body = body;
    }
    this.#body.set(
      this.#chunk.subarray(this.#offset, this.#offset + take),
      this.#bodyFilled - landed,
    );
    this.#bodyFilled = filled;
    this.#offset += take;
    if (this.#offset === this.#chunk.length) this.#nextChunk();
  }
}

/** `payload` with its length in front. */
export function frame(
  payload: Uint8Array,
  headerBytes: HeaderBytes,
): Uint8Array {
  const limit = headerBytes === 2 ? 0xffff : 0xffffffff;
  if (payload.length > limit) throw new FrameError(payload.length, limit);
  const bytes = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(bytes.buffer);
  if (headerBytes === 2) view.setUint16(0, payload.length);
  else view.setUint32(0, payload.length);
  bytes.set(payload, headerBytes);
  return bytes;
}
