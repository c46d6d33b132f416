/**
 * Compression for stand-alone terms, by the `node:zlib` of all three runtimes.
 */

import { deflateSync, inflateSync } from "node:zlib";

/** Compresses `data`, at a level from 0 to 9. */
export function deflate(data: Uint8Array, level: number): Uint8Array {
  return new Uint8Array(deflateSync(data, { level }));
}

/**
 * Decompresses `data`. Throws when it is no zlib data, or when the result has
 * more than `size` bytes.
 */
export function inflate(data: Uint8Array, size: number): Uint8Array {
  // One more byte: the limit must not be 0, and a result that is one byte too
  // long must be noticed by the caller.
  return new Uint8Array(inflateSync(data, { maxOutputLength: size + 1 }));
}
