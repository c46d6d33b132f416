/** Answers to requests that go another way than a call's. */
import { describe, expect, test } from "vitest";
import type { Actor } from "../../../runtime/core/actor/actor.ts";
import type { Self } from "../../../runtime/mod.ts";
import { coreOf, lone, park } from "../../helpers/actors.ts";

/**
 * Calls that have not ended: those of an actor, and those that wait for one.
 */
function pendingOf(self: Self<unknown>, target: Actor | null): number[] {
  const caller = self as unknown as Actor;
  return [caller.calls?.length ?? 0, target?.callers?.length ?? 0];
}

describe("an expected reply", () => {
  test("that comes while it is announced leaves nothing behind", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const pid = self.spawn(park);
      const target = core.localActor(pid);
      const reply = await self.expectReply(pid, (from) => {
        self.reply(from, 7);
        self.reply(from, 8);
      });
      expect(reply).toBe(7);
      expect(pendingOf(self, target)).toEqual([0, 0]);
    });
    expect(core.aliases.size).toBe(0);
  });

  test("whose announcement throws rejects, and is not waited for", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const pid = self.spawn(park);
      const target = core.localActor(pid);
      const error = new Error("as asked");
      const expected = self.expectReply(pid, () => {
        throw error;
      }, { timeoutMs: Infinity });
      await expect(expected).rejects.toBe(error);
      expect(pendingOf(self, target)).toEqual([0, 0]);
    });
    expect(core.aliases.size).toBe(0);
  });
});
