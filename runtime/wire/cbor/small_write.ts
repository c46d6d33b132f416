/**
 * Writes the head of a message signal, and whole signals whose message is one
 * small value. For these, a call of cbor-x costs more than all other work.
 *
 * The bytes are the same as those of cbor-x. `small_read.ts` reads them.
 */

import type { ByteQueue } from "../shared/byte_queue.ts";
import { ops } from "../shared/control_numbers.ts";

/** Longest text or byte string written here. */
const SMALL_BYTES_MAX = 64;

/** Bytes of a head: the type of an item with its number or length. */
function headBytes(value: number): number {
  return value < 24 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5;
}

/** Writes a head at `at` and returns the position behind it. */
function writeHead(
  bytes: Uint8Array,
  at: number,
  major: number,
  value: number,
): number {
  if (value < 24) {
    bytes[at] = major | value;
    return at + 1;
  }
  if (value < 0x100) {
    bytes[at] = major | 24;
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value < 0x10000) {
    bytes[at] = major | 25;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value;
    return at + 3;
  }
  bytes[at] = major | 26;
  bytes[at + 1] = value >>> 24;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 8;
  bytes[at + 4] = value;
  return at + 5;
}

/** Bytes in front of the message of a signal to the pid with these numbers. */
export function sendHeadBytes(id: number, serial: number): number {
  return 2 + headBytes(id) + headBytes(serial);
}

/**
 * Reserves `[send, id, serial, message]`, writes it up to the message, and
 * returns the position for the `messageBytes` of the message. Throws as
 * `ByteQueue.reserve` does.
 */
export function beginSend(
  id: number,
  serial: number,
  messageBytes: number,
  out: ByteQueue,
): number {
  let at = out.reserve(sendHeadBytes(id, serial) + messageBytes);
  const bytes = out.buffer;
  bytes[at++] = 0x84;
  bytes[at++] = ops.send;
  at = writeHead(bytes, at, 0, id);
  return writeHead(bytes, at, 0, serial);
}

/**
 * Appends the whole signal if the message is a small whole number, a short
 * ASCII text or a few bytes; returns false if it is anything else.
 */
export function appendSmallSend(
  id: number,
  serial: number,
  message: unknown,
  out: ByteQueue,
): boolean {
  if (typeof message === "number") {
    // CBOR has no integer for minus zero.
    if (message >>> 0 !== message || Object.is(message, -0)) return false;
    const at = beginSend(id, serial, headBytes(message), out);
    writeHead(out.buffer, at, 0, message);
    return true;
  }
  if (typeof message === "string") {
    const { length } = message;
    if (length > SMALL_BYTES_MAX || !isAscii(message)) return false;
    let at = beginSend(id, serial, headBytes(length) + length, out);
    at = writeHead(out.buffer, at, 0x60, length);
    for (let i = 0; i < length; i++) {
      out.buffer[at + i] = message.charCodeAt(i);
    }
    return true;
  }
  // Not `instanceof`, which is also true for a proxy.
  if (
    ArrayBuffer.isView(message) &&
    Object.getPrototypeOf(message) === Uint8Array.prototype
  ) {
    const content = message as Uint8Array;
    const { length } = content;
    // The buffer of an empty one may be detached, which `prepare.ts` refuses.
    if (length > SMALL_BYTES_MAX || length === 0) return false;
    let at = beginSend(id, serial, headBytes(length) + length, out);
    at = writeHead(out.buffer, at, 0x40, length);
    for (let i = 0; i < length; i++) out.buffer[at + i] = content[i]!;
    return true;
  }
  return false;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false;
  }
  return true;
}
