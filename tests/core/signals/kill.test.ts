/**
 * `kill` by an exit signal becomes `killed` and cannot be trapped; as a reason
 * of one's own it is a word like any other.
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  type Pid,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import { drain, isDown, lone, obedient } from "../../helpers/actors.ts";
import {
  contents,
  holdings,
  inside,
  next,
  type Puppet,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";

const { kill, killed, normal } = reasons;

/** Actors on these nodes in turn, each linked to the one before. */
async function chainOf(
  nodes: readonly Puppet["node"][],
  length: number,
): Promise<Puppet[]> {
  const chain = Array.from(
    { length },
    (_, i) => puppet(nodes[i % nodes.length]!),
  );
  for (const [i, one] of chain.entries()) {
    const before = chain[i - 1];
    if (before !== undefined) {
      await inside(one, (self) => self.link(before.pid));
    }
  }
  return chain;
}

/** What the Downs of a chain say when something is done to its first. */
async function reasonsOf(
  watch: Puppet,
  chain: readonly Puppet[],
  act: (first: Puppet) => Promise<unknown>,
  settle: () => Promise<void>,
): Promise<unknown[]> {
  await settle();
  for (const { pid } of chain) await inside(watch, (self) => self.monitor(pid));
  await settle();
  await act(chain[0]!).catch(() => {});
  const seen: unknown[] = [];
  for (const _ of chain) seen.push((await next(watch, isDown)).reason);
  return seen;
}

describe("a chain of links", () => {
  for (const where of ["on one node", "across two nodes"]) {
    for (const length of [1, 2, 9, 10]) {
      test(`of ${length} ${where} tells kill from killed`, async () => {
        const { a, b } = await two();
        const nodes = where === "on one node" ? [a] : [a, b];
        const watch = puppet(a);
        const settle = async () => {
          await roundTrip(a, b);
          await roundTrip(b, a);
        };
        const ways: [(first: Puppet) => Promise<unknown>, unknown][] = [
          [
            (first) => inside(watch, (s) => s.sendExit(first.pid, kill)),
            killed,
          ],
          [(first) => inside(first, (s) => s.exit(kill)), kill],
          [(first) => inside(first, (s) => s.sendExit(s.pid, kill)), killed],
          [(first) => inside(first, (s) => s.exit("x")), "x"],
        ];
        for (const [act, reason] of ways) {
          const chain = await chainOf(nodes, length);
          expect(await reasonsOf(watch, chain, act, settle))
            .toEqual(new Array(length).fill(reason));
        }
        expect(await contents(watch)).toEqual([]);
        await settle();
        expect(await holdings(a, b))
          .toEqual({ links: 0, monitors: 0, watchers: 0 });
      });
    }
  }
});

test("kill over a link between nodes can be trapped and keeps its name", async () => {
  const { a, b } = await two();
  const here = puppet(a, { trapExits: true });
  const there = puppet(b);
  await inside(here, (self) => self.link(there.pid));
  await roundTrip(a, b);
  void inside(there, (self) => self.exit(kill)).catch(() => {});
  await roundTrip(a, b);
  expect(await contents(here)).toEqual([new Exit(there.pid, kill)]);
});

describe("A monitors B", () => {
  /** Two actors, a watcher of A, and ways to act as A or B. */
  async function setUp(traps: boolean) {
    const { node } = await lone();
    const [a, b] = [
      puppet(node, { trapExits: traps }),
      puppet(node, { trapExits: traps }),
    ];
    await inside(a, (self) => self.monitor(b.pid));
    return { node, a, b };
  }

  for (const linked of [false, true]) {
    for (const traps of [false, true]) {
      const how = `${linked ? "" : "not "}linked, ${
        traps ? "" : "not "
      }trapping`;
      test(`and B kills A and ends: ${how}`, async () => {
        const { node, a, b } = await setUp(traps);
        if (linked) await inside(a, (self) => self.link(b.pid));
        await node.run(async (self: Self<unknown>) => {
          const refs = [self.monitor(a.pid), self.monitor(b.pid)];
          void inside(b, (me) => {
            me.sendExit(a.pid, kill);
            me.exit(normal);
          }).catch(() => {});
          const downs = [await self.receive(), await self.receive()] as Down[];
          expect(downs.map(({ ref }) => ref)).toEqual(refs);
          // If B is linked to A and does not trap, it goes down with it.
          const end = linked && !traps ? killed : normal;
          expect(downs.map(({ reason }) => reason)).toEqual([killed, end]);
          expect(await drain(self)).toEqual([]);
        });
        expect(node.stats().crashes).toBe(0);
        expect(await holdings(node))
          .toEqual({ links: 0, monitors: 0, watchers: 0 });
      });
    }
  }

  test("and B is refused its end, so that A is told all the same", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const b = self.spawn(obedient) as Pid<unknown>;
      const ref = self.monitor(b);
      self.send(b, (me: Self) => {
        for (const flush of [true, false]) {
          expect(() => me.demonitor(ref, { flush }))
            .toThrow("only the actor that set a monitor can end it");
        }
        me.exit(normal);
      });
      expect(await self.receive()).toEqual(new Down(ref, b, normal));
    });
    expect(node.stats().crashes).toBe(0);
  });
});
