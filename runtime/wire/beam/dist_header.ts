/**
 * The bytes in front of the terms in a frame of a BEAM connection: the
 * pass-through byte, or the distribution header with its atom cache and its
 * fragments.
 *
 * Follows the Erlang/OTP documentation, "Distribution Header". The flags of both
 * nodes fix the form of all frames of a connection. Terms are not read here, and
 * frames are split in `framing/frames.ts`.
 */

import { DecodeError } from "../shared/errors.ts";
import type { PeerAtoms } from "../etf/atoms.ts";
import type { AtomEntry } from "../etf/atom_entry.ts";
import { encodeText } from "../etf/text.ts";
import { split } from "../framing/fragments.ts";

/** The form of the frames of a connection, which the flags decide. */
export type DistForm = "passThrough" | "header";

/** A whole control message with its payload. */
export type DistMessage = {
  readonly bytes: Uint8Array;
  /** Position of the term of the control message. */
  readonly start: number;
  /** The atoms to which `atomCacheRef` refers in its terms. */
  readonly atoms: readonly AtomEntry[];
  /** Whether each term has the version byte 131 in front. */
  readonly isVersioned: boolean;
};

/** First bytes of frames. */
export const PASS_THROUGH_MARK = 112;
export const VERSION_MARK = 131;
export const HEADER_MARK = 68;
export const FIRST_FRAGMENT_MARK = 69;
export const NEXT_FRAGMENT_MARK = 70;

/** Bytes of the mark, the sequence and the number of a fragment. */
export const FRAGMENT_HEAD_BYTES = 18;

const CACHE_SLOTS = 2048;
const noAtoms: readonly AtomEntry[] = [];

/** Messages that a peer may send in fragments at the same time. */
const OPEN_SEQUENCES_MAX = 10_000;

/**
 * Fragments of incomplete messages are bounded also in number: one for each of
 * the sequences, and one for each of this many bytes that may be incomplete.
 * BEAM nodes send fragments of 64 KiB.
 */
const FRAGMENT_BYTES_MIN = 8 * 1024;

/** A message whose last fragment has not arrived yet. */
type Sequence = {
  readonly atoms: readonly AtomEntry[];
  readonly chunks: Uint8Array[];
  bytes: number;
  /** Number of the next fragment; the last one is 1. */
  next: bigint;
};

/** Reads the frames of one connection, in order. */
export class DistReader {
  readonly #form: DistForm;
  readonly #peerAtoms: PeerAtoms;
  readonly #messageBytesMax: number;
  /** The peer's atom cache, by segment and slot. */
  readonly #cache: (AtomEntry | undefined)[] = [];
  /** Grows with each change of the cache. While it stays, so do all headers. */
  cacheVersion = 0;
  readonly #open = new Map<bigint, Sequence>();
  #openBytes = 0;
  /** The fragments in `#open`. */
  #openFragments = 0;
  readonly #openFragmentsMax: number;

  constructor(options: {
    readonly form: DistForm;
    readonly atoms: PeerAtoms;
    /** Bytes of one message at most; all open ones may have four times that. */
    readonly messageBytesMax: number;
  }) {
    this.#form = options.form;
    this.#peerAtoms = options.atoms;
    this.#messageBytesMax = options.messageBytesMax;
    this.#openFragmentsMax = OPEN_SEQUENCES_MAX +
      Math.ceil(4 * options.messageBytesMax / FRAGMENT_BYTES_MIN);
  }

