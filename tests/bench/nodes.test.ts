/**
 * The shapes between nodes move the messages that they count: each row runs
 * with small sizes, and its partners run in this process.
 */
import { describe, expect, it } from "vitest";
import { sizes } from "../../bench/pair/shapes.ts";
import type {
  Bench,
  Figures,
  Partner,
  Program,
  TimedPart,
} from "../../bench/row.ts";
import { rows, suiteOf } from "../../bench/suites.ts";

const LIMIT_MS = 30_000;

/** Runs a program with few steps; returns its timed part. */
async function run(program: Program): Promise<TimedPart> {
  let timed: TimedPart | null = null;
  const figures: Figures = {
    rate: 1,
    count: 2,
    elapsedMs: 1,
    timerGapMs: 5,
    extra: {},
  };
  const startPartner: Bench["startPartner"] = async (argument = {}) => {
    // As on the command line.
    const told = JSON.parse(JSON.stringify(argument)) as typeof argument;
    const half = await program.partner!(told);
    const partner: Partner = {
      hello: half.hello,
      begin: () => Promise.resolve(),
      end: () => Promise.resolve(5),
      freeze: () => {
        throw new Error("expected a process of its own");
      },
      kill: () => half.stop(),
      stop: () => half.stop(),
    };
    return partner;
  };
  const bench: Bench = {
    measure: async (part) => {
      timed = part;
      for (const meter of part.meters ?? []) await meter.begin();
      await part.run(1);
      await part.run(2);
      const gaps = (part.meters ?? []).map((meter) => meter.end());
      for (const gap of await Promise.all(gaps)) {
        expect(gap).toBeGreaterThan(0);
      }
      return { ...figures, extra: await part.extra?.() ?? {} };
    },
    size: (full) => Math.ceil(full / 100),
    startPartner,
    startErlangPartner: () => Promise.reject(new Error("expected no erl")),
  };
  const { extra } = await program.run(bench);
  for (const value of Object.values(extra)) {
    expect(value).toBeGreaterThanOrEqual(0);
  }
  if (timed === null) throw new Error("expected something to be timed");
  return timed;
}

const ids = rows.map((row) => row.id);
const of = (suite: string) => rows.filter((row) => suiteOf(row) === suite);

describe("rows of processes and threads", () => {
  // One size of each shape is enough. A stopped partner has to be a process of
  // its own, as in the quick runs.
  const some = [...of("process"), ...of("worker")].filter(({ id }) =>
    !/-(16B|1KiB|64KiB|stopped)$/.test(id)
  );

  it.each(some.map((row) => [row.id, row] as const))(
    "%s and what it compares with come to their ends, twice",
    async (_id, row) => {
      const part = await run(row);
      expect(part.maxCount).toBeGreaterThan(1);
      for (const program of Object.values(row.raw ?? {})) {
        const { unitsPerCount } = await run(program);
        // Or the rates of both would not be of the same.
        expect(unitsPerCount).toBe(part.unitsPerCount);
      }
    },
    LIMIT_MS,
  );
});

it("has a row for each shape and size", () => {
  for (const { name } of sizes) {
    expect(ids).toContain(`process/many-to-many-${name}`);
    expect(ids).toContain(`worker/round-trip-${name}`);
  }
});
