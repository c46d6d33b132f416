/** Applications whose roots end at any time, under random schedules. */
import { expect, test } from "vitest";
import { handler, reasons, type Self } from "../../../runtime/mod.ts";
import {
  type Application,
  application,
  Applications,
} from "../../../std/application/mod.ts";
import { coreOf, holdingsOf } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";

test(
  "roots that end at any time leave no application half stopped",
  () =>
    simulateSeeds({ count: 60 }, async (sim) => {
      const node = await sim.start("a@sim", { global: false });
      const core = await coreOf(node);
      const before = holdingsOf(core).actors;
      const running = new Set<string>();
      const names = ["one", "two", "three", "four"];
      const list: Application[] = [];
      for (const name of names) {
        list.push(application({
          name,
          dependencies: list.slice(-1),
          start: (self) => {
            expect(running.has(name)).toBe(false);
            running.add(name);
            return self.spawnLink(handler(0, (n: number) => n));
          },
          stop: () => void running.delete(name),
        }));
      }
      await node.run(async (self: Self<unknown>) => {
        self.trapExits = true;
        const apps = await Applications.startLink(self);
        const last = list.at(-1) as Application;
        await apps.ensureAllStarted(self, [last], "temporary");
        const roots = apps.which().map(({ root }) => root);
        self.spawn(async (killer: Self<unknown>) => {
          for (const root of roots) {
            if (sim.below(2) === 0) continue;
            const never = (message: unknown) => message === "never";
            await killer.receive(never, { timeoutMs: sim.below(3) });
            killer.sendExit(root, reasons.kill);
          }
        });
        const stopping = list[sim.below(4)] as Application;
        await apps.stop(self, stopping).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "notStarted" });
        });
        expect(running.has(stopping.name)).toBe(false);
        expect(await apps.shutdown(self)).toBe(true);
      });
      await sim.until(() => holdingsOf(core).actors === before, {
        what: "all actors to end",
      });
      expect([...running]).toEqual([]);
    }),
);
