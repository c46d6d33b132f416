/**
 * Actors under random programs and faults keep the rules of Erlang's signals.
 */

import { describe, expect, it } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { seedsOf } from "../helpers/simulate.ts";
import type { Event } from "./history.ts";
import { judge } from "./judges/judge.ts";
import { programOf, shrink } from "./program.ts";
import { runProgram } from "./run.ts";
import { runSchedules } from "./schedules.ts";

/** Fewer where the same was seen already; the traces are equal anyway. */
const COUNT = currentRuntime() === "node" ? 1_400 : 300;

describe("model", () => {
  it(`random programs keep the rules`, async () => {
    const seeds = seedsOf({ count: COUNT });
    const { schedules, events } = await runSchedules(seeds);
    expect(schedules).toBe(seeds.length);
    if (seeds.length < COUNT) return;
    // All of this must have happened, or the rules were not put to the test.
    for (const kind of kinds) {
      expect(events.get(kind) ?? 0, kind).toBeGreaterThan(0);
    }
  }, 300_000);

  it("a seed's program runs the same again", async () => {
    const program = programOf(11);
    const [one, two] = [await runProgram(program), await runProgram(program)];
    expect(two.traceHash).toBe(one.traceHash);
    expect(two.history).toEqual(one.history);
    expect(one.history.length).toBeGreaterThan(20);
    const other = await runProgram({ ...program, seed: 12 });
    expect(other.traceHash).not.toBe(one.traceHash);
  });

  it("a failing program is made small", async () => {
    const program = programOf(11);
    const ops = [...program.ops, ...programOf(12).ops];
    const wanted = ops.find((op) => op.do === "link")?.who;
    const small = await shrink(
      { ...program, ops },
      ({ ops }) =>
        Promise.resolve(
          ops.some((op) => op.do === "link" && op.who === wanted),
        ),
    );
    expect(small.ops).toMatchObject([{ do: "link", who: wanted, gap: 0 }]);
  });

  it("the judge sees what it is shown", () => {
    const born = (actor: number): Event => ({
      is: "born",
      actor,
      node: "a@sim",
      trap: false,
      spawn: null,
    });
    const history: readonly Event[] = [
      born(0),
      born(1),
      { is: "link", actor: 0, peer: 1, k: 1 },
      { is: "exit", actor: 1, reason: "r1" },
      { is: "ended", actor: 1, reason: "r1" },
    ];
    const final: Event = { is: "final", nowMs: 1 };
    expect(judge([...history, final])).toEqual([
      "at 4: 1 ended with r1, and 0 that was linked to it since 2 took no notice",
    ]);
    const told: Event = { is: "ended", actor: 0, reason: "r1" };
    expect(judge([...history, told, final])).toEqual([]);
    const wrong: Event = { is: "ended", actor: 0, reason: "r2" };
    expect(judge([...history, wrong, final])).toEqual([
      "at 5: 0 ended with r2, for no cause",
    ]);
  });
});

const kinds: readonly Event["is"][] = [
  "alias",
  "answer",
  "born",
  "call",
  "called",
  "cancel",
  "crash",
  "data",
  "demonitor",
  "down",
  "ended",
  "exited",
  "fault",
  "link",
  "monitor",
  "nodedown",
  "quiet",
  "register",
  "sendExit",
  "spawned",
  "stop",
  "timeout",
  "trap",
  "unalias",
  "uncall",
  "unlink",
  "unregister",
  "unspawned",
  "whereis",
];
