/**
 * Counts the kinds of terms among many: each row of the table of terms, and
 * within a row what is written in a way of its own or read in one.
 *
 * For tests that promise to have tried every kind; says nothing of whether what
 * they tried was right.
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
} from "../../../runtime/core/terms/terms.ts";
import { integerEdges } from "./random_terms.ts";

/** Every kind, row by row. */
const rows = {
  atom: [
    ...["true", "false", "nil", "undefined", "empty", "ASCII", "beyond ASCII"],
    "of 255 characters",
  ],
  integer: [
    ...["a byte", "of 32 bits", "safe", "of 64 bits", "small big", "large big"],
    ...["negative", ...integerEdges.values()],
  ],
  float: [
    ...["0.0", "-0.0", "denormal", "integral", "beyond safe integers"],
    "any other",
  ],
  binary: [
    ...["empty", "ASCII", "beyond ASCII", "a byte-order mark", "not UTF-8"],
    ...["text of 64 KiB", "bytes of 64 KiB"],
  ],
  bitstring: [1, 2, 3, 4, 5, 6, 7].map((bits) => `${bits} last bits`),
  list: [
    ...["empty", "of bytes", "of 65,535 bytes", "of more bytes", "any other"],
    "improper",
  ],
  tuple: ["empty", "up to 255 items", "more items"],
  map: [
    ...["empty", "keys all atoms", "other keys", "atoms and other keys"],
    ...["1 and 1.0", "more than 32 atoms", "more than 32 other keys"],
    "the key __proto__",
  ],
  pid: ["of ours", "of theirs", "of another node"],
  ref: [
    ...["of ours", "of theirs", "of another node"],
    ...["2 words", "3 words", "4 words", "5 words"],
  ],
  port: ["of theirs", "of another node", "of 64 bits"],
  fun: ["external", "a closure", "a closure with terms"],
  levels: ["more than 500"],
} as const;

type Row = keyof typeof rows;

const encoder = new TextEncoder();

export class Census {
  /** How many it has been given. */
  terms = 0;
  readonly #ours: string;
  readonly #theirs: string;
  readonly #counts: Map<string, number> = new Map();

  /** Names of the node here and of the BEAM node. */
  constructor(ours: string, theirs: string) {
    this.#ours = ours;
    this.#theirs = theirs;
  }

