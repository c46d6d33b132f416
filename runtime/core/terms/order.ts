/**
 * Equality and order of terms, as a BEAM node sees them: `"é"` and the bytes of
 * its UTF-8 are the same binary, `null` is the atom `nil`, `{ a: 1 }` is the
 * map whose key is the atom `a`.
 *
 * Follows the Erlang reference manual, "Term Comparisons"; where that leaves
 * the order open, for pids, refs, ports and funs, what OTP 25 does. The sign of
 * a zero counts, as it does from OTP 27 on.
 *
 * No function here calls itself for a level of a term, so no term of a peer can
 * exhaust the stack. Only maps inside keys of maps cost a level.
 */

import {
  atomText,
  bitParts,
  compareText,
  isFloatTerm,
  type Kind,
  kindOf,
  kinds,
  listParts,
  mapKeys,
  mapValue,
  maskLast,
  numberOf,
} from "./kinds.ts";
import {
  type Closure,
  type ExternalFun,
  type Pid,
  type Port,
  printTerm,
  type Ref,
  type Tuple,
} from "./terms.ts";

/** Limit of levels of maps inside keys of maps. */
export const KEY_LEVELS_MAX = 64;

/**
 * Whether two terms are the same, as Erlang's `=:=`. A value that is no term (a
 * function, a `Date`) equals only itself.
 *
 * @example
 * ```ts
 * import { float, termEquals, tuple } from "hornbeam";
 * console.log(termEquals(tuple("a", [1]), tuple("a", [1]))); // prints: true
 * console.log(termEquals(1, float(1))); // prints: false
 * ```
 */
export function termEquals(a: unknown, b: unknown): boolean {
  return new Comparison(false).compare(a, b, true, 0) === 0;
}

/**
 * Erlang's order of terms: negative when `a` comes first, 0 when Erlang's `==`
 * holds, so 1 and 1.0 are equal. Throws a `TypeError` for a value that is no
 * term.
 *
 * @example
 * ```ts
 * import { atom, compareTerms, printTerm } from "hornbeam";
 * const sorted = [atom("b"), [], 3, "x", atom("a")].sort(compareTerms);
 * console.log(printTerm(sorted)); // prints: [3, a, b, [], "x"]
 * ```
 */
export function compareTerms(a: unknown, b: unknown): number {
  return new Comparison(true).compare(a, b, false, 0);
}

/**
 * Keys of one map in the order in which a BEAM node writes those of a small
 * map: as `compareTerms`, but all integers come before all floats. A value that
 * is no term comes last.
 */
export function sortedMapKeys(keys: readonly unknown[]): unknown[] {
  return new Comparison(false).sorted(keys, 0);
}

/** Two sequences that are compared item by item. */
type Pairs = {
  readonly left: readonly unknown[];
  readonly right: readonly unknown[];
  readonly count: number;
  readonly exact: boolean;
  index: number;
};

/** One comparison, or several that share the sorted keys of maps. */
class Comparison {
  /** Whether a value that is no term throws. */
  readonly #strict: boolean;
  readonly #sortedKeys: Map<object, readonly unknown[]> = new Map();

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  /** `exact` tells integers from floats. */
  compare(a: unknown, b: unknown, exact: boolean, level: number): number {
    const open: Pairs[] = [];
    let order = this.#step(a, b, exact, level, open);
    while (order === 0) {
      const pairs = open.at(-1);
      if (pairs === undefined) return 0;
      const { left, right, index } = pairs;
      if (index === pairs.count) open.pop();
      else {
        pairs.index += 1;
        order = this.#step(left[index], right[index], pairs.exact, level, open);
      }
    }
    return order;
  }

