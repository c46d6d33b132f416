/**
 * Large messages between two processes, over sockets, in both directions at
 * once: order between any two actors is kept, and other messages pass
 * meanwhile.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import type { ConnectionInfo, Pid } from "../../../runtime/mod.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { replayCommand } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { depot, receiver, type Report, sender, shipper } from "./players.ts";
import { COOKIE, HOST, type Logged, startNode } from "../peers/raw_peer.ts";

const [here, there] = [`here@${HOST}`, `there@${HOST}`];
const MIB = 1024 * 1024;
/** No node becomes suspect, however slow this machine is. */
const limits = { suspectAfterMs: 60_000, downAfterMs: 120_000 };

async function pair(): Promise<{ one: Logged; child: SpawnedProcess }> {
  const one = await startNode({
    ...{ name: here, limits },
    exports: { sender, shipper },
  });
  one.node.spawn(receiver, { name: "receiver" });
  one.node.spawn(depot, { name: "depot" });
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests/fixtures/lanes_node.ts"),
    [JSON.stringify({
      ...{ name: there, cookie: COOKIE, epmdPort: false, limits },
      peers: { [here]: `${HOST}:${one.node.port}` },
      connect: [here],
    })],
  );
  await child.waitForLine(/^ready/);
  return { one, child };
}

/** The report of the receiver on a node. */
function reportOf({ node }: Logged, of: string): Promise<Report> {
  return node.run<Report, Report>(async (self) => {
    self.send({ name: "receiver", node: of }, { report: self.pid });
    return await self.receive();
  });
}

function connectionOf({ node }: Logged): ConnectionInfo {
  const [info] = node.connections();
  if (info === undefined) throw new Error("expected a connection");
  return info;
}

/** As `Logs.complaints`, of the other process. */
function complaintsOf({ stdout }: SpawnedProcess): string[] {
  return stdout.filter((line) => /^log (warning|error) net /.test(line));
}

const given = process.env["HORNBEAM_SEED"];
const seed = given ? Number(given) : randomInt(2 ** 31);

describe("between two processes", () => {
  test("order is kept in both directions at once", async () => {
    console.log(`lanes over TCP: seed ${seed}; ${replayCommand(seed)}`);
    const { one, child } = await pair();
    const count = 120;
    const senders = 4;
    await one.node.run(async (self) => {
      for (let i = 0; i < senders; i++) {
        for (const [from, to] of [[here, there], [there, here]] as const) {
          const target = { name: "receiver", node: to };
          const args = [`${from} ${i}`, seed + i, count, target];
          await self.spawnOn(from, "sender", args);
        }
      }
    });
    for (const  of of[here, there]) {
      const report = await waitFor(async () => {
        const found = await reportOf(one, of);
        const ended = Object.values(found.accounts).filter((account) =>
          account.atExit !== null && account.atDown !== null
        );
        return found.faults.length > 0 || ended.length === senders
          ? found
          : null;
      }, { what: `the senders to ${of} to be through`, timeoutMs: 40_000 });
      expect(report.faults).toEqual([]);
      // All arrived before the exit and the down message, which hold the total.
      const all = { seen: count, atExit: count, atDown: count, total: count };
      expect(Object.values(report.accounts)).toEqual(Array(senders).fill(all));
    }
    await waitFor(() => connectionOf(one).waitingBytes === 0, {
      what: "nothing to wait",
    });
    expect(connectionOf(one)).toMatchObject({ waitingLarge: 0, isBusy: false });
    expect(one.logs.complaints).toEqual([]);
    expect(complaintsOf(child)).toEqual([]);
    await child.stop();
  });

  test.each([["one direction", false], ["both directions", true]])(
    "small messages get through beside 48 MiB in %s",
    async (_, isBoth) => {
      const { one, child } = await pair();
      const bytes = 48 * MIB;
      let arrived = 0;
      const ship = (from: string, to: string) =>
        one.node.run(async (self) => {
          await self.spawnOn(from, "shipper", [bytes, to], { monitor: true });
          const { reason } = await self.receive() as { reason: unknown };
          arrived++;
          return reason;
        });
      const blobs = [ship(here, there)];
      if (isBoth) blobs.push(ship(there, here));
      await waitFor(() => {
        const { waitingLarge, sentBytes } = connectionOf(one);
        return waitingLarge > 0 && sentBytes > MIB;
      }, { what: "the blob to be on its way" });
      let pongs = 0;
      await one.node.run<void, number>(async (self) => {
        const echo = { name: "echo", node: there };
        while (arrived === 0) {
          expect(self.send(echo, { from: self.pid as Pid, n: pongs }))
            .toBe(true);
          expect(await self.receive()).toBe(pongs);
          if (arrived === 0) pongs++;
        }
      });
      expect(await Promise.all(blobs)).toEqual(blobs.map(() => bytes));
      console.log(`lanes over TCP: ${pongs} round trips beside 48 MiB`);
      expect(pongs).toBeGreaterThan(0);
      expect(one.logs.complaints).toEqual([]);
      expect(complaintsOf(child)).toEqual([]);
      await child.stop();
    },
  );
});
