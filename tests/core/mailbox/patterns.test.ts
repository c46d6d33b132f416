import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Down, Schema, Self } from "../../../runtime/mod.ts";
import { drain, lone } from "../../helpers/actors.ts";

describe("receive by schema", () => {
  test("takes what fits, as the schema makes it, and leaves the rest", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const message of [1, { type: "add", n: "2" }, "3", { n: 4 }]) {
        self.send(self.pid, message);
      }
      const add = z.object({
        type: z.literal("add"),
        n: z.string().transform(Number),
      });
      expect(await self.receive(add)).toEqual({ type: "add", n: 2 });
      expect(await self.receive(v.object({ n: v.number() }))).toEqual({ n: 4 });
      // A schema of arktype is a function as well.
      self.send(self.pid, { at: "5" });
      const at = type({ at: "string.integer.parse" });
      const found: { at: number } = await self.receive(at);
      expect(found).toEqual({ at: 5 });
      const none = await self.receive(z.boolean(), { timeoutMs: 0 });
      expect(none).toBeUndefined();
      expect(await drain(self)).toEqual([1, "3"]);
    });
  });

  test("takes a schema of any maker, a function with properties too", async () => {
    const { node } = await lone();
    const standard = {
      version: 1 as const,
      vendor: "by hand",
      validate: (value: unknown) =>
        typeof value === "number" && value > 2
          ? { value: value * 10 }
          : { issues: [{ message: "too small, or no number" }] },
    };
    // As a predicate, the second one would take the first message.
    const schemas: Schema<number>[] = [
      { "~standard": standard },
      Object.assign(() => true, { "~standard": standard }),
    ];
    await node.run(async (self: Self<unknown>) => {
      for (const schema of schemas) {
        for (const message of [1, "3", 4, 5]) self.send(self.pid, message);
        expect(await self.receive(schema)).toBe(40);
        expect(await self.receive(schema, { timeoutMs: 0 })).toBe(50);
        expect(await self.receive(schema, { timeoutMs: 0 })).toBeUndefined();
        expect(await drain(self)).toEqual([1, "3"]);
      }
    });
  });

  test("waits for what fits", async () => {
    const { node } = await lone();
    const waiting = node.run((self: Self<unknown>) => {
      node.send(self.pid, "no");
      queueMicrotask(() => node.send(self.pid, 5));
      return self.receive(v.pipe(v.number(), v.minValue(3)));
    });
    expect(await waiting).toBe(5);
  });

  test("refuses a schema that validates later", async () => {
    const { node } = await lone();
    const later = z.number().refine((n) => Promise.resolve(n > 0));
    const schema: Schema<number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          Promise.resolve(later.safeParseAsync(value)) as never,
      },
    };
    const waiting = node.run(async (self: Self<unknown>) => {
      self.send(self.pid, 1);
      await self.receive(schema);
    });
    await expect(waiting).rejects.toThrow("validates at once");
  });
});

describe("receive by ref", () => {
  test("takes the message with that ref", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const first = self.makeRef();
      const second = self.makeRef();
      const messages = [{ ref: first, n: 1 }, 2, { ref: second, n: 3 }];
      for (const message of messages) self.send(self.pid, message);
      expect(await self.receive(second)).toBe(messages[2]);
      expect(await self.receive(first)).toBe(messages[0]);
      expect(await self.receive(first, { timeoutMs: 0 })).toBeUndefined();
      expect(await drain(self)).toEqual([2]);
    });
  });

  test("takes the Down of a monitor and the Timeout of a timer", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { ref } = self.spawnMonitor(() => {});
      const timer = self.startTimer(1, "ring");
      expect(await self.receive(timer)).toMatchObject({ message: "ring" });
      expect((await self.receive(ref) as Down).ref).toBe(ref);
    });
  });

  test("skips what was there before the ref was made", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      let looks = 0;
      const watched = () => ({
        get ref() {
          looks++;
          return undefined;
        },
      });
      for (let i = 0; i < 1_000; i++) self.send(self.pid, watched());
      // Taking messages, in order or not, keeps the place of the mark.
      const ref = self.makeRef();
      await self.receive();
      await self.receive((message) => message !== null);
      for (let i = 0; i < 3; i++) self.send(self.pid, watched());
      self.send(self.pid, { ref });
      expect(await self.receive(ref)).toEqual({ ref });
      expect(looks).toBe(3);
      expect(await drain(self)).toHaveLength(1_001);
    });
  });
});
