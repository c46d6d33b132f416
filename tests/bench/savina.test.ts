/** Savina's benchmarks and Skynet do the work that they count. */
import { describe, expect, it } from "vitest";
import { skynet, skynetRow } from "../../bench/local/skynet.ts";
import type { Bench, Figures } from "../../bench/row.ts";
import {
  big,
  counting,
  pingPong,
  threadRing,
} from "../../bench/savina/messages.ts";
import { indexFrom, nextSeed, type Owner } from "../../bench/savina/owner.ts";
import { savinaRows } from "../../bench/savina/savina.ts";
import {
  chameneos,
  complement,
  dictionary,
  spawnDictionary,
} from "../../bench/savina/sharing.ts";
import {
  forkJoinCreate,
  forkJoinThroughput,
} from "../../bench/savina/spawns.ts";
import { type RunningNode, type Self, start } from "../../runtime/mod.ts";

type Shape = (self: Owner, node: RunningNode) => Promise<number>;

/** The result of a shape, its messages, and the actors that it left. */
async function run(shape: Shape): Promise<{
  readonly result: number;
  readonly messages: number;
  readonly left: number;
}> {
  await using node = await start();
  const before = node.stats();
  const result = await node.run((self: Owner) => shape(self, node));
  const after = node.stats();
  return {
    result,
    messages: after.messages - before.messages,
    left: after.actors - before.actors,
  };
}

describe("Savina", () => {
  it.each<[string, Shape, number, number]>([
    // 7 pings, 7 pongs, one report to the owner.
    ["ping-pong", (self) => pingPong(self, 7), 7, 15],
    // 250 messages, one question, one answer, and the sender's three batches.
    ["counting", (self) => counting(self, 250), 250, 255],
    // Three times five, five turns of the sender, three reports to the owner.
    ["fork-join-throughput", (self) => forkJoinThroughput(self, 3, 5), 15, 23],
    // The first token, ten hops, the end around, the connection, the report.
    ["thread-ring", (self) => threadRing(self, 4, 10), 10, 16],
    ["thread-ring, no hop", (self) => threadRing(self, 4, 0), 0, 6],
    // Four a meeting; then each of five asks, is answered, and reports; the result.
    ["chameneos", (self) => chameneos(self, 5, 12), 24, 64],
    // Beginnings, pings and pongs, and what each tells.
    ["big", (self) => big(self, 4, 6), 24, 56],
  ])("%s counts right and ends", async (_name, shape, expected, messages) => {
    expect(await run(shape)).toEqual({ result: expected, messages, left: 0 });
  });

  it("fork-join-create gives each actor a message and sees all end", async () => {
    const { result, messages, left } = await run((self, node) =>
      forkJoinCreate(self, node, 130)
    );
    expect({ result, left }).toEqual({ result: 130, left: 0 });
    // How often the owner looks whether they have ended depends on the clock.
    expect(messages).toBeGreaterThanOrEqual(130);
  });

  it("reads what it has written to the dictionary", async () => {
    const options = { keys: 16, workers: 3, messages: 200 };
    const { result, messages, left } = await run((self) =>
      dictionary(self, spawnDictionary(self, options.keys), options)
    );
    expect(result).toBe(600);
    expect(messages).toBe(2 * 600 + 3);
    // The dictionary stays, for the next run.
    expect(left).toBe(1);
  });

  it("notices wrong values in a dictionary", async () => {
    const options = { keys: 16, workers: 2, messages: 100 };
    const { result } = await run((self) =>
      // Half of the keys that are asked for are not in it.
      dictionary(self, spawnDictionary(self, 8), options)
    );
    expect(result).toBeGreaterThan(0);
    expect(result).toBeLessThan(200);
  });

  it("has chameneos take the third colour when theirs differ", () => {
    const all = [0, 1, 2] as const;
    expect(all.map((a) => all.map((b) => complement(a, b)))).toEqual([
      [0, 2, 1],
      [2, 1, 0],
      [1, 0, 2],
    ]);
  });

  it("draws the random numbers that the Erlang side draws", () => {
    expect(nextSeed(0)).toBe(1_013_904_223);
    // (4,294,967,295 * 1,664,525 + 1,013,904,223) modulo 2 ** 32.
    expect(nextSeed(4_294_967_295)).toBe(1_012_239_698);
    expect(indexFrom(4_294_967_295, 100)).toBe(16_777_215 % 100);
  });
});

describe("Skynet", () => {
  it.each([0, 1, 3])("with %d levels adds up its leaves", async (levels) => {
    await using node = await start();
    const sum = await node.run((self: Self<number>) => skynet(self, levels));
    const leaves = 10 ** levels;
    expect(sum).toBe(leaves * (leaves - 1) / 2);
  });
});

describe("a row", () => {
  const figures: Figures = {
    rate: 1,
    count: 2,
    elapsedMs: 1,
    timerGapMs: 5,
    extra: {},
  };

  it.each([...savinaRows, skynetRow].map((row) => [row.id, row] as const))(
    "%s repeats its benchmark and checks the result",
    async (_id, row) => {
      const units: number[] = [];
      const bench: Bench = {
        measure: async (part) => {
          await part.run(1);
          await part.run(2);
          units.push(part.unitsPerCount ?? 1);
          return figures;
        },
        size: (full) => Math.ceil(full / 1_000),
        startPartner: () => Promise.reject(new Error("expected no partner")),
        startErlangPartner: () => Promise.reject(new Error("expected none")),
      };
      expect(await row.run(bench)).toBe(figures);
      expect(units).toEqual([expect.toSatisfy((count) => count >= 40)]);
    },
  );
});
