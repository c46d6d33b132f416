/**
 * The standard error stream as the default log writes to it: bounded, never
 * blocking, never an error for the process.
 *
 * `process.stderr` alone is not enough. When its reader is gone, the stream
 * emits an error that ends the process; when its reader stalls, Node.js and Bun
 * keep what was written in memory without a limit, and Deno blocks the thread
 * in the write. Here lines wait in memory up to a limit, further ones are
 * dropped and counted, and the count is written once there is room.
 *
 * This is not a log: it knows neither levels nor records.
 */

import process from "node:process";
import { runtimeName } from "./runtime.ts";

/** Bytes that wait for the reader, at most. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes bytes and calls back once they are written or have failed. */
export type WriteBytes = (
  bytes: Uint8Array,
  written: (error?: unknown) => void,
) => void;

/** Lines on their way to a reader that may be slow, stalled or gone. */
export class ErrorOutput {
  readonly #write: WriteBytes;
  readonly #limit: number;
  readonly #encoder = new TextEncoder();
  /** Writes that may be under way at a time: 1, or as many as there is room. */
  readonly #maxWrites: number;
  /** Lines that wait for a write under way, oldest first. */
  #queue: Uint8Array[] = [];
  /** Bytes of the queue and of the writes under way; at most the limit. */
  #waiting = 0;
  /** Writes under way; at most `#maxWrites`. */
  #writes = 0;
  /** Lines dropped since the line that last told how many. */
  #untold = 0;
  /** Lines dropped since the start. */
  #dropped = 0;
  /** Whether a write has failed; from then on every line is dropped. */
  #isBroken = false;

  constructor(
    write: WriteBytes,
    options: { readonly limit?: number; readonly maxWrites?: number } = {},
  ) {
    this.#write = write;
    this.#limit = options.limit ?? MAX_WAITING_BYTES;
    this.#maxWrites = options.maxWrites ?? Infinity;
  }

  /** Lines that were not written, because there was no room or no reader. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether a write is under way. */
  get isWriting(): boolean {
    return this.#writes > 0;
  }

  /** Writes a line, with its line break, or drops it. Never throws. */
  write(line: string): void {
    const bytes = this.#encoder.encode(line);
    if (this.#isBroken || this.#waiting + bytes.length > this.#limit) {
      this.#dropped++;
      this.#untold++;
      return;
    }
    this.#push(bytes);
    this.#next();
  }

  /** Takes what has not been handed to the stream, as at a process's end. */
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
      else this.#tellDropped();
      this.#next();
    };
    try {
      this.#write(bytes, written);
    } catch (error) {
      written(error);
    }
  }

  #tellDropped(): void {
    if (this.#untold === 0 || this.#waiting > this.#limit / 2) return;
    const line = `hornbeam: ${this.#untold} log lines were dropped, because ` +
      "the standard error stream was not read in time\n";
    this.#untold = 0;
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

/** What is used of Deno's own standard error: its `write` does not block. */
type DenoStandardError = {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
};

/** For a write under way when the process ends, before the rest is written. */
const LAST_WRITE_MS = 20;
/** A write that takes longer is taken for stalled: the rest is not written. */
const STALLED_MS = 500;

function nodeOutput(): ErrorOutput {
  // Without a listener, a reader that is gone would end the process.
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
