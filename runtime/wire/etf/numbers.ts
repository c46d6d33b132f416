/**
 * Reads and writes integers and floats of the external term format.
 *
 * A JavaScript number is written as an integer when it is a safe one, and as a
 * float otherwise; a bigint is always written as an integer. Integers are
 * written in the fewest bytes, as OTP does, and read in any number of bytes.
 */

import { BIG_INTEGER_BITS_MAX } from "../shared/limits.ts";
import type { Output } from "./output.ts";
import { tags } from "./tags.ts";

/** Bytes of the largest integer. */
export const BIG_BYTES_MAX: number = BIG_INTEGER_BITS_MAX / 8;

/** The same eight bytes as a float, as bytes, as words and as integers. */
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);
const words = new Uint32Array(double.buffer);
const big = new BigInt64Array(double.buffer);
const bigUnsigned = new BigUint64Array(double.buffer);
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** Index of the lower and of the upper one of the two words. */
const LOWER = IS_LITTLE_ENDIAN ? 0 : 1;
const UPPER = 1 - LOWER;

/** Writes a number; returns false for NaN and the infinities. */
export function writeNumber(value: number, out: Output): boolean {
  const int = value | 0;
  if (int === value && (int !== 0 || 1 / value > 0)) {
    writeInt32(int, out);
    return true;
  }
  if (Number.isSafeInteger(value) && value !== 0) {
    writeSafeInteger(value, out);
    return true;
  }
  return writeFloat(value, out);
}

export function writeInt32(value: number, out: Output): void {
  if (value >= 0 && value <= 0xff) {
    const at = out.reserve(2);
    out.buffer[at] = tags.smallInteger;
    out.buffer[at + 1] = value;
  } else {
    const at = out.reserve(5);
    out.buffer[at] = tags.integer;
    out.view.setInt32(at + 1, value);
  }
}

/** Writes a safe integer that has more than 32 bits. */
function writeSafeInteger(value: number, out: Output): void {
  const magnitude = Math.abs(value);
  const high = Math.floor(magnitude / 2 ** 32);
  writeMagnitude(value < 0, magnitude >>> 0, high, out);
}

/** Writes a `smallBig` of up to 64 bits; `low` and `high` are unsigned. */
function writeMagnitude(
  isNegative: boolean,
  low: number,
  high: number,
  out: Output,
): void {
  const at = out.reserve(11);
  const { buffer } = out;
  buffer[at] = tags.smallBig;
  buffer[at + 2] = isNegative ? 1 : 0;
  buffer[at + 3] = low;
  buffer[at + 4] = low >>> 8;
  buffer[at + 5] = low >>> 16;
  buffer[at + 6] = low >>> 24;
  buffer[at + 7] = high;
  buffer[at + 8] = high >>> 8;
  buffer[at + 9] = high >>> 16;
  buffer[at + 10] = high >>> 24;
  let count = 8;
  while (buffer[at + 2 + count] === 0) count--;
  buffer[at + 1] = count;
  out.position = at + 3 + count;
}

export function writeFloat(value: number, out: Output): boolean {
  // Also true for NaN.
  if (value - value !== 0) return false;
  const at = out.reserve(9);
  out.buffer[at] = tags.newFloat;
  out.view.setFloat64(at + 1, value);
  return true;
}

const LIMIT_BIG = 1n << BigInt(BIG_INTEGER_BITS_MAX);

/** Writes a bigint; returns false above `BIG_INTEGER_BITS_MAX` bits. */
export function writeBigInt(value: bigint, out: Output): boolean {
  big[0] = value;
  if (big[0] !== value) return writeLarge(value, out);
  const low = words[LOWER]! | 0;
  if ((words[UPPER]! | 0) === low >> 31) {
    writeInt32(low, out);
    return true;
  }
  const isNegative = value < 0n;
  if (isNegative) big[0] = -value;
  writeMagnitude(isNegative, words[LOWER]!, words[UPPER]!, out);
  return true;
}

/** Writes a bigint that has more than 64 bits with its sign. */
function writeLarge(value: bigint, out: Output): boolean {
  const isNegative = value < 0n;
  const magnitude = isNegative ? -value : value;
  if (magnitude >= LIMIT_BIG) return false;
  writeHex(isNegative, magnitude.toString(16), out);
  return true;
}

function writeHex(isNegative: boolean, digits: string, out: Output): void {
  const count = (digits.length + 1) >>> 1;
  if (count <= 0xff) {
    const at = out.reserve(2);
    out.buffer[at] = tags.smallBig;
    out.buffer[at + 1] = count;
  } else {
    out.writeByte(tags.largeBig);
    out.writeU32(count);
  }
  out.writeByte(isNegative ? 1 : 0);
  let at = out.reserve(count);
  for (let end = digits.length; end > 0; end -= 2) {
    out.buffer[at++] = Number.parseInt(
      digits.slice(Math.max(end - 2, 0), end),
      16,
    );
  }
}

export function readFloat(bytes: Uint8Array, at: number): number {
  if (IS_LITTLE_ENDIAN) {
    doubleBytes[7] = bytes[at]!;
    doubleBytes[6] = bytes[at + 1]!;
    doubleBytes[5] = bytes[at + 2]!;
    doubleBytes[4] = bytes[at + 3]!;
    doubleBytes[3] = bytes[at + 4]!;
    doubleBytes[2] = bytes[at + 5]!;
    doubleBytes[1] = bytes[at + 6]!;
    doubleBytes[0] = bytes[at + 7]!;
  } else doubleBytes.set(bytes.subarray(at, at + 8));
  return double[0]!;
}

/**
 * Reads the old `float`, a text that zeros follow; undefined when it is not a
 * finite number.
 */
export function readOldFloat(bytes: Uint8Array): number | undefined {
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...bytes.subarray(0, end < 0 ? 31 : end));
  if (!/^[+-]?\d+\.\d+(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Reads an integer from its sign and `count` bytes, lowest first: a number when
 * it is a safe one, else a bigint. Undefined when it has more than
 * `BIG_INTEGER_BITS_MAX` bits.
 */
export function readBig(
  bytes: Uint8Array,
  at: number,
  count: number,
  isNegative: boolean,
): number | bigint | undefined {
  let end = at + count;
  while (end > at && bytes[end - 1] === 0) end--;
  const used = end - at;
  if (used > BIG_BYTES_MAX) return undefined;
  if (used > 8) return readHex(bytes, at, end, isNegative);
  let low = 0;
  let high = 0;
  for (let i = Math.min(used, 4) - 1; i >= 0; i--) {
    low = low * 256 + bytes[at + i]!;
  }
  for (let i = used - 1; i >= 4; i--) high = high * 256 + bytes[at + i]!;
  if (high < 2 ** 21) {
    const value = high * 2 ** 32 + low;
    // Not -0, which is a float.
    return isNegative && value !== 0 ? -value : value;
  }
  words[LOWER] = low;
  words[UPPER] = high;
  const value = bigUnsigned[0]!;
  return isNegative ? -value : value;
}

const hex = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

function readHex(
  bytes: Uint8Array,
  start: number,
  end: number,
  isNegative: boolean,
): bigint {
  let digits = "0x";
  for (let i = end - 1; i >= start; i--) digits += hex[bytes[i]!]!;
  const value = BigInt(digits);
  return isNegative ? -value : value;
}
