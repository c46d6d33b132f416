/** Targets without a node, as in a program without type checks. */
import { expect, test } from "vitest";
import {
  type Down,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { sbcast } from "../../../std/rpc/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { park } from "../../helpers/actors.ts";

const nowhere = { name: "x", node: undefined as unknown as string };

test("a target without a node is refused, and has no other effect", async () => {
  await using cluster = await testCluster(["a@t"]);
  await cluster.nodes[0]?.run(async (self: Self<unknown>) => {
    const bystander = self.spawn(park);
    const watch = self.monitor(bystander);
    expect(() => self.monitor(nowhere)).toThrow(UsageError);
    await expect(self.call(nowhere, 1)).rejects.toThrow(UsageError);
    await expect(sbcast(self, [nowhere.node], "x", 1)).rejects
      .toThrow("expected the name of a node, got undefined");
    self.send(nowhere, 1);
    // The sender ends like any actor, and its monitors are notified.
    const watcher = self.spawn((me) => void me.monitor(nowhere));
    const end = self.monitor(watcher);
    expect((await self.receive(end) as Down).reason).toBeInstanceOf(UsageError);
    expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    self.sendExit(bystander, reasons.kill);
    expect((await self.receive(watch) as Down).reason).toBe(reasons.killed);
  });
});
