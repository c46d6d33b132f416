/** PubSub over several nodes. */
import { describe, expect, test } from "vitest";
import {
  EncodeError,
  GroupJoin,
  GroupLeave,
  pg,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
} from "../../../runtime/mod.ts";
import { type Dispatcher, PubSub } from "../../../std/pubsub/mod.ts";
import type { PubSubOptions } from "../../../std/pubsub/mod.ts";
import { drain, lone, obedient } from "../../helpers/actors.ts";
import {
  contents,
  inside,
  next,
  type Puppet,
  puppet,
  two,
} from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";

type Topics = { readonly [topic: string]: unknown };
type Place = { readonly one: Puppet; readonly pubsub: PubSub<Topics> };

const scope = pg.scope("Elixir.Phoenix.PubSub");

/** A PubSub on a node, and an actor that is subscribed to `t`. */
async function place(
  node: RunningNode,
  options: Partial<PubSubOptions> = {},
): Promise<Place> {
  const one = puppet(node);
  const pubsub = await inside(one, async (self) => {
    const made = await PubSub.start<Topics>(self, { name: "ps", ...options });
    made.subscribe(self, "t");
    return made;
  });
  return { one, pubsub };
}

/** The number of listening actors of all nodes that a node knows. */
function known(node: RunningNode): number {
  return scope.whichGroups(node)
    .reduce<number>((sum, group) => sum + scope.members(node, group).length, 0);
}

async function met(count: number, ...nodes: RunningNode[]): Promise<void> {
  await waitFor(() => nodes.every((node) => known(node) === count), {
    what: "the nodes to know each other's listeners",
  });
}

/** Resolves when the `count` messages that were sent before have come. */
async function received(
  { one }: Place,
  count: number,
): Promise<unknown[]> {
  await waitFor(
    () => (one.node.info(one.pid as Pid)?.mailboxLength ?? 0) >= count,
    { what: "the messages" },
  );
  return await contents(one);
}