  /**
   * The message that is complete with this frame, or null for a fragment that is
   * not the last one. After a `DecodeError` the connection has to be closed.
   */
  read(frame: Uint8Array): DistMessage | null {
    if (this.#form === "passThrough") {
      expectByte(frame, 0, PASS_THROUGH_MARK, "a pass-through frame");
      return { bytes: frame, start: 1, atoms: noAtoms, isVersioned: true };
    }
    expectByte(frame, 0, VERSION_MARK, "a frame with a distribution header");
    switch (frame[1]) {
      case HEADER_MARK: {
        const [start, atoms] = this.#atoms(frame, 2);
        return { bytes: frame, start, atoms, isVersioned: false };
      }
      case FIRST_FRAGMENT_MARK:
        return this.#first(frame);
      case NEXT_FRAGMENT_MARK:
        return this.#next(frame);
      default:
        throw new DecodeError(
          `expected a distribution header (68, 69 or 70), got ${frame[1]}`,
          1,
        );
    }
  }

  #first(frame: Uint8Array): DistMessage | null {
    const { sequence, number } = fragmentHead(frame);
    const [start, atoms] = this.#atoms(frame, FRAGMENT_HEAD_BYTES);
    if (number === 1n) {
      return { bytes: frame, start, atoms, isVersioned: false };
    }
    if (number === 0n || this.#open.has(sequence)) {
      throw new DecodeError(
        `expected the first fragment of a new sequence, got number ${number} ` +
          `of sequence ${sequence}`,
        2,
      );
    }
    if (this.#open.size >= OPEN_SEQUENCES_MAX) {
      throw new DecodeError(
        `expected at most ${OPEN_SEQUENCES_MAX} messages in fragments at a time`,
        2,
      );
    }
    const opened = { atoms, chunks: [], bytes: 0, next: number - 1n };
    this.#open.set(sequence, opened);
    this.#add(opened, frame.subarray(start));
    return null;
  }

  #next(frame: Uint8Array): DistMessage | null {
    const { sequence, number } = fragmentHead(frame);
    const opened = this.#open.get(sequence);
    if (opened === undefined || number !== opened.next) {
      throw new DecodeError(
        `expected fragment ${opened?.next ?? "of a sequence that is open"}, ` +
          `got number ${number} of sequence ${sequence}`,
        2,
      );
    }
    this.#add(opened, frame.subarray(FRAGMENT_HEAD_BYTES));
    if (number !== 1n) {
      opened.next = number - 1n;
      return null;
    }
    this.#open.delete(sequence);
    this.#openBytes -= opened.bytes;
    this.#openFragments -= opened.chunks.length;
    const bytes = new Uint8Array(opened.bytes);
    let at = 0;
    for (const chunk of opened.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return { bytes, start: 0, atoms: opened.atoms, isVersioned: false };
  }

  #add(opened: Sequence, chunk: Uint8Array): void {
    opened.chunks.push(chunk);
    this.#openFragments += 1;
    if (this.#openFragments > this.#openFragmentsMax) {
      throw new DecodeError(
        `expected at most ${this.#openFragmentsMax} fragments of messages ` +
          "that are incomplete; send larger fragments",
        0,
      );
    }
    opened.bytes += chunk.length;
    this.#openBytes += chunk.length;
    if (
      opened.bytes > this.#messageBytesMax ||
      this.#openBytes > 4 * this.#messageBytesMax
    ) {
      throw new DecodeError(
        `expected a message of at most ${this.#messageBytesMax} bytes, and ` +
          "four times that in all messages that are incomplete; raise the frame limit",
        0,
      );
    }
  }

  /**
   * The position of the terms, and the atoms to which the header refers. New
   * atoms enter the cache, which both nodes keep as long as the connection.
   */
  #atoms(frame: Uint8Array, at: number): [number, readonly AtomEntry[]] {
    const count = byteAt(frame, at);
    if (count === 0) return [at + 1, noAtoms];
    const flagsAt = at + 1;
    const halfByte = (i: number): number => {
      const flags = byteAt(frame, flagsAt + (i >> 1));
      return (i & 1) === 0 ? flags & 15 : flags >> 4;
    };
    const lengthBytes = (halfByte(count) & 1) === 0 ? 1 : 2;
    let next = flagsAt + (count >> 1) + 1;
    const atoms: AtomEntry[] = [];
    for (let i = 0; i < count; i++) {
      const flags = halfByte(i);
      const slot = (flags & 7) * 256 + byteAt(frame, next);
      next += 1;
      if ((flags & 8) !== 0) {
        const length = lengthBytes === 1
          ? byteAt(frame, next)
          : byteAt(frame, next) * 256 + byteAt(frame, next + 1);
        next += lengthBytes;
        if (next + length > frame.length) {
          throw new DecodeError("the text of an atom is incomplete", next);
        }
        this.cacheVersion += 1;
        this.#cache[slot] = this.#peerAtoms.entry(frame, next, length);
        next += length;
      }
      const entry = slot < CACHE_SLOTS ? this.#cache[slot] : undefined;
      if (entry === undefined) {
        throw new DecodeError(
          `expected an atom that the peer has put into slot ${slot} of the ` +
            "cache, but there is none",
          next - 1,
        );
      }
      atoms.push(entry);
    }
    return [next, atoms];
  }
}

