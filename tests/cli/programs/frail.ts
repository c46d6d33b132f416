/**
 * Each of its workers fails as often as its number says. The second failure
 * waits for the file `again`. Files in the folder that the argument names
 * count the failures.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../helpers/wait.ts";
import type { RunningNode } from "../../../runtime/mod.ts";

export default async function frail(
  node: RunningNode,
  { args, signal }: {
    readonly args: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const often = Number(/-w(\d+)@/.exec(node.name)?.[1] ?? 0);
  for (let time = 1; time <= often; time++) {
    const file = join(args[0]!, `${node.name}-${time}`);
    if (existsSync(file)) continue;
    if (time > 1) {
      await waitFor(() => existsSync(join(args[0]!, "again")), {
        what: "the file again",
        timeoutMs: 60_000,
      });
    }
    writeFileSync(file, "");
    throw new Error(`failure number ${time}`);
  }
  console.log(`${node.name} holds`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
