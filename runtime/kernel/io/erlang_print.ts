/**
 * Terms in Erlang's syntax, as `io:format` prints them for `~w` and `~p`.
 *
 * Follows the Erlang/OTP documentation of `io:fwrite`, except that the result
 * is always one line: Erlang's `~p` breaks long lines for a reader at a
 * terminal. A value that is no term is printed as in the runtime's logs.
 */

import { atomText, kindOf, kinds, listParts } from "../../core/terms/kinds.ts";
import { compareTerms } from "../../core/terms/order.ts";
import {
  BitString,
  type Closure,
  type ExternalFun,
  Float,
  type Pid,
  type Port,
  printTerm,
  type Ref,
  type Tuple,
} from "../../core/terms/terms.ts";

/** The differences between the directives. */
export type PrintOptions = {
  /** `~p`: lists of characters, and binaries, that are texts are quoted. */
  readonly texts: boolean;
  /** Modifier `t`: characters beyond Latin-1 are not escaped. */
  readonly unicode: boolean;
  /** `~W` and `~P`: deeper terms, and later items of a list, are `...`. */
  readonly depth: number;
};

/** Terms nested deeper than this are `...`, also if `depth` is greater. */
const MAX_DEPTH = 1_000;

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function printErlang(
  term: unknown,
  options: Partial<PrintOptions> = {},
): string {
  const { texts = false, unicode = true, depth = Infinity } = options;
  return new Printer({ texts, unicode, depth }).term(term, depth, 0);
}

class Printer {
  readonly #options: PrintOptions;

  constructor(options: PrintOptions) {
    this.#options = options;
  }

  /** `left` is the depth that `~P` may still show, `level` the nesting. */
  term(term: unknown, left: number, level: number): string {
    if (left <= 0 || level > MAX_DEPTH) return "...";
    const { unicode } = this.#options;
    switch (kindOf(term)) {
      case kinds.number:
        return printNumber(term as number | bigint | Float);
      case kinds.atom:
        return printAtom(atomText(term), unicode);
      case kinds.pid:
        return (term as Pid).toString().slice("#PID".length);
      case kinds.ref:
        return (term as Ref).toString();
      case kinds.port:
        return `#Port<0.${(term as Port).id}>`;
      case kinds.closure: {
        const { module, index, oldUniq } = term as Closure;
        return `#Fun<${printAtom(module, unicode)}.${index}.${oldUniq}>`;
      }
      case kinds.externalFun: {
        const { module, name, arity } = term as ExternalFun;
        return `fun ${printAtom(module, unicode)}:${
          printAtom(name, unicode)
        }/${arity}`;
      }
      case kinds.tuple:
        return this.#tuple(term as Tuple, left, level);
      case kinds.map:
        return this.#map(term as object, left, level);
      case kinds.nil:
        return "[]";
      case kinds.list:
        return this.#list(term, left, level);
      case kinds.bits:
        return this.#bits(term, left);
      case kinds.none:
        return printTerm(term);
    }
  }

