/**
 * Formatting as by `io_lib:format`: a text with directives such as `~s`, `~p`
 * and `~10.2f`, and the terms that they show.
 *
 * Follows the Erlang/OTP documentation of `io:fwrite`. All its directives are
 * known; `~p` does not break lines (`erlang_print.ts`). A format that does not
 * fit its arguments throws a `FormatError`, where Erlang raises `badarg`.
 */

import { Float } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { type Encoding, textOf } from "./chardata.ts";
import { printErlang } from "./erlang_print.ts";

/** A format and its arguments do not fit together. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** `~F.P.PadModC`; a part that is missing is null. */
type Directive = {
  readonly width: number | null;
  readonly precision: number | null;
  readonly pad: string;
  readonly isLeft: boolean;
  /** Modifier `t`. */
  readonly unicode: boolean;
  /** Modifier `l`: lists of characters are lists of numbers. */
  readonly lists: boolean;
  readonly letter: string;
};

/** Wider fields are refused, so that no caller can fill this node's memory. */
const MAX_WIDTH = 1_000_000;

/** The text. Throws `FormatError`. */
export function formatErlang(format: unknown, args: unknown): string {
  const text = typeof format === "symbol" ? atomName(format) : textOf(format);
  if (text === undefined || text === null || !Array.isArray(args)) {
    throw new FormatError("expected a text and a list of arguments");
  }
  return new Formatter(text, args).run();
}

class Formatter {
  readonly #text: string;
  readonly #args: readonly unknown[];
  #at = 0;
  #used = 0;

  constructor(text: string, args: readonly unknown[]) {
    this.#text = text;
    this.#args = args;
  }

  run(): string {
    let shown = "";
    for (;;) {
      const next = this.#text.indexOf("~", this.#at);
      if (next < 0) break;
      shown += this.#text.slice(this.#at, next);
      this.#at = next + 1;
      shown += this.#show(this.#directive());
    }
    if (this.#used < this.#args.length) {
      throw new FormatError("expected a directive for each argument");
    }
    return shown + this.#text.slice(this.#at);
  }

  #argument(): unknown {
    if (this.#used >= this.#args.length) {
      throw new FormatError("expected an argument for each directive");
    }
    return this.#args[this.#used++];
  }

  #character(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) {
      throw new FormatError("expected a directive after ~, got the end");
    }
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #directive(): Directive {
    const width = this.#number();
    let precision: number | null = null;
    let pad = " ";
    if (this.#text[this.#at] === ".") {
      this.#at++;
      precision = this.#number();
      if (this.#text[this.#at] === ".") {
        this.#at++;
        const given = this.#character();
        pad = given === "*" ? characterOf(this.#argument()) : given;
      }
    }
    let letter = this.#character();
    let unicode = false;
    let lists = false;
    for (; "tlkK".includes(letter); letter = this.#character()) {
      if (letter === "t") unicode = true;
      if (letter === "l") lists = true;
      // The order of a map's keys is a fun of the caller's node.
      if (letter === "K") this.#argument();
    }
    return {
      width: width === null ? null : Math.abs(width),
      precision,
      pad,
      isLeft: width !== null && width < 0,
      unicode,
      lists,
      letter,
    };
  }

  /** Digits, a sign before them, or `*` for an argument. */
  #number(): number | null {
    if (this.#text[this.#at] === "*") {
      this.#at++;
      return checkedWidth(this.#argument());
    }
    const digits = /-?\d+/y;
    digits.lastIndex = this.#at;
    const found = digits.exec(this.#text);
    if (found === null) return null;
    this.#at += found[0].length;
    return checkedWidth(Number(found[0]));
  }

  #show(directive: Directive): string {
    const { letter, width } = directive;
    switch (letter) {
      case "~":
      case "n":
        return (letter === "n" ? "\n" : "~").repeat(width ?? 1);
      case "i":
        this.#argument();
        return "";
      case "c":
        return characters(this.#argument(), directive);
      case "s":
        return string(this.#argument(), directive);
      case "w":
      case "p":
      case "W":
      case "P":
        return this.#term(directive);
      case "f":
      case "e":
      case "g":
        return field(float(this.#argument(), directive), {
          ...directive,
          precision: null,
        });
      case "b":
      case "B":
      case "x":
      case "X":
      case "+":
      case "#":
        return this.#integer(directive);
      default:
        throw new FormatError(`expected a directive, got ~${letter}`);
    }
  }

  #term(directive: Directive): string {
    const { letter, unicode, lists } = directive;
    const term = this.#argument();
    const depth = "WP".includes(letter) ? numberOf(this.#argument()) : Infinity;
    const isPretty = "pP".includes(letter);
    const texts = isPretty && !lists;
    const shown = printErlang(term, { texts, unicode, depth });
    // The width of ~p is where Erlang breaks lines.
    return isPretty ? shown : field(shown, directive);
  }

  #integer(directive: Directive): string {
    const { letter, precision } = directive;
    const value = this.#argument();
    if (!isInteger(value)) throw new FormatError("expected an integer");
    const base = precision ?? 10;
    if (base < 2 || base > 36) throw new FormatError("expected a base to 36");
    const prefix = "xX".includes(letter)
      ? textArgument(this.#argument(), "unicode")
      : "+#".includes(letter)
      ? `${base}#`
      : "";
    const digits = (value < 0 ? -value : value).toString(base);
    const isSmall = "bx+".includes(letter);
    const shown = `${value < 0 ? "-" : ""}${prefix}${
      isSmall ? digits : digits.toUpperCase()
    }`;
    return field(shown, { ...directive, precision: null });
  }
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === "bigint" || Number.isInteger(value);
}

function numberOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new FormatError("expected an integer");
  }
  return value < 0 ? Infinity : value;
}

