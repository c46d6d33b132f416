/** Lets its cluster come up, and then never gives the event loop a turn. */

import { setTimeout } from "node:timers/promises";

export default async function (): Promise<void> {
  await setTimeout(300);
  console.log("spinning");
  await setTimeout(100);
  for (;;);
}
