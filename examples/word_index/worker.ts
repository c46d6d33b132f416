/**
 * The worker: counts the files it is handed, one after the other, and keeps
 * each result until the coordinator collects it.
 *
 * Results are pulled, part by part, and never pushed: however large they are,
 * one part per file is under way, and the coordinator sets the pace.
 */

import { Down, type Pid, type Self } from "../../runtime/mod.ts";
import { countFile, type FileFacts } from "./count.ts";
import { type Part, partsOf } from "./words.ts";

/** What a worker is told. Files have numbers. */
export type ToWorker =
  | { readonly type: "count"; readonly file: number; readonly path: string }
  | { readonly type: "collect"; readonly file: number };

/** What a worker tells its coordinator. */
export type FromWorker =
  /** The file is counted: collect it. */
  | {
    readonly type: "counted";
    readonly from: Pid<ToWorker>;
    readonly file: number;
    readonly facts: FileFacts;
  }
  /**
   * The next part of the counts. Once it was the last, the file is forgotten.
   */
  | {
    readonly type: "part";
    readonly from: Pid<ToWorker>;
    readonly file: number;
    readonly part: Part;
  };

/** Characters in one part: small enough to let other messages in between. */
const PART_LENGTH = 64 * 1024;

/**
 * The behaviour that nodes export as `word_worker`. A worker ends with its
 * coordinator, however that ends.
 */
export function wordWorker(
  coordinator: Pid<FromWorker>,
): (self: Self<ToWorker | Down>) => Promise<void> {
  return async (self) => {
    self.monitor(coordinator);
    const from = self.pid;
    const results = new Map<number, Generator<Part>>();
    for (;;) {
      // Collecting comes first: it is quick, and it frees memory.
      const message = await self.receive("collect", { timeoutMs: 0 }) ??
        await self.receive();
      if (message instanceof Down) return;
      const { file } = message;
      switch (message.type) {
        case "count": {
          const { counts, ...facts } = await countFile(message.path);
          results.set(file, partsOf(counts, PART_LENGTH));
          self.send(coordinator, { type: "counted", from, file, facts });
          break;
        }
        case "collect": {
          const part: Part | undefined = results.get(file)?.next().value;
          if (part === undefined) break;
          if (part.isLast) results.delete(file);
          self.send(coordinator, { type: "part", from, file, part });
          break;
        }
        default:
          message satisfies never;
      }
    }
  };
}
