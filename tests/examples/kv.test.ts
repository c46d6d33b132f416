/** The key-value store: as its program is run, and in the simulator. */
import { expect, test } from "vitest";
import { startStore } from "../../examples/kv/main.ts";
import { STORE, Store } from "../../examples/kv/store.ts";
import type { RunningNode } from "../../runtime/mod.ts";
import { freePort } from "../helpers/ports.ts";
import { currentRuntime, spawnRuntime } from "../helpers/processes.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

const keys = ["x", "y", "z"];

/** The pairs of a node's store, or null while it has none. */
async function pairsOf(node: RunningNode): Promise<string | null> {
  return await node.run(async (self) => {
    const store = Store.at(self, STORE);
    const values = await Promise.all(keys.map((key) => store.get(key)))
      .catch(() => null);
    return values === null ? null : JSON.stringify(values);
  });
}

test("has the same values on all nodes in the end, also after crashes", async () => {
  await simulateSeeds({ count: 25 }, async (sim) => {
    const a = await sim.start("a@sim");
    const b = await sim.start("b@sim");
    await a.connect(b.name);
    for (const node of [a, b]) await startStore(node);
    const puts = [a, b].map((node) =>
      node.run(async (self) => {
        const store = Store.at(self, STORE);
        for (const [i, key] of [...keys, ...keys].entries()) {
          await store.put(key, `${node.name} ${i}`).catch(() => {});
          await self.receive("nothing", { timeoutMs: 2 });
        }
      })
    );
    const crash = a.run(async (self) => {
      await self.receive("nothing", { timeoutMs: 5 });
      await Store.at(self, STORE).crash().catch(() => {});
    });
    await Promise.all([...puts, crash]);
    for (let i = 0;; i++) {
      const [left, right] = [await pairsOf(a), await pairsOf(b)];
      if (left !== null && left === right && !left.includes("null")) break;
      expect(i, `${left} here, ${right} there`).toBeLessThan(1_000);
      await sim.advance(5);
    }
  });
});

test("is supervised: a crash loses nothing that the other node has", async () => {
  const child = spawnRuntime(
    currentRuntime(),
    "examples/kv/main.ts",
    [],
    { env: { ERL_EPMD_PORT: String(await freePort()) } },
  );
  const { code } = await child.waitForExit(30_000);
  expect(code, child.stderr.join("\n")).toBe(0);
  expect(child.stdout).toEqual([
    "b reads green",
    "the store of b has crashed",
    "started again, b reads green",
  ]);
});
