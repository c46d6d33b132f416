/** Links that are taken back between two nodes, in every order of events. */
import { describe, expect, test } from "vitest";
import { Exit, reasons } from "../../../runtime/mod.ts";
import { isExit } from "../../helpers/actors.ts";
import {
  contents,
  holdings,
  inside,
  next,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";

describe("after unlink", () => {
  test("the other's end is not noticed, however late it is known", async () => {
    const { a, b } = await two();
    for (const settled of [true, false]) {
      for (const traps of [true, false]) {
        const here = puppet(a, { trapExits: traps });
        const there = puppet(b);
        await inside(here, (self) => self.link(there.pid));
        await roundTrip(a, b);
        await inside(here, (self) => self.unlink(there.pid));
        if (settled) await roundTrip(a, b);
        void inside(there, (self) => self.exit("late")).catch(() => {});
        await roundTrip(a, b);
        expect(await contents(here)).toEqual([]);
        expect(here.pid.target).not.toBeNull();
      }
    }
    expect((await holdings(a, b)).links).toBe(0);
  });

  test("an exit signal that was on its way has no effect", async () => {
    const { a, b } = await two();
    for (let i = 0; i < 50; i++) {
      const here = puppet(a, { trapExits: true });
      const there = puppet(b);
      await inside(here, (self) => self.link(there.pid));
      await roundTrip(a, b);
      // The end is sent, and not yet received, when the link is taken back.
      const ending = inside(there, (self) => self.exit("crossing"))
        .catch(() => {});
      const wasTold = await inside(here, async (self) => {
        self.unlink(there.pid);
        return (await self.receive({ timeoutMs: 0 })) !== undefined;
      });
      await ending;
      await roundTrip(a, b);
      expect(await contents(here)).toEqual([]);
      expect(wasTold).toBe(false);
    }
    expect((await holdings(a, b)).links).toBe(0);
  });

  test("one's own end is not noticed by the other", async () => {
    const { a, b } = await two();
    const [here, there] = [puppet(a), puppet(b, { trapExits: true })];
    await inside(here, (self) => {
      self.link(there.pid);
      self.unlink(there.pid);
    });
    void inside(here, (self) => self.exit("unnoticed")).catch(() => {});
    await roundTrip(a, b);
    expect(await contents(there)).toEqual([]);
    expect((await holdings(a, b)).links).toBe(0);
  });

  test("a new link works, before and after the acknowledgement", async () => {
    const { a, b } = await two();
    for (const settled of [true, false]) {
      for (const maker of ["here", "there"]) {
        const here = puppet(a, { trapExits: true });
        const there = puppet(b, { trapExits: true });
        await inside(here, (self) => self.link(there.pid));
        await roundTrip(a, b);
        await inside(here, (self) => self.unlink(there.pid));
        if (settled || maker === "there") await roundTrip(a, b);
        if (maker === "here") {
          await inside(here, (self) => self.link(there.pid));
        } else {
          await inside(there, (self) => self.link(here.pid));
        }
        await roundTrip(a, b);
        await roundTrip(b, a);
        expect((await holdings(a, b)).links).toBe(2);
        void inside(there, (self) => self.exit("felt")).catch(() => {});
        expect(await next(here, isExit)).toEqual(new Exit(there.pid, "felt"));
        expect((await holdings(a, b)).links).toBe(0);
      }
    }
  });

  test("from both sides, with links from both sides, both agree", async () => {
    const { a, b } = await two();
    // Each bit says whether that side links or unlinks at that step.
    for (let plan = 0; plan < 64; plan++) {
      const here = puppet(a, { trapExits: true });
      const there = puppet(b, { trapExits: true });
      for (let step = 0; step < 3; step++) {
        const acts = [plan >> (2 * step) & 1, plan >> (2 * step + 1) & 1];
        await Promise.all([
          inside(
            here,
            (self) => acts[0] ? self.link(there.pid) : self.unlink(there.pid),
          ),
          inside(
            there,
            (self) => acts[1] ? self.link(here.pid) : self.unlink(here.pid),
          ),
        ]);
      }
      await roundTrip(a, b);
      await roundTrip(b, a);
      await roundTrip(a, b);
      const sides = [
        (await holdings(a)).links,
        (await holdings(b)).links,
      ];
      expect(sides[0], `plan ${plan}`).toBe(sides[1]);
      void inside(there, (self) => self.exit(reasons.normal)).catch(() => {});
      await roundTrip(b, a);
      await roundTrip(a, b);
      expect(await contents(here)).toHaveLength(sides[0]!);
      void inside(here, (self) => self.exit(reasons.normal)).catch(() => {});
      await roundTrip(a, b);
      expect((await holdings(a, b)).links).toBe(0);
    }
  });
});
