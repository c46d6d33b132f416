import { describe, expect, test } from "vitest";
import {
  reasons,
  type Self,
  start,
  stop,
  UsageError,
} from "../../runtime/mod.ts";
import { stop as stopServer } from "../../std/gen_server/mod.ts";
import { stop as stopActor } from "../../std/proc_lib/mod.ts";

describe("start without a compiler's help", () => {
  const cases: readonly [unknown, string][] = [
    ["a@127.0.0.1", "expected the options of start as an object"],
    [null, "expected the options of start as an object"],
    [
      { name: "a@127.0.0.1", cookie: 5 },
      "expected cookie of start to be a string",
    ],
    [{ name: 7 }, "expected name of start to be a string"],
    [
      { name: "a@127.0.0.1", cookie: "c", port: 70_000 },
      "expected port of start to be",
    ],
    [{ name: "a@127.0.0.1", cookie: "c", epmdPort: "x" }, "expected epmdPort"],
    [{ name: "a@127.0.0.1" }, "expected a cookie"],
    [{ cookie: "c" }, "expected a name along with"],
  ];

  test.each(cases)("refuses %j", async (options, message) => {
    const error = await start(options as never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(message);
  });
});

test("sending to nothing is an error of usage", async () => {
  await using node = await start();
  await node.run((self: Self) => {
    for (const to of [undefined, null, 5, {}]) {
      expect(() => self.send(to as never, 1)).toThrow(UsageError);
    }
  });
});

describe("the name of a reason as a text", () => {
  test.each(Object.keys(reasons))(
    "%s is refused, and says what to write",
    async (name) => {
      await using node = await start();
      await node.run(async (self: Self) => {
        const other = self.spawn(async (me: Self) => void await me.receive());
        const message = `write: reasons.${name}`;
        expect(() => self.exit(name)).toThrow(message);
        expect(() => self.sendExit(other, name)).toThrow(message);
        expect(() => stop(name)).toThrow(message);
        await expect(stopServer(self, other as never, name)).rejects
          .toThrow(message);
        await expect(stopActor(self, other as never, { reason: name })).rejects
          .toThrow(message);
        expect(self.isActorAlive(other)).toBe(true);
        self.sendExit(other, "any other text");
      });
    },
  );
});