function checkedWidth(value: unknown): number {
  if (typeof value !== "number" || !(Math.abs(value) <= MAX_WIDTH)) {
    throw new FormatError(`expected a width up to ${MAX_WIDTH}`);
  }
  return value;
}

function characterOf(value: unknown): string {
  const character = textOf([value]);
  if (typeof value !== "number" || character === null) {
    throw new FormatError("expected a character");
  }
  return character;
}

function textArgument(value: unknown, encoding: Encoding): string {
  const text = atomName(value) ?? textOf(value, encoding);
  if (text === null || (encoding === "latin1" && /[^\0-\xff]/u.test(text))) {
    throw new FormatError(`expected a text in ${encoding}`);
  }
  return text;
}

/** Pads to the field's width; a text that does not fit becomes `*`. */
function field(shown: string, directive: Directive): string {
  const { precision } = directive;
  const width = directive.width ?? precision;
  if (width === null) return shown;
  const room = Math.min(width, precision ?? width);
  const { length } = Array.from(shown);
  return adjust(length > room ? "*".repeat(room) : shown, width, directive);
}

function adjust(text: string, width: number, directive: Directive): string {
  const { pad, isLeft } = directive;
  const padding = pad.repeat(Math.max(0, width - Array.from(text).length));
  return isLeft ? text + padding : padding + text;
}

function characters(value: unknown, directive: Directive): string {
  const character = characterOf(value);
  const count = directive.precision ?? directive.width ?? 1;
  const shown =
    (directive.unicode
      ? character
      : String.fromCharCode((value as number) % 256)).repeat(count);
  return directive.width === null
    ? shown
    : adjust(shown, directive.width, directive);
}

function string(value: unknown, directive: Directive): string {
  const { width, precision, pad, unicode } = directive;
  const text = textArgument(value, unicode ? "unicode" : "latin1");
  if (width === null && precision === null) return text;
  if (width !== null && precision !== null && precision > width) {
    throw new FormatError("expected a precision within the width");
  }
  const points = Array.from(text);
  const room = precision ?? width ?? 0;
  const kept = points.slice(0, room).join("");
  // The precision is a field of its own, whose text stands on the left.
  const padded = precision === null
    ? kept
    : kept + pad.repeat(Math.max(0, precision - points.length));
  return width === null ? padded : adjust(padded, width, directive);
}

function float(value: unknown, directive: Directive): string {
  const number = value instanceof Float ? value.value : value;
  if (typeof number !== "number") throw new FormatError("expected a float");
  const precision = directive.precision ?? 6;
  if (precision > 100) throw new FormatError("expected at most 100 digits");
  switch (directive.letter) {
    case "f":
      return fixed(number, precision);
    case "e":
      return scientific(number, precision);
    default:
      return general(number, precision);
  }
}

function fixed(number: number, precision: number): string {
  if (precision < 1) throw new FormatError("expected a digit or more");
  // From here on `toFixed` writes an exponent.
  if (Math.abs(number) < 1e21) return number.toFixed(precision);
  return `${BigInt(number)}.${"0".repeat(precision)}`;
}

/** `precision` counts all digits. */
function scientific(number: number, precision: number): string {
  if (precision < 2) throw new FormatError("expected two digits or more");
  return number.toExponential(precision - 1);
}

/** With an exponent from 10,000 on and below 0.1. */
function general(number: number, precision: number): string {
  const size = Math.abs(number);
  const exponent = size < 0.1 || size >= 10_000
    ? null
    : size < 1
    ? -1
    : Math.floor(Math.log10(size));
  return exponent !== null && precision - 1 > exponent
    ? fixed(number, precision - 1 - exponent)
    : scientific(number, Math.max(2, precision));
}
