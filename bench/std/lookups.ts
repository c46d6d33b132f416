/** Look-ups in a registry with many keys. */

import type { Self } from "../../runtime/mod.ts";
import { Registry } from "../../std/registry/mod.ts";
import { inBatches, type Report } from "../inside/turns.ts";
import { ownerRow } from "../local/owner.ts";
import type { Row } from "../row.ts";
import { std } from "./suite.ts";

const KEYS = 10_000;
const LOOKUPS_MAX = 50_000_000;

/** One actor holds all keys, which makes no difference to a look-up. */
async function filled(
  self: Self<Report>,
  size: number,
): Promise<Registry<string, number>> {
  const registry = await Registry.startLink<string, number>(self, {
    keys: "unique",
  });
  for (let i = 0; i < size; i++) registry.register(self, `key ${i}`, i);
  return registry;
}

export const lookupRow: Row = ownerRow<Report>({
  suite: std,
  name: "registry-lookup",
  unit: "look-ups/s",
  what: `one actor looks up one of ${
    KEYS.toLocaleString("en")
  } unique keys after the other, each with its value`,
  measure: async ({ self, bench }) => {
    const size = bench.size(KEYS);
    const registry = await filled(self, size);
    const keys = Array.from({ length: size }, (_, i) => `key ${i}`);
    let found = 0;
    return await bench.measure({
      maxCount: LOOKUPS_MAX,
      run: async (count) => {
        found = 0;
        await inBatches(self, count, (left) => {
          const at = left % size;
          const [entry] = registry.lookup(keys[at] as string);
          if (entry?.value === at) found++;
        });
        if (found !== count) throw new Error(`${count - found} were not found`);
      },
    });
  },
});
