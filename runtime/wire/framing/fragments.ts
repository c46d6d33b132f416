/**
 * Large payloads in pieces, so that nothing has to wait behind a whole one.
 *
 * Between two Hornbeam nodes a fragment is a frame of its own: `FRAGMENT_MARK`,
 * the number of the payload it is part of, the size of that payload, both in
 * 32 bits, and the bytes that come next of it. Fragments of one payload stay in
 * order, those of several may alternate. Towards a BEAM node `dist_header.ts`
 * writes Erlang's own fragments, of the same size.
 *
 * Fragments are acknowledged, or they would fill the buffers of the systems
 * between the two nodes, megabytes that whatever comes next has to wait for: a
 * frame of `ACKNOWLEDGEMENT_MARK` and a number of bytes in 32 bits.
 */

import { DecodeError } from "../shared/errors.ts";

/**
 * Bytes of a payload up to which it is sent in one piece; BEAM's is the same.
 */
export const FRAGMENT_BYTES: number = 64 * 1024;

/**
 * First byte of a fragment between Hornbeam nodes: CBOR's `undefined`, with
 * which no signal begins.
 */
export const FRAGMENT_MARK = 0xf7;

/** First byte of an acknowledgement: CBOR's `false`. */
export const ACKNOWLEDGEMENT_MARK = 0xf4;

/**
 * Bytes of fragments after which their receiver acknowledges them. Half of it
 * doubles the writes and gains nothing, twice as much needs a larger window.
 */
export const ACKNOWLEDGED_BYTES: number = 128 * 1024;

/**
 * Bytes of fragments that may always be on their way and not acknowledged; how
 * many more is up to the sender (`net/lanes/window.ts`). On loopback a stream
 * is as fast with this as with 2 MiB, and what overtakes it waits a third as
 * long.
 */
export const WINDOW_BYTES_MIN: number = 512 * 1024;
export const WINDOW_BYTES_MAX: number = 8 * 1024 * 1024;

/** Payloads that may be under way in fragments at a time. */
export const OPEN_PAYLOADS_MAX = 8;

/** Mark, number and size. */
export const HEAD_BYTES = 9;

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/** Cuts chunks into lists of chunks of `FRAGMENT_BYTES`, copying nothing. */
export function split(chunks: Chunks): Uint8Array<ArrayBuffer>[][] {
  const parts: Uint8Array<ArrayBuffer>[][] = [];
  let part: Uint8Array<ArrayBuffer>[] = [];
  let room = FRAGMENT_BYTES;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (room === 0) {
        parts.push(part);
        part = [];
        room = FRAGMENT_BYTES;
      }
      const piece = chunk.subarray(at, at + room);
      part.push(piece);
      at += piece.length;
      room -= piece.length;
    }
  }
  parts.push(part);
  return parts;
}

/**
 * The frames of a payload; `number` tells it from others under way. One that
 * is no longer than the frame of a fragment is left as it is, so that every
 * limit of frames that lets a payload pass lets its fragments pass as well.
 */
export function fragmentsOf(
  payload: Chunks,
  payloadBytes: number,
  number: number,
): Chunks[] {
  if (payloadBytes <= FRAGMENT_BYTES + HEAD_BYTES) return [payload];
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  head[0] = FRAGMENT_MARK;
  view.setUint32(1, number);
  view.setUint32(5, payloadBytes);
  return split(payload).map((part) => [head, ...part]);
}

/** The frame that acknowledges so many bytes of fragments, with its length. */
export function acknowledgement(bytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(9);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 5);
  frame[4] = ACKNOWLEDGEMENT_MARK;
  view.setUint32(5, bytes);
  return frame;
}

/** The bytes that a frame acknowledges. Throws a `DecodeError`. */
export function readAcknowledgement(frame: Uint8Array): number {
  if (frame.length !== 5) {
    throw new DecodeError(
      `expected an acknowledgement of 5 bytes, got ${frame.length}`,
      0,
    );
  }
  return new DataView(frame.buffer, frame.byteOffset, 5).getUint32(1);
}

