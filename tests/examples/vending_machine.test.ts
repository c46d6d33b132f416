/** The vending machine, in virtual time. */
import { expect, onTestFinished, test, vi } from "vitest";
import { VendingMachine } from "../../examples/vending_machine.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

test("sells, postpones, and returns coins, in any order of events", async () => {
  const said = vi.spyOn(console, "log").mockImplementation(() => {});
  onTestFinished(() => void said.mockRestore());
  await simulateSeeds({ count: 20 }, async (sim) => {
    said.mockClear();
    const node = await sim.start("a@sim");
    await node.run(async (self) => {
      const machine = await VendingMachine.startLink(self);
      expect(await machine.choose("tea")).toBe("insert a coin first");
      // Patience may be over at any time: then it begins anew.
      let tea: string;
      do {
        await machine.insert(2);
        tea = await machine.choose("tea");
      } while (tea !== "tea is on its way");
      // Put off until the tea is there, by when the purse is empty.
      expect(await machine.insert(1)).toBe(1);
      expect(said.mock.calls.flat().at(-1)).toBe("here is your tea");
      await self.receive("nothing", { timeoutMs: 1_000 });
      expect(await machine.cancel()).toBeLessThanOrEqual(1);
      expect(await machine.cancel()).toBe(0);
    });
  });
});
