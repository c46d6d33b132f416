/** The option `limits` of `start`: checks and defaults. */
import { expect, test } from "vitest";
import { memoryNetwork, start, UsageError } from "../../../runtime/mod.ts";
import { withDefaults } from "../../../runtime/net/distribution/limits.ts";

test("limits that are not given are the default", () => {
  const all = withDefaults({});
  expect(withDefaults({ highMarkBytes: 5, downAfterMs: Infinity }))
    .toEqual({ ...all, highMarkBytes: 5, downAfterMs: Infinity });
  expect(withDefaults({ downAfterMs: undefined as never })).toEqual(all);
});

test("the times after which a node is down have a least value", () => {
  expect(withDefaults({ downAfterMs: 1, netTicktimeMs: 1 }))
    .toMatchObject({ downAfterMs: 1_000, netTicktimeMs: 1_000 });
});

test.each<[string, unknown, string]>([
  ["downAfterMs", NaN, "number above 0, got NaN"],
  ["suspectAfterMs", -1, "limit suspectAfterMs to be a number above 0, got -1"],
  ["highMarkBytes", 0, "number above 0, got 0"],
  ["setupTimeoutMs", "2000", 'number above 0, got "2000"'],
  ["downAfterMS", 2_000, "logBurst, got downAfterMS"],
])("a limit %s of %s is a mistake", async (name, value, why) => {
  const starting = start({
    name: "a@a.host",
    cookie: "secret",
    network: memoryNetwork(),
    port: 1,
    limits: { [name]: value },
  });
  await expect(starting).rejects.toThrow(UsageError);
  await expect(starting).rejects.toThrow(why);
});
