/**
 * A thousand partition rounds of five mixed nodes over sockets
 * (`tests/beam/names/partition_rounds.ts`). A seed is a round. The seeds of
 * every other block of rounds have BEAM nodes that do not prevent overlapping
 * partitions, and cuts into two sides only.
 */
import { describe, test } from "vitest";
import { five, overlapping, Round } from "../beam/names/partition_rounds.ts";
import { Mixed } from "../beam/names/mixed.ts";
import { hasBeam } from "../helpers/beam.ts";
import { errorText } from "../../runtime/core/terms/error_text.ts";
import { chunksOf, report, seedsIn } from "./seeds.ts";

/** The driver is on Node.js; the members are on all three runtimes. */
const counts = { node: 1_000, deno: 0, bun: 0 };
/** Rounds of one cluster. */
const BLOCK = 25;

function isOverlapping(seed: number): boolean {
  return Math.floor(seed / BLOCK) % 2 === 1;
}

/** The cluster of the last round; a block has one of its own. */
let cluster: { readonly block: number; readonly mixed: Mixed } | null = null;

async function clusterOf(seed: number): Promise<Mixed> {
  const block = Math.floor(seed / BLOCK);
  if (cluster?.block === block) return cluster.mixed;
  await cluster?.mixed.stop();
  cluster = null;
  const beamFlags = isOverlapping(seed) ? overlapping : [];
  const mixed = await Mixed.start({ kinds: five, beamFlags });
  await mixed.meet();
  cluster = { block, mixed };
  return mixed;
}

describe.skipIf(!hasBeam("elixir"))("five mixed nodes", () => {
  test.each(chunksOf(counts, BLOCK))(
    "agree after each of $count rounds from seed $base on",
    async (chunk) => {
      for (const seed of seedsIn(chunk)) {
        const mixed = await clusterOf(seed);
        const round = new Round(mixed, seed, isOverlapping(seed));
        try {
          await round.run();
        } catch (error) {
          await mixed.stop();
          cluster = null;
          throw new Error(
            `round ${seed} failed: ${errorText(error)}\n` +
              `after: ${round.done.join(", ")}\n` +
              `replay: npm run nightly -- partitions --seeds ${seed}-${seed}`,
            { cause: error },
          );
        }
      }
      report("partitions", chunk);
    },
    40 * 60_000,
  );
});
