/**
 * Erlang's external term format, stand-alone, as `term_to_binary` writes it and
 * `binary_to_term` reads it. It is meant for files, caches and ports; a node
 * that talks to BEAM nodes does not need it.
 *
 * This module joins the codec with the platform: with the thread's table of
 * pids, so that a pid that comes back is the same object, and with zlib. The
 * heads of `wire/etf/writer/writer.ts` and `wire/etf/reader/reader.ts` list
 * which value becomes which term.
 */

import { option, OptionTable } from "./core/messages/options.ts";
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

const encodeOptions = new OptionTable<EncodeOptions>("encode", {
  compressed: option.either(option.flag, option.count),
});

const decodeOptions = new OptionTable<DecodeOptions>("decode", {
  exact: option.flag,
  binaries: option.oneOf("text", "bytes"),
});

/**
 * Encodes a term, as `term_to_binary(Term, [{minor_version, 2}])` does. Only
 * the order of keys in maps of more than 32 keys may differ.
 *
 * Keys of plain objects become atoms, which a BEAM node keeps for ever. So one
 * call makes at most 10,000 atoms that earlier calls did not make. Terms may be
 * nested 100,000 deep. Results of up to 4 KiB share an `ArrayBuffer` with other
 * results, so copy them before you transfer the buffer.
 *
 * Throws an `EncodeError` that names the value, for a value that has no
 * counterpart on the BEAM (a function, a `Date`, NaN).
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
  encodeOptions.check(options);
  return codec.encode(term, options);
}

/**
 * Decodes the term at the start of the bytes. Bytes after it are ignored, as by
 * `binary_to_term`.
 *
 * The term shares no memory with the bytes. Atoms become registered symbols,
 * which no engine ever frees. So one call makes at most 100,000 of them, and
 * all peers and calls of a thread together 1,000,000. Terms may be nested
 * 100,000 deep, and integers have up to 1,048,576 bits.
 *
 * Throws a `DecodeError` that names the place, for bytes that are no term; and,
 * without `exact`, for a map with the keys 1 and 1.0, which would become one.
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
  decodeOptions.check(options);
  return codec.decode(bytes, options);
}
