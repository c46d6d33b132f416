/**
 * An output of bytes: a buffer that grows, and large binaries beside it that are
 * not copied. It knows nothing about terms or frames.
 *
 * Bytes that were taken are never written again, because a socket may still hold
 * them. The rest of their buffer is used for the bytes that come next.
 */

/** A position in the output, for `rollback`. */
export type OutputMark = {
  readonly offset: number;
  readonly chunks: number;
  readonly chunkBytes: number;
};

/** A binary that lies beside the buffer. */
type Chunk = {
  /** Its position in the buffer, counted from the first byte not taken yet. */
  readonly offset: number;
  readonly bytes: Uint8Array;
};

/** Up to this many bytes a loop is faster than `set`, which needs views. */
const LOOP_BYTES_MAX = 64;

const noBytes = new Uint8Array(0);
const noView = new DataView(noBytes.buffer);

/** Thrown when bytes would go beyond `lengthMax`. */
export const outputFull: Error = new Error("the output is above its limit");

/**
 * Bytes that are written often, as floats: an engine writes a float as fast as a
 * single byte.
 */
export type Packed = {
  readonly length: number;
  readonly bytes: Uint8Array;
  /** All bytes, then zeros; empty when floats cannot represent these bytes. */
  readonly floats: readonly number[];
  /** The first two of the floats, which are enough for most. */
  readonly first: number;
  readonly second: number;
  /** Bytes of these two; more than any buffer has when two are not enough. */
  readonly room: number;
};

const FLOAT_BYTES = 8;
const TWO_FLOATS_BYTES = 2 * FLOAT_BYTES;

/** Packs bytes, which must not change afterwards. */
export function pack(bytes: Uint8Array): Packed {
  const { length } = bytes;
  const count = Math.max(2, Math.ceil(length / FLOAT_BYTES));
  const view = new DataView(new ArrayBuffer(count * FLOAT_BYTES));
  for (let i = 0; i < length; i++) view.setUint8(i, bytes[i]!);
  const floats: number[] = [];
  for (let i = 0; i < count; i++) {
    floats.push(view.getFloat64(i * FLOAT_BYTES, true));
  }
  // An engine may write another NaN than it has read.
  const isPacked = !floats.some(Number.isNaN);
  return {
    length,
    bytes,
    floats: isPacked ? floats : [],
    first: floats[0]!,
    second: floats[1]!,
    room: isPacked && count === 2 ? TWO_FLOATS_BYTES : 2 ** 30,
  };
}

export type OutputOptions = {
  /** Size of a fresh buffer; 64 KiB unless told. */
  readonly bufferBytes?: number;
};

export class Output {
  /**
   * The buffer. A caller of `reserve` writes into it, from the position that it
   * got and no further than it asked for.
   */
  buffer: Uint8Array<ArrayBuffer> = noBytes;
  /** A view of the same bytes. */
  view: DataView = noView;
  /** Where the next byte goes. */
  position = 0;
  /** The `ArrayBuffer` of `buffer`, which engines are slow to look up. */
  #memory: ArrayBuffer = noBytes.buffer;
  /** Size of the buffer in bytes. */
  #capacity = 0;
  /**
   * The largest `length`. It is checked only when the buffer has to grow or
   * bytes are attached.
   */
  lengthMax: number = Infinity;
  /** Position of the first byte that was not taken yet. */
  #start = 0;
  #chunks: Chunk[] = [];
  #chunkBytes = 0;
  readonly #bufferBytes: number;

  constructor(options: OutputOptions = {}) {
    this.#bufferBytes = options.bufferBytes ?? 64 * 1024;
  }

  /** Bytes written and not taken yet. */
  get length(): number {
    return this.position - this.#start + this.#chunkBytes;
  }

