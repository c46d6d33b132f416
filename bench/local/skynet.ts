/**
 * Skynet: a tree of actors with ten children each and a million leaves. Each
 * leaf sends its number to its parent, and each parent the sum of its children,
 * so that the root has the sum of all. The benchmark is a known one; the code
 * is our own.
 */

import {
  handler,
  type Pid,
  type Self,
  start,
  stop,
} from "../../runtime/mod.ts";
import type { Row } from "../row.ts";
import { erlangPeer } from "./owner.ts";

const LEAVES = 1_000_000;
const CHILDREN = 10;
/** More than fit into a second, also with few leaves. */
const SKYNETS_MAX = 1_000;
/** The emulator's own limit is a quarter of a million processes. */
const ERLANG_MAX = 4 * LEAVES;

type Sum = { left: number; sum: number };

/** Spawns a subtree with leaves from `first` on. */
function spawnTree(
  self: Self<number>,
  first: number,
  levels: number,
): Pid<number> {
  const parent = self.pid;
  if (levels === 0) return self.spawn((leaf) => void leaf.send(parent, first));
  const size = CHILDREN ** (levels - 1);
  return self.spawn(handler<Sum, number>(
    (branch) => {
      for (let i = 0; i < CHILDREN; i++) {
        spawnTree(branch, first + i * size, levels - 1);
      }
      return { left: CHILDREN, sum: 0 };
    },
    (state, part, branch) => {
      state.sum += part;
      if (--state.left > 0) return state;
      branch.send(parent, state.sum);
      return stop();
    },
  ));
}

/** Resolves with the sum of the numbers of all leaves. */
export async function skynet(
  self: Self<number>,
  levels: number,
): Promise<number> {
  spawnTree(self, 0, levels);
  return await self.receive();
}

export const skynetRow: Row = {
  id: "local/skynet",
  unit: "leaves/s",
  what: "A tree of handler actors with 1,000,000 leaves adds up their numbers.",
  peer: { ...erlangPeer, flags: ["+P", String(ERLANG_MAX)] },
  run: async (bench) => {
    const levels = Math.round(Math.log10(bench.size(LEAVES)));
    const leaves = CHILDREN ** levels;
    await using node = await start();
    return await node.run((self: Self<number>) =>
      bench.measure({
        maxCount: SKYNETS_MAX,
        unitsPerCount: leaves,
        showsGc: true,
        run: async (count) => {
          for (let i = 0; i < count; i++) {
            const sum = await skynet(self, levels);
            const expected = leaves * (leaves - 1) / 2;
            if (sum === expected) continue;
            throw new Error(`expected the sum ${expected}, got ${sum}`);
          }
        },
      })
    );
  },
};