function byteAt(frame: Uint8Array, at: number): number {
  const byte = frame[at];
  if (byte === undefined) {
    throw new DecodeError("the distribution header is incomplete", at);
  }
  return byte;
}

function expectByte(
  frame: Uint8Array,
  at: number,
  byte: number,
  what: string,
): void {
  if (frame[at] !== byte) {
    throw new DecodeError(
      `expected ${what}, which begins with ${byte}, got ${frame[at]}`,
      at,
    );
  }
}

function fragmentHead(
  frame: Uint8Array,
): { readonly sequence: bigint; readonly number: bigint } {
  if (frame.length < FRAGMENT_HEAD_BYTES) {
    throw new DecodeError("the head of a fragment is incomplete", frame.length);
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return { sequence: view.getBigUint64(2), number: view.getBigUint64(10) };
}

/** The end of a header that refers to no atoms. */
const noReferences: Uint8Array = new Uint8Array(1);

/**
 * The end of a header that refers to these atoms by their slots. `atomCacheRef` 0
 * is the first of them. With `areNew` it holds their texts, as the first header
 * that refers to them must.
 */
export function references(
  atoms: readonly string[],
  areNew: boolean,
): Uint8Array {
  const count = atoms.length;
  if (count === 0) return noReferences;
  const texts = atoms.map(encodeText);
  const isLong = texts.some((text) => text.length > 0xff);
  const halves: number[] = texts.map(() => areNew ? 8 : 0);
  halves.push(isLong ? 1 : 0);
  const bytes = [count];
  for (let i = 0; i <= count; i += 2) {
    bytes.push(halves[i]! | (halves[i + 1] ?? 0) << 4);
  }
  for (const [slot, text] of texts.entries()) {
    bytes.push(slot);
    if (!areNew) continue;
    if (isLong) bytes.push(text.length >>> 8);
    bytes.push(text.length & 0xff, ...text);
  }
  return new Uint8Array(bytes);
}

/**
 * Splits a control message and its payload into the payloads of frames.
 * `sequence` tells it from other messages that are being sent, `refersTo` is the
 * end of its header.
 */
export function fragments(
  chunks: readonly Uint8Array<ArrayBuffer>[],
  sequence: bigint,
  refersTo: Uint8Array = noReferences,
): Uint8Array<ArrayBuffer>[][] {
  const frames = split(chunks);
  frames.forEach((pieces, i) => {
    const isFirst = i === 0;
    const end = isFirst ? refersTo.length : 0;
    const head = new Uint8Array(FRAGMENT_HEAD_BYTES + end);
    if (isFirst) head.set(refersTo, FRAGMENT_HEAD_BYTES);
    head[0] = VERSION_MARK;
    head[1] = isFirst ? FIRST_FRAGMENT_MARK : NEXT_FRAGMENT_MARK;
    const view = new DataView(head.buffer);
    view.setBigUint64(2, sequence);
    view.setBigUint64(10, BigInt(frames.length - i));
    pieces.unshift(head);
  });
  return frames;
}
