/**
 * Compression for stand-alone terms, by the `node:zlib` of all three runtimes.
 */

import { deflateSync, inflateSync } from "node:zlib";

/** The zlib data of `data`, at a level from 0 to 9. */
export function deflate(data: Uint8Array, level: number): Uint8Array {
  return new Uint8Array(deflateSync(data, { level }));
}

/**
 * What zlib data is of. Throws when it is none or of more than `size` bytes.
 */
export function inflate(data: Uint8Array, size: number): Uint8Array {
  // The limit must not be 0, and what is one byte too long must show as such.
  return new Uint8Array(inflateSync(data, { maxOutputLength: size + 1 }));
}