/** A payload of which some has come. */
type Open = { readonly bytes: Uint8Array; filled: number };

/** A fragment that is written to its place as it comes. */
type Landing = { readonly number: number; readonly bytes: number };

/** Puts the fragments of one peer together. */
export class FragmentReader {
  readonly #open = new Map<number, Open>();
  readonly #payloadBytesMax: number;
  #landing: Landing | null = null;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /**
   * The payload that is complete with this frame, or null. It goes into memory
   * of its size as it comes. Throws a `DecodeError` for what is no fragment.
   */
  read(frame: Uint8Array): Uint8Array | null {
    const landing = this.#landing;
    if (landing !== null && frame.length === HEAD_BYTES) {
      this.#landing = null;
      return this.#filled(landing.number, landing.bytes);
    }
    if (frame.length <= HEAD_BYTES) {
      throw new DecodeError("a fragment is incomplete", frame.length);
    }
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const number = view.getUint32(1);
    const bytes = frame.length - HEAD_BYTES;
    this.#placeOf(number, view, bytes).set(frame.subarray(HEAD_BYTES));
    return this.#filled(number, bytes);
  }

  /**
   * Where the rest of a frame belongs of which the beginning has come, so that
   * its pieces are copied once and not twice. Null for what is no fragment, or
   * one of which too little has come. When it is complete, `read` wants what
   * was given here, `HEAD_BYTES` of it. Throws as `read`.
   */
  land(start: Uint8Array, frameBytes: number): Uint8Array | null {
    // One more, which tells whether it is a fragment of a fragment.
    if (start[0] !== FRAGMENT_MARK || start.length <= HEAD_BYTES) return null;
    const view = new DataView(start.buffer, start.byteOffset, start.length);
    const number = view.getUint32(1);
    const bytes = frameBytes - HEAD_BYTES;
    const place = this.#placeOf(number, view, bytes);
    this.#landing = { number, bytes };
    return place;
  }

  /** Where the next bytes of a payload go. */
  #placeOf(number: number, view: DataView, bytes: number): Uint8Array {
    const open = this.#open.get(number) ?? this.#begin(number, view);
    const size = open.bytes.length;
    const said = view.getUint32(5);
    if (said !== size) {
      throw new DecodeError(
        `expected the rest of a payload of ${size} bytes, got one of ${said}`,
        5,
      );
    }
    const filled = open.filled + bytes;
    if (filled > size) {
      throw new DecodeError(
        `expected a payload of ${size} bytes, got ${filled}`,
        HEAD_BYTES,
      );
    }
    return open.bytes.subarray(open.filled, filled);
  }

  #filled(number: number, bytes: number): Uint8Array | null {
    const open = this.#open.get(number) as Open;
    open.filled += bytes;
    if (open.filled < open.bytes.length) return null;
    this.#open.delete(number);
    return open.bytes;
  }

  #begin(number: number, view: DataView): Open {
    // Else a payload of fragments of fragments would take memory without end.
    if (view.getUint8(HEAD_BYTES) === FRAGMENT_MARK) {
      throw new DecodeError(
        "expected a signal in fragments, got a fragment",
        HEAD_BYTES,
      );
    }
    const size = view.getUint32(5);
    if (size > this.#payloadBytesMax) {
      throw new DecodeError(
        `expected a payload of at most ${this.#payloadBytesMax} bytes, got ` +
          `one of ${size}`,
        5,
      );
    }
    if (this.#open.size >= OPEN_PAYLOADS_MAX) {
      throw new DecodeError(
        `expected at most ${OPEN_PAYLOADS_MAX} payloads in fragments at a time`,
        1,
      );
    }
    const open = { bytes: new Uint8Array(size), filled: 0 };
    this.#open.set(number, open);
    return open;
  }
}
