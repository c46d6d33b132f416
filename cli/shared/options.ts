/**
 * Checks of single options: each turns a word of the command line into a value
 * or says in one line what was expected.
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
    const said = errorText(error);
    throw new InvalidArgumentError(
      `${said.replace(/^e/, "E")}; write for example a@127.0.0.1`,
    );
  }
  return name;
}

/** For an option that may be given several times; `before` holds the others. */
export function collectNodes(
  name: string,
  before: readonly string[] | undefined,
): readonly string[] {
  return [...before ?? [], parseNode(name)];
}

/** `between(1, 100)` takes whole numbers from 1 to 100. */
export function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = parseWhole(text);
    if (number < least || number > most) {
      throw new InvalidArgumentError(
        `Expected a whole number between ${least} and ${most}`,
      );
    }
    return number;
  };
}

/** `a,b` or several times `a`; each one of `choices`. */
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

/** What the nodes of a cluster are called, before their number. */
export function parseBaseName(text: string): string {
  parseNode(`${text}1@127.0.0.1`);
  return text;
}

function parseWhole(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : -1;
}
