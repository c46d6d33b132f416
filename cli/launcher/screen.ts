/**
 * Writes lines to standard output and error, and keeps live lines below them at
 * the bottom of a terminal.
 *
 * The live lines are overwritten in place and never cleared first, so they do
 * not flicker. There are none when standard error is no terminal.
 */

import { stripVTControlCharacters } from "node:util";

/** The part of a stream that a screen needs. */
export type ScreenStream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
  once(event: "drain", listener: () => void): unknown;
};

export type StreamName = "stdout" | "stderr";

const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

export class Screen {
  readonly #streams: Readonly<Record<StreamName, ScreenStream>>;
  /** The live lines that are at the bottom of the terminal now. */
  #live: readonly string[] = [];
  /** Callbacks for when a full stream has room again; null while it has. */
  readonly #full: Record<StreamName, (() => void)[] | null> = {
    stdout: null,
    stderr: null,
  };

  constructor(streams: Readonly<Record<StreamName, ScreenStream>>) {
    this.#streams = streams;
  }

  /** Whether there are live lines. */
  get isLive(): boolean {
    return this.#streams.stderr.isTTY === true;
  }

  get columns(): number {
    // A terminal that does not know its width reports 0.
    return this.#streams.stderr.columns || 80;
  }

  get rows(): number {
    return this.#streams.stderr.rows ?? 24;
  }

  /** Writes lines above the live lines; false when the stream is full. */
  print(to: StreamName, lines: readonly string[]): boolean {
    if (lines.length === 0) return true;
    if (!this.isLive || this.#streams[to].isTTY !== true) {
      return this.#write(to, lines.map((line) => `${line}\n`).join(""));
    }
    // Both streams go to the terminal; one stream for all keeps the order.
    return this.#write(
      "stderr",
      this.#up() + CLEAR_BELOW + lines.map((line) => `${line}\n`).join("") +
        block(this.#live),
    );
  }

  /** Calls back when the stream has room. */
  onRoom(on: StreamName, callback: () => void): void {
    const waiting = this.#full[on] ?? this.#full.stderr;
    if (waiting === null) callback();
    else waiting.push(callback);
  }

  /** Replaces the live lines. */
  draw(lines: readonly string[]): void {
    if (!this.isLive || same(lines, this.#live)) return;
    const up = this.#up();
    this.#live = lines;
    this.#write("stderr", up + block(lines) + CLEAR_BELOW);
  }

  #write(to: StreamName, text: string): boolean {
    const stream = this.#streams[to];
    if (stream.write(text)) return true;
    if (this.#full[to] === null) {
      this.#full[to] = [];
      stream.once("drain", () => {
        const waiting = this.#full[to] ?? [];
        this.#full[to] = null;
        for (const callback of waiting) callback();
      });
    }
    return false;
  }

  /** Moves to the first live line, also when the terminal became narrower. */
  #up(): string {
    const columns = Math.max(1, this.columns);
    let height = 0;
    for (const line of this.#live) {
      const { length } = stripVTControlCharacters(line);
      height += Math.max(1, Math.ceil(length / columns));
    }
    return height === 0 ? "\r" : `\r\x1b[${height}A`;
  }
}

function block(lines: readonly string[]): string {
  return lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}
