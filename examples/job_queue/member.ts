/**
 * A process of workers. It reads the settings of its node as one line of JSON
 * on standard input, writes `ready`, and ends when its standard input ends.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { start } from "../../runtime/mod.ts";
import { sleep } from "../../std/timer/mod.ts";
import { workerOf } from "./worker.ts";

export type Settings = {
  readonly name: string;
  readonly cookie: string;
  readonly epmdPort: number;
  readonly connect: readonly string[];
};

/** Squares a number, slowly. The first attempt fails for each tenth. */
const square = workerOf(async (input, attempts, self) => {
  const n = Number(input);
  await sleep(self, 20);
  if (n % 10 === 0 && attempts === 1) throw new Error(`${n} was unlucky`);
  return n * n;
});

createInterface({ input: process.stdin })
  .once("close", () => process.exit(0))
  .once("line", async (line) => {
    const settings = JSON.parse(line) as Settings;
    await start({ ...settings, exports: { square } });
    console.log("ready");
  });
