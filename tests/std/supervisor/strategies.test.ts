/** Whom a supervisor restarts, by each strategy. */
import { describe, expect, test } from "vitest";
import { atom, reasons } from "../../../runtime/mod.ts";
import { withFamily } from "../families.ts";
import { endOf, type Nursery } from "../nursery.ts";

const boom = atom("boom");
const { shutdown } = reasons;

describe("the strategy", () => {
  const cases = [
    ["oneForOne", "-b +b"],
    ["oneForAll", "-b -c -a +a +b +c"],
    ["restForOne", "-b -c +b +c"],
  ] as const;
  test.each(cases)("%s restarts whom it says", async (strategy, expected) => {
    await withFamily({ strategy }, async (self, sup, { nursery }) => {
      nursery.take();
      await nursery.finish(self, "b", boom);
      const rows = await sup.whichChildren();
      expect(nursery.take()).toBe(expected);
      expect(rows.map(({ id, pid }) => [id, pid]))
        .toEqual([..."cba"].map((id) => [id, nursery.pid(id)]));
    });
  });

  test.each(
    [
      ["oneForOne", "-b !b !b +b"],
      ["oneForAll", "-b -c -a +a !b -a +a !b -a +a +b +c"],
      ["restForOne", "-b -c !b !b +b +c"],
    ] as const,
  )("%s tries again when a restart fails", async (strategy, expected) => {
    await withFamily({ strategy }, async (self, sup, { nursery }) => {
      nursery.take();
      nursery.refuse("b", 2);
      await nursery.finish(self, "b", boom);
      while ((await sup.countChildren()).active < 3);
      expect(nursery.take()).toBe(expected);
    });
  });

  test.each(
    [
      ["oneForAll", "-b -d -c -a +a +b !c -b -a +a +b +c +d"],
      ["restForOne", "-b -d -c +b !c +c +d"],
    ] as const,
  )("%s tries again when another child fails", async (strategy, expected) => {
    const ids = "abcd";
    await withFamily({ strategy, ids }, async (self, sup, { nursery }) => {
      nursery.take();
      nursery.refuse("c", 1);
      await nursery.finish(self, "b", boom);
      // The first answer comes between the two tries.
      const rows = await sup.whichChildren();
      expect(rows.map(({ pid }) => pid)).toEqual([
        null,
        "restarting",
        nursery.pid("b"),
        nursery.pid("a"),
      ]);
      while ((await sup.countChildren()).active < 4);
      expect(nursery.take()).toBe(expected);
    });
  });

  test.each(["oneForOne", "oneForAll", "restForOne"] as const)(
    "%s counts tries that fail",
    async (strategy) => {
      const options = { strategy, maxRestarts: 3 };
      await withFamily(options, async (self, sup, { nursery }) => {
        nursery.refuse("b", 10);
        nursery.take();
        const reason = await endOf(
          self,
          sup.pid,
          () => nursery.finish(self, "b", boom),
        );
        expect(reason).toBe(shutdown);
        expect(nursery.events.filter((event) => event === "!b")).toHaveLength(
          3,
        );
      });
    },
  );

  test.each(["oneForAll", "restForOne"] as const)(
    "%s forgets temporary bystanders",
    async (strategy) => {
      const specs = (nursery: Nursery) => [
        nursery.spec("a"),
        nursery.spec("b", { restart: "temporary" }),
        nursery.spec("c", { restart: "transient" }),
      ];
      const options = { strategy, specs };
      await withFamily(options, async (self, sup, { nursery }) => {
        nursery.take();
        await nursery.finish(self, "a", boom);
        const rows = await sup.whichChildren();
        expect(rows.map(({ id }) => id)).toEqual(["c", "a"]);
        expect(nursery.take()).toBe("-a -c -b +a +c");
      });
    },
  );
});
