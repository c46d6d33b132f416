/**
 * Parsers of single options: each turns a word of the command line into a value
 * or throws an error that says in one line what was expected.
 */

import { InvalidArgumentError } from "commander";
import { parseNodeName } from "../../runtime/wire/shared/node_name.ts";
import { errorText } from "../../runtime/core/terms/error_text.ts";

export function parsePort(text: string): number {
  const port = parseWhole(text);
  if (port < 1 || port > 65_535) {
    throw new InvalidArgumentError("Expected a port between 1 and 65535");
  }
  return port;
}

export function parseNode(name: string): string {
  try {
    parseNodeName(name);
  } catch (error) {
    const text = errorText(error);
    throw new InvalidArgumentError(
      `${text.replace(/^e/, "E")}; write for example a@127.0.0.1`,
    );
  }
  return name;
}

/** Parses an option that may be repeated; `before` has the previous values. */
export function collectNodes(
  name: string,
  before: readonly string[] | undefined,
): readonly string[] {
  return [...before ?? [], parseNode(name)];
}

/** Makes a parser of whole numbers from `min` to `max`. */
export function between(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = parseWhole(text);
    if (number < min || number > max) {
      throw new InvalidArgumentError(
        `Expected a whole number between ${min} and ${max}`,
      );
    }
    return number;
  };
}

/** Makes a parser of a list of `choices`: `a,b`, or the option repeated. */
export function collectOf(
  choices: readonly string[],
): (
  text: string,
  before: readonly string[] | undefined,
) => readonly string[] {
  return (text, before) => {
    const words = text.split(",").map((word) => word.trim());
    const wrong = words.find((word) => !choices.includes(word));
    if (wrong !== undefined) {
      throw new InvalidArgumentError(
        `Expected ${choices.join(", ")} or several with commas, ` +
          `got "${wrong}"`,
      );
    }
    return [...new Set([...before ?? [], ...words])];
  };
}

export function parseNodeList(text: string): readonly string[] {
  return text === "" ? [] : text.split(",").map(parseNode);
}

/** The start of the names of a cluster's nodes, before their number. */
export function parseBaseName(text: string): string {
  parseNode(`${text}1@127.0.0.1`);
  return text;
}

function parseWhole(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : -1;
}
