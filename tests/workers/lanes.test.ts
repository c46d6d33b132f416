/**
 * Large and small messages between nodes of one process, in all directions at
 * once. As over sockets (`tests/net/lanes/tcp.test.ts`), order between any two
 * actors is kept, and frames are not mixed.
 */
import { expect, test } from "vitest";
import type { Pid } from "../../runtime/mod.ts";
import { waitFor } from "../helpers/wait.ts";
import {
  depot,
  receiver,
  type Report,
  sender,
  shipper,
} from "../net/lanes/players.ts";
import { type Parent, parent, startWorker } from "./world.ts";

const module: URL = new URL("./programs/lanes.ts", import.meta.url);
const MIB = 1024 * 1024;
/** No node becomes suspect, however slow this machine is. */
const limits = { suspectAfterMs: 60_000, downAfterMs: 120_000 };

/** A node with two workers, and all pairs of a sending and a receiving node. */
async function three() {
  const one = await parent({ limits, exports: { sender, shipper } });
  one.node.spawn(receiver, { name: "receiver" });
  one.node.spawn(depot, { name: "depot" });
  const workers = await Promise.all([
    startWorker(one, { module }),
    startWorker(one, { module }),
  ]);
  const names = [one.node.name, ...workers.map(({ name }) => name)];
  const ways = names.flatMap((from) =>
    names.filter((to) => to !== from).map((to) => [from, to] as const)
  );
  return { one, names, ways, echo: { name: "echo", node: names[1]! } };
}

const complaintsOf = ({ records }: Parent): string[] =>
  records.filter(({ level, category }) =>
    category === "net" && (level === "warning" || level === "error")
  ).map(({ message }) => message);

test("order is kept in all directions at once", async () => {
  const { one, names, ways } = await three();
  const count = 60;
  await one.node.run(async (self) => {
    for (const [i, [from, to]] of ways.entries()) {
      const target = { name: "receiver", node: to };
      await self.spawnOn(from, "sender", [`${from} ${i}`, i, count, target]);
    }
  });
  for (const node of names) {
    const report = await waitFor(async () => {
      const found = await one.node.run<Report, Report>(async (self) => {
        self.send({ name: "receiver", node }, { report: self.pid });
        return await self.receive();
      });
      const ended = Object.values(found.accounts).filter((account) =>
        account.atExit !== null && account.atDown !== null
      );
      return found.faults.length > 0 || ended.length === 2 ? found : null;
    }, { what: `the senders to ${node} to be through`, timeoutMs: 30_000 });
    expect(report.faults).toEqual([]);
    const all = { seen: count, atExit: count, atDown: count, total: count };
    expect(Object.values(report.accounts)).toEqual([all, all]);
  }
  expect(complaintsOf(one)).toEqual([]);
});

test("large messages in all directions arrive beside small ones", async () => {
  const { one, ways, echo } = await three();
  const bytes = 32 * MIB;
  let arrived = 0;
  const blobs = ways.map(([from, to]) =>
    one.node.run(async (self) => {
      await self.spawnOn(from, "shipper", [bytes, to], { monitor: true });
      const { reason } = await self.receive() as { reason: unknown };
      arrived++;
      return reason;
    })
  );
  let pongs = 0;
  await one.node.run<void, number>(async (self) => {
    while (arrived < ways.length) {
      self.send(echo, { from: self.pid as Pid, n: pongs });
      expect(await self.receive({ timeoutMs: 20_000 })).toBe(pongs++);
    }
  });
  expect(await Promise.all(blobs)).toEqual(blobs.map(() => bytes));
  expect(complaintsOf(one)).toEqual([]);
});
