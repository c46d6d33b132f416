/**
 * The one guarantee of order: signals from one actor to another arrive in the
 * order in which they were sent, for all kinds of signals.
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  type NamedTarget,
  type Pid,
  reasons,
  type Ref,
  type RunningNode,
  type Self,
} from "../../../runtime/mod.ts";
import { drain, lone, park } from "../../helpers/actors.ts";
import {
  contents,
  inside,
  type Puppet,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";

const { normal, noproc } = reasons;
const REPEATS = 1_000;

/** Starts an actor that notes what it takes, without end. */
function looper(node: RunningNode, seen: unknown[], trapExits = false) {
  return node.spawn(async (me: Self) => {
    for (;;) seen.push(await me.receive());
  }, { trapExits });
}

/** Messages, an exit signal, messages; returns what the Down says. */
async function shoot(self: Self<unknown>, pid: Pid<unknown>): Promise<unknown> {
  const ref = self.monitor(pid);
  for (const n of [1, 2, 3]) self.send(pid, n);
  self.sendExit(pid, "bye");
  for (const n of [4, 5, 6]) self.send(pid, n);
  const down = await self.receive(ref) as Down;
  return down.reason;
}

describe("messages, an exit signal, messages", () => {
  test("end an actor of the same node, which sees no later message", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (let i = 0; i < REPEATS; i++) {
        const seen: unknown[] = [];
        const pid = looper(node, seen);
        // Its first receive may be pending or not even begun.
        for (let turn = 0; turn < i % 3; turn++) {
          self.send(self.pid, "turn");
          await self.receive();
        }
        expect(await shoot(self, pid)).toBe("bye");
        expect(seen).toEqual([1, 2, 3].slice(0, seen.length));
      }
    });
  });

  test("end an actor of another node, which sees no later message", async () => {
    const { a, b } = await two();
    await a.run(async (self: Self<unknown>) => {
      for (let i = 0; i < REPEATS; i++) {
        const seen: unknown[] = [];
        expect(await shoot(self, looper(b, seen))).toBe("bye");
        expect(seen).toEqual([1, 2, 3].slice(0, seen.length));
      }
    });
  });

  test("reach one that traps exits as they were sent", async () => {
    const { a, b } = await two();
    for (const [from, to] of [[a, a], [a, b]] as const) {
      const there = puppet(to, { trapExits: true });
      const sender = await from.run((self) => {
        for (const n of [1, 2, 3]) self.send(there.pid, n);
        self.sendExit(there.pid, "not yet");
        for (const n of [4, 5, 6]) self.send(there.pid, n);
        return self.pid;
      });
      await roundTrip(a, b);
      expect(await contents(there))
        .toEqual([1, 2, 3, new Exit(sender, "not yet"), 4, 5, 6]);
    }
  });
});

/** What an actor does to another, and what both have in the mailbox then. */
type Case = {
  readonly what: string;
  readonly act: (self: Self, to: Pid) => Ref | undefined | void;
  readonly here: (to: Pid, ref: Ref) => unknown[];
  readonly there: (from: Pid) => unknown[];
};

const cases: readonly Case[] = [
  {
    what: "a link before an end, a message before both",
    act: (self, to) => {
      self.send(to as Pid<unknown>, "first");
      self.link(to);
      self.exit("over");
    },
    here: () => [],
    there: (from) => ["first", new Exit(from, "over")],
  },
  {
    what: "an unlink before an end",
    act: (self, to) => {
      self.link(to);
      self.unlink(to);
      self.send(to as Pid<unknown>, "last");
      self.exit("over");
    },
    here: () => [],
    there: () => ["last"],
  },
  {
    what: "a monitor before a kill",
    act: (self, to) => {
      const ref = self.monitor(to);
      self.sendExit(to, reasons.kill);
      return ref;
    },
    here: (to, ref) => [new Down(ref, to, reasons.killed)],
    there: () => [],
  },
  {
    what: "a kill before a monitor",
    act: (self, to) => {
      self.sendExit(to, reasons.kill);
      return self.monitor(to);
    },
    here: (to, ref) => [new Down(ref, to, noproc)],
    there: () => [],
  },
  {
    what: "a monitor and its end before a kill",
    act: (self, to) => {
      self.demonitor(self.monitor(to));
      self.sendExit(to, reasons.kill);
    },
    here: () => [],
    there: () => [],
  },
];

