/**
 * The type that a JavaScript value has on a BEAM node, and its parts in the form
 * in which terms are compared.
 */

import {
  BitString,
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  Ref,
  Tuple,
} from "./terms.ts";

/** The types in Erlang's order; last, the type of values that are no term. */
export const kinds = {
  number: 0,
  atom: 1,
  ref: 2,
  closure: 3,
  externalFun: 4,
  port: 5,
  pid: 6,
  tuple: 7,
  map: 8,
  nil: 9,
  list: 10,
  bits: 11,
  none: 12,
} as const;

export type Kind = (typeof kinds)[keyof typeof kinds];

/**
 * Whether a number is a float on a BEAM node; the others are integers there.
 */
export function isFloat(value: number): boolean {
  return !Number.isSafeInteger(value) || Object.is(value, -0);
}

/** An atom that is the key of a plain object, without making a symbol of it. */
export class KeyAtom {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export function kindOf(term: unknown): Kind {
  switch (typeof term) {
    case "number":
      return Number.isFinite(term) ? kinds.number : kinds.none;
    case "bigint":
      return kinds.number;
    case "string":
      return kinds.bits;
    case "boolean":
    case "undefined":
      return kinds.atom;
    case "symbol":
      return Symbol.keyFor(term) === undefined ? kinds.none : kinds.atom;
    case "object":
      return term === null ? kinds.atom : kindOfObject(term);
    default:
      return kinds.none;
  }
}

function kindOfObject(term: object): Kind {
  if (Array.isArray(term)) return term.length === 0 ? kinds.nil : kinds.list;
  const prototype: unknown = Object.getPrototypeOf(term);
  if (prototype === Object.prototype || prototype === null) return kinds.map;
  if (term instanceof Tuple) return kinds.tuple;
  if (term instanceof Map) return kinds.map;
  if (term instanceof Uint8Array) return kinds.bits;
  if (term instanceof Pid) return kinds.pid;
  if (term instanceof Ref) return kinds.ref;
  if (term instanceof Float) {
    return Number.isFinite(term.value) ? kinds.number : kinds.none;
  }
  if (term instanceof ImproperList) {
    // Without items it is its tail, as Erlang reads it.
    return term.items.length > 0 ? kinds.list : kindOf(term.tail);
  }
  if (term instanceof BitString) return kinds.bits;
  if (term instanceof KeyAtom) return kinds.atom;
  if (term instanceof ExternalFun) return kinds.externalFun;
  if (term instanceof Closure) return kinds.closure;
  if (term instanceof Port) return kinds.port;
  return kinds.none;
}

/** The name of a term of the kind `atom`. */
export function atomText(atom: unknown): string {
  if (typeof atom === "symbol") return Symbol.keyFor(atom) ?? "";
  if (atom instanceof KeyAtom) return atom.name;
  return atom === null ? "nil" : String(atom);
}

/** Whether a term of the kind `number` is a float. */
export function isFloatTerm(term: unknown): boolean {
  return typeof term === "number" ? isFloat(term) : term instanceof Float;
}

/** The value of a term of the kind `number`. */
export function numberOf(term: unknown): number | bigint {
  return term instanceof Float ? term.value : term as number | bigint;
}

export type ListParts = {
  readonly items: readonly unknown[];
  /** Null for the empty list, else one item that is no list. */
  readonly tail: { readonly term: unknown } | null;
};

/** The parts of a list; a tail that is a list continues it. */
export function listParts(list: unknown): ListParts {
  if (Array.isArray(list)) return { items: list, tail: null };
  const items: unknown[] = [];
  let rest = list;
  while (rest instanceof ImproperList) {
    for (const item of rest.items) items.push(item);
    rest = rest.tail;
  }
  if (!Array.isArray(rest)) return { items, tail: { term: rest } };
  for (const item of rest) items.push(item);
  return { items, tail: null };
}

const encoder = new TextEncoder();

export type BitParts = {
  readonly bytes: Uint8Array;
  /** Bits of the last byte that count: 1 to 8. */
  readonly lastBits: number;
};

/** The bits of a term of the kind `bits`. */
export function bitParts(term: unknown): BitParts {
  if (typeof term === "string") {
    return { bytes: encoder.encode(term), lastBits: 8 };
  }
  if (term instanceof BitString) return term;
  return { bytes: term as Uint8Array, lastBits: 8 };
}

/** The bits of the last byte that count, in place; the others become 0. */
export function maskLast(byte: number, lastBits: number): number {
  return byte & (0xff << (8 - lastBits));
}

/** Keys of a map, in the order it has them; of an object as atoms. */
export function mapKeys(map: object): unknown[] {
  return map instanceof Map
    ? Array.from(map.keys())
    : Object.keys(map).map((name) => new KeyAtom(name));
}

/** The value of one of `mapKeys`. */
export function mapValue(map: object, key: unknown): unknown {
  return map instanceof Map
    ? map.get(key)
    : (map as Readonly<Record<string, unknown>>)[(key as KeyAtom).name];
}

/**
 * Compares texts by code points, which is also the order of their UTF-8. The
 * operator `<` compares 16-bit units, which is wrong for some characters.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return weight(x) - weight(y);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for characters above U+FFFF, to the top. */
function weight(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
