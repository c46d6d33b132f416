/** A small simulated cluster for tests. */

import { expect } from "vitest";
import {
  handler,
  type Pid,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import type { SimNodeOptions, Simulation } from "../../std/testing/mod.ts";

/** Takes every message and does nothing with it. */
export const park = async (self: Self): Promise<void> => {
  for (;;) await self.receive();
};
const echo = () =>
  handler(0, (count: number, message: { from: Pid<number> }, self) => {
    self.send(message.from, count);
    return count + 1;
  });
/** Without `global`, whose messages would be among the others. */
export const simNodeOptions: SimNodeOptions = {
  exports: { park: () => park, echo },
  global: false,
};

/** A cluster whose nodes are all connected. */
export async function cluster(
  sim: Simulation,
  ...names: readonly string[]
): Promise<RunningNode[]> {
  const nodes: RunningNode[] = [];
  for (const name of names) nodes.push(await sim.start(name, simNodeOptions));
  for (const [i, node] of nodes.entries()) {
    for (const peer of names.slice(0, i)) {
      expect(await node.connect(peer)).toBe(true);
    }
  }
  return nodes;
}
