/**
 * Errors of the command: one line on standard error that says what to do next.
 * A crash of the user's program is not handled here; `program.ts` shows it with
 * its stack.
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

/** The command line is valid, but the command has failed. */
export function failure(message: string): CliError {
  return new CliError(message, exitCodes.failed);
}

/** Text without line breaks and colours. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text).trim().replaceAll(/\s*\n\s*/g, " ");
}

/** A thrown value as one line, such as `TypeError: message`. */
export function describeThrown(thrown: unknown): string {
  return oneLine(
    thrown instanceof Error
      ? `${thrown.name}: ${thrown.message}`
      : String(thrown),
  );
}
