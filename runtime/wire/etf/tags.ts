/**
 * The numbers of Erlang's external term format.
 *
 * Follows the Erlang/OTP documentation, "External Term Format". A stand-alone
 * term begins with `ETF_VERSION`. In a frame of the distribution protocol, the
 * form of its header decides whether each term does.
 */

/** First byte of a stand-alone term. */
export const ETF_VERSION = 131;

/** First byte of each term. */
export const tags = {
  newFloat: 70,
  bitBinary: 77,
  compressed: 80,
  atomCacheRef: 82,
  newPid: 88,
  newPort: 89,
  newerReference: 90,
  smallInteger: 97,
  integer: 98,
  float: 99,
  atom: 100,
  reference: 101,
  port: 102,
  pid: 103,
  smallTuple: 104,
  largeTuple: 105,
  nil: 106,
  string: 107,
  list: 108,
  binary: 109,
  smallBig: 110,
  largeBig: 111,
  newFun: 112,
  export: 113,
  newReference: 114,
  smallAtom: 115,
  map: 116,
  fun: 117,
  atomUtf8: 118,
  smallAtomUtf8: 119,
  v4Port: 120,
  local: 121,
} as const;

const names = new Map<number, string>(
  Object.entries(tags).map(([name, tag]) => [tag, name]),
);

/** A tag for error messages: `tag 109 (binary)`. */
export function printTag(tag: number): string {
  const name = names.get(tag);
  return name === undefined ? `tag ${tag}` : `tag ${tag} (${name})`;
}

/** Whether this is the tag of an atom. */
export function isAtomTag(tag: number): boolean {
  return tag === tags.smallAtomUtf8 || tag === tags.atomCacheRef ||
    tag === tags.atomUtf8 || tag === tags.atom || tag === tags.smallAtom;
}

/** A list of up to this many bytes is written as `string`. */
export const STRING_ITEMS_MAX = 0xffff;

/** Maps with up to this many keys are written in the order of their keys. */
export const SMALL_MAP_MAX = 32;

/** References have at most this many words. */
export const REFERENCE_WORDS_MAX = 5;

/** The old tags of pids, ports and references allow creations up to this. */
export const OLD_CREATION_MAX = 3;

/** The oldest tag of references allows words up to this. */
export const OLD_REFERENCE_WORD_MAX = 0x3ffff;

/** Ids of ports from this one on need `v4Port`. */
export const V4_PORT_MIN: bigint = 1n << 28n;