describe("two nodes", () => {
  test("broadcast reaches all nodes, local the own one, direct the other one", async () => {
    const { a, b } = await two();
    const [here, there] = [await place(a), await place(b)];
    await met(2, a, b);
    await inside(here.one, (self) => {
      const { pubsub } = here;
      pubsub.localBroadcast(self, "t", "local");
      pubsub.broadcast(self, "t", "all");
      pubsub.broadcastFrom(self, "t", "others");
      pubsub.directBroadcast(self, b.name, "t", "direct");
      pubsub.directBroadcast(self, "c@test", "t", "nowhere");
    });
    expect(await received(there, 3)).toEqual(["all", "others", "direct"]);
    expect(await contents(here.one)).toEqual(["local", "all"]);
  });

  test("a broadcast is one message to a node with many subscribers", async () => {
    const { a, b } = await two();
    const [here, there] = [await place(a), await place(b)];
    const others: Puppet[] = [];
    for (let i = 0; i < 50; i++) {
      const one = puppet(b);
      await inside(one, (self) => there.pubsub.subscribe(self, "t"));
      others.push(one);
    }
    await met(2, a, b);
    const sent = () => a.connections()[0]?.sentBytes ?? 0;
    const before = sent();
    const text = "x".repeat(10_000);
    await inside(here.one, (self) => here.pubsub.broadcast(self, "t", text));
    expect(await received(there, 1)).toEqual([text]);
    for (const one of others) expect(await contents(one)).toEqual([text]);
    expect(sent() - before).toBeGreaterThan(10_000);
    expect(sent() - before).toBeLessThan(11_000);
  });

  test("a message that cannot be encoded reaches no subscriber", async () => {
    const { a, b } = await two();
    const here = await place(a);
    await place(b);
    await met(2, a, b);
    await inside(here.one, (self) => {
      expect(() => here.pubsub.broadcast(self, "t", () => {}))
        .toThrow(EncodeError);
      here.pubsub.localBroadcast(self, "t", "fine");
    });
    expect(await contents(here.one)).toEqual(["fine"]);
  });

  test("a dispatcher of that name acts on each node", async () => {
    const { a, b, cluster } = await two();
    const marked: Dispatcher = (entries, _from, message, self) => {
      if (message === "fail") throw new Error("no");
      for (const { pid } of entries) self.send(pid, ["marked", message]);
    };
    const dispatchers = { marked };
    const here = await place(a, {
      dispatchers: { ...dispatchers, only: marked },
    });
    const there = await place(b, { dispatchers });
    await met(2, a, b);
    await inside(here.one, (self) => {
      here.pubsub.broadcast(self, "t", 1, { dispatcher: "marked" });
      here.pubsub.directBroadcast(self, b.name, "t", 2, { dispatcher: "only" });
      here.pubsub.directBroadcast(self, b.name, "t", "fail", {
        dispatcher: "marked",
      });
      here.pubsub.directBroadcast(self, b.name, "t", 3);
    });
    expect(await received(there, 2)).toEqual([["marked", 1], 3]);
    expect(await contents(here.one)).toEqual([["marked", 1]]);
    const messages = cluster.records.map(({ message }) => message);
    expect(messages).toContain("ps has no dispatcher only");
    expect(messages).toContain("a dispatcher of ps has thrown");
  });

  test("pools of different sizes reach each other by the smaller one", async () => {
    const { a, b } = await two();
    const small = await place(a);
    const large = await place(b, { poolSize: 4, broadcastPoolSize: 1 });
    await met(5, a, b);
    // Whichever actor sends: each one may select another listener.
    for (let i = 0; i < 6; i++) {
      const [one, other] = [puppet(a), puppet(b)];
      await inside(one, (self) => small.pubsub.broadcast(self, "t", i));
      await inside(other, (self) => large.pubsub.broadcast(self, "t", i));
    }
    const all = [0, 1, 2, 3, 4, 5];
    expect((await received(large, 12)).toSorted())
      .toEqual([...all, ...all].toSorted());
    expect((await received(small, 12)).toSorted())
      .toEqual([...all, ...all].toSorted());
  });

  test("a scope that has crashed is joined again", async () => {
    const { a, b } = await two();
    const [here, there] = [await place(a), await place(b)];
    await met(2, a, b);
    const watcher = puppet(b);
    await inside(watcher, (self) => void scope.monitorScope(self));
    await inside(here.one, (self) => {
      const pid = self.whereis("Elixir.Phoenix.PubSub") as Pid;
      self.sendExit(pid, reasons.kill);
    });
    // Until it has seen the crash, the other node knows the number as well.
    await next(
      watcher,
      (event): event is GroupLeave => event instanceof GroupLeave,
    );
    await next(
      watcher,
      (event): event is GroupJoin => event instanceof GroupJoin,
    );
    await met(2, a, b);
    await inside(here.one, (self) => here.pubsub.broadcast(self, "t", 1));
    await inside(there.one, (self) => there.pubsub.broadcast(self, "t", 2));
    expect((await received(here, 2)).toSorted()).toEqual([1, 2]);
    expect((await received(there, 2)).toSorted()).toEqual([1, 2]);
  });
});

test("a listener logs and ignores unknown messages", async () => {
  const { node, records } = await lone();
  const { one, pubsub } = await place(node);
  await inside(one, (self) => void self.send("ps.Adapter", "garbage"));
  await waitFor(() => records.length > 0, { what: "the warning" });
  expect(records[0]?.message).toBe('PubSub takes no such message: "garbage"');
  expect(pubsub.countSubscriptions("t")).toBe(1);
});

/** A subscriber in a simulation that keeps what it gets. */
function collector(
  node: RunningNode,
  pubsub: PubSub<Topics>,
  topics: readonly string[],
): unknown[] {
  const got: unknown[] = [];
  node.spawn(async (self: Self<unknown>) => {
    for (const topic of topics) pubsub.subscribe(self, topic);
    for await (const message of self) got.push(message);
  });
  return got;
}

/** Sends numbers to topics in turn, now and then with a pause. */
function publisher(
  node: RunningNode,
  pubsub: PubSub<Topics>,
  { who, count, pause }: {
    readonly who: number;
    readonly count: number;
    readonly pause: () => number;
  },
): { isDone: boolean } {
  const state = { isDone: false };
  node.spawn(async (self: Self<unknown>) => {
    for (let i = 0; i < count; i++) {
      pubsub.broadcast(self, `t${i % 3}`, [who, i]);
      await self.receive({ timeoutMs: pause() });
    }
    state.isDone = true;
  });
  return state;
}

