/**
 * Passes on the output of the cluster's processes, line by line, each line with
 * the name of its node before it.
 */

import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { Screen, StreamName } from "./screen.ts";

export type RelayOptions = {
  readonly screen: Screen;
  readonly to: StreamName;
  /** Written before each line. */
  readonly prefix: string;
  /** A line for which it returns true is not passed on. */
  readonly keep?: (line: string) => boolean;
};

/** Longer lines are passed on in pieces, in UTF-16 units. */
const MAX_LINE = 64 * 1024;

/** A stream that is being passed on. */
export type Relay = {
  /** Whether no output came since the last call and none is held back. */
  isQuiet(): boolean;
};

/** Passes on a stream until it ends. */
export function relay(source: Readable, options: RelayOptions): Relay {
  const { screen, to, prefix, keep } = options;
  let rest = "";
  let isBusy = false;
  let isHeldBack = false;
  const pass = (lines: readonly string[]): void => {
    const shown = lines.filter((line) => keep?.(line) !== true)
      .map((line) => prefix + (screen.isLive ? printable(line) : line));
    if (screen.print(to, shown)) return;
    // The reader of the launcher's output is slow, so the child has to wait.
    source.pause();
    isHeldBack = true;
    screen.onRoom(to, () => {
      isHeldBack = false;
      isBusy = true;
      source.resume();
    });
  };
  source.setEncoding("utf8");
  source.on("data", (text: string) => {
    isBusy = true;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) {
      lines.push(rest);
      rest = "";
    }
    pass(lines.map((line) => line.replace(/\r$/, "")));
  });
  source.on("end", () => {
    if (rest !== "") pass([rest]);
    rest = "";
  });
  // The child's exit is reported by its own event.
  source.on("error", () => {});
  return {
    isQuiet: () => {
      const isQuiet = !isBusy && !isHeldBack;
      isBusy = false;
      return isQuiet;
    },
  };
}

/** Removes control characters, which could move the cursor. */
function printable(line: string): string {
  return stripVTControlCharacters(line).replaceAll(
    /\p{Cc}/gu,
    (control) => control === "\t" ? control : "",
  );
}
