/** PubSub at its limits: full connections, ended broadcasters, types. */
import { expect, test } from "vitest";
import {
  BusyError,
  pg,
  type RunningNode,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { BroadcastError, PubSub } from "../../../std/pubsub/mod.ts";
import { stop } from "../../../std/proc_lib/mod.ts";
import { drain, lone, park } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";

type Topics = { readonly [topic: string]: string };

const scope = pg.scope("Elixir.Phoenix.PubSub");

/** The listening actors that a node knows, of all nodes, in a fixed order. */
function listeners(node: RunningNode): string[] {
  return scope.whichGroups(node)
    .flatMap((group) => scope.members(node, group).map(String))
    .toSorted();
}

/** The number of listening actors that a node knows. */
function known(node: RunningNode): number {
  return listeners(node).length;
}

test(
  "an error names a node with a full connection, and the others are served",
  () =>
    simulateSeeds({ count: 3 }, async (sim) => {
      const limits = { highMarkBytes: 20_000, downAfterMs: 60_000 };
      const options = { global: false, limits } as const;
      const nodes: RunningNode[] = [];
      for (const name of ["a@sim", "b@sim", "c@sim"]) {
        nodes.push(await sim.start(name, options));
      }
      const [a, b, c] = nodes as [RunningNode, RunningNode, RunningNode];
      await a.connect(b.name);
      await a.connect(c.name);
      await b.connect(c.name);
      const start = (node: RunningNode) =>
        node.run((self) => PubSub.start<Topics>(self, { name: "ps" }));
      const here = await start(a);
      const there = await start(c);
      await start(b);
      await sim.until(() => nodes.every((node) => known(node) === 3), {
        what: "listeners",
      });
      const got: string[] = [];
      c.spawn(async (self: Self<string>) => {
        there.subscribe(self, "t");
        for await (const text of self) got.push(text);
      });
      await sim.until(() => there.countSubscriptions("t") === 1, {
        what: "the subscription",
      });
      sim.stall(a.name, b.name);
      const sent: string[] = [];
      await a.run(async (self: Self<string>) => {
        here.subscribe(self, "t");
        let error: unknown;
        let hasRoom = true;
        for (let i = 0; error === undefined && i < 1_000; i++) {
          const text = `${i} ${"x".repeat(20_000)}`;
          sent.push(text);
          try {
            hasRoom = here.broadcast(self, "t", text);
          } catch (caught) {
            error = caught;
          }
        }
        expect(hasRoom).toBe(false);
        expect(error).toBeInstanceOf(BroadcastError);
        // In one long turn the other connection fills up too, but is not stalled.
        expect((error as BroadcastError).nodes).toContain(b.name);
        expect((error as BroadcastError).cause).toBeInstanceOf(BusyError);
        for (const text of sent) expect(await self.receive(), text).toBe(text);
      });
      sim.heal();
      await sim.until(() => got.length >= sent.length - 1, {
        what: "the other node to be served",
      });
    }),
);

test("pools grow in two steps, node by node, and nothing is lost", async () => {
  const { a, b } = await two();
  type Side = { pubsub: PubSub<Topics>; got: string[]; size: number };
  /** Ends the PubSub of a node, and starts it with other pools. */
  const restart = async (
    node: RunningNode,
    pools: { readonly poolSize: number; readonly broadcastPoolSize: number },
    old?: Side,
  ): Promise<Side> => {
    const got: string[] = [];
    const pubsub = await node.run(async (self) => {
      if (old !== undefined) await stop(self, old.pubsub.pid);
      return await PubSub.start<Topics>(self, { name: "ps", ...pools });
    });
    node.spawn(async (self: Self<string>) => {
      pubsub.subscribe(self, "t");
      for await (const text of self) got.push(text);
    });
    await waitFor(() => pubsub.countSubscriptions("t") === 1, {
      what: "the subscription",
    });
    return { pubsub, got, size: pools.poolSize };
  };
  const old = { poolSize: 1, broadcastPoolSize: 1 };
  const listens = { poolSize: 3, broadcastPoolSize: 1 };
  const full = { poolSize: 3, broadcastPoolSize: 3 };
  let [here, there] = [await restart(a, old), await restart(b, old)];
  const check = async (): Promise<void> => {
    const count = here.size + there.size;
    // Each node knows its own listeners. The number alone would also be right
    // while one of them still knows the ended listeners of the other.
    await waitFor(() => {
      const [ofA, ofB] = [listeners(a), listeners(b)];
      return ofA.length === count && ofA.join() === ofB.join();
    }, { what: "the listeners" });
    const before = [here.got.length, there.got.length];
    for (let i = 0; i < 6; i++) {
      // Each actor may select another listener.
      a.spawn((self) => void here.pubsub.broadcast(self, "t", `a${i}`));
      b.spawn((self) => void there.pubsub.broadcast(self, "t", `b${i}`));
    }
    const all = ["a", "b"].flatMap((who) =>
      [0, 1, 2, 3, 4, 5].map((i) => who + i)
    );
    for (const [i, { got }] of [here, there].entries()) {
      const news = () => got.slice(before[i]).toSorted();
      await waitFor(() => news().length >= 12, { what: "all messages" });
      expect(news()).toEqual(all);
    }
  };
  await check();
  for (const pools of [listens, full]) {
    there = await restart(b, pools, there);
    await check();
    here = await restart(a, pools, here);
    await check();
  }
});

test("a running node can broadcast, an ended actor cannot", async () => {
  const { node } = await lone();
  const pubsub = await node.run((self) =>
    PubSub.start<Topics>(self, { name: "ps" })
  );
  let ended: Self<string> | undefined;
  await node.run(async (self: Self<string>) => {
    pubsub.subscribe(self, "t");
    pubsub.broadcast(node, "t", "from outside");
    pubsub.broadcastFrom(node, "t", "from outside as well");
    expect(await drain(self)).toEqual(["from outside", "from outside as well"]);
    ended = self;
  });
  expect(() => pubsub.subscribe(ended as Self<string>, "t"))
    .toThrow("expected a live actor of");
  expect(() => pubsub.broadcast(ended as Self<string>, "t", "late"))
    .toThrow(UsageError);
});

test("topics have types", async () => {
  type Rooms = {
    readonly news: { readonly title: string };
    readonly [room: `room:${string}`]: number;
  };
  const { node } = await lone();
  await node.run(async (self: Self<number>) => {
    const pubsub = await PubSub.startLink<Rooms>(self, { name: "ps" });
    pubsub.subscribe(self, "room:1");
    // @ts-expect-error: this actor takes no news.
    pubsub.subscribe(self, "news");
    // @ts-expect-error: there is no such topic.
    pubsub.broadcast(self, "weather", 1);
    // @ts-expect-error: the messages of rooms are numbers.
    pubsub.localBroadcast(self, "room:2", "one");
    pubsub.broadcast(self, "room:1", 7);
    expect(await drain(self)).toEqual([7]);
    self.spawn((other: Self<{ title: string } | number>) => {
      pubsub.subscribe(other, "news");
      pubsub.subscribe(other, "room:1");
      return park(other as Self);
    });
  });
});
