/**
 * The part of cbor-x that the codec uses.
 *
 * The codec passes only primitives, arrays, plain `Uint8Array`s and `Tagged` to
 * cbor-x, and gets only these back. Which terms they are is decided in
 * `prepare.ts` and `terms.ts`. So the conversions of cbor-x (class instances as
 * objects, -0 as 0, `toJSON`, iterables, records, maps) never take place.
 *
 * The `index-no-eval` build is used for four reasons. It is an instance of its
 * own, so a program that uses cbor-x itself does not see the extensions that are
 * registered here. It compiles no code from the bytes of a peer. It does not look
 * for the native addon. It does not read the environment when it is imported, for
 * which Deno would ask permission.
 */

import { addExtension, Decoder, Encoder } from "cbor-x/index-no-eval";

/** A value for cbor-x to write with a tag in front. */
export class Tagged {
  readonly tag: number;
  readonly value: unknown;
  constructor(tag: number, value: unknown) {
    this.tag = tag;
    this.value = value;
  }
}

/** cbor-x's output buffer: the result lies between `start` and `end`. */
export type Pool = Uint8Array & {
  readonly start: number;
  readonly end: number;
};

/** Methods of cbor-x that its type declarations lack. */
type EncoderInternals = {
  encode(value: unknown, options: number): Pool;
  useBuffer(pool: Uint8Array): void;
};

type Extension = Parameters<typeof addExtension>[0];

// REUSE_BUFFER_MODE and RESET_BUFFER_MODE of cbor-x: the result stays in the
// pool, and the next result starts at the same place.
const STAY_IN_POOL = 512 | 1024;

/** A pool that has grown beyond this for a large signal is released. */
const POOL_BYTES_MAX = 1 << 20;

addExtension(
  {
    Class: Tagged,
    getTag: (tagged: Tagged) => tagged.tag,
    encode: (tagged: Tagged, encode: (value: unknown) => unknown) =>
      encode(tagged.value),
  } as unknown as Extension,
);

// All options are given, because cbor-x writes its defaults into the object.
const encoder = new Encoder({
  useRecords: false,
  tagUint8Array: false,
}) as unknown as EncoderInternals;
const decoder = new Decoder({
  useRecords: false,
  mapsAsObjects: true,
  copyBuffers: true,
});
const firstPool = encoder.encode(0, STAY_IN_POOL);

/**
 * Calls `read` with the item behind a tag. Its result takes the place of both.
 */
export function onTag(tag: number, read: (value: unknown) => unknown): void {
  addExtension({ tag, decode: read } as unknown as Extension);
}

/**
 * The bytes of a prepared value, in a pool that the next call overwrites.
 * Throws only when the stack or the memory is exhausted.
 */
export function encodeToPool(value: unknown): Pool {
  return encoder.encode(value, STAY_IN_POOL);
}

/** Releases a pool that has grown large. Its bytes must be copied before. */
export function releasePool(pool: Pool): void {
  if (pool.length > POOL_BYTES_MAX) encoder.useBuffer(firstPool);
}

/**
 * Calls `onItem` for every item of a CBOR sequence that `checkItems` accepted.
 * Nothing in the items shares memory with `bytes`.
 */
export function decodeItems(
  bytes: Uint8Array,
  onItem: (item: unknown) => void,
): void {
  // Returning false would end the sequence.
  decoder.decodeMultiple(bytes, (item: unknown): void => onItem(item));
}
