/** Simulated clusters for the tests of `global`, and questions to them. */

import {
  global,
  type GlobalOptions,
  type Pid,
  type RunningNode,
  type Self,
} from "../../../runtime/mod.ts";
import type { Simulation } from "../../../std/testing/mod.ts";

export const park = async (self: Self): Promise<void> => {
  for (;;) await self.receive();
};

export type Many = readonly [
  RunningNode,
  RunningNode,
  RunningNode,
  RunningNode,
];

/** Nodes `a` to `d`, each alone or all in one cluster. */
export async function nodes(
  sim: Simulation,
  options: { isJoined?: boolean; global?: GlobalOptions } = {},
): Promise<Many> {
  const all: RunningNode[] = [];
  for (const letter of ["a", "b", "c", "d"]) {
    all.push(
      await sim.start(`${letter}@sim`, { global: options.global ?? {} }),
    );
  }
  if (options.isJoined ?? true) await join(sim, all);
  return all as unknown as Many;
}

/** A chain of connections, which global makes a mesh. */
export async function join(
  sim: Simulation,
  all: readonly RunningNode[],
): Promise<void> {
  for (const [i, node] of all.entries()) {
    if (i > 0) await node.connect(all[i - 1]?.name ?? "");
  }
  await whole(sim, all);
}

export async function whole(
  sim: Simulation,
  all: readonly RunningNode[],
): Promise<void> {
  await sim.until(
    () =>
      all.every((node) =>
        global.inspect(node).known.length === all.length - 1 &&
        global.inspect(node).locks.length === 0
      ),
    { what: "all to know each other" },
  );
  for (const node of all) {
    await node.run((self: Self) => global.sync(self, { timeoutMs: 5_000 }));
  }
}

export const register = (
  node: RunningNode,
  name: unknown,
  pid: Pid,
  options = {},
): Promise<boolean> =>
  node.run((self: Self) => global.registerName(self, name, pid, options));

export const owner = (node: RunningNode, name: unknown): string | null =>
  global.whereisName(node, name)?.node ?? null;

export const owners = (
  all: readonly RunningNode[],
  name: unknown,
): (string | null)[] => all.map((node) => owner(node, name));

/** An actor whose pid other nodes know, as if it had been sent. */
export function spawnKnown(node: RunningNode): Pid {
  const pid = node.spawn(park) as Pid;
  node.send({ name: "nobody", node: node.nodes()[0] ?? node.name }, pid);
  return pid;
}

export const gone = (
  sim: Simulation,
  all: readonly RunningNode[],
  name: unknown,
): Promise<void> =>
  sim.until(
    () => owners(all, name).every((node) => node === null),
    { what: "the name to be gone" },
  );
