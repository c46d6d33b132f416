/** PubSub on one node. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Exit,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { stop } from "../../../std/proc_lib/mod.ts";
import {
  type Dispatcher,
  PubSub,
  type PubSubOptions,
} from "../../../std/pubsub/mod.ts";
import {
  coreOf,
  drain,
  holdingsOf,
  isDown,
  lone,
  obedient,
} from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

type Topics = { readonly [topic: string]: unknown };

/** Runs a body in an actor that has started a PubSub. */
async function withPubSub(
  options: Omit<PubSubOptions, "name">,
  body: (self: Self<unknown>, pubsub: PubSub<Topics>) => Promise<void>,
): Promise<void> {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    await body(self, await PubSub.startLink(self, { name: "ps", ...options }));
  });
}

/** Has another actor run a function, and waits until it has run. */
async function as(
  self: Self<unknown>,
  pid: Pid<unknown>,
  act: (other: Self<unknown>) => void,
): Promise<void> {
  const ref = self.alias({ once: true });
  self.send(pid, (other: Self<unknown>) => {
    act(other);
    other.send(ref, { ref });
  });
  await self.receive(ref);
}

/** The messages that another actor has got, except functions to run. */
async function got(
  self: Self<unknown>,
  pid: Pid<unknown>,
): Promise<unknown[]> {
  const ref = self.alias({ once: true });
  self.send(pid, async (other: Self<unknown>) => {
    other.send(ref, { ref, messages: await drain(other) });
  });
  return (await self.receive(ref) as { messages: unknown[] }).messages;
}

describe.each([1, 2, 5])("with a pool of %s", (poolSize) => {
  const pools = { poolSize };

  test("subscribes and unsubscribes, and counts duplicates", () =>
    withPubSub(pools, async (self, pubsub) => {
      pubsub.subscribe(self, "t");
      expect(pubsub.countSubscriptions("t")).toBe(1);
      pubsub.subscribe(self, "t");
      pubsub.subscribe(self, "other");
      pubsub.broadcast(self, "t", 1);
      expect(await drain(self)).toEqual([1, 1]);
      expect(pubsub.unsubscribe(self, "t")).toBe(2);
      expect(pubsub.unsubscribe(self, "t")).toBe(0);
      expect(pubsub.unsubscribe(self, "never")).toBe(0);
      pubsub.broadcast(self, "t", 2);
      pubsub.broadcast(self, "other", 3);
      expect(await drain(self)).toEqual([3]);
    }));

  test("broadcasts to each subscriber of the topic, and to no other actor", () =>
    withPubSub(pools, async (self, pubsub) => {
      const pids = [1, 2, 3].map(() => self.spawn(obedient));
      for (const pid of pids) {
        await as(self, pid, (me) => pubsub.subscribe(me, "t"));
      }
      const stranger = self.spawn(obedient);
      await as(self, stranger, (me) => pubsub.subscribe(me, "u"));
      expect(pubsub.broadcast(self, "t", "hello")).toBe(true);
      for (const pid of pids) expect(await got(self, pid)).toEqual(["hello"]);
      expect(await got(self, stranger)).toEqual([]);
      expect(await drain(self)).toEqual([]);
    }));

  test("leaves out the caller, or the actor in `from`", () =>
    withPubSub(pools, async (self, pubsub) => {
      const other = self.spawn(obedient);
      await as(self, other, (me) => pubsub.subscribe(me, "t"));
      pubsub.subscribe(self, "t");
      pubsub.subscribe(self, "t");
      pubsub.broadcastFrom(self, "t", 1);
      pubsub.localBroadcastFrom(self, "t", 2);
      pubsub.broadcastFrom(self, "t", 3, { from: other });
      expect(await got(self, other)).toEqual([1, 2]);
      expect(await drain(self)).toEqual([3, 3]);
    }));

  test("broadcasts locally and directly", () =>
    withPubSub(pools, async (self, pubsub) => {
      pubsub.subscribe(self, "t");
      pubsub.localBroadcast(self, "t", 1);
      expect(pubsub.nodeName).toBe(self.node);
      expect(pubsub.directBroadcast(self, pubsub.nodeName, "t", 2)).toBe(true);
      pubsub.directBroadcast(self, "absent@test", "t", 3);
      expect(await drain(self)).toEqual([1, 2]);
    }));
});

