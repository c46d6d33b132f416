/**
 * Reads the signals that `small_write.ts` writes: those whose message is one small
 * value. For these, a call of cbor-x costs several times more than all other
 * work.
 *
 * It reports no errors: at the first byte that it does not expect it stops, and
 * the complete reader continues from there.
 */

import { ops } from "../shared/control_numbers.ts";
import type { SignalSink } from "../shared/codec.ts";

/** Longest text or byte string read here. */
const SMALL_BYTES_MAX = 64;

const UNSIGNED = 0x00;
const BYTE_STRING = 0x40;
const TEXT_STRING = 0x60;
/** An array of four items: op, id, serial, message. */
const SEND_ARRAY = 0x84;

/**
 * The number of the head that `head` has read last. It is a variable so that
 * `head` need not allocate an object.
 */
let headValue = 0;

/** Reads the head of an item of this type; returns its end, or -1. */
function head(bytes: Uint8Array, at: number, kind: number): number {
  const low = (bytes[at] as number) - kind;
  if (!(low >= 0 && low <= 26)) return -1;
  if (low < 24) {
    headValue = low;
    return at + 1;
  }
  const end = at + 1 + (1 << (low - 24));
  if (end > bytes.length) return -1;
  let value = 0;
  for (let i = at + 1; i < end; i++) value = value * 256 + (bytes[i] as number);
  headValue = value;
  return end;
}

/**
 * Delivers the small messages at the beginning of a frame, in order, and returns
 * the position of the first byte behind them.
 */
export function readSmallSends(bytes: Uint8Array, sink: SignalSink): number {
  const { length } = bytes;
  let start = 0;
  while (bytes[start] === SEND_ARRAY && bytes[start + 1] === ops.send) {
    let at = head(bytes, start + 2, UNSIGNED);
    if (at < 0) break;
    const id = headValue;
    at = head(bytes, at, UNSIGNED);
    if (at < 0 || at >= length) break;
    const serial = headValue;
    const kind = (bytes[at] as number) & 0xe0;
    at = head(bytes, at, kind);
    if (at < 0) break;
    if (kind === UNSIGNED) {
      sink.message(id, serial, headValue);
      start = at;
      continue;
    }
    const end = at + headValue;
    if (headValue > SMALL_BYTES_MAX || end > length) break;
    if (kind === BYTE_STRING) sink.message(id, serial, copied(bytes, at, end));
    else if (kind === TEXT_STRING) {
      const text = ascii(bytes, at, end);
      if (text === null) break;
      sink.message(id, serial, text);
    } else break;
    start = end;
  }
  return start;
}

/** A loop is faster than `slice` for so few bytes. */
function copied(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = new Uint8Array(to - from);
  for (let i = from; i < to; i++) copy[i - from] = bytes[i] as number;
  return copy;
}

/** The text of these bytes; null when one is not ASCII. */
function ascii(bytes: Uint8Array, from: number, to: number): string | null {
  let text = "";
  for (let i = from; i < to; i++) {
    const code = bytes[i] as number;
    if (code >= 0x80) return null;
    text += String.fromCharCode(code);
  }
  return text;
}
