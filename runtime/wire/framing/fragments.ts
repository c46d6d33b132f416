/**
 * Fragments of large payloads, so that no other signal has to wait for a whole
 * payload.
 *
 * Between two Hornbeam nodes a fragment is a frame of its own: `FRAGMENT_MARK`,
 * the number of the payload it is part of, the size of that payload, both in
 * 32 bits, and the next bytes of the payload. Fragments of one payload stay in
 * order; fragments of several payloads may alternate. Towards a BEAM node,
 * `beam/dist_header.ts` writes Erlang's own fragments, of the same size.
 *
 * The receiver acknowledges fragments. Without that, they would fill the buffers
 * of the systems between the two nodes with megabytes for which later signals
 * have to wait. An acknowledgement is a frame of `ACKNOWLEDGEMENT_MARK` and a
 * number of bytes in 32 bits.
 */

import { DecodeError } from "../shared/errors.ts";

/**
 * A payload of up to this many bytes is sent in one piece. A BEAM node has the
 * same limit.
 */
export const FRAGMENT_BYTES: number = 64 * 1024;

/**
 * First byte of a fragment between Hornbeam nodes. It is CBOR's `undefined`, with
 * which no signal begins.
 */
export const FRAGMENT_MARK = 0xf7;

/** First byte of an acknowledgement: CBOR's `false`, no signal. */
export const ACKNOWLEDGEMENT_MARK = 0xf4;

/**
 * After this many bytes of fragments, the receiver acknowledges them. Half as
 * many would double the writes and gain nothing; twice as many would need a
 * larger window.
 */
export const ACKNOWLEDGED_BYTES: number = 128 * 1024;

/**
 * Bytes of fragments that a sender may always have sent without an
 * acknowledgement. The sender decides how many more (`net/lanes/window.ts`). On
 * loopback, a stream is as fast with this as with 2 MiB, and signals that
 * overtake it wait a third as long.
 */
export const WINDOW_BYTES_MIN: number = 512 * 1024;
export const WINDOW_BYTES_MAX: number = 8 * 1024 * 1024;

/** Payloads that a peer may send in fragments at the same time. */
export const OPEN_PAYLOADS_MAX = 8;

/** Bytes of the mark, the number and the size. */
export const HEAD_BYTES = 9;

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/** Splits chunks into lists of `FRAGMENT_BYTES` each, without a copy. */
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
 * The frames of a payload; `number` tells it from other payloads that are being
 * sent. A payload that is no longer than the frame of a fragment stays whole. So
 * each limit of frames that a payload keeps is kept by its fragments as well.
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

/** The frame that acknowledges bytes of fragments, with its length in front. */
export function acknowledgement(bytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(9);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 5);
  frame[4] = ACKNOWLEDGEMENT_MARK;
  view.setUint32(5, bytes);
  return frame;
}

/**
 * How many bytes a frame acknowledges. Throws a `DecodeError` for a frame of
 * another size.
 */
export function readAcknowledgement(frame: Uint8Array): number {
  if (frame.length !== 5) {
    throw new DecodeError(
      `expected an acknowledgement of 5 bytes, got ${frame.length}`,
      0,
    );
  }
  return new DataView(frame.buffer, frame.byteOffset, 5).getUint32(1);
}

/** A payload of which some fragments have arrived. */
type Open = { readonly bytes: Uint8Array; filled: number };

/** A fragment that is written to its place while it arrives. */
type Landing = { readonly number: number; readonly bytes: number };

/** Assembles the payloads that one peer sends in fragments. */
export class FragmentReader {
  readonly #open = new Map<number, Open>();
  readonly #payloadBytesMax: number;
  #landing: Landing | null = null;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /**
   * Takes the frame of a fragment. Returns the payload if it is complete now, else
   * null. The memory of the whole payload is allocated with its first fragment.
   * Throws a `DecodeError` for a frame that is no valid fragment.
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
   * Takes the beginning of a frame, and returns the place for the rest of it, so
   * that the bytes are copied once and not twice. Null when the frame is no
   * fragment, or when too few bytes have arrived. Once the frame is complete,
   * `read` has to be called with its first `HEAD_BYTES` bytes. Throws as `read`.
   */
  land(start: Uint8Array, frameBytes: number): Uint8Array | null {
    // One byte more than the head shows whether it is a fragment of a fragment.
    if (start[0] !== FRAGMENT_MARK || start.length <= HEAD_BYTES) return null;
    const view = new DataView(start.buffer, start.byteOffset, start.length);
    const number = view.getUint32(1);
    const bytes = frameBytes - HEAD_BYTES;
    const place = this.#placeOf(number, view, bytes);
    this.#landing = { number, bytes };
    return place;
  }

  /** The place of the next bytes of a payload. */
  #placeOf(number: number, view: DataView, bytes: number): Uint8Array {
    const open = this.#open.get(number) ?? this.#openPayload(number, view);
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

  #openPayload(number: number, view: DataView): Open {
    // Fragments of fragments could take memory without a limit.
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