  #tuple({ items }: Tuple, left: number, level: number): string {
    const shown: string[] = [];
    for (const [i, item] of items.entries()) {
      if (left - i <= 1) {
        shown.push("...");
        break;
      }
      shown.push(this.term(item, left - i - 1, level + 1));
    }
    return `{${shown.join(",")}}`;
  }

  #list(list: unknown, left: number, level: number): string {
    const { items, tail } = listParts(list);
    if (this.#options.texts && tail === null && left > 1) {
      const text = this.#printable(items);
      if (text !== null) return quoted(text, '"', this.#options.unicode);
    }
    let shown = "";
    for (const [i, item] of items.entries()) {
      if (left - i <= 1) {
        return `[${shown}${i === 0 ? "" : "|"}...]`;
      }
      if (i > 0) shown += ",";
      shown += this.term(item, left - i - 1, level + 1);
    }
    if (tail !== null) {
      const rest = left - items.length;
      shown += `|${rest <= 1 ? "..." : this.term(tail.term, rest, level + 1)}`;
    }
    return `[${shown}]`;
  }

  #map(map: object, left: number, level: number): string {
    const entries: (readonly [unknown, unknown])[] = map instanceof Map
      ? [...map]
      : Object.entries(map).map(([key, value]) => [Symbol.for(key), value]);
    entries.sort(([a], [b]) => compareTerms(a, b));
    const shown: string[] = [];
    for (const [i, [key, value]] of entries.entries()) {
      if (left - i <= 1) {
        shown.push("...");
        break;
      }
      const leftInside = left - i - 1;
      shown.push(
        `${this.term(key, leftInside, level + 1)} => ${
          this.term(value, leftInside, level + 1)
        }`,
      );
    }
    return `#{${shown.join(",")}}`;
  }

  #bits(term: unknown, left: number): string {
    const { bytes, lastBits } = term instanceof BitString
      ? term
      : { bytes: bytesOf(term), lastBits: 8 };
    if (
      this.#options.texts && lastBits === 8 && bytes.length > 0 && left > 1
    ) {
      const text = this.#printableBytes(bytes);
      if (text !== null) return text;
    }
    const numbers = Array.from(bytes, String);
    if (lastBits < 8) {
      const last = (bytes.at(-1) as number) >> (8 - lastBits);
      numbers[numbers.length - 1] = `${last}:${lastBits}`;
    }
    if (numbers.length >= left) numbers.splice(left - 1, Infinity, "...");
    return `<<${numbers.join(",")}>>`;
  }

  /** The text of a list of printable characters, or null. */
  #printable(items: readonly unknown[]): string | null {
    let text = "";
    for (const item of items) {
      if (typeof item !== "number" || !this.#isPrintable(item)) return null;
      text += String.fromCodePoint(item);
    }
    return text;
  }

  #printableBytes(bytes: Uint8Array): string | null {
    const { unicode } = this.#options;
    if (unicode) {
      try {
        const text = utf8.decode(bytes);
        if ([...text].every((c) => this.#isPrintable(codeOf(c)))) {
          const isPlain = text.length === bytes.length;
          return `<<${quoted(text, '"', true)}${isPlain ? "" : "/utf8"}>>`;
        }
      } catch {
        // It may be Latin-1.
      }
    }
    if (!bytes.every((byte) => isPrintableLatin1(byte))) return null;
    // Not in one call, which many bytes would overflow.
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte));
    return `<<${quoted(text.join(""), '"', unicode)}>>`;
  }

  #isPrintable(code: number): boolean {
    if (!Number.isInteger(code)) return false;
    if (code < 256) return isPrintableLatin1(code);
    return this.#options.unicode && code <= 0x10_ffff &&
      !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
  }
}

function codeOf(character: string): number {
  return character.codePointAt(0) as number;
}

function bytesOf(term: unknown): Uint8Array {
  return typeof term === "string" ? encoder.encode(term) : term as Uint8Array;
}

function isPrintableLatin1(code: number): boolean {
  return (code >= 32 && code <= 126) || (code >= 160 && code <= 255) ||
    (code >= 8 && code <= 13) || code === 27;
}

function printNumber(value: number | bigint | Float): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Float) return printFloat(value.value);
  const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0);
  return isInteger ? String(value) : printFloat(value);
}

/**
 * The shortest text that reads back as the same float: as a decimal number, or
 * with an exponent where that is shorter or where integers have gaps.
 */
export function printFloat(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const parts = /^(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(
    Math.abs(value).toExponential(),
  );
  if (parts === null) return String(value);
  const [, first = "", rest = "", power] = parts;
  const exponent = Number(power);
  const digits = first + rest;
  const scientific = `${first}.${rest === "" ? "0" : rest}e${exponent}`;
  if (Math.abs(value) >= 2 ** 53) return sign + scientific;
  const decimal = inDecimals(digits, exponent);
  return sign + (decimal.length <= scientific.length ? decimal : scientific);
}

function inDecimals(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${whole}.${digits.slice(exponent + 1) || "0"}`;
}

const reservedWords = new Set(
  ("after and andalso band begin bnot bor bsl bsr bxor case catch cond div " +
    "end fun if let not of or orelse receive rem try when xor").split(" "),
);
const BARE_ATOM =
  /^[a-z\u00df-\u00f6\u00f8-\u00ff][\w@\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]*$/;

/** An atom by its name, in quotes where Erlang's syntax needs them. */
export function printAtom(name: string, unicode: boolean): string {
  return BARE_ATOM.test(name) && !reservedWords.has(name)
    ? name
    : quoted(name, "'", unicode);
}

const escapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\b": "\\b",
  "\f": "\\f",
  "\x1b": "\\e",
  "\x7f": "\\d",
  "\\": "\\\\",
};

function quoted(text: string, quote: string, unicode: boolean): string {
  let escaped = "";
  for (const character of text) {
    const code = codeOf(character);
    if (character === quote) escaped += `\\${quote}`;
    else if (escapes[character] !== undefined) escaped += escapes[character];
    else if (code < 32 || (code > 127 && code < 160)) {
      escaped += `\\${code.toString(8)}`;
    } else if (code > 255 && !unicode) {
      escaped += `\\x{${code.toString(16).toUpperCase()}}`;
    } else escaped += character;
  }
  return quote + escaped + quote;
}
