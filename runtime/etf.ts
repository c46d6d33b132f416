/**
 * Erlang's external term format, stand-alone: what `term_to_binary` gives and
 * `binary_to_term` takes. For files, caches and ports; a node that talks to
 * BEAM nodes needs none of it.
 *
 * Joins the codec with the platform: with the thread's table of pids, so that a
 * pid that comes back is the same object, and with zlib. What becomes of what
 * is said at the head of `wire/etf/writer/writer.ts` and of
 * `wire/etf/reader/reader.ts`.
 */

import { createHost } from "./platform/host/host.ts";
import { deflate, inflate } from "./platform/host/zlib.ts";
import {
  type DecodeOptions,
  type EncodeOptions,
  TermCodec,
} from "./wire/etf/etf.ts";

export { DecodeError, EncodeError } from "./wire/shared/errors.ts";
export type { DecodeOptions, EncodeOptions };

const codec: TermCodec = new TermCodec({
  pids: createHost({ log: () => {} }).pids,
  zlib: { deflate, inflate },
});

/**
 * The bytes of a term, as `term_to_binary(Term, [{minor_version, 2}])` has
 * them; maps of more than 32 keys have them in their own order.
 *
 * Keys of plain objects become atoms, which a BEAM node keeps for ever: one
 * call makes at most 10,000 that earlier ones did not. Terms may be nested
 * 100,000 deep. Results of up to 4 KiB share an `ArrayBuffer` with others, so
 * copy them before you transfer it.
 *
 * Throws an `EncodeError` that names the value, for one that has no counterpart
 * on the BEAM (a function, a `Date`, NaN).
 *
 * @example
 * ```ts
 * import { atom, tuple } from "hornbeam";
 * import { decode, encode } from "hornbeam/etf";
 *
 * const bytes = encode(tuple(atom("ok"), { id: 7, name: "Ada" }));
 * console.log(bytes[0], bytes.length); // prints: 131 32
 * console.log(String(decode(bytes))); // prints: {ok, { id: 7, name: "Ada" }}
 * ```
 */
export function encode(
  term: unknown,
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer> {
  return codec.encode(term, options);
}

/**
 * The term that the bytes begin with. What stands behind it is ignored, as by
 * `binary_to_term`.
 *
 * The term shares no memory with the bytes. Atoms become registered symbols,
 * which no engine ever frees: one call makes at most 100,000, and all peers
 * and calls of a thread together 1,000,000. Terms may be nested 100,000 deep,
 * integers have up to 1,048,576 bits.
 *
 * Throws a `DecodeError` that says where, for bytes that are no term; and,
 * without `exact`, for a map with the keys 1 and 1.0, which would merge.
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
  return codec.decode(bytes, options);
}