test("a dispatcher gets entries with metadata, and delivers in its own way", () => {
  const seen: unknown[] = [];
  const byRank: Dispatcher = (entries, from, message, self) => {
    seen.push(entries.map(({ metadata }) => metadata), from);
    for (const { pid, metadata } of entries) {
      if (pid !== from && metadata !== undefined) self.send(pid, message);
    }
  };
  return withPubSub({ dispatchers: { byRank } }, async (self, pubsub) => {
    pubsub.subscribe(self, "t", { rank: 1 });
    pubsub.subscribe(self, "t");
    pubsub.broadcast(self, "t", "x", { dispatcher: "byRank" });
    pubsub.localBroadcast(self, "t", "y", { dispatcher: "byRank" });
    expect(await drain(self)).toEqual(["x", "y"]);
    pubsub.broadcastFrom(self, "t", "z", { dispatcher: "byRank" });
    expect(await drain(self)).toEqual([]);
    const metas = [{ rank: 1 }, undefined];
    expect(seen).toEqual([metas, null, metas, null, metas, self.pid]);
    expect(() => pubsub.broadcast(self, "t", 1, { dispatcher: "no" }))
      .toThrow("expected one of the dispatchers of ps (byRank), got");
  });
});

test("a subscriber that ends is removed, and no other", () =>
  withPubSub({}, async (self, pubsub) => {
    const pids = Array.from({ length: 20 }, () => self.spawn(obedient));
    for (const pid of pids) {
      await as(self, pid, (me) => {
        pubsub.subscribe(me, "t");
        pubsub.subscribe(me, "t");
        pubsub.subscribe(me, `own ${me.pid}`);
      });
    }
    const dead = pids.filter((_, i) => i % 3 === 0);
    for (const pid of dead) self.sendExit(pid, reasons.kill);
    await waitFor(
      () => pubsub.countSubscriptions("t") === 2 * (20 - dead.length),
      { what: "ended actors to be removed" },
    );
    for (const pid of pids) {
      expect(pubsub.countSubscriptions(`own ${pid}`))
        .toBe(dead.includes(pid) ? 0 : 1);
    }
    pubsub.broadcast(self, "t", 1);
    for (const pid of pids.filter((pid) => !dead.includes(pid))) {
      expect(await got(self, pid)).toEqual([1, 1]);
    }
  }));

test("only subscribers are linked, and no link is left", async () => {
  const { node } = await lone();
  const core = await coreOf(node);
  await node.run(async (self: Self<unknown>) => {
    const before = holdingsOf(core);
    const pubsub = await PubSub.start<Topics>(self, { name: "ps" });
    const started = holdingsOf(core);
    pubsub.subscribe(self, "a");
    pubsub.subscribe(self, "b");
    expect(holdingsOf(core).links).toBe(started.links + 2);
    pubsub.unsubscribe(self, "a");
    expect(holdingsOf(core).links).toBe(started.links + 2);
    pubsub.unsubscribe(self, "b");
    expect(holdingsOf(core).links).toBe(started.links);
    await stop(self, pubsub.pid);
    expect(() => pubsub.broadcast(self, "a", 1)).toThrow(UsageError);
    // The scope of the groups keeps running.
    expect(holdingsOf(core).actors).toBe(before.actors + 1);
  });
});

test("an exit signal of a subscriber ends it, and its subscribers with it", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    self.trapExits = true;
    const pubsub = await PubSub.startLink<Topics>(self, { name: "ps" });
    const other = self.spawn(obedient);
    const ref = self.monitor(other);
    await as(self, other, (me) => pubsub.subscribe(me, "t"));
    pubsub.subscribe(self, "t");
    pubsub.unsubscribe(self, "t");
    const { pid } = pubsub;
    self.sendExit(pid, "enough");
    const down = await self.receive(isDown);
    expect(down).toMatchObject({ ref, reason: "enough" });
    // The link to the parent has outlived the parent's subscription.
    expect(await self.receive((m): m is Exit => m instanceof Exit))
      .toMatchObject({ from: pid, reason: "enough" });
  });
});

