/**
 * A process that runs out of file descriptors, because clients connect to it
 * and say nothing: it serves peers and clients of epmd again.
 */
import { join } from "node:path";
import process from "node:process";
import { describe, expect, onTestFinished, test } from "vitest";
import { names } from "../../../runtime/net/epmd/client.ts";
import { freePort } from "../../helpers/ports.ts";
import {
  currentRuntime,
  root,
  runtimeCommand,
  type SpawnedProcess,
  spawnProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { at } from "../epmd/epmds.ts";
import { COOKIE, HOST, startNode } from "../peers/raw_peer.ts";

/** Open files that the process may have, and more clients than that. */
const DESCRIPTORS = 160;
const CLIENTS = 400;
/** Longest time until these clients have run into their time limit. */
const LONGEST_MS = 30_000;

/** Starts a node in a process with few file descriptors. */
function spawnPoor(options: Readonly<Record<string, unknown>>): SpawnedProcess {
  const { command, args } = runtimeCommand(
    currentRuntime(),
    join(root, "tests/fixtures/cluster_node.ts"),
    [JSON.stringify({ cookie: COOKIE, ...options })],
  );
  return spawnProcess("bash", [
    "-c",
    `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`,
    command,
    ...args,
  ]);
}

/** Connects from a process of its own and says nothing, until the test ends. */
async function connectClients(port: number): Promise<void> {
  const fixture = join(root, "tests/fixtures/silent_clients.ts");
  const args = [String(port), String(CLIENTS)];
  const clients = spawnRuntime("node", fixture, args);
  onTestFinished(() => void clients.stop());
  await clients.waitForLine(/^connected/);
}

describe.skipIf(process.platform === "win32")("without descriptors", () => {
  test("a node accepts peers again", async () => {
    const port = await freePort();
    const child = spawnPoor({
      name: `poor@${HOST}`,
      epmdPort: false,
      port,
      limits: { setupTimeoutMs: 1_000 },
    });
    await child.waitForLine(/^ready/);
    await connectClients(port);
    const { node } = await startNode({
      name: `peer@${HOST}`,
      peers: { [`poor@${HOST}`]: `${HOST}:${port}` },
      limits: { setupTimeoutMs: 2_000 },
    });
    await waitFor(
      async () => (await node.tryConnect(`poor@${HOST}`)).isUp,
      { what: "a connection", timeoutMs: LONGEST_MS },
    );
    await child.stop();
  }, 4 * LONGEST_MS);

  test("an embedded epmd answers again", async () => {
    const epmdPort = await freePort();
    const child = spawnPoor({ name: `poor@${HOST}`, epmdPort });
    await child.waitForLine(/^ready/);
    await connectClients(epmdPort);
    await waitFor(
      async () => {
        const all = await names(at(epmdPort, 2_000)).catch(() => []);
        return all.some(({ name }) => name === "poor");
      },
      { what: "an answer", timeoutMs: LONGEST_MS },
    );
    expect(child.stdout.filter((line) => /^down/.test(line))).toEqual([]);
    await child.stop();
  }, 4 * LONGEST_MS);
});
