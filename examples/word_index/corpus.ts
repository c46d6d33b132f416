/**
 * Finds the files of a folder.
 *
 * Links to files count as files; links to folders are not followed, so a loop
 * of links is harmless. Folders of installed packages and tools are left out.
 */

import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { reasonOf } from "./count.ts";

const leftOut: ReadonlySet<string> = new Set([
  ".git",
  "coverage",
  "dist",
  "node_modules",
]);

export type CorpusFile = {
  /** Where it is. */
  readonly path: string;
  /** For people: relative to the folder, with forward slashes. */
  readonly name: string;
  readonly bytes: number;
};

export type Corpus = {
  readonly folder: string;
  /** Largest first. */
  readonly files: readonly CorpusFile[];
  /** Entries that were left out, each with the reason. */
  readonly skipped: readonly string[];
};

/** The folder itself cannot be used; the message says why. */
export class CorpusError extends Error {
  override readonly name = "CorpusError";
}

/** Lists the files under `folder`. Rejects with `CorpusError`. */
export async function readCorpus(folder: string): Promise<Corpus> {
  if (!(await statFolder(folder)).isDirectory()) {
    throw new CorpusError(`expected a folder, but ${folder} is not one`);
  }
  const files: CorpusFile[] = [];
  const skipped: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await entriesOf(next, folder, skipped)) {
      const path = join(next, entry.name);
      const name = nameOf(path, folder);
      if (!entry.isDirectory()) {
        await addFile({ path, name }, files, skipped);
      } else if (leftOut.has(entry.name)) {
        skipped.push(`${name}/: left out by its name`);
      } else {
        folders.push(path);
      }
    }
  }
  // A large file that comes last would keep all but one worker waiting.
  files.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  return { folder, files, skipped: skipped.sort() };
}

/** No file name may move the cursor or break a line of the report. */
function nameOf(path: string, folder: string): string {
  const name = relative(folder, path).split(sep).join("/");
  return name.replaceAll(/\p{C}/gu, "?");
}

async function statFolder(folder: string): Promise<Stats> {
  try {
    return await stat(folder);
  } catch (error) {
    const reason = reasonOf(error);
    throw new CorpusError(
      `expected a folder, but ${folder} ` +
        (reason === "ENOENT" ? "does not exist" : `cannot be read (${reason})`),
    );
  }
}

async function entriesOf(
  path: string,
  folder: string,
  skipped: string[],
): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    const reason = reasonOf(error);
    if (path === folder) {
      throw new CorpusError(
        `expected a folder, but ${folder} cannot be read (${reason})`,
      );
    }
    skipped.push(`${nameOf(path, folder)}/: unreadable (${reason})`);
    return [];
  }
}

async function addFile(
  file: { readonly path: string; readonly name: string },
  files: CorpusFile[],
  skipped: string[],
): Promise<void> {
  const found = await stat(file.path).catch(() => null);
  if (found === null || found.isFile()) {
    // What cannot be looked at is for a worker to try and to report.
    files.push({ ...file, bytes: found?.size ?? 0 });
  } else if (found.isDirectory()) {
    skipped.push(`${file.name}: a link to a folder is not followed`);
  } else {
    skipped.push(`${file.name}: not a regular file`);
  }
}
