/** The children that a supervisor restarts, by each strategy. */
import { describe, expect, test } from "vitest";
import { atom, reasons } from "../../../runtime/mod.ts";
import { withSupervisor } from "./world.ts";
import { endOf } from "../outcomes.ts";
import type { TestChildren } from "../test_children.ts";

const boom = atom("boom");
const { shutdown } = reasons;

describe("the strategy", () => {
  const cases = [
    ["oneForOne", "-b +b"],
    ["oneForAll", "-b -c -a +a +b +c"],
    ["restForOne", "-b -c +b +c"],
  ] as const;
  test.each(cases)(
    "%s restarts the children that it names",
    async (strategy, expected) => {
      await withSupervisor(
        { strategy },
        async (self, sup, { testChildren }) => {
          testChildren.take();
          await testChildren.endChild(self, "b", boom);
          const rows = await sup.whichChildren();
          expect(testChildren.take()).toBe(expected);
          expect(rows.map(({ id, pid }) => [id, pid]))
            .toEqual([..."cba"].map((id) => [id, testChildren.pid(id)]));
        },
      );
    },
  );

  test.each(
    [
      ["oneForOne", "-b !b !b +b"],
      ["oneForAll", "-b -c -a +a !b -a +a !b -a +a +b +c"],
      ["restForOne", "-b -c !b !b +b +c"],
    ] as const,
  )("%s tries again when a restart fails", async (strategy, expected) => {
    await withSupervisor({ strategy }, async (self, sup, { testChildren }) => {
      testChildren.take();
      testChildren.refuse("b", 2);
      await testChildren.endChild(self, "b", boom);
      while ((await sup.countChildren()).active < 3);
      expect(testChildren.take()).toBe(expected);
    });
  });

  test.each(
    [
      ["oneForAll", "-b -d -c -a +a +b !c -b -a +a +b +c +d"],
      ["restForOne", "-b -d -c +b !c +c +d"],
    ] as const,
  )("%s tries again when another child fails", async (strategy, expected) => {
    const ids = "abcd";
    await withSupervisor(
      { strategy, ids },
      async (self, sup, { testChildren }) => {
        testChildren.take();
        testChildren.refuse("c", 1);
        await testChildren.endChild(self, "b", boom);
        // The first reply comes between the two attempts.
        const rows = await sup.whichChildren();
        expect(rows.map(({ pid }) => pid)).toEqual([
          null,
          "restarting",
          testChildren.pid("b"),
          testChildren.pid("a"),
        ]);
        while ((await sup.countChildren()).active < 4);
        expect(testChildren.take()).toBe(expected);
      },
    );
  });

  test.each(["oneForOne", "oneForAll", "restForOne"] as const)(
    "%s counts tries that fail",
    async (strategy) => {
      const options = { strategy, maxRestarts: 3 };
      await withSupervisor(options, async (self, sup, { testChildren }) => {
        testChildren.refuse("b", 10);
        testChildren.take();
        const reason = await endOf(
          self,
          sup.pid,
          () => testChildren.endChild(self, "b", boom),
        );
        expect(reason).toBe(shutdown);
        expect(testChildren.events.filter((event) => event === "!b"))
          .toHaveLength(
            3,
          );
      });
    },
  );

  test.each(["oneForAll", "restForOne"] as const)(
    "%s forgets temporary bystanders",
    async (strategy) => {
      const specs = (testChildren: TestChildren) => [
        testChildren.spec("a"),
        testChildren.spec("b", { restart: "temporary" }),
        testChildren.spec("c", { restart: "transient" }),
      ];
      const options = { strategy, specs };
      await withSupervisor(options, async (self, sup, { testChildren }) => {
        testChildren.take();
        await testChildren.endChild(self, "a", boom);
        const rows = await sup.whichChildren();
        expect(rows.map(({ id }) => id)).toEqual(["c", "a"]);
        expect(testChildren.take()).toBe("-a -c -b +a +c");
      });
    },
  );
});
