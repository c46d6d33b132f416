/**
 * The program of the cluster's other processes: a node that exports workers.
 *
 * It reads its settings as one line of JSON on standard input (arguments would
 * show the cookie to every user of the machine), answers with one line on
 * standard output when its node is up, and ends when standard input ends. That
 * happens however the main process ends.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { start } from "../../runtime/mod.ts";
import { describeRuntime } from "./runtimes.ts";
import { wordWorker } from "./worker.ts";

export type MemberSettings = {
  readonly name: string;
  readonly cookie: string;
  readonly epmdPort: number;
  /** Nodes that are up already. */
  readonly connect: readonly string[];
};

export type MemberReady = {
  readonly pid: number;
  /** For people: `Deno 2.9.5`. */
  readonly runtime: string;
};

async function join(settings: MemberSettings): Promise<void> {
  await start({
    ...settings,
    exports: { word_worker: wordWorker },
    log: ({ level, node, message }) => {
      if (level === "error") console.error(`${node}: ${message}`);
    },
  });
  const runtime = describeRuntime();
  const ready: MemberReady = { pid: process.pid, runtime };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

// Ctrl-C reaches every process of the terminal; the main one decides.
process.on("SIGINT", () => {});
createInterface({ input: process.stdin })
  .once("close", () => process.exit(0))
  .once("line", (line) => {
    join(JSON.parse(line) as MemberSettings).catch((error: Error) => {
      console.error(error.message);
      process.exit(1);
    });
  });
