/**
 * The output of one connection: gathers signals into frames and frames into
 * chunks.
 *
 * A frame is a 32-bit big-endian length and that many bytes. Small signals
 * share frames, because a frame costs the receiver more than a signal does;
 * every signal is written whole or not at all, and no frame but a large one
 * spans two chunks. The queue does not know what the bytes mean and does no
 * I/O: its owner takes the chunks and writes them to the carrier.
 */

import { EncodeError } from "./errors.ts";

export type ByteQueueOptions = {
  /** Size of the chunks that signals are gathered in. */
  readonly chunkBytes?: number;
  /** Once a frame holds this many bytes, the next signal opens a new one. */
  readonly frameBytes?: number;
  /** Largest payload of a frame; a signal above it is refused. */
  readonly maxFrameBytes?: number;
};

/**
 * Takes the payload of a large frame and returns true, or returns false to
 * leave it to the queue. The chunks are in order and without the length of the
 * frame; they may belong to the message that was sent. `isAlone` is true for a
 * frame that has to wait behind another large one, however small it is.
 */
export type LargeFrames = (
  payload: readonly Uint8Array<ArrayBuffer>[],
  payloadBytes: number,
  isAlone: boolean,
) => boolean;

/** Bytes of a frame's length. */
const HEADER_BYTES = 4;

export class ByteQueue {
  readonly maxFrameBytes: number;
  /**
   * The chunk being written. A caller of `reserve` writes into it, from the
   * position that it got and no further than it asked for.
   */
  buffer: Uint8Array<ArrayBuffer>;
  readonly #chunkBytes: number;
  readonly #frameBytes: number;
  /**
   * Takes large frames instead of the queue, on a connection that has a lane of
   * its own for them. Null where large frames go with the others.
   */
  onLargeFrame: LargeFrames | null = null;
  /** Complete chunks, in order. */
  #done: Uint8Array<ArrayBuffer>[] = [];
  #doneBytes = 0;
  /** Start of the bytes that were not taken yet; at most `#position`. */
  #start = 0;
  /** Where the next byte goes in `buffer`. */
  #position = 0;
  /** Where the length of the open frame goes; -1 when no frame is open. */
  #frame = -1;

  constructor(options: ByteQueueOptions = {}) {
    this.#chunkBytes = options.chunkBytes ?? 64 * 1024;
    this.#frameBytes = options.frameBytes ?? 32 * 1024;
    this.maxFrameBytes = options.maxFrameBytes ?? 64 * 1024 * 1024;
    this.buffer = new Uint8Array(0);
  }

  /** Bytes written and not taken yet, lengths of frames included. */
  get length(): number {
    return this.#doneBytes + this.#position - this.#start;
  }

  /** Closes the open frame, if there is one; the next signal opens another. */
  endFrame(): void {
    if (this.#frame < 0) return;
    const bytes = this.#position - this.#frame - HEADER_BYTES;
    writeU32(this.buffer, this.#frame, bytes);
    this.#frame = -1;
  }

  /**
   * Makes room for one signal of exactly `bytes` bytes, at least one, and
   * returns where it goes in `buffer`. Opens a frame when none is open. Throws
   * an `EncodeError` when no frame may be that large; then nothing has changed.
   */
  reserve(bytes: number): number {
    this.checkFrame(bytes);
    if (this.#frame >= 0) {
      const payload = this.#position - this.#frame - HEADER_BYTES;
      if (
        payload >= this.#frameBytes || payload + bytes > this.maxFrameBytes ||
        this.#position + bytes > this.buffer.length
      ) this.endFrame();
    }
    if (this.#frame < 0) {
      if (this.#position + HEADER_BYTES + bytes > this.buffer.length) {
        this.#nextChunk(HEADER_BYTES + bytes);
      }
      this.#frame = this.#position;
      this.#position += HEADER_BYTES;
    }
    const at = this.#position;
    this.#position += bytes;
    return at;
  }

  /**
   * Appends one frame that consists of these chunks. They are not copied, so
   * they must not be written to from now on. Throws as `reserve` does.
   */
  largeFrame(
    payload: readonly Uint8Array<ArrayBuffer>[],
    isAlone: boolean = false,
  ): void {
    let bytes = 0;
    for (const chunk of payload) bytes += chunk.length;
    this.checkFrame(bytes);
    if (this.onLargeFrame?.(payload, bytes, isAlone) === true) return;
    this.endFrame();
    if (this.#position + HEADER_BYTES > this.buffer.length) {
      this.#nextChunk(HEADER_BYTES);
    }
    writeU32(this.buffer, this.#position, bytes);
    this.#position += HEADER_BYTES;
    this.#finish();
    for (const chunk of payload) this.#done.push(chunk);
    this.#doneBytes += bytes;
  }

  /** Throws an `EncodeError` when a payload of that size is not allowed. */
  checkFrame(bytes: number): void {
    if (bytes <= this.maxFrameBytes) return;
    throw new EncodeError(
      "message",
      `expected at most ${this.maxFrameBytes} bytes, got ${bytes}; ` +
        "send it in parts",
    );
  }

  /**
   * Takes all bytes that were written, in order, as whole frames. They are
   * never written again, but small chunks share their `ArrayBuffer` with later
   * ones: copy a chunk before you transfer it.
   */
  take(): Uint8Array<ArrayBuffer>[] {
    this.endFrame();
    this.#finish();
    const chunks = this.#done;
    this.#done = [];
    this.#doneBytes = 0;
    return chunks;
  }

  /** Moves the bytes that were written into `buffer` to the complete chunks. */
  #finish(): void {
    if (this.#position === this.#start) return;
    this.#done.push(this.buffer.subarray(this.#start, this.#position));
    this.#doneBytes += this.#position - this.#start;
    this.#start = this.#position;
  }

  #nextChunk(leastBytes: number): void {
    this.#finish();
    this.buffer = new Uint8Array(Math.max(this.#chunkBytes, leastBytes));
    this.#start = 0;
    this.#position = 0;
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
