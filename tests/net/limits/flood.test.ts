/**
 * Many clients without the cookie, and a neighbour with another one: a node
 * stays reachable for others, and its log stays short.
 */
import { expect, test } from "vitest";
import { type Down, memoryNetwork, type Self } from "../../../runtime/mod.ts";
import { isDown } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { expectDone, RawPeer, startNode } from "../peers/raw_peer.ts";

const BURST = 5;

test("clients that send garbage cause a few lines and a summary", async () => {
  const { node, logs } = await startNode({
    name: "target@127.0.0.1",
    limits: { logBurst: BURST },
  });
  for (let i = 0; i < 100; i++) {
    const peer = await RawPeer.dial(node.port);
    peer.send(new Uint8Array(2));
    await peer.closed();
  }
  await node.stop();
  const lines = logs.complaints;
  const summaries = lines.filter((line) => line.includes("more of the same"));
  const counts = logs.records.map(({ fields }) =>
    Number(fields?.["count"] ?? 0)
  );
  // A slow machine may need more than one window.
  expect(lines.length).toBeLessThan(50);
  expect(summaries[0]).toMatch(
    /more of the same from 127\.0\.0\.1 in the last/,
  );
  const held = counts.reduce((sum, count) => sum + count, 0);
  expect(held + lines.length - summaries.length).toBe(100);
});

test("a neighbour with another cookie causes a few lines on both nodes", async () => {
  const common = {
    network: memoryNetwork(),
    port: 1,
    peerPort: 1,
    limits: { logBurst: BURST },
  };
  const a = await startNode({ ...common, name: "a@a.host" });
  const b = await startNode({ ...common, name: "b@b.host", cookie: "other" });
  for (let i = 0; i < 30; i++) {
    const down: Down = await a.node.run((self: Self<unknown>) => {
      self.monitor({ name: "nobody", node: "b@b.host" });
      return self.receive(isDown);
    });
    expect(Symbol.keyFor(down.reason as symbol)).toBe("noconnection");
  }
  await a.node.stop();
  await b.node.stop();
  const [own, its] = [a.logs.complaints, b.logs.complaints];
  expect(own.length).toBeLessThan(30);
  expect(own.some((line) => /more of the same with b@b\.host/.test(line)))
    .toBe(true);
  expect(its.length).toBeLessThan(30);
});

test("silent clients that hold all handshakes keep no other client out", async () => {
  const { node, logs } = await startNode({
    name: "target@127.0.0.1",
    limits: { maxHandshakes: 10 },
  });
  const silent: RawPeer[] = [];
  for (let i = 0; i < 10; i++) silent.push(await RawPeer.dial(node.port));
  const honest = await RawPeer.dial(node.port);
  expectDone(await honest.shakeHands(node.name));
  await waitFor(() => silent.some((peer) => peer.isClosed), {
    what: "one silent client to give way",
  });
  expect(logs.complaints.some((line) => /too many handshakes/.test(line)))
    .toBe(true);
  expect(node.nodes()).toEqual(["raw@127.0.0.1"]);
});