describe("two actors, of one node or of two, see", () => {
  for (const { what, act, here, there } of cases) {
    test(`${what} in order`, async () => {
      const { a, b } = await two();
      for (const node of [a, b]) {
        const from = puppet(a, { trapExits: true });
        const to = puppet(node, { trapExits: true });
        const ref = await inside(from, (self) => act(self, to.pid))
          .catch(() => undefined);
        await roundTrip(a, b);
        await roundTrip(b, a);
        for (
          const [one, expected] of [
            [from, here(to.pid, ref as Ref)],
            [to, there(from.pid)],
          ] as const
        ) {
          if (one.pid.target === null) expect(expected).toEqual([]);
          else expect(await contents(one)).toEqual(expected);
        }
      }
    });
  }

  test("messages to a pid, a name and an alias in order", async () => {
    const { a, b } = await two();
    for (const node of [a, b]) {
      const to: Puppet = puppet(node, { name: "receiver" });
      const count = 300;
      await a.run(async (self: Self<unknown>) => {
        await inside(to, (me) => void me.send(self.pid, me.alias()));
        const ways: (Pid<unknown> | NamedTarget | Ref)[] = [
          to.pid,
          { name: "receiver", node: node.name },
          await self.receive() as Ref,
        ];
        for (let n = 0; n < count; n++) self.send(ways[n % 3]!, n);
      });
      await roundTrip(a, b);
      expect(await contents(to))
        .toEqual(Array.from({ length: count }, (_, n) => n));
    }
  });
});

describe("no order", () => {
  test("is kept between two senders, only that of each", async () => {
    const first = new Set<string>();
    await simulateSeeds({ count: 20 }, async (sim) => {
      const c = await sim.start("c@sim");
      const got: string[] = [];
      c.spawn(async (self: Self<string>) => {
        for (;;) got.push(await self.receive());
      }, { name: "receiver" });
      for (const name of ["a@sim", "b@sim"]) {
        const node = await sim.start(name);
        expect(await node.connect("c@sim")).toBe(true);
      }
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      for (const node of ["a", "b"]) {
        for (let n = 0; n < 5; n++) {
          sim.node(`${node}@sim`)
            .send({ name: "receiver", node: "c@sim" }, `${node}${n}`);
        }
      }
      await sim.until(() => got.length === 10, { what: "all messages" });
      for (const node of ["a", "b"]) {
        expect(got.filter((word) => word.startsWith(node)))
          .toEqual([0, 1, 2, 3, 4].map((n) => `${node}${n}`));
      }
      first.add(got[0]!);
    });
    // Both orders happen; a test that saw one of them would prove nothing.
    expect([...first].toSorted()).toEqual(["a0", "b0"]);
  });

  test("is kept between a message and one that a third causes", async () => {
    const orders = new Set<string>();
    await simulateSeeds({ count: 30 }, async (sim) => {
      const [a, b, c] = [
        await sim.start("a@sim"),
        await sim.start("b@sim"),
        await sim.start("c@sim"),
      ] as const;
      for (const peer of ["b@sim", "c@sim"]) await a.connect(peer);
      await b.connect("c@sim");
      const got: string[] = [];
      c.spawn(async (self: Self<string>) => {
        for (;;) got.push(await self.receive());
      }, { name: "receiver" });
      const receiver = { name: "receiver", node: "c@sim" };
      b.spawn(async (self: Self) => {
        await self.receive();
        self.send(receiver, "effect");
      }, { name: "relay" });
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      a.spawn((self: Self) => {
        self.send(receiver, "cause");
        self.send({ name: "relay", node: "b@sim" }, "go");
      });
      await sim.until(() => got.length === 2, { what: "both messages" });
      orders.add(got.join(" before "));
    });
    expect([...orders].toSorted())
      .toEqual(["cause before effect", "effect before cause"]);
  });
});

test("reception needs no receive", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    // It never takes a message, and all of this reaches it.
    const { pid, ref } = self.spawnMonitor(park);
    self.link(pid);
    expect(self.info(pid)).toMatchObject({
      status: "runnable",
      links: [self.pid],
      monitoredBy: [self.pid],
    });
    self.unlink(pid);
    self.sendExit(pid, "unread");
    expect(self.isActorAlive(pid)).toBe(false);
    expect(await drain(self)).toEqual([new Down(ref, pid, "unread")]);
    self.sendExit(pid, normal);
  });
});
