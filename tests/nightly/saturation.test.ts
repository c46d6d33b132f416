/**
 * Two processes whose actors keep all processors busy for a long time, with the
 * default limits: neither takes the other for silent. `HORNBEAM_SATURATION_MS`
 * says for how long, in ms; ten minutes by default.
 */
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { waitFor } from "../helpers/wait.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { COOKIE, HOST } from "../net/peers/raw_peer.ts";

const TOTAL_MS = Number(process.env["HORNBEAM_SATURATION_MS"] ?? 600_000);
const LOOK_MS = 5_000;

type Counts = { readonly local: number; readonly remote: number };

async function countsOf(child: SpawnedProcess): Promise<Counts> {
  const said = () => child.stdout.filter((line) => line.startsWith("counts "));
  const before = said().length;
  child.write("counts\n");
  const line = await waitFor(() => said()[before], {
    what: "the counts of a busy process",
    timeoutMs: 30_000,
  });
  const [, local = 0, remote = 0] = line.split(" ").map(Number);
  return { local, remote };
}

/**
 * The counts of a process once both have grown. Where other programs keep the
 * machine busy as well, that may take longer than one look.
 */
function moreThan(child: SpawnedProcess, last: Counts): Promise<Counts> {
  return waitFor(
    async () => {
      const counts = await countsOf(child);
      const { local, remote } = counts;
      return local > last.local && remote > last.remote ? counts : undefined;
    },
    { what: "more messages of a busy process", timeoutMs: 30_000 },
  );
}

test(
  `two processes that are busy for ${TOTAL_MS} ms keep each other`,
  async () => {
    const names = ["left", "right"].map((part) => `${part}@${HOST}`);
    const children: SpawnedProcess[] = [];
    let peers = {};
    for (const name of names) {
      const child = spawnRuntime(
        currentRuntime(),
        join(root, "tests/fixtures/cluster_node.ts"),
        [JSON.stringify({
          ...{ name, cookie: COOKIE, epmdPort: false, peers },
          connect: Object.keys(peers),
        })],
      );
      const [, port] = await child.waitForLine(/^ready (\d+)/);
      peers = { [name]: `${HOST}:${port}` };
      children.push(child);
    }
    const [left, right] = children as [SpawnedProcess, SpawnedProcess];
    left.write(`saturate ${names[1]}\n`);
    right.write(`saturate ${names[0]}\n`);
    const news = () =>
      children.flatMap(({ stdout }) =>
        stdout.filter((line) =>
          /^(suspect|down|log (warning|error) net) /.test(line)
        )
      );
    let last: Counts[] = [{ local: 0, remote: 0 }, { local: 0, remote: 0 }];
    const end = Date.now() + TOTAL_MS;
    while (Date.now() < end) {
      await new Promise((resolve) =>
        setTimeout(resolve, Math.min(LOOK_MS, end - Date.now()))
      );
      last = await Promise.all(
        children.map((child, i) => moreThan(child, last[i]!)),
      );
      expect(news()).toEqual([]);
    }
    const text = last.map(({ local, remote }) =>
      `${local} local and ${remote} remote messages`
    );
    console.log(
      `saturation: ${TOTAL_MS} ms on ${currentRuntime()}: ${
        text.join(", ")
      }; ` +
        "no suspect, no nodedown",
    );
    for (const child of children) await child.stop();
  },
  TOTAL_MS + 120_000,
);
