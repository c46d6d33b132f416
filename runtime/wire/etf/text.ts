/**
 * Texts as UTF-8, read and written strictly: no character is replaced, and a
 * byte-order mark is kept.
 *
 * Short texts are handled by loops, because a call of the built-in encoder or
 * decoder costs more than such a text on every engine.
 */

import type { Output } from "./output.ts";
import { Recent } from "./recent.ts";
import { tags } from "./tags.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to this many bytes a loop is faster than the built-in decoder. */
const READ_LOOP_MAX = 40;

/** Bytes of a long text that are checked before the decoder is called. */
const CHECKED_BYTES = 256;

/** Up to this many units a loop is faster than the built-in encoder. */
const WRITE_LOOP_MAX = 64;

/** UTF-8 bytes of one 16-bit unit of a text, at most. */
const UNIT_BYTES_MAX = 3;

/** Bytes of the tag and the length in front of a binary. */
const HEAD_BYTES = 5;

/** Texts of up to this many bytes are looked up in the cache. */
const RECENT_BYTES_MAX = 16;

/** Reads the texts of one peer. */
export class TextReader {
  readonly #recent: Recent<string> = new Recent();

  /** The text of these bytes; undefined when they are not UTF-8. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    // Most binaries that are not texts fail here, which saves the look-up.
    if (start < end && (bytes[start]! & 0xc0) === 0x80) return undefined;
    if (end - start > RECENT_BYTES_MAX) return decodeText(bytes, start, end);
    const known = this.#recent.find(bytes, start, end);
    if (known !== undefined) return known;
    const text = decodeText(bytes, start, end);
    return text === undefined
      ? undefined
      : this.#recent.add(bytes, start, end, text);
  }
}

/** As `TextReader.read`, without the cache. */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  if (end - start <= READ_LOOP_MAX) {
    const text = readAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  // A decoder that fails is slow, and most binaries fail at their beginning.
  if (!beginsAsText(bytes, start, end)) return undefined;
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

const { fromCharCode } = String;

/** Undefined when a byte is above 127. */
function readAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  for (let at = start; at < end; at++) {
    if (bytes[at]! > 127) return undefined;
  }
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  if (at + 4 <= end) {
    text += fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
    );
    at += 4;
  }
  switch (end - at) {
    case 1:
      return text + fromCharCode(bytes[at]!);
    case 2:
      return text + fromCharCode(bytes[at]!, bytes[at + 1]!);
    case 3:
      return text + fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!);
    default:
      return text;
  }
}

/** Whether the first `CHECKED_BYTES` are UTF-8, up to a character cut off. */
function beginsAsText(bytes: Uint8Array, start: number, end: number): boolean {
  const stop = Math.min(end, start + CHECKED_BYTES);
  let at = start;
  while (at < stop) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    let more = 0;
    if (lead >= 0xc2 && lead < 0xe0) more = 1;
    else if (lead >= 0xe0 && lead < 0xf0) more = 2;
    else if (lead >= 0xf0 && lead < 0xf5) more = 3;
    else return false;
    if (at + more > end) return false;
    for (; more > 0; more--) {
      if ((bytes[at++]! & 0xc0) !== 0x80) return false;
    }
  }
  return true;
}

/** Writes a text as a binary; returns false when it is not well-formed. */
export function writeText(text: string, out: Output): boolean {
  const { length } = text;
  if (length <= WRITE_LOOP_MAX) {
    const start = out.reserve(HEAD_BYTES + length);
    const { buffer } = out;
    const first = start + HEAD_BYTES;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) break;
      buffer[first + i] = unit;
    }
    if (i === length) {
      buffer[start] = tags.binary;
      out.view.setUint32(start + 1, length);
      return true;
    }
    out.position = start;
  }
  return text.isWellFormed() && writeEncoded(text, out);
}

function writeEncoded(text: string, out: Output): boolean {
  const start = out.reserve(HEAD_BYTES + UNIT_BYTES_MAX * text.length);
  const { buffer } = out;
  const first = start + HEAD_BYTES;
  const { written } = encoder.encodeInto(text, buffer.subarray(first));
  buffer[start] = tags.binary;
  out.view.setUint32(start + 1, written);
  out.position = first + written;
  return true;
}

/** The UTF-8 of a well-formed text, in a new array. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
