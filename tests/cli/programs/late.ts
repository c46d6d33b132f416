/** Throws in a timer, where no caller can catch it. */

import { setTimeout as later } from "node:timers";
import { setTimeout } from "node:timers/promises";

export default async function (): Promise<void> {
  later(() => {
    throw new Error("too late");
  }, 10);
  await setTimeout(5_000);
  console.log("survived");
}