  /** Kinds of which there was none. */
  missing(): string[] {
    return Object.entries(rows)
      .flatMap(([row, kinds]) => kinds.map((kind) => `${row}: ${kind}`))
      .filter((kind) => !this.#counts.has(kind));
  }

  add(term: unknown): void {
    this.terms += 1;
    let level = [term];
    for (let levels = 1; level.length > 0; levels++) {
      if (levels === 501) this.#count("levels", "more than 500");
      const inner: unknown[] = [];
      for (const one of level) this.#one(one, inner);
      level = inner;
    }
  }

  #count<R extends Row>(row: R, kind: typeof rows[R][number]): void {
    const name = `${row}: ${kind}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Counts a term without what it holds, which is added to `inner`. */
  #one(term: unknown, inner: unknown[]): void {
    switch (typeof term) {
      case "string":
        return this.#text(term);
      case "bigint":
        return this.#integer(term);
      case "number":
        return Number.isSafeInteger(term) && !Object.is(term, -0)
          ? this.#integer(term)
          : this.#float(term);
      case "boolean":
        return this.#count("atom", term ? "true" : "false");
      case "undefined":
        return this.#count("atom", "undefined");
      case "symbol":
        return this.#atom(Symbol.keyFor(term) ?? "");
      default:
        if (term === null) return this.#count("atom", "nil");
        return this.#object(term as object, inner);
    }
  }

  #atom(name: string): void {
    if (name === "") this.#count("atom", "empty");
    else this.#count("atom", isASCII(name) ? "ASCII" : "beyond ASCII");
    if (Array.from(name).length === 255) {
      this.#count("atom", "of 255 characters");
    }
  }

  #integer(value: number | bigint): void {
    const edge = integerEdges.get(value);
    if (edge !== undefined) this.#count("integer", edge);
    if (value < 0) this.#count("integer", "negative");
    if (typeof value === "number") {
      if (value === (value & 0xff)) this.#count("integer", "a byte");
      else if (value === (value | 0)) this.#count("integer", "of 32 bits");
      else this.#count("integer", "safe");
    } else if (BigInt.asIntN(64, value) === value) {
      this.#count("integer", "of 64 bits");
    } else {
      const size = value < 0 ? -value : value;
      const isSmall = size < 1n << 2040n;
      this.#count("integer", isSmall ? "small big" : "large big");
    }
  }

  #float(value: number): void {
    if (value === 0) {
      this.#count("float", Object.is(value, -0) ? "-0.0" : "0.0");
    } else if (Number.isSafeInteger(value)) this.#count("float", "integral");
    else if (Number.isInteger(value)) {
      this.#count("float", "beyond safe integers");
    } else {
      const isDenormal = Math.abs(value) < 2 ** -1022;
      this.#count("float", isDenormal ? "denormal" : "any other");
    }
  }

  #text(text: string): void {
    if (text === "") this.#count("binary", "empty");
    else this.#count("binary", isASCII(text) ? "ASCII" : "beyond ASCII");
    if (text.startsWith("\ufeff")) this.#count("binary", "a byte-order mark");
    if (text.length > 20_000 && encoder.encode(text).length >= 65_536) {
      this.#count("binary", "text of 64 KiB");
    }
  }

  #object(term: object, inner: unknown[]): void {
    if (Array.isArray(term)) return this.#list(term, inner);
    if (term instanceof Tuple) {
      if (term.length === 0) this.#count("tuple", "empty");
      else {
        const isLarge = term.length > 255;
        this.#count("tuple", isLarge ? "more items" : "up to 255 items");
      }
      return addAll(inner, term.items);
    }
    if (term instanceof Map) return this.#map(term, inner);
    if (term instanceof Float) return this.#float(term.value);
    if (term instanceof Uint8Array) {
      this.#count("binary", "not UTF-8");
      if (term.length >= 65_536) this.#count("binary", "bytes of 64 KiB");
      return;
    }
    if (term instanceof BitString) {
      return this.#count("bitstring", `${term.lastBits} last bits`);
    }
    if (term instanceof ImproperList) {
      this.#count("list", "improper");
      addAll(inner, term.items);
      return void inner.push(term.tail);
    }
    if (this.#identity(term, inner)) return;
    this.#atomKeys(term as Record<string, unknown>, inner);
  }

  #list(list: readonly unknown[], inner: unknown[]): void {
    const { length } = list;
    if (length === 0) return this.#count("list", "empty");
    if (list.every(isByte)) {
      if (length > 65_535) this.#count("list", "of more bytes");
      else this.#count("list", "of bytes");
      if (length === 65_535) this.#count("list", "of 65,535 bytes");
      if (length > 1_000) return;
    } else this.#count("list", "any other");
    addAll(inner, list);
  }

  #atomKeys(map: Record<string, unknown>, inner: unknown[]): void {
    const names = Object.keys(map);
    if (names.length === 0) return this.#count("map", "empty");
    this.#count("map", "keys all atoms");
    if (names.length > 32) this.#count("map", "more than 32 atoms");
    if (Object.hasOwn(map, "__proto__")) {
      this.#count("map", "the key __proto__");
    }
    addAll(inner, Object.values(map));
  }

  #map(map: ReadonlyMap<unknown, unknown>, inner: unknown[]): void {
    this.#count("map", "other keys");
    const keys = [...map.keys()];
    if (keys.some(isAtom)) this.#count("map", "atoms and other keys");
    if (keys.length > 32) this.#count("map", "more than 32 other keys");
    const floats = keys.filter((key) => key instanceof Float);
    if (floats.some(({ value }) => map.has(value) || map.has(big(value)))) {
      this.#count("map", "1 and 1.0");
    }
    addAll(inner, keys);
    addAll(inner, [...map.values()]);
  }

  /** Whether it is a pid, a ref, a port or a fun. */
  #identity(term: object, inner: unknown[]): boolean {
    if (term instanceof Pid) this.#count("pid", this.#whose(term.node));
    else if (term instanceof Ref) {
      this.#count("ref", this.#whose(term.node));
      const { length } = term.words;
      this.#count("ref", `${length as 2 | 3 | 4 | 5} words`);
    } else if (term instanceof Port) {
      const isTheirs = term.node === this.#theirs;
      this.#count("port", isTheirs ? "of theirs" : "of another node");
      if (term.id >= 1n << 28n) this.#count("port", "of 64 bits");
    } else if (term instanceof ExternalFun) this.#count("fun", "external");
    else if (term instanceof Closure) {
      this.#count("fun", "a closure");
      if (term.free.length > 0) this.#count("fun", "a closure with terms");
      inner.push(term.pid, ...term.free);
    } else return false;
    return true;
  }

  #whose(node: string): "of ours" | "of theirs" | "of another node" {
    if (node === this.#ours) return "of ours";
    return node === this.#theirs ? "of theirs" : "of another node";
  }
}

function addAll(to: unknown[], items: readonly unknown[]): void {
  for (const item of items) to.push(item);
}

function isASCII(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

function isByte(term: unknown): boolean {
  return typeof term === "number" && (term & 0xff) === term &&
    !Object.is(term, -0);
}

function isAtom(term: unknown): boolean {
  return term == null || typeof term === "symbol" || typeof term === "boolean";
}

/** The integer of this value; undefined when there is none. */
function big(value: number): bigint | undefined {
  return Number.isInteger(value) ? BigInt(value) : undefined;
}
