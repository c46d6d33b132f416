/**
 * Checks the bytes of a frame before cbor-x builds values from them.
 *
 * cbor-x trusts its input: it replaces invalid UTF-8, follows tags that refer to
 * other places, recurses as deep as the input is nested, and notices truncation
 * late. Bytes that pass this check are a sequence of complete items in the
 * dialect of `tags.ts`, nested within a limit, and cost cbor-x no more than a
 * small multiple of their size. The meaning of the items is not checked here.
 */

import { FIRST_TAG, LAST_TAG, PART_DEPTH_MAX, tags } from "./tags.ts";
import { OBJECTS_MAX } from "../shared/limits.ts";
import { DecodeError } from "../shared/errors.ts";

/**
 * A term is at most a tag and an array; an item around it and a leaf add a few.
 */
const DEPTH_MAX = 2 * PART_DEPTH_MAX + 8;

/** Tags of values that are no objects. */
const noObjects: ReadonlySet<number> = new Set([
  tags.atom,
  tags.minusZero,
  tags.utf16,
  tags.bigInteger,
  tags.attachment,
  tags.part,
]);

/**
 * The writer counts only the objects of a message. Here the byte string inside a
 * binary counts as well, and so do the other items of a signal.
 */
const COUNTED_MAX = 2 * OBJECTS_MAX + 16;

/** Items still to come at each level. Only one check runs at a time. */
const missing = new Float64Array(DEPTH_MAX + 1);

/** cbor-x drops a byte-order mark from texts longer than this. */
const SAFE_MARK_BYTES = 64;

/** Throws a `DecodeError` unless `bytes` is a sequence of whole items. */
export function checkItems(bytes: Uint8Array): void {
  const end = bytes.length;
  let at = 0;
  let depth = 0;
  let objects = 0;
  let isTagged = false;
  while (at < end) {
    const start = at;
    const head = bytes[at++]!;
    const major = head >> 5;
    let value = head & 31;
    if (value > 23) {
      const size = sizeOfArgument(head, start);
      if (at + size > end) throw truncated(end);
      if (major === 7) value = 0;
      else value = size === 8 ? 0 : readUint(bytes, at, size);
      at += size;
    } else if (major === 5 || major === 7 && value < 20) {
      throw notUsed(head, start);
    }
    // The item behind a tag is counted with the tag.
    if (!isTagged && (major === 2 || major === 4)) objects += 1;
    isTagged = major === 6;
    let inside = 0;
    if (major === 2 || major === 3) {
      if (value > end - at) throw truncated(end);
      if (major === 3) checkText(bytes, at, at + value);
      at += value;
    } else if (major === 4) {
      // Each item takes a byte at least, so the array is never larger.
      if (value > end - at) throw truncated(end);
      inside = value;
    } else if (major === 6) {
      if (value < FIRST_TAG || value > LAST_TAG) throw notUsed(head, start);
      if (!noObjects.has(value)) objects += 1;
      inside = 1;
    }
    if (objects > COUNTED_MAX) throw tooMany(start);
    if (inside > 0) {
      if (++depth > DEPTH_MAX) throw tooDeep(start);
      missing[depth] = inside;
    } else {
      while (depth > 0 && --missing[depth]! === 0) depth -= 1;
    }
  }
  if (depth > 0) throw truncated(end);
}

/** Bytes of the argument behind a head whose low bits are 24 or more. */
function sizeOfArgument(head: number, at: number): number {
  const major = head >> 5;
  const low = head & 31;
  if (major === 5 || low > 27) throw notUsed(head, at);
  // Of the simple values and floats only doubles are used; elsewhere eight
  // bytes are only for integers.
  if (major === 7 ? low !== 27 : low === 27 && major > 1) {
    throw notUsed(head, at);
  }
  return 1 << (low - 24);
}

function readUint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

/** Strict UTF-8 as of RFC 3629: no long forms, no surrogates. */
function checkText(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    if (first < 0x80) at += 1;
    else at = checkCharacter(bytes, at, end, first);
  }
  if (
    end - start > SAFE_MARK_BYTES && bytes[start] === 0xef &&
    bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
  ) {
    throw new DecodeError(
      "a text that begins with a byte-order mark has to be sent as UTF-16",
      start,
    );
  }
}

/** Returns where the character of two to four bytes ends. */
function checkCharacter(
  bytes: Uint8Array,
  at: number,
  end: number,
  first: number,
): number {
  let low = 0x80;
  let high = 0xbf;
  let more: number;
  if (first >= 0xc2 && first <= 0xdf) more = 1;
  else if (first >= 0xe0 && first <= 0xef) {
    more = 2;
    if (first === 0xe0) low = 0xa0;
    if (first === 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    more = 3;
    if (first === 0xf0) low = 0x90;
    if (first === 0xf4) high = 0x8f;
  } else throw new DecodeError("invalid UTF-8", at);
  for (let i = 1; i <= more; i++) {
    const next = bytes[at + i];
    if (at + i >= end || next! < low || next! > high) {
      throw new DecodeError("invalid UTF-8", at);
    }
    low = 0x80;
    high = 0xbf;
  }
  return at + 1 + more;
}

function truncated(end: number): DecodeError {
  return new DecodeError("the last item is incomplete", end);
}

function notUsed(head: number, at: number): DecodeError {
  return new DecodeError(
    `expected an item or tag of the dialect, got 0x${head.toString(16)}`,
    at,
  );
}

function tooMany(at: number): DecodeError {
  return new DecodeError(
    `expected at most ${OBJECTS_MAX} objects in one signal`,
    at,
  );
}

function tooDeep(at: number): DecodeError {
  return new DecodeError(
    `expected parts nested at most ${PART_DEPTH_MAX} deep`,
    at,
  );
}
