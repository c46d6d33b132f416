/**
 * Tags, numbers and limits of the CBOR dialect between two Hornbeam nodes.
 *
 * The tags are used only on connections whose two nodes announced themselves as
 * Hornbeam nodes. They do not have the meaning of the public registry of CBOR
 * tags. A term is a CBOR integer, double, text, byte string, array or simple
 * value, or one of these tags in front of such an item. Maps, indefinite lengths
 * and shorter floats are not used.
 */

/** Tag numbers. Those up to 23 take one byte, so frequent tags come first. */
export const tags = {
  /** Plain object: `[number of its list of keys, value, ...]`. */
  record: 6,
  /** Pid of the writing node's incarnation: `[id, serial]`. */
  writerPid: 7,
  /** Pid of the reading node's incarnation: `[id, serial]`. */
  readerPid: 8,
  /** Atom: its name. */
  atom: 9,
  /**
   * `[0 | 1, word, ...]` of writer or reader, `[node, creation, word, ...]`.
   */
  ref: 10,
  /** `[item, ...]` */
  tuple: 11,
  /** Plain object that is sent with its keys: `[key, value, ...]`. */
  object: 12,
  /** `[key, value, ...]` in insertion order. */
  map: 13,
  /** `[item, ...]` in insertion order. */
  set: 14,
  /** Milliseconds since 1970, NaN for an invalid date. */
  date: 15,
  /**
   * `[class, name, message, stack, hidden, key, value, ...]`; of the first
   * `hidden` keys the receiver makes fields that are not enumerable.
   */
  error: 16,
  /** One of the runtime's own classes: `[number of the class, field, ...]`. */
  recordClass: 17,
  /** Minus zero, which a CBOR integer cannot be: 0. */
  minusZero: 18,
  /** Text that UTF-8 would change: its 16-bit units, low byte first. */
  utf16: 19,
  /** Integer beyond 64 bits: hexadecimal, with a sign. */
  bigInteger: 20,
  /** `[kind, bytes]`; the kinds are below. */
  binary: 21,
  /** A large byte string in front of the signal: its index. */
  attachment: 22,
  /** `[tail, item, ...]` */
  improperList: 23,
  /** Any other pid: `[node, id, serial, creation]`. */
  pid: 24,
  /** `Float`: its value. */
  float: 25,
  /** `[node, id, creation]` */
  port: 26,
  /** `[module, name, arity]` */
  externalFun: 27,
  /** `[bytes, bits used of the last byte]` */
  bitString: 28,
  /** `[module, arity, index, uniq, old index, old uniq, pid, free]` */
  closure: 29,
  /** Number of a part in front of the signal, see `parts.ts`. */
  part: 30,
  /**
   * Array with holes: `[number of holes, index of each, item, ...]`; an item
   * that is a hole is undefined.
   */
  holes: 31,
} as const;

/** All tags lie between these two. */
export const FIRST_TAG: number = tags.record;
export const LAST_TAG: number = tags.holes;

/**
 * First byte of a frame that holds one large signal: null, with which no signal
 * begins. Such a frame neither uses the lists of keys of other frames nor adds to
 * them, so it may be decoded at any time after it was encoded.
 */
export const LARGE_FRAME_MARK = 0xf6;

/**
 * A binary of this size or more is not copied into its signal but is put in front
 * of it.
 */
export const ATTACHMENT_BYTES_MIN: number = 64 * 1024;

/**
 * Levels of nested terms for which both nodes call themselves; they stay far from
 * a full stack. Deeper terms are sent in parts.
 */
export const PART_DEPTH_MAX = 512;

/** Parts inside each other, the signal included. */
export const PARTS_DEEP_MAX = 196;

/**
 * Levels of nested terms, about as many as a BEAM node may send. Depth costs no
 * stack here, so this limit is for code elsewhere that may recurse.
 */
export const TERM_DEPTH_MAX: number = PARTS_DEEP_MAX * PART_DEPTH_MAX;

/** A class of typed arrays. */
export type ElementClass = {
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView;
  readonly prototype: ArrayBufferView;
  readonly BYTES_PER_ELEMENT: number;
};

/** Kinds of binaries that are no typed arrays. */
export const ARRAY_BUFFER_KIND = 0;
export const DATA_VIEW_KIND = 1;

/** Typed arrays except `Uint8Array`: their kind is their index plus 2. */
export const elementClasses: readonly ElementClass[] = [
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
];
export const FIRST_ELEMENT_KIND = 2;

/**
 * A class of the runtime whose instances are sent to other nodes: exactly its
 * fields, in this order. The receiver makes an instance without a call of the
 * constructor, so private fields (`#x`) are not possible. Both nodes need the same
 * list.
 */
export type RecordClass = {
  /** Number of the class on the wire: its place in the list, never reused. */
  readonly tag: number;
  readonly Class: abstract new (...args: never[]) => object;
  readonly fields: readonly string[];
};
