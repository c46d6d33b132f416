/**
 * A cache of the bytes of the atoms that are sent to a peer.
 */

import { isAtomName } from "../../shared/atoms.ts";
import { pack, type Packed } from "../output.ts";
import { tags } from "../tags.ts";
import { encodeText } from "../text.ts";

/** The bytes of an atom with its tag; undefined for an invalid name. */
export function packAtom(name: string): Packed | undefined {
  if (!isAtomName(name)) return undefined;
  const text = encodeText(name);
  const { length } = text;
  const head = length > 0xff
    ? [tags.atomUtf8, length >>> 8, length & 0xff]
    : [tags.smallAtomUtf8, length];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  bytes.set(text, head.length);
  return pack(bytes);
}

/** Atoms whose bytes are kept; a full cache is emptied. */
const KEPT_MAX = 4096;

/** The bytes of the atoms that are sent to one peer. */
export class AtomBytes {
  /** By symbol. An engine finds a field by its symbol faster than in a `Map`. */
  #bySymbol: Record<symbol, Packed> = noFields();
  #symbols = 0;
  #byName: Map<string, Packed>;
  /** Atoms that the peer has in its cache, which have a shorter form. */
  readonly #cached: ReadonlyMap<string, Packed>;

  constructor(cached: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#cached = new Map(
      Array.from(cached, ([name, bytes]) => [name, pack(bytes)]),
    );
    this.#byName = new Map(this.#cached);
  }

  /** Undefined for a symbol that is no atom. */
  ofSymbol(symbol: symbol): Packed | undefined {
    return this.#bySymbol[symbol] ?? this.#learn(symbol);
  }

  /** Undefined for an invalid name. */
  ofName(name: string): Packed | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const packed = packAtom(name);
    if (packed === undefined) return undefined;
    if (this.#byName.size >= KEPT_MAX) this.#byName = new Map(this.#cached);
    this.#byName.set(name, packed);
    return packed;
  }

  #learn(symbol: symbol): Packed | undefined {
    const name = Symbol.keyFor(symbol);
    const packed = name === undefined ? undefined : packAtom(name);
    if (packed === undefined) return undefined;
    if (this.#symbols >= KEPT_MAX) {
      this.#bySymbol = noFields();
      this.#symbols = 0;
    }
    this.#symbols += 1;
    return this.#bySymbol[symbol] = packed;
  }
}

/** An object without a prototype, which would have symbols of its own. */
function noFields(): Record<symbol, Packed> {
  return Object.create(null) as Record<symbol, Packed>;
}
