/** Random programs for `global` under faults of every kind. */

import { describe, expect, it } from "vitest";
import { share } from "../helpers/share.ts";
import { seedsOf } from "../helpers/simulate.ts";
import { runProgram } from "./program.ts";
import { runSchedules } from "./schedules.ts";

const COUNT = share(300);
const eventKinds = [
  ...["register", "reRegister", "unregister", "lock", "trans", "kill"],
  ...["cut", "split", "overlap", "stall", "heal", "crash", "decision"],
];

describe("global", () => {
  it("keeps its rules in random programs", async () => {
    const seeds = seedsOf({ count: COUNT });
    const { schedules, events } = await runSchedules(seeds);
    expect(schedules).toBe(seeds.length);
    if (seeds.length < 100) return;
    // All of this must have happened, or the rules were not tested.
    for (const kind of eventKinds) {
      expect(events.get(kind) ?? 0, kind).toBeGreaterThan(0);
    }
  }, 120_000);

  it("runs the program of a seed the same again", async () => {
    const [one, two] = [await runProgram(3), await runProgram(3)];
    expect(two).toEqual(one);
    expect(one.steps).toBeGreaterThan(100);
  });
});