  /** Compares two terms without their items, which are added to `open`. */
  #step(
    a: unknown,
    b: unknown,
    exact: boolean,
    level: number,
    open: Pairs[],
  ): number {
    const kind = kindOf(a);
    const other = kindOf(b);
    if (kind === kinds.none || other === kinds.none) {
      return this.#noTerm(a, b, kind, other);
    }
    if (kind !== other) return kind - other;
    switch (kind) {
      case kinds.number:
        return compareNumbers(a, b, exact);
      case kinds.atom:
        return a === b ? 0 : compareText(atomText(a), atomText(b));
      case kinds.ref:
        return compareRefs(a as Ref, b as Ref);
      case kinds.closure:
        return compareClosures(a as Closure, b as Closure, exact, open);
      case kinds.externalFun:
        return compareExternalFuns(a as ExternalFun, b as ExternalFun);
      case kinds.port:
        return comparePorts(a as Port, b as Port);
      case kinds.pid:
        return comparePids(a as Pid, b as Pid);
      case kinds.tuple:
        return compareItems(
          (a as Tuple).items,
          (b as Tuple).items,
          exact,
          open,
        );
      case kinds.map:
        return this.#maps(a as object, b as object, exact, level, open);
      case kinds.nil:
        return 0;
      case kinds.list:
        return compareLists(a, b, exact, open);
      case kinds.bits:
        return compareBits(a, b);
      default:
        return kind satisfies never;
    }
  }

  #noTerm(a: unknown, b: unknown, kind: Kind, other: Kind): number {
    if (this.#strict) {
      const found = kind === kinds.none ? a : b;
      throw new TypeError(`expected a term, got ${printTerm(found)}`);
    }
    if (Object.is(a, b)) return 0;
    return kind === other ? 1 : kind - other;
  }

  #maps(
    a: object,
    b: object,
    exact: boolean,
    level: number,
    open: Pairs[],
  ): number {
    if (a === b) return 0;
    const left = this.#keys(a, level + 1);
    const right = this.#keys(b, level + 1);
    const count = left.length;
    if (count !== right.length) return count - right.length;
    const values = {
      left: left.map((key) => mapValue(a, key)),
      right: right.map((key) => mapValue(b, key)),
    };
    // The pairs that were added last are compared first.
    open.push({ ...values, count, exact, index: 0 });
    open.push({ left, right, count, exact: true, index: 0 });
    return 0;
  }

  #keys(map: object, level: number): readonly unknown[] {
    const known = this.#sortedKeys.get(map);
    if (known !== undefined) return known;
    if (level > KEY_LEVELS_MAX) {
      throw new RangeError(
        `expected maps in keys of maps at most ${KEY_LEVELS_MAX} deep`,
      );
    }
    const keys = this.sorted(mapKeys(map), level);
    this.#sortedKeys.set(map, keys);
    return keys;
  }

  /** Keys of a map in order. */
  sorted(keys: readonly unknown[], level: number): unknown[] {
    // In objects, because `sort` puts undefined last without a comparison.
    return keys.map((key) => ({ key }))
      .sort((a, b) => this.compare(a.key, b.key, true, level))
      .map(({ key }) => key);
  }
}

function compareItems(
  left: readonly unknown[],
  right: readonly unknown[],
  exact: boolean,
  open: Pairs[],
): number {
  const count = left.length;
  if (count !== right.length) return count - right.length;
  open.push({ left, right, count, exact, index: 0 });
  return 0;
}

/** Stands for the items that one of two lists still has. */
const moreItems: readonly unknown[] = [0];

function compareLists(
  a: unknown,
  b: unknown,
  exact: boolean,
  open: Pairs[],
): number {
  const left = listParts(a);
  const right = listParts(b);
  const count = Math.min(left.items.length, right.items.length);
  const rest = ({ items, tail }: typeof left): unknown => {
    if (items.length > count) return moreItems;
    return tail === null ? [] : tail.term;
  };
  open.push({
    left: [rest(left)],
    right: [rest(right)],
    count: 1,
    exact,
    index: 0,
  });
  open.push({
    left: left.items,
    right: right.items,
    count,
    exact,
    index: 0,
  });
  return 0;
}

function compareNumbers(a: unknown, b: unknown, exact: boolean): number {
  if (exact) {
    const isFloat = isFloatTerm(a);
    if (isFloat !== isFloatTerm(b)) return isFloat ? 1 : -1;
  }
  const x = numberOf(a);
  const y = numberOf(b);
  if (x < y) return -1;
  if (x > y) return 1;
  return exact ? Number(Object.is(y, -0)) - Number(Object.is(x, -0)) : 0;
}

function compareBits(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  const left = bitParts(a);
  const right = bitParts(b);
  const count = Math.min(left.bytes.length, right.bytes.length);
  const byteAt = ({ bytes, lastBits }: typeof left, i: number) =>
    i + 1 < bytes.length ? bytes[i]! : maskLast(bytes[i]!, lastBits);
  for (let i = 0; i < count; i++) {
    const order = byteAt(left, i) - byteAt(right, i);
    if (order !== 0) return order;
  }
  const bits = ({ bytes, lastBits }: typeof left) =>
    8 * bytes.length + lastBits - 8;
  return bits(left) - bits(right);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const count = Math.min(a.length, b.length);
  for (let i = 0; i < count; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

function comparePids(a: Pid, b: Pid): number {
  if (a === b) return 0;
  return a.serial - b.serial || a.id - b.id || compareText(a.node, b.node) ||
    a.creation - b.creation;
}

function comparePorts(a: Port, b: Port): number {
  return compareText(a.node, b.node) || a.creation - b.creation ||
    Number(a.id - b.id);
}

function compareRefs(a: Ref, b: Ref): number {
  const order = compareText(a.node, b.node) || a.creation - b.creation;
  if (order !== 0) return order;
  // A missing word counts as 0.
  for (let i = Math.max(a.words.length, b.words.length) - 1; i >= 0; i--) {
    const difference = (a.words[i] ?? 0) - (b.words[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareExternalFuns(a: ExternalFun, b: ExternalFun): number {
  return compareText(a.module, b.module) || compareText(a.name, b.name) ||
    a.arity - b.arity;
}

function compareClosures(
  a: Closure,
  b: Closure,
  exact: boolean,
  open: Pairs[],
): number {
  const order = compareText(a.module, b.module) || a.index - b.index ||
    a.oldUniq - b.oldUniq || compareBytes(a.uniq, b.uniq);
  return order === 0 ? compareItems(a.free, b.free, exact, open) : order;
}