test("it ends when its parent ends, and not when another actor ends", async () => {
  const { node } = await lone();
  const subscriber = node.spawn(obedient);
  let linked: PubSub<Topics> | undefined;
  let loose: PubSub<Topics> | undefined;
  await node.run(async (self: Self<unknown>) => {
    const one = linked = await PubSub.startLink<Topics>(self, {
      name: "linked",
    });
    await as(self, subscriber, (me) => one.subscribe(me, "t"));
    loose = await PubSub.start(self, { name: "loose" });
    loose.subscribe(self, "t");
  });
  await waitFor(() => node.whereis("linked") === null, { what: "its end" });
  expect(() => linked?.pid).toThrow(UsageError);
  await waitFor(() => node.whereis("linked.Adapter") === null, {
    what: "the end of its listener",
  });
  expect(node.isAlive(subscriber)).toBe(false);
  await waitFor(() => loose?.countSubscriptions("t") === 0, {
    what: "the subscriber to be gone",
  });
  expect(node.whereis("loose")).toBe(loose?.pid);
});

test("a subscriber with a full mailbox is skipped", () =>
  withPubSub({}, async (self, pubsub) => {
    const pids = [1, 2, 3, 4].map((n) =>
      self.spawn(obedient, n % 2 === 0 ? { mailbox: { limit: 1 } } : {})
    );
    for (const pid of pids) {
      await as(self, pid, (me) => pubsub.subscribe(me, "t"));
    }
    for (const n of [1, 2, 3]) pubsub.broadcast(self, "t", n);
    const counts: number[] = [];
    for (const pid of pids) {
      // A function that was sent before makes room for the next one.
      counts.push(self.info(pid as Pid)?.mailboxLength ?? 0);
    }
    expect(counts).toEqual([3, 1, 3, 1]);
    await Promise.resolve();
  }));

test("refuses invalid options and calls", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const start = (options: unknown) =>
      PubSub.startLink(self, options as PubSubOptions);
    await expect((async () => await start({}))())
      .rejects.toThrow("expected a name for the PubSub, got undefined");
    for (const poolSize of [0, 1.5, -1, 2_000, "1"]) {
      await expect((async () => await start({ name: "x", poolSize }))())
        .rejects.toThrow("to be a whole number");
    }
    await expect(
      (async () =>
        await start({ name: "x", poolSize: 1, broadcastPoolSize: 2 }))(),
    ).rejects.toThrow("expected broadcastPoolSize to be at most poolSize");
    const pubsub = await PubSub.startLink<Topics>(self, { name: "x" });
    await expect((async () => await start({ name: "x" }))())
      .rejects.toThrow(UsageError);
    expect(() => pubsub.subscribe(self, atom("t") as never))
      .toThrow("expected a topic, got");
    const other = await lone();
    await other.node.run((stranger: Self<unknown>) => {
      expect(() => pubsub.subscribe({ ...stranger, node: "b@x" } as never, "t"))
        .toThrow("expected a live actor of");
    });
  });
});

test("a custom adapter carries broadcasts", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const sent: unknown[] = [];
    const pubsub = await PubSub.startLink<Topics>(self, {
      name: "ps",
      adapter: {
        start: (_root, host) => void sent.push(host.name, host.poolSize),
        broadcast: (_self, ...what) => sent.push(what) > 0,
        directBroadcast: (_self, ...what) => sent.push(what) < 0,
      },
    });
    pubsub.subscribe(self, "t");
    expect(pubsub.broadcast(self, "t", 1)).toBe(true);
    expect(pubsub.directBroadcast(self, "b@x", "t", 2)).toBe(false);
    pubsub.localBroadcast(self, "t", 3);
    expect(sent).toEqual(["ps", 1, ["t", 1, null], ["b@x", "t", 2, null]]);
    expect(await drain(self)).toEqual([1, 3]);
  });
});
