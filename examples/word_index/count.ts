/**
 * Counts the tokens of one file, in pieces, so that a large file neither fills
 * the memory with its text nor holds up the node that counts it.
 *
 * Files are read as UTF-8. One with a NUL byte in its first piece is binary
 * and not counted. Pieces end at a line break or a space; where there is none
 * in a whole piece, a word may be cut in two (in the same place every time).
 */

import { open } from "node:fs/promises";
import { TokenCounts } from "./words.ts";

/** Why a file adds no words. */
export type Problem = "empty" | "binary" | "unreadable";

/** What is known of a counted file besides its words. */
export type FileFacts = {
  readonly bytes: number;
  readonly problem: Problem | null;
  /** For people: the error code of an unreadable file. */
  readonly detail: string;
};

export type FileCount = FileFacts & { readonly counts: TokenCounts };

const PIECE_BYTES = 256 * 1024;
const LINE_BREAK = 10;
const SPACE = 32;

/** Counts one file. Never rejects: what goes wrong is in the result. */
export async function countFile(path: string): Promise<FileCount> {
  const counts = new TokenCounts();
  const decoder = new TextDecoder();
  let bytes = 0;
  try {
    for await (const piece of piecesOf(path)) {
      if (bytes === 0 && piece.includes(0)) {
        return failed("binary", piece.length, "");
      }
      bytes += piece.length;
      counts.addText(decoder.decode(piece));
    }
  } catch (error) {
    return failed("unreadable", 0, reasonOf(error));
  }
  if (bytes === 0) return failed("empty", 0, "");
  return { bytes, problem: null, detail: "", counts };
}

function failed(problem: Problem, bytes: number, detail: string): FileCount {
  return { bytes, problem, detail, counts: new TokenCounts() };
}

/** The code of a system error (`EACCES`), or else its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}

/** Each piece is only good until the next one is asked for. */
async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  const buffer = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for (;;) {
    const room = buffer.length - filled;
    const { bytesRead } = await file.read(buffer, filled, room);
    filled += bytesRead;
    if (bytesRead === 0) {
      yield buffer.subarray(0, filled);
      return;
    }
    if (filled < buffer.length) continue;
    const end = lastGap(buffer);
    yield buffer.subarray(0, end);
    buffer.copyWithin(0, end);
    filled -= end;
  }
}

/** Where the last whole line or word of a full buffer ends. */
function lastGap(buffer: Uint8Array): number {
  const gap = Math.max(
    buffer.lastIndexOf(LINE_BREAK),
    buffer.lastIndexOf(SPACE),
  );
  return gap < 0 ? buffer.length : gap + 1;
}
