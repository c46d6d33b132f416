/** The registry example, as its users run it, and the network that it cuts. */
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { CuttableNetwork } from "../../examples/registry/cuttable_network.ts";
import type { RunningNode } from "../../runtime/mod.ts";
import { startOurs } from "../helpers/beam_nodes.ts";
import { currentRuntime, spawnRuntime } from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";

it("fails over, chats, and decides a clash once", async () => {
  const child = spawnRuntime(currentRuntime(), "examples/registry.ts");
  const exit = await child.waitForExit(40_000);
  const said = child.stdout.join("\n");
  expect(exit, `${said}\n${child.stderr.join("\n")}`)
    .toEqual({ code: 0, signal: null });
  expect(said).toMatch(/\d+ ms later [bcd] is the clock, by itself\./);
  const [, clock] = /later (.) is the clock/.exec(said)!;
  for (const [i, part] of ["b", "c", "d"].entries()) {
    expect(said).toContain(`${part} asks the clock on ${clock}: ${i + 1}`);
    expect(said).toContain(`${part} hears "hello from b"`);
    expect(said).toContain(`${part} finds "leader" on b`);
  }
  expect(said).toContain('b claims the name "leader": true');
  expect(said).toContain('c claims the name "leader": true');
  expect(said).toMatch(/resolver runs once, on [bc]: it keeps b/);
  expect(child.complaints).toEqual([]);
});

async function startIn(
  network: CuttableNetwork,
  name: string,
): Promise<RunningNode> {
  const { node } = await startOurs(name, network.epmdPort, {
    hostEpmd: false,
    global: false,
  });
  onTestFinished(() => node.stop());
  return node;
}

it("cuts the given connections, both ways, and no others", async () => {
  const network = await CuttableNetwork.start();
  onTestFinished(() => network.stop());
  const [a, b, c] = [
    await startIn(network, "a@127.0.0.1"),
    await startIn(network, "b@127.0.0.1"),
    await startIn(network, "c@127.0.0.1"),
  ];
  for (const other of [b, c]) expect(await a.connect(other.name)).toBe(true);
  // One direction named is both cut.
  network.cut((from, to) => from === "b" && to === "a");
  await waitFor(() => a.nodes().length === 1 && b.nodes().length === 0, {
    what: "the two to be apart",
  });
  expect(a.nodes()).toEqual([c.name]);
  expect(await a.connect(b.name)).toBe(false);
  expect(await b.connect(a.name)).toBe(false);
  expect(await b.connect(c.name)).toBe(true);
  network.heal();
  expect(await b.connect(a.name)).toBe(true);
  expect(await a.ping(b.name)).toBe("pong");
});

it("forgets nodes that have ended, and closes invalid connections", async () => {
  const network = await CuttableNetwork.start();
  onTestFinished(() => network.stop());
  const a = await startIn(network, "a@127.0.0.1");
  const b = await startIn(network, "b@127.0.0.1");
  await expect(startIn(network, "b@127.0.0.1")).rejects.toThrow();
  await b.stop();
  await waitFor(async () => !await a.connect(b.name), { what: "b to be gone" });
  const again = await startIn(network, "b@127.0.0.1");
  expect(await a.connect(again.name)).toBe(true);
  for (const bytes of [[0, 1, 7], [255, 255, 1], [0]]) {
    const socket = connect(network.epmdPort, "127.0.0.1");
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end(Uint8Array.from(bytes));
    await closed;
  }
});
