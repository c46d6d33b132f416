/**
 * Erlang's texts (`unicode:chardata()`, `iodata()`) as one string. Such a text
 * is a binary, or a list of code points, binaries and such lists.
 */

import { ImproperList } from "../../core/terms/terms.ts";

/** The encoding of binaries, and the range of numbers, in a text. */
export type Encoding = "unicode" | "latin1";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text, or null for a term that is none. Does not recurse. */
export function textOf(
  chardata: unknown,
  encoding: Encoding = "unicode",
): string | null {
  // A number outside of a list is no text.
  if (typeof chardata === "number") return null;
  let text = "";
  // The parts that are still to be read; the next part is the last item.
  const stack: unknown[] = [chardata];
  while (stack.length > 0) {
    const part = stack.pop();
    if (Array.isArray(part)) {
      pushAll(stack, part);
    } else if (part instanceof ImproperList) {
      // The tail may be a binary.
      stack.push(part.tail);
      pushAll(stack, part.items);
    } else {
      const piece = pieceOf(part, encoding);
      if (piece === null) return null;
      text += piece;
    }
  }
  return text;
}

function pushAll(stack: unknown[], items: readonly unknown[]): void {
  for (let i = items.length - 1; i >= 0; i--) stack.push(items[i]);
}

function pieceOf(part: unknown, encoding: Encoding): string | null {
  if (typeof part === "string") {
    return encoding === "unicode" ? part : latin1(encoder.encode(part));
  }
  if (part instanceof Uint8Array) {
    if (encoding === "latin1") return latin1(part);
    try {
      return utf8.decode(part);
    } catch {
      return null;
    }
  }
  const most = encoding === "unicode" ? 0x10_ffff : 0xff;
  const isCharacter = typeof part === "number" && Number.isInteger(part) &&
    part >= 0 && part <= most && !(part >= 0xd800 && part <= 0xdfff);
  return isCharacter ? String.fromCodePoint(part) : null;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A text as a list of code points, which is Erlang's string. */
export function charlist(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) as number);
}
