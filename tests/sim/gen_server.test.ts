/**
 * Races of servers under random schedules: replies against exits, time-outs
 * against late replies, starts under one name. What each caller may see is
 * judged against what the server has done.
 */
import { describe, expect, test } from "vitest";
import {
  CallError,
  global,
  type Pid,
  reasons,
  type ReplyTo,
  type RunningNode,
  Tuple,
} from "../../runtime/mod.ts";
import { genServer, noReply, stop } from "../../std/gen_server/mod.ts";
import type { StartError } from "../../std/proc_lib/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

/** The actions of a server, by the number of the call that asked for them. */
const done = new Set<number>();

/** Answers at once, after a wait, later from another actor, or never. */
const Ledger = genServer({
  init: () => [] as { readonly from: ReplyTo; readonly n: number }[],
  calls: {
    now: (_server, n: number) => {
      done.add(n);
      return n;
    },
    slow: async (server, n: number) => {
      await server.self.receive("nothing", { timeoutMs: n % 7 });
      done.add(n);
      return n;
    },
    later: (server, n: number): typeof noReply | number => {
      server.state.push({ from: server.from, n });
      return noReply;
    },
    last: (server, n: number) => {
      done.add(n);
      server.stop(reasons.shutdown);
      return n;
    },
  },
  casts: {
    release: (server) => {
      for (const { from, n } of server.state) {
        done.add(n);
        server.reply(from, n);
      }
      server.state = [];
    },
  },
});

type Outcome = { readonly n: number; readonly got: unknown };

/** Every kind of call with every kind of limit, from one actor. */
function caller(
  node: RunningNode,
  server: Pid<never>,
  first: number,
): Promise<{ outcomes: readonly Outcome[]; left: number }> {
  return node.run(async (self) => {
    const outcomes: Outcome[] = [];
    const ways = ["now", "slow", "later", "now", "slow", "later"] as const;
    for (const [i, way] of ways.entries()) {
      const n = first + i;
      const client = Ledger.at(self, server, { timeoutMs: (n * 5) % 12 });
      const got = await client[way](n).catch((error: unknown) => error);
      outcomes.push({ n, got });
      if (i === 3) client.release();
    }
    // Late replies are dropped, and are not in the mailbox.
    await self.receive("nothing", { timeoutMs: 100 });
    return { outcomes, left: self.info()?.mailboxLength ?? -1 };
  });
}

async function race(sim: Simulation): Promise<void> {
  done.clear();
  const a = await sim.start("a@sim");
  const b = await sim.start("b@sim");
  await a.connect(b.name);
  const { pid } = await a.run((self) => Ledger.start(self));
  const runs = [a, b, a, b].map((node, i) => caller(node, pid, i * 100));
  const end = b.run(async (self) => {
    await self.receive("nothing", { timeoutMs: 20 });
    return await Ledger.at(self, pid).last(999).catch((e: unknown) => e);
  });
  for (const { outcomes, left } of await Promise.all(runs)) {
    expect(left).toBe(0);
    for (const { n, got } of outcomes) {
      if (typeof got === "number") {
        expect(got).toBe(n);
        expect(done).toContain(n);
        continue;
      }
      expect(got).toBeInstanceOf(CallError);
      expect(["timeout", reasons.shutdown, reasons.noproc])
        .toContain((got as CallError).reason);
    }
  }
  // Only the last call ends it, so its reply came first.
  expect(await end).toBe(999);
}

describe("servers under random schedules", () => {
  test("give each call one outcome, and late replies to no caller", async () => {
    await simulateSeeds({ count: 60 }, race);
  });

  test("tell a lost node from a lost server", async () => {
    await simulateSeeds({ count: 30 }, async (sim) => {
      const a = await sim.start("a@sim");
      const b = await sim.start("b@sim");
      await a.connect(b.name);
      await b.run((self) => Ledger.start(self, undefined, { name: "ledger" }));
      const there = { name: "ledger", node: b.name };
      let isAsking = false;
      const lost = a.run(async (self) => {
        const client = Ledger.at(self, there, { timeoutMs: Infinity });
        const open = client.later(1).catch((error: CallError) => error);
        const missing = Ledger.at(self, { name: "nobody", node: b.name })
          .now(1).catch((error: CallError) => error);
        isAsking = true;
        return [await missing, await open] as readonly CallError[];
      });
      await sim.until(() => isAsking, { what: "the calls" });
      // The network decides whether the answer about the missing name is first.
      sim.crash(b.name);
      const [missing, open] = await lost;
      expect([reasons.noproc, reasons.noconnection])
        .toContain(missing?.reason);
      expect(open?.reason).toBe(reasons.noconnection);
    });
  });

  test("of two starts under one global name, one has it", async () => {
    await simulateSeeds({ count: 30 }, async (sim) => {
      const nodes = [await sim.start("a@sim"), await sim.start("b@sim")];
      await nodes[0]?.connect("b@sim");
      for (const node of nodes) await node.run((self) => global.sync(self));
      const name = { via: global, name: "ledger" };
      const starts = await Promise.allSettled(
        nodes.map((node) =>
          node.run((self) => Ledger.start(self, undefined, { name }))
        ),
      );
      const pids = starts.flatMap((s) =>
        s.status === "fulfilled" ? [s.value.pid as Pid] : []
      );
      const errors = starts.flatMap((s) =>
        s.status === "rejected" ? [s.reason as StartError] : []
      );
      expect([pids.length, errors.length]).toEqual([1, 1]);
      const reason = errors[0]?.reason as Tuple;
      expect(reason).toBeInstanceOf(Tuple);
      const [, holder] = reason.items as readonly [unknown, Pid];
      expect([holder.node, holder.id]).toEqual([pids[0]?.node, pids[0]?.id]);
    });
  });

  test("are stopped once, also by several callers at the same time", async () => {
    await simulateSeeds({ count: 30 }, async (sim) => {
      const a = await sim.start("a@sim");
      const { pid } = await a.run((self) => Ledger.start(self));
      const outcomes = await Promise.all(
        [1, 2, 3].map(() =>
          a.run((self) =>
            stop(self, pid, reasons.shutdown).then(
              () => "stopped",
              (error: { reason: unknown }) => error.reason,
            )
          )
        ),
      );
      expect(outcomes).toContain("stopped");
      for (const outcome of outcomes) {
        expect(["stopped", reasons.noproc]).toContain(outcome);
      }
    });
  });
});
