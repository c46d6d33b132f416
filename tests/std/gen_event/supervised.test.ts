/** Handlers of event managers that are tied to an actor. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type Down,
  type Pid,
  reasons,
  tuple,
} from "../../../runtime/mod.ts";
import {
  GenEvent,
  GenEventExit,
  type HandlerEnd,
} from "../../../std/gen_event/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { drain, lone } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { type Event, managed, notes, Noting, oops } from "./world.ts";
import { hang } from "../task/world.ts";

describe("a supervised handler", () => {
  test("is removed when the actor that has added it ends", async () => {
    await managed(async (events, self) => {
      const { pid, ref } = self.spawnMonitor(async (me) => {
        const mine = GenEvent.at<Event>(me, events.pid);
        await mine.addSupHandler("a", Noting, "a");
        await mine.addSupHandler("b", Noting, "b");
        await hang(me);
      });
      await waitFor(
        async () => (await events.whichHandlers()).length === 2,
        { what: "the handlers" },
      );
      self.sendExit(pid as Pid, "enough");
      await self.receive(ref);
      expect(await events.whichHandlers()).toEqual([]);
      const end: HandlerEnd = { type: "stop", reason: "enough" };
      expect(notes.slice(2)).toEqual([["a", end], ["b", end]]);
    });
  });

  test("notifies that actor when and why it is removed", async () => {
    await managed(async (events, self) => {
      const told = async (id: unknown, act: () => Promise<unknown>) => {
        await events.addSupHandler(id, Noting, "x");
        await act().catch(() => {});
        const [message, ...more] = await drain(self);
        expect(more).toEqual([]);
        expect(message).toBeInstanceOf(GenEventExit);
        expect((message as GenEventExit).handler).toEqual(id);
        return (message as GenEventExit).reason;
      };
      expect(await told("a", () => events.deleteHandler("a")))
        .toBe(reasons.normal);
      expect(await told("a", () => events.call("a", "leave")))
        .toBe(reasons.normal);
      expect(await told("a", () => events.call("a", "fail"))).toBe(oops);
      expect(self.info()?.links).toEqual([]);
      const swap = () =>
        events.swapHandler({ id: "a" }, { id: "b", handler: Noting, arg: "b" });
      expect(await told("a", swap))
        .toEqual(tuple(atom("swapped"), "b", self.pid));
      // The new handler is tied to the actor of the old one.
      expect(self.info()?.links).toEqual([events.pid]);
      await events.deleteHandler("b");
      expect(await drain(self))
        .toEqual([new GenEventExit("b", reasons.normal)]);
      await events.addHandler("plain", Noting, "plain");
      const next = { id: "sup", handler: Noting, arg: "sup" };
      await events.swapSupHandler({ id: "plain" }, next);
      // The old handler was tied to no actor.
      expect(await drain(self)).toEqual([]);
      self.trapExits = true;
      await events.stop(reasons.shutdown);
      expect((await drain(self))[0])
        .toEqual(new GenEventExit("sup", reasons.shutdown));
    });
  });

  test("does not unlink the manager from the actor that started it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const events = await GenEvent.startLink<Event>(self);
      await events.addSupHandler("a", Noting, "a");
      await events.deleteHandler("a");
      expect(self.info()?.links).toEqual([events.pid]);
    });
  });
});

test("under random schedules supervised handlers never outlive their owners", async () => {
  await simulateSeeds({ count: 60 }, async (sim) => {
    const node = await sim.start("a@sim");
    await node.run(async (self) => {
      const events = await GenEvent.start<Event>(self);
      const owners = Array.from(
        { length: 4 },
        (_, n) =>
          self.spawnMonitor(async (me) => {
            const mine = GenEvent.at<Event>(me, events.pid);
            await mine.addSupHandler(n, Noting, String(n));
            await sleep(me, sim.below(4));
            if (sim.below(2) === 0) {
              await mine.deleteHandler(n);
              expect(await me.receive())
                .toEqual(new GenEventExit(n, reasons.normal));
            }
            events.notify("x");
          }),
      );
      for (const { pid } of owners) {
        await sleep(self, sim.below(3));
        if (sim.below(3) === 0) self.sendExit(pid as Pid, reasons.kill);
      }
      for (const { ref } of owners) {
        const { reason } = await self.receive(ref) as Down;
        expect([reasons.normal, reasons.killed, reasons.noproc])
          .toContain(reason);
      }
      await sleep(self, 5);
      expect(await events.whichHandlers()).toEqual([]);
      expect(self.info(events.pid as Pid)?.links).toEqual([]);
      await events.stop();
    });
  });
});
