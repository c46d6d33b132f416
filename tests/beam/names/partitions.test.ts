/**
 * Two partition rounds of five mixed nodes; a thousand run nightly
 * (`tests/nightly/partitions.test.ts`).
 */
import { beforeAll, expect, test } from "vitest";
import { matrix } from "../../helpers/beam_nodes.ts";
import { seedsOf } from "../../helpers/simulate.ts";
import { Mixed } from "./mixed.ts";
import { five, Round } from "./partition_rounds.ts";

matrix("five mixed nodes", () => {
  let mixed: Mixed;
  beforeAll(async () => {
    mixed = await Mixed.start({ kinds: five });
    await mixed.meet();
  }, 120_000);

  test.each(seedsOf({ count: 2 }))(
    "agree after the network was cut and has healed (seed %i)",
    async (seed) => {
      const round = new Round(mixed, seed, false);
      try {
        await round.run();
      } catch (error) {
        throw new Error(`after ${round.done.join(", ")}`, { cause: error });
      }
      expect(round.done).toContain("heal");
    },
    120_000,
  );
}, "elixir");
