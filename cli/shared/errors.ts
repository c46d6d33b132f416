/**
 * What the command says when it cannot go on: one line on standard error that
 * tells what to do next. A program's own crash is not shown here but with its
 * stack, by `program.ts`.
 */

import { stripVTControlCharacters } from "node:util";
import { exitCodes } from "./ending.ts";

/** Ends the command with one line and an exit code. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export function usageError(message: string): CliError {
  return new CliError(message, exitCodes.usage);
}

/** The command line is right, and it did not work all the same. */
export function failure(message: string): CliError {
  return new CliError(message, exitCodes.failed);
}

/** Text without line breaks and colours. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text).trim().replaceAll(/\s*\n\s*/g, " ");
}

/** `TypeError: message` for whatever was thrown. */
export function describeThrown(thrown: unknown): string {
  return oneLine(
    thrown instanceof Error
      ? `${thrown.name}: ${thrown.message}`
      : String(thrown),
  );
}
