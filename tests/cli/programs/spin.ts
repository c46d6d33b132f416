/** Waits until its cluster is up, and then blocks the event loop. */

import { setTimeout } from "node:timers/promises";

export default async function (): Promise<void> {
  await setTimeout(300);
  console.log("spinning");
  await setTimeout(100);
  for (;;);
}