const topics = ["t0", "t1", "t2"];
const lonely = { global: false } as const;

/** The numbers of one publisher, in the order in which they came. */
function from(who: number, got: readonly unknown[]): number[] {
  return (got as [number, number][])
    .filter((pair) => pair[0] === who)
    .map((pair) => pair[1]);
}

describe("in random schedules", () => {
  test(
    "each publisher's order is kept over topics and listeners",
    () =>
      simulateSeeds({ count: 60 }, async (sim) => {
        const nodes = [
          await sim.start("a@sim", lonely),
          await sim.start("b@sim", lonely),
        ];
        const [a, b] = nodes as [RunningNode, RunningNode];
        await a.connect("b@sim");
        const options = { name: "ps", poolSize: 1 + sim.below(3) };
        const [here, there] = [
          await a.run((self) => PubSub.start<Topics>(self, options)),
          await b.run((self) => PubSub.start<Topics>(self, options)),
        ];
        const count = 2 * options.poolSize;
        await sim.until(() => known(a) === count && known(b) === count, {
          what: "listeners",
        });
        const got = [
          collector(a, here, topics),
          collector(b, there, topics),
        ];
        await sim.until(
          () =>
            [here, there].every((one) => one.countSubscriptions("t2") === 1),
          {
            what: "subscriptions",
          },
        );
        const plans = [0, 1, 2, 3].map((who) =>
          publisher(who % 2 === 0 ? a : b, who % 2 === 0 ? here : there, {
            who,
            count: 12,
            pause: () => sim.below(4),
          })
        );
        const whole = Array.from({ length: 12 }, (_, i) => i);
        await sim.until(
          () =>
            plans.every(({ isDone }) => isDone) &&
            got.every((list) => list.length === 48),
          { what: "all messages" },
        );
        for (const list of got) {
          for (const who of [0, 1, 2, 3]) {
            expect(from(who, list)).toEqual(whole);
          }
        }
      }),
    20_000,
  );

  test(
    "a node that joins or is cut off misses messages, but gets none twice",
    async () => {
      const lengths = new Set<number>();
      await simulateSeeds({ count: 60 }, async (sim) => {
        const a = await sim.start("a@sim", lonely);
        const here = await a.run((self) =>
          PubSub.start<Topics>(self, { name: "ps" })
        );
        const own = collector(a, here, topics);
        await sim.until(() => here.countSubscriptions("t2") === 1, {
          what: "the subscription",
        });
        const plan = publisher(a, here, {
          who: 0,
          count: 40,
          pause: () => sim.below(6),
        });
        const b = await sim.start("b@sim", lonely);
        const there = await b.run((self) =>
          PubSub.start<Topics>(self, { name: "ps" })
        );
        const got = collector(b, there, topics);
        await b.connect("a@sim");
        const parts = sim.below(2) === 0;
        if (parts) {
          await sim.until(() => got.length > sim.below(20) || plan.isDone, {
            what: "some messages",
          });
          sim.cut("a@sim", "b@sim");
          await b.connect("a@sim");
        }
        await sim.until(() => plan.isDone && sim.isQuiet, { what: "the end" });
        expect(from(0, own)).toEqual(Array.from({ length: 40 }, (_, i) => i));
        const numbers = from(0, got);
        lengths.add(numbers.length);
        for (const [i, n] of numbers.entries()) {
          const before = numbers[i - 1];
          if (before === undefined) continue;
          // Without a partition, the node gets a tail of the series without gaps.
          if (parts) expect(n).toBeGreaterThan(before);
          else expect(n).toBe(before + 1);
        }
        if (!parts && numbers.length > 0) expect(numbers.at(-1)).toBe(39);
      });
      expect(lengths.size).toBeGreaterThan(3);
    },
  );
});

test("actors of another node cannot subscribe", async () => {
  const { a, b } = await two();
  const { pubsub } = await place(a);
  const stranger: Puppet = { node: b, pid: b.spawn(obedient) };
  await inside(stranger, async (self) => {
    expect(() => pubsub.subscribe(self, "t"))
      .toThrow("expected a live actor of a@test to subscribe");
    expect(await drain(self)).toEqual([]);
  });
});
