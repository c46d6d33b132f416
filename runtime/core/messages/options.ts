/**
 * Checks of options: their names, and what kind of value each one takes.
 *
 * A type of options has one `OptionTable` with a rule for each of its names, so
 * that the compiler finds a name without a rule. Functions that take options
 * check them before they do anything. What a value means (a name that is taken,
 * a file that is missing) is checked where it is used, not here.
 */

import { printTerm } from "../terms/terms.ts";
import { UsageError } from "./errors.ts";

/** What an option takes. */
export type OptionRule = {
  /** Completes "expected NAME to be", such as `true or false`. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** The values where they are few; an error names the most similar one. */
  readonly choices: readonly string[];
};

function rule(
  expected: string,
  accepts: (value: unknown) => boolean,
): OptionRule {
  return { expected, accepts, choices: [] };
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isWhole = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** Takes these strings and no other value. */
function oneOf(...choices: readonly string[]): OptionRule {
  return {
    expected: listed(choices.map((choice) => JSON.stringify(choice))),
    accepts: (value) => choices.includes(value as string),
    choices,
  };
}

/** Takes what any of the rules takes. */
function either(...rules: readonly OptionRule[]): OptionRule {
  return {
    expected: listed(rules.map(({ expected }) => expected)),
    accepts: (value) => rules.some((one) => one.accepts(value)),
    choices: rules.flatMap((one) => one.choices),
  };
}

/** Takes this value and no other. */
function exactly(value: unknown): OptionRule {
  return {
    expected: printTerm(value),
    accepts: (other) => other === value,
    choices: [],
  };
}

/** The names of the rules of `option` that are no functions. */
type KindOfValue =
  | "flag"
  | "text"
  | "callback"
  | "object"
  | "list"
  | "timeout"
  | "positive"
  | "duration"
  | "endlessDuration"
  | "count"
  | "endlessCount"
  | "amount"
  | "endlessAmount"
  | "port"
  | "signal"
  | "any";

/**
 * The kinds of values that options take. `undefined` is always accepted, as for
 * an option that is not given.
 */
export const option:
  & {
    readonly [Kind in KindOfValue]: OptionRule;
  }
  & {
    readonly oneOf: typeof oneOf;
    readonly either: typeof either;
    readonly exactly: typeof exactly;
  } = {
    flag: rule("true or false", (value) => typeof value === "boolean"),
    text: rule("a string", (value) => typeof value === "string"),
    callback: rule("a function", (value) => typeof value === "function"),
    object: rule(
      "an object",
      (value) => typeof value === "object" && value !== null,
    ),
    list: rule("an array", Array.isArray),
    /** A limit of a wait. */
    timeout: rule(
      "a number of ms from 0 on, or Infinity",
      (value) => isNumber(value) && value >= 0,
    ),
    positive: rule(
      "a number above 0",
      (value) => isNumber(value) && value > 0,
    ),
    /** A length of time that is not empty. */
    duration: rule(
      "a number of ms above 0",
      (value) => isNumber(value) && value > 0 && value !== Infinity,
    ),
    /** As `duration`, or without an end. */
    endlessDuration: rule(
      "a number of ms above 0, or Infinity",
      (value) => isNumber(value) && value > 0,
    ),
    /** How many there may be, none included. */
    count: rule(
      "a whole number from 0 on",
      (value) => isWhole(value, 0),
    ),
    /** As `count`, or without a limit. */
    endlessCount: rule(
      "a whole number from 0 on, or Infinity",
      (value) => value === Infinity || isWhole(value, 0),
    ),
    /** How many there may be, one at least. */
    amount: rule(
      "a whole number of 1 or more",
      (value) => isWhole(value, 1),
    ),
    /** As `amount`, or without a limit. */
    endlessAmount: rule(
      "a whole number of 1 or more, or Infinity",
      (value) => value === Infinity || isWhole(value, 1),
    ),
    port: rule(
      "a port from 0 to 65535",
      (value) => isWhole(value, 0) && (value as number) <= 65_535,
    ),
    signal: rule(
      "an AbortSignal",
      // A signal of another realm or of a polyfill is no instance of the class.
      (value) =>
        typeof value === "object" && value !== null && "aborted" in value &&
        "addEventListener" in value,
    ),
    /** A term, or anything else: there is nothing to refuse. */
    any: rule("anything", () => true),
    oneOf,
    either,
    exactly,
  };

/** A rule for each name of the type; the compiler finds one that is missing. */
export type OptionRules<T extends object> = {
  readonly [Name in keyof T]-?: OptionRule;
};

/**
 * The rules for the options of one function or of a few similar ones.
 *
 * @example
 * ```ts
 * import { option, OptionTable } from "hornbeam";
 *
 * type CacheOptions = { readonly size?: number; readonly evict?: "old" | "big" };
 * const cacheOptions = new OptionTable<CacheOptions>("makeCache", {
 *   size: option.amount,
 *   evict: option.oneOf("old", "big"),
 * });
 * try {
 *   cacheOptions.check({ evict: "odl" } as never);
 * } catch (error) {
 *   console.log((error as Error).message);
 *   // prints: expected evict of makeCache to be "old" or "big", got "odl"; did…
 * }
 * ```
 */
export class OptionTable<T extends object> {
  /** The function in errors, such as `start`. */
  readonly place: string;
  /** One rule for each name of the type. */
  readonly #rules: ReadonlyMap<string, OptionRule>;

  constructor(place: string, rules: OptionRules<T>) {
    this.place = place;
    this.#rules = new Map(Object.entries<OptionRule>(rules));
  }

  /** The names and their rules, in the order in which they were given. */
  get rules(): ReadonlyMap<string, OptionRule> {
    return this.#rules;
  }

  /**
   * Throws `UsageError` for a name without a rule, and for a value that its
   * rule does not accept. No options at all are accepted.
   */
  check(options: T | undefined, place: string = this.place): void {
    if (options === undefined) return;
    if (typeof options !== "object" || options === null) {
      throw new UsageError(
        `expected the options of ${place} as an object, got ${
          printTerm(options)
        }`,
      );
    }
    for (const name in options) {
      const value: unknown = options[name];
      const known = this.#rules.get(name);
      if (known === undefined) this.#refuseName(name, place);
      else if (value !== undefined && !known.accepts(value)) {
        refuseValue(known, name, value, place);
      }
    }
  }

  #refuseName(name: string, place: string): never {
    const names = [...this.#rules.keys()];
    const meant = mostSimilar(name, names);
    throw new UsageError(
      `expected an option of ${place}, got ${printTerm(name)}; ` +
        (meant === null
          ? `the options are ${names.join(", ")}`
          : `did you mean ${meant}?`),
    );
  }
}

function refuseValue(
  { expected, choices }: OptionRule,
  name: string,
  value: unknown,
  place: string,
): never {
  const meant = typeof value === "string" ? mostSimilar(value, choices) : null;
  throw new UsageError(
    `expected ${name} of ${place} to be ${expected}, got ${printTerm(value)}` +
      (meant === null ? "" : `; did you mean ${JSON.stringify(meant)}?`),
  );
}

/** `a`, `a or b`, `a, b or c`. */
function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2
    ? last
    : `${parts.slice(0, -1).join(", ")} or ${last}`;
}

/**
 * The word that is written almost as this one: a third of its characters may
 * differ, one at least. Null when there is none.
 */
export function mostSimilar(
  word: string,
  words: readonly string[],
): string | null {
  const sought = word.toLowerCase();
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const known of words) {
    const distance = editDistance(sought, known.toLowerCase());
    if (distance < least) [best, least] = [known, distance];
  }
  return best;
}

/**
 * Characters inserted, removed, replaced, and neighbours swapped: the distance
 * of optimal string alignment.
 */
function editDistance(a: string, b: string): number {
  // A name of an option is short; anything longer is similar to none.
  if (Math.abs(a.length - b.length) > 20) return Infinity;
  const at = (rows: readonly number[][], i: number, j: number): number =>
    rows[i]?.[j] ?? Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(
        at(rows, i - 1, j - 1) + differs,
        at(rows, i - 1, j) + 1,
        at(rows, i, j - 1) + 1,
        isSwapped ? at(rows, i - 2, j - 2) + 1 : Infinity,
      ));
    }
  }
  return at(rows, a.length, b.length);
}
