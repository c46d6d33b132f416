/**
 * A string for each term. Two terms have the same string exactly when
 * `termEquals` holds. It is for a `Map` or `Set` of terms that are different
 * values in JavaScript.
 *
 * It is no serialisation: the term cannot be read from it.
 */

import {
  atomText,
  bitParts,
  isFloatTerm,
  kindOf,
  kinds,
  listParts,
  mapKeys,
  mapValue,
  maskLast,
  numberOf,
} from "./kinds.ts";
import { KEY_LEVELS_MAX } from "./order.ts";
import {
  BitString,
  type Closure,
  type ExternalFun,
  type Pid,
  type Port,
  printTerm,
  type Ref,
  type Tuple,
} from "./terms.ts";

/** Limits of a term that gets a key; a term beyond them is refused. */
type Limits = {
  readonly levels: number;
  readonly atomLength: number;
  /** Whether text must have a UTF-8 form. */
  readonly isUnicode: boolean;
};

/** No peer sends a deeper term. An array that holds itself has no end. */
const usual: Limits = {
  levels: 100_000,
  atomLength: Infinity,
  isUnicode: false,
};
/** Limits of a term that can be sent to every peer, inside of a message. */
const sendable: Limits = { levels: 100, atomLength: 255, isUnicode: true };

/**
 * The key of a term. Throws a `TypeError` for a value that is no term, and a
 * `RangeError` for one that is nested more than 100,000 deep, as one that holds
 * itself is.
 *
 * @example
 * ```ts
 * import { termKey, tuple } from "hornbeam";
 * const seen = new Set([termKey(tuple("a", 1))]);
 * console.log(seen.has(termKey(tuple("a", 1)))); // prints: true
 * ```
 */
export function termKey(term: unknown): string {
  return keyOf(term, 0, usual);
}

/**
 * As `termKey`, for a term that will be sent to any peer. Throws a `RangeError`
 * also for atoms of more than 255 characters, for text without a UTF-8 form, and
 * for a term that is nested more than 100 deep.
 */
export function sendableKey(term: unknown): string {
  return keyOf(term, 0, sendable);
}

/** Terms whose keys are not made yet, each after its text, then `end`. */
type Parts = {
  readonly items: readonly unknown[];
  readonly texts: readonly string[] | null;
  readonly end: string;
  index: number;
};

function keyOf(term: unknown, level: number, limits: Limits): string {
  const open: Parts[] = [];
  let key = step(term, level, limits, open);
  for (;;) {
    const parts = open.at(-1);
    if (parts === undefined) return key;
    if (open.length > limits.levels) {
      throw new RangeError(
        `expected a term nested at most ${limits.levels} deep`,
      );
    }
    const { index } = parts;
    if (index === parts.items.length) {
      key += parts.end;
      open.pop();
      continue;
    }
    parts.index += 1;
    if (parts.texts !== null) key += parts.texts[index]!;
    key += step(parts.items[index], level, limits, open);
  }
}

/** The beginning of a term's key; what the term holds is added to `open`. */
function step(
  term: unknown,
  level: number,
  limits: Limits,
  open: Parts[],
): string {
  const kind = kindOf(term);
  const hold = (
    items: readonly unknown[],
    end: string,
    texts: readonly string[] | null = null,
  ) => open.push({ items, texts, end, index: 0 });
  switch (kind) {
    case kinds.number:
      return numberKey(term);
    case kinds.atom:
      return atomKey(atomText(term), limits);
    case kinds.bits:
      if (limits.isUnicode) mustBeUnicode(term);
      return bitsKey(term);
    case kinds.nil:
      return "[]";
    case kinds.list: {
      const { items, tail } = listParts(term);
      if (tail !== null) hold([tail.term], ")");
      hold(items, tail === null ? "]" : "|");
      return tail === null ? "[" : "(";
    }
    case kinds.tuple:
      hold((term as Tuple).items, "}");
      return "{";
    case kinds.map: {
      const { keys, values } = sortedEntries(term as object, level, limits);
      hold(values, ">", keys);
      return "<";
    }
    case kinds.ref:
      return refKeyOf(term as Ref);
    case kinds.closure: {
      const { module, index, uniq, oldUniq, free } = term as Closure;
      hold(free, "}");
      return `c${text(module)}${index}.${oldUniq}.${uniq.join(".")}{`;
    }
    case kinds.externalFun: {
      const { module, name, arity } = term as ExternalFun;
      return `e${text(module)}${text(name)}${arity};`;
    }
    case kinds.port: {
      const { node, creation, id } = term as Port;
      return `o${text(node)}${creation}.${id};`;
    }
    case kinds.pid: {
      const { node, creation, id, serial } = term as Pid;
      return `p${text(node)}${creation}.${id}.${serial};`;
    }
    case kinds.none:
      throw new TypeError(`expected a term, got ${printTerm(term)}`);
    default:
      return kind satisfies never;
  }
}

/** A text with its length in front, so that no character of it can end it. */
function text(value: string): string {
  return `${value.length}:${value}`;
}

function mustBeUnicode(text: unknown): void {
  if (typeof text !== "string" || text.isWellFormed()) return;
  throw new RangeError("expected text without halves of surrogate pairs");
}

function atomKey(name: string, { atomLength, isUnicode }: Limits): string {
  if (isUnicode) mustBeUnicode(name);
  if (name.length > atomLength && [...name].length > atomLength) {
    throw new RangeError(
      `expected an atom of at most ${atomLength} characters`,
    );
  }
  return `a${text(name)}`;
}

function numberKey(term: unknown): string {
  const number = numberOf(term);
  const minus = Object.is(number, -0) ? "-" : "";
  return `${isFloatTerm(term) ? "f" : "i"}${minus}${number};`;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are UTF-8 have the key of the string. */
function bitsKey(term: unknown): string {
  if (typeof term === "string") return `b${text(term)}`;
  const { bytes, lastBits } = bitParts(term);
  if (!(term instanceof BitString)) {
    try {
      return `b${text(strict.decode(bytes))}`;
    } catch {
      // Bytes that are no text.
    }
  }
  const last = bytes.length - 1;
  const numbers = Array.from(
    bytes,
    (byte, i) => i === last ? maskLast(byte, lastBits) : byte,
  );
  return `x${lastBits}:${numbers.join(".")};`;
}

/** A missing word counts as 0, as in Erlang's `=:=`. */
function refKeyOf(ref: Ref): string {
  const used = ref.words.findLastIndex((word) => word !== 0) + 1;
  const words = ref.words.slice(0, used).join(".");
  return `r${text(ref.node)}${ref.creation}.${words};`;
}

/** Keys of the keys in their order, each with its value. */
function sortedEntries(
  map: object,
  level: number,
  limits: Limits,
): { keys: string[]; values: unknown[] } {
  if (level >= KEY_LEVELS_MAX) {
    throw new RangeError(
      `expected maps in keys of maps at most ${KEY_LEVELS_MAX} deep`,
    );
  }
  const entries = mapKeys(map).map((key): [string, unknown] => [
    keyOf(key, level + 1, limits),
    mapValue(map, key),
  ]);
  entries.sort(([a], [b]) => a < b ? -1 : 1);
  return {
    keys: entries.map(([key]) => `${key}=`),
    values: entries.map(([, value]) => value),
  };
}
