/**
 * An idle connection with a BEAM node where both have their defaults: it lasts
 * longer than either would wait for one that is silent.
 */
import { beforeAll, expect, test } from "vitest";
import {
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../helpers/beam_nodes.ts";
import { eventsOf, type Logged } from "../net/peers/raw_peer.ts";

const IDLE_MS = 80_000;

matrix("an idle connection with a BEAM node", () => {
  let ours: readonly Logged[];
  let nodesThere: () => Promise<string>;
  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    const them = await startBeam("a@127.0.0.1", { epmdPort });
    ours = await Promise.all([
      startOurs("visible@127.0.0.1", epmdPort),
      startOurs("hidden@127.0.0.1", epmdPort, { hidden: true }),
    ]);
    nodesThere = () => them.run("length(nodes(connected))");
    for (const { node } of ours) {
      expect(await node.connect(them.name)).toBe(true);
    }
  });

  test("lasts, with the defaults of both", { timeout: 120_000 }, async () => {
    const events = ours.map(({ node }) => eventsOf(node));
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    expect(events.flat()).toEqual([]);
    expect(await nodesThere()).toBe("2");
    for (const { logs } of ours) expect(logs.complaints).toEqual([]);
  });
});
