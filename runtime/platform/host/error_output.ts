/**
 * The standard error stream for the default log. Writing to it never blocks,
 * never ends the process, and needs a limited amount of memory.
 *
 * `process.stderr` alone is not enough. When its reader has ended, the stream
 * emits an error that ends the process. When its reader stalls, Node.js and Bun
 * keep all written bytes in memory without a limit, and Deno blocks the thread.
 * Here lines wait in memory up to a limit. Further lines are dropped and
 * counted, and the count is written once there is room.
 *
 * This is not a log: it knows neither levels nor records.
 */

import process from "node:process";
import { runtimeName } from "./runtime.ts";

/** Limit of bytes that wait for the reader. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes bytes and calls back once they are written or have failed. */
export type WriteBytes = (
  bytes: Uint8Array,
  written: (error?: unknown) => void,
) => void;

/** Lines on their way to a reader that may be slow, stalled or closed. */
export class ErrorOutput {
  readonly #write: WriteBytes;
  readonly #limit: number;
  readonly #encoder = new TextEncoder();
  /** Limit of writes at a time: 1, or no limit but that of bytes. */
  readonly #maxWrites: number;
  /** Lines that were not given to a write, oldest first. */
  #queue: Uint8Array[] = [];
  /** Bytes of the queue and of unfinished writes; at most the limit. */
  #waiting = 0;
  /** Unfinished writes; at most `#maxWrites`. */
  #writes = 0;
  /** Lines dropped since their number was last written. */
  #unreported = 0;
  /** Lines dropped since the start. */
  #dropped = 0;
  /** Whether a write has failed. From then on every line is dropped. */
  #isBroken = false;

  constructor(
    write: WriteBytes,
    options: { readonly limit?: number; readonly maxWrites?: number } = {},
  ) {
    this.#write = write;
    this.#limit = options.limit ?? MAX_WAITING_BYTES;
    this.#maxWrites = options.maxWrites ?? Infinity;
  }

  /** Number of lines that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether a write is unfinished. */
  get isWriting(): boolean {
    return this.#writes > 0;
  }

  /** Writes a line, with its line break, or drops it. Never throws. */
  write(line: string): void {
    const bytes = this.#encoder.encode(line);
    if (this.#isBroken || this.#waiting + bytes.length > this.#limit) {
      this.#dropped++;
      this.#unreported++;
      return;
    }
    this.#push(bytes);
    this.#next();
  }

  /** Takes the lines that were not given to a write, at the process's end. */
  takeQueue(): Uint8Array {
    const rest = joined(this.#queue);
    this.#queue = [];
    this.#waiting -= rest.length;
    return rest;
  }

  #push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#waiting += bytes.length;
  }

  #next(): void {
    if (this.#queue.length === 0 || this.#writes >= this.#maxWrites) return;
    const bytes = joined(this.#queue);
    this.#queue = [];
    this.#writes++;
    const written = (error?: unknown) => {
      this.#writes--;
      this.#waiting -= bytes.length;
      if (error !== undefined && error !== null) this.#isBroken = true;
      else this.#reportDropped();
      this.#next();
    };
    try {
      this.#write(bytes, written);
    } catch (error) {
      written(error);
    }
  }

  #reportDropped(): void {
    if (this.#unreported === 0 || this.#waiting > this.#limit / 2) return;
    const line =
      `hornbeam: ${this.#unreported} log lines were dropped, because ` +
      "the standard error stream was not read in time\n";
    this.#unreported = 0;
    this.#push(this.#encoder.encode(line));
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The used part of Deno's own standard error: its `write` does not block. */
type DenoStandardError = {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
};

/** How long the end of the process waits for an unfinished write. */
const LAST_WRITE_MS = 20;
/** A write that takes longer has stalled: the rest is not written. */
const STALLED_MS = 500;

function nodeOutput(): ErrorOutput {
  // Without a listener, a closed reader would end the process.
  process.stderr.on("error", () => {});
  return new ErrorOutput(
    (bytes, written) => void process.stderr.write(bytes, written),
  );
}

/** `process.stderr.write` blocks Deno's thread while the reader stalls. */
function denoOutput(): ErrorOutput {
  const { stderr } = (globalThis as unknown as {
    readonly Deno: { readonly stderr: DenoStandardError };
  }).Deno;
  let writingSince = 0;
  const writeAll = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length;) {
      writingSince = performance.now();
      at += await stderr.write(bytes.subarray(at));
    }
  };
  const output = new ErrorOutput(
    (bytes, written) => void writeAll(bytes).then(() => written(), written),
    { maxWrites: 1 },
  );
  process.on("exit", () => {
    if (output.isWriting) {
      if (performance.now() - writingSince > STALLED_MS) return;
      Atomics.wait(
        new Int32Array(new SharedArrayBuffer(4)),
        0,
        0,
        LAST_WRITE_MS,
      );
    }
    const rest = output.takeQueue();
    if (rest.length > 0) stderr.writeSync(rest);
  });
  return output;
}

/** One for the thread, made at its first line. */
let ofThread: ErrorOutput | null = null;

/** The standard error of this thread. */
export function errorOutput(): ErrorOutput {
  ofThread ??= runtimeName === "deno" ? denoOutput() : nodeOutput();
  return ofThread;
}
