/**
 * cbor-x, narrowed down to what the codec needs and shielded from the rest.
 *
 * The codec hands it nothing but primitives, arrays, plain `Uint8Array`s and
 * `Tagged`, and takes back nothing else: which terms those stand for is the
 * business of `cbor/prepare.ts` and `cbor/terms.ts`. So none of cbor-x's own
 * conversions (class instances as objects, -0 as 0, `toJSON`, iterables,
 * records, maps) ever happens.
 *
 * The `index-no-eval` build is used on purpose. It is an instance of its own,
 * so extensions registered here are not seen by a program that uses cbor-x
 * itself; it compiles no code from what a peer sent; it does not look for the
 * native addon; and it does not read the environment when it is imported, for
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

/** What cbor-x has and its type declarations lack. */
type EncoderInternals = {
  encode(value: unknown, options: number): Pool;
  useBuffer(pool: Uint8Array): void;
};

type Extension = Parameters<typeof addExtension>[0];

// cbor-x's REUSE_BUFFER_MODE and RESET_BUFFER_MODE: the result stays in the
// pool, and the next one starts at the same place.
const STAY_IN_POOL = 512 | 1024;

/** A pool that one large signal made grow beyond this is given up again. */
const POOL_BYTES_MAX = 1 << 20;

addExtension(
  {
    Class: Tagged,
    getTag: (tagged: Tagged) => tagged.tag,
    encode: (tagged: Tagged, encode: (value: unknown) => unknown) =>
      encode(tagged.value),
  } as unknown as Extension,
);

// Options are written out, because cbor-x writes its defaults into them.
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
 * Calls `read` with what lies behind the tag, and takes its result for both.
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

/** Lets go of a pool that has grown large; its bytes must be copied by then. */
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