  /** Makes room for that many bytes and returns where they go. */
  reserve(bytes: number): number {
    const at = this.position;
    const end = at + bytes;
    if (end > this.#capacity) return this.#grow(bytes);
    this.position = end;
    return at;
  }

  writeByte(byte: number): void {
    const at = this.reserve(1);
    this.buffer[at] = byte;
  }

  writeU32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value);
  }

  writeBytes(bytes: Uint8Array): void {
    const { length } = bytes;
    const at = this.reserve(length);
    const { buffer } = this;
    if (length > LOOP_BYTES_MAX) buffer.set(bytes, at);
    else for (let i = 0; i < length; i++) buffer[at + i] = bytes[i]!;
  }

  writePacked(packed: Packed): void {
    const at = this.position;
    if (at + packed.room > this.#capacity) return this.#writeLong(packed);
    const { length } = packed;
    const { view } = this;
    view.setFloat64(at, packed.first, true);
    if (length > FLOAT_BYTES) {
      view.setFloat64(at + FLOAT_BYTES, packed.second, true);
    }
    this.position = at + length;
  }

  /** Writes more than two floats, or bytes for which floats have no room. */
  #writeLong({ length, bytes, floats }: Packed): void {
    const at = this.position;
    const room = floats.length * FLOAT_BYTES;
    if (room < length || at + room > this.#capacity) {
      return this.writeBytes(bytes);
    }
    for (let i = 0; i < floats.length; i++) {
      this.view.setFloat64(at + i * FLOAT_BYTES, floats[i]!, true);
    }
    this.position = at + length;
  }

  /** Appends bytes without a copy; they must not be written to any more. */
  attach(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.lengthMax) throw outputFull;
    this.#chunks.push({ offset: this.position - this.#start, bytes });
    this.#chunkBytes += bytes.length;
  }

  /** Whether the output has attached bytes. */
  get hasChunks(): boolean {
    return this.#chunks.length > 0;
  }

  /** Moves all bytes that were not taken yet to `target`; none is attached. */
  moveTo(target: Uint8Array, at: number): void {
    const { buffer, position } = this;
    const start = this.#start;
    if (position - start > LOOP_BYTES_MAX) {
      target.set(buffer.subarray(start, position), at);
    } else {
      for (let i = start; i < position; i++) target[at++] = buffer[i]!;
    }
    this.position = start;
  }

  /** The current position. It is invalid after bytes were taken. */
  mark(): OutputMark {
    return {
      offset: this.position - this.#start,
      chunks: this.#chunks.length,
      chunkBytes: this.#chunkBytes,
    };
  }

  /** Bytes written since a mark. */
  bytesSince(mark: OutputMark): number {
    const { offset, chunkBytes } = mark;
    return this.position - this.#start - offset + this.#chunkBytes - chunkBytes;
  }

  /** Removes all bytes that were written since a mark. */
  rollback(mark: OutputMark): void {
    this.position = this.#start + mark.offset;
    this.#chunks.length = mark.chunks;
    this.#chunkBytes = mark.chunkBytes;
  }

  /** Overwrites the four bytes at a mark. */
  setU32At(mark: OutputMark, value: number): void {
    this.view.setUint32(this.#start + mark.offset, value);
  }

  /**
   * Takes all bytes, in order, with the attached ones as they are. Chunks share
   * an `ArrayBuffer` with each other and with later ones: copy a chunk before you
   * transfer it.
   */
  take(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let from = this.#start;
    for (const { offset, bytes } of this.#chunks) {
      const to = this.#start + offset;
      if (to > from) taken.push(this.buffer.subarray(from, to));
      taken.push(bytes);
      from = to;
    }
    if (this.position > from) {
      taken.push(this.buffer.subarray(from, this.position));
    }
    this.#forget();
    // The memory of one large term must not stay for the whole connection.
    if (this.#capacity > this.#bufferBytes) this.#use(noBytes);
    this.#start = this.position;
    return taken;
  }

  /** As `take`, for an output without attached bytes. */
  takeWhole(): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const { position } = this;
    const whole = new Uint8Array(this.#memory, start, position - start);
    this.#start = position;
    return whole;
  }

  /** Takes all bytes as one copy. */
  takeCopy(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.length);
    if (!this.hasChunks) {
      copy.set(this.buffer.subarray(this.#start, this.position));
      this.position = this.#start;
      return copy;
    }
    let at = 0;
    for (const chunk of this.take()) {
      copy.set(chunk, at);
      at += chunk.length;
    }
    return copy;
  }

  #forget(): void {
    if (this.#chunks.length === 0) return;
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  #grow(bytes: number): number {
    if (this.length + bytes > this.lengthMax) throw outputFull;
    const kept = this.position - this.#start;
    const least = kept + bytes;
    const size = Math.max(this.#bufferBytes, kept > 0 ? 2 * kept : 0, least);
    const grown = new Uint8Array(size);
    grown.set(this.buffer.subarray(this.#start, this.position));
    this.#use(grown);
    this.#start = 0;
    this.position = least;
    return kept;
  }

  #use(buffer: Uint8Array<ArrayBuffer>): void {
    this.buffer = buffer;
    this.#memory = buffer.buffer;
    this.view = new DataView(buffer.buffer);
    this.#capacity = buffer.length;
    this.position = 0;
  }
}
