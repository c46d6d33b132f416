/**
 * Cuts a byte stream into length-prefixed frames: `u16` or `u32` length, then
 * that many bytes of payload. A length of zero is a tick.
 *
 * This is not a codec: a payload's contents are nobody's business here. It
 * follows the Erlang distribution protocol, where a connection starts with
 * 2-byte lengths (the handshake) and goes on with 4-byte ones in the same
 * stream, so one parser serves both and keeps what it has across the switch.
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
 * First allocation for a frame that spans chunks, when it is longer: enough for
 * the longest that does not come in fragments.
 */
const FIRST_BODY_BYTES = 129 * 1024;

/**
 * An incremental frame parser.
 *
 * Push a chunk, then take frames until there is none. A frame that lies within
 * one chunk is a view of it; one that spans chunks is copied once into a buffer
 * that is never more than 129 KiB or four times what has arrived.
 */
export class FrameParser {
  /** After `advance` returned true: the bytes the frame lies in. */
  bytes: Uint8Array = nothing;
  /** First byte of the frame's payload within `bytes`. */
  start = 0;
  /** One past the last byte; equal to `start` for a tick. */
  end = 0;
  /** Bytes of its payload, which are more than these if it was landed. */
  length = 0;
  /**
   * Asked about each frame that spans chunks, with what has come of it and its
   * length: where its payload goes from some place on, to its end. Null: it
   * becomes one buffer as any other. A landed frame is handed out as what
   * precedes that place, when all of it has come.
   */
  land: ((start: Uint8Array, length: number) => Uint8Array | null) | null =
    null;

  #headerBytes: HeaderBytes;
  #maxFrameBytes: number;
  /** The chunk being cut; everything before `#offset` is consumed. */
  #chunk: Uint8Array = nothing;
  #offset = 0;
  /** Chunks behind `#chunk`; only filled when frames are left untaken. */
  #waiting: Uint8Array[] = [];
  /** Raw bytes of a header that spans chunks: fewer than `#headerBytes`. */
  readonly #head = new Uint8Array(4);
  #headFilled = 0;
  /** Payload length of a frame that spans chunks, or -1 for none. */
  #bodyLength = -1;
  #body: Uint8Array = nothing;
  #bodyFilled = 0;
  /**
   * Of a frame that is written to its place as it comes: what it began with,
   * and is handed out as.
   */
  #landed: Uint8Array | null = null;
  /** Set for ever once a length was out of bounds. */
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

  /** Adds bytes. The parser keeps the chunk; nobody may write to it again. */
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
   * Throws a `FrameError`, now and for ever, once a length is out of bounds.
   */
  next(): Uint8Array | null {
    if (!this.advance()) return null;
    return this.start === 0 && this.end === this.bytes.length
      ? this.bytes
      : this.bytes.subarray(this.start, this.end);
  }

  /**
   * As `next`, without making an object: true when `bytes`, `start` and `end`
   * hold a frame.
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
   * Reads 4-byte lengths from the next frame on, of which some may be longer.
   */
  switchTo(headerBytes: 4, maxFrameBytes: number = this.#maxFrameBytes): void {
    this.#headerBytes = headerBytes;
    this.#maxFrameBytes = maxFrameBytes;
  }

  #nextChunk(): void {
    this.#chunk = this.#waiting.shift() ?? nothing;
    this.#offset = 0;
  }

  /** The path of frames that span chunks, byte by byte state kept between. */
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
