/** Limits of the signals that wait for a connection to be made. */
import { expect, test } from "vitest";
import {
  BusyError,
  memoryNetwork,
  type Network,
} from "../../../runtime/mod.ts";
import { waitFor } from "../../helpers/wait.ts";
import { KIB, politely, RECEIVER } from "./dam.ts";
import { startNode } from "../peers/raw_peer.ts";

test("messages to a node that is being connected are limited, too", async () => {
  let refuse = () => {};
  const network: Network = {
    connect: () =>
      new Promise((_, reject) => {
        refuse = () => reject(new Error("no way"));
      }),
    listen: (at, accept) => memoryNetwork().listen(at, accept),
  };
  const limits = { highMarkBytes: 64 * KIB };
  const sender = await startNode({
    name: "a@a.host",
    network,
    port: 1,
    peerPort: 1,
    limits,
  });
  // One sender alone fills the queue; the others are not refused for that.
  await sender.node.run((self) => {
    const blob = new Uint8Array(300 * KIB);
    expect(self.send({ name: "sink", node: RECEIVER }, blob)).toBe(false);
  });
  const sent = { count: 0 };
  const all = politely(sender, RECEIVER, 100, sent);
  await waitFor(() => sent.count > 0, { what: "another one to be heard" });
  expect(sent.count).toBe(1);
  expect(() => {
    for (let i = 0; i < 500; i++) {
      sender.node.send({ name: "sink", node: RECEIVER }, "x".repeat(KIB));
    }
  }).toThrow(BusyError);
  refuse();
  await waitFor(() => sent.count > 1, { what: "the sender to go on" });
  await sender.node.stop();
  await all.catch(() => {});
});
