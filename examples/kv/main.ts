/**
 * A supervised key-value store over two nodes.
 *
 * ```text
 * node examples/kv/main.ts
 * ```
 *
 * Each node has a supervisor with a store. The store of one node crashes, is
 * restarted and gets its pairs from the other store.
 */

import process from "node:process";
import { type RunningNode, start } from "../../runtime/mod.ts";
import { Supervisor } from "../../std/supervisor/mod.ts";
import { STORE, Store } from "./store.ts";

/** Starts the store of a node, under a supervisor without a link. */
export async function startStore(node: RunningNode): Promise<void> {
  await node.run((self) =>
    Supervisor.start(self, {
      strategy: "oneForOne",
      children: [Store.child(undefined, { name: STORE })],
    })
  );
}

if (import.meta.main) {
  const epmdPort = Number(process.env["ERL_EPMD_PORT"] ?? 4369);
  const shared = { cookie: "a shared secret", epmdPort, log: () => {} };
  await using a = await start({ name: "a@127.0.0.1", ...shared });
  await using b = await start({ name: "b@127.0.0.1", ...shared });
  await a.connect(b.name);
  await startStore(a);
  await startStore(b);

  await a.run((self) => Store.at(self, STORE).put("colour", "green"));
  await b.run(async (self) => {
    const store = Store.at(self, STORE);
    // The put is still on its way to the other node.
    while (await store.get("colour") === null) {
      await self.receive("nothing", { timeoutMs: 5 });
    }
    console.log(`b reads ${await store.get("colour")}`);
    const before = store.pid;
    await store.crash().catch(() => console.log("the store of b has crashed"));
    while (store.pid === null || store.pid === before) {
      await self.receive("nothing", { timeoutMs: 5 });
    }
    console.log(`started again, b reads ${await store.get("colour")}`);
  });
}
