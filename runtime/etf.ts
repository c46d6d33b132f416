/**
 * `hornbeam/etf`: Erlang's external term format, stand-alone, for files, caches
 * and ports; nodes need none of this to speak it.
 *
 * Joins the codec with the platform: the thread's table of pids, so that a pid
 * that comes back is the same object, and zlib.
 */

import { createHost } from "./platform/host.ts";
import { deflate, inflate } from "./platform/zlib.ts";
import {
  type DecodeOptions,
  type EncodeOptions,
  TermCodec,
} from "./wire/etf.ts";

export { DecodeError, EncodeError } from "./wire/errors.ts";
export type { DecodeOptions, EncodeOptions };

const codec = new TermCodec({
  pids: createHost({ log: () => {} }).pids,
  zlib: { deflate, inflate },
});

export function encode(
  term: unknown,
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer> {
  return codec.encode(term, options);
}

export function decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
  return codec.decode(bytes, options);
}
