import { describe, expect, test } from "vitest";
import { Scheduler, TURN_ENDED } from "../../../runtime/core/host/scheduler.ts";
import {
  atom,
  Down,
  handler,
  type LogRecord,
  MailboxFullError,
  type MailboxPolicy,
  Pid,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { FakeHost, fakeNode } from "../../helpers/fake_host.ts";
import { drain, lone, park, poll } from "../../helpers/actors.ts";

const messagesOf = (records: readonly LogRecord[]) =>
  records.map((record) => record.message);

/** An actor that reports what is in its mailbox when it is told to go on. */
function holder(self: Self<unknown>, policy: MailboxPolicy) {
  const parent = self.pid;
  return self.spawn(async (me: Self<unknown>) => {
    await me.receive((m) => m === "start");
    me.send(parent, await drain(me));
  }, { label: "holder", mailbox: { limit: 3, policy } });
}

describe("a mailbox limit", () => {
  test("and a warning are whole numbers of 1 or more, or Infinity", async () => {
    const { node } = await lone();
    const before = node.stats().actors;
    for (const bad of [0, -1, Number.NaN, 1.5, "5" as never, null as never]) {
      expect(() => node.spawn(park, { mailbox: { limit: bad } }))
        .toThrow(`expected limit of mailbox to be a whole number of 1 or more`);
      expect(() => node.spawn(park, { mailbox: { warnAt: bad } }))
        .toThrow(UsageError);
    }
    expect(node.stats().actors).toBe(before);
    node.spawn(park, { mailbox: { limit: 1, warnAt: Infinity } });
    node.spawn(park, { mailbox: { limit: Infinity, warnAt: 1 } });
  });

  test("refuses at the sender, which gets its message back", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const pid = holder(self, "refuse");
      for (const n of [1, 2]) self.send(pid, n);
      self.send(pid, "start");
      let error: unknown;
      try {
        self.send(pid, { n: 4 });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(MailboxFullError);
      expect((error as MailboxFullError).unsent).toEqual({ n: 4 });
      expect(node.info(pid as Pid)?.lostMessages).toBe(1);
      expect(await self.receive()).toEqual([1, 2]);
    });
    expect(messagesOf(records)).toEqual([
      expect.stringContaining("(holder) is full and refused a message"),
    ]);
    expect(node.stats().lostMessages).toBe(1);
  });

  const policies: [MailboxPolicy, string, number][] = [
    ["refuse", "is full and refused a message", 3],
    ["kill", "is full and ended its actor because of a message", 1],
    ["dropNewest", "is full and dropped a message", 3],
    ["dropOldest", "is full and dropped an older one for a message", 3],
  ];
  for (const [policy, line, lost] of policies) {
    test(`is seen in counters and a log line: ${policy}`, async () => {
      const { node, records } = await lone();
      const pid = node.spawn(park, {
        label: "small",
        mailbox: { limit: 2, policy },
      }) as Pid<unknown>;
      for (let n = 0; n < 5; n++) {
        try {
          node.send(pid, n);
        } catch (error) {
          expect(error).toBeInstanceOf(MailboxFullError);
        }
      }
      expect(node.stats().lostMessages).toBe(lost);
      if (policy !== "kill") expect(node.info(pid)?.lostMessages).toBe(lost);
      expect(node.isAlive(pid)).toBe(policy !== "kill");
      // One line for the first, and one whenever their number has doubled.
      expect(records.map(({ level, message, fields }) => [
        level,
        message,
        fields,
      ])).toEqual(
        [1, 2].filter((n) => n <= lost).map((n) => [
          "warning",
          `the mailbox of #PID<0.${pid.id}.0> (small) ${line}`,
          { limit: 2, lost: n },
        ]),
      );
    });
  }

  test("ends the actor", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const pid = holder(self, "kill");
      const ref = self.monitor(pid);
      for (const n of [1, 2, 3, 4]) self.send(pid, n);
      const down = await self.receive(ref);
      expect((down as Down).reason).toBe(atom("mailbox_full"));
    });
  });

  test("drops the newest, or the oldest", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const newest = holder(self, "dropNewest");
      for (const n of [1, 2, "start", 4, 5]) self.send(newest, n);
      expect(await self.receive()).toEqual([1, 2]);
      const oldest = holder(self, "dropOldest");
      for (const n of [1, 2, 3, 4, "start"]) self.send(oldest, n);
      expect(await self.receive()).toEqual([3, 4]);
    });
    expect(node.stats().lostMessages).toBe(4);
  });

  test("keeps a pending receive right when the oldest go", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const parent = self.pid;
      const pid = self.spawn(async (me: Self<unknown>) => {
        me.send(parent, await me.receive((m) => m === "wanted"));
      }, { mailbox: { limit: 2, policy: "dropOldest" } });
      for (const n of [1, 2]) self.send(pid, n);
      await poll(self);
      for (const n of [3, "wanted"]) self.send(pid, n);
      expect(await self.receive()).toBe("wanted");
    });
  });

  test("never refuses what the runtime has to say", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const parent = self.pid;
      self.spawn(async (me: Self<unknown>) => {
        me.send(me.pid, "full");
        me.spawnMonitor(() => {});
        await me.receive((m) => m instanceof Down);
        me.send(parent, "seen");
      }, { mailbox: { limit: 1 } });
      expect(await self.receive()).toBe("seen");
    });
  });

  test("loses messages of other nodes, and keeps the connection", async () => {
    await using cluster = await testCluster(["a@test", "b@test"]);
    const b = cluster.node("b@test");
    const silent = b.spawn(
      async (self: Self<unknown>) => void await self.receive("never"),
      { name: "silent", mailbox: { limit: 1 } },
    );
    b.send(silent, "first");
    b.spawn(
      handler(0, (n, ask: Pid<number>, self) => {
        self.send(ask, n);
        return n + 1;
      }),
      { name: "answers" },
    );
    await cluster.node("a@test").run(async (self: Self<unknown>) => {
      self.send({ name: "silent", node: b.name }, "lost");
      self.send({ name: "answers", node: b.name }, self.pid);
      expect(await self.receive()).toBe(0);
    });
    expect(b.info(silent as Pid)?.lostMessages).toBe(1);
    expect(cluster.node("a@test").nodes()).toEqual([b.name]);
  });
});

describe("a long mailbox", () => {
  test("is warned of at the threshold, and whenever it has doubled", async () => {
    const { node, records } = await lone();
    const pid = node.spawn(park, { label: "slow", mailbox: { warnAt: 10 } });
    for (let i = 0; i < 45; i++) node.send(pid, i);
    const warned = messagesOf(records).filter((m) => m.includes("(slow)"));
    expect(warned).toEqual(
      [10, 20, 40].map((n) => expect.stringContaining(`has ${n} messages`)),
    );
  });
});

describe("a long turn", () => {
  const work = (host: FakeHost, ms: number, name: string) => ({
    pid: new Pid<unknown>("a@a.host", 1, 0, 1, null),
    run: () => {
      host.time += ms;
      return 1;
    },
    isBusy: false,
    turnLeft: 0,
    cleanTurns: 0,
    turn: TURN_ENDED,
    takesOver: false,
    describe: () => name,
  });

  test("is reported with the actors it may have been", () => {
    const host = new FakeHost();
    const scheduler = new Scheduler(host, { longTurnMs: 50 });
    const reports: { ms: number; names: string[] }[] = [];
    scheduler.onLongTurn((ms, actors) =>
      reports.push({ ms, names: actors.map((actor) => actor.describe()) })
    );
    for (let i = 0; i < 200; i++) scheduler.enqueue(work(host, 0, "quick"));
    scheduler.enqueue(work(host, 80, "slow"));
    host.settle();
    for (let i = 0; i < 3; i++) scheduler.enqueue(work(host, 60, `s${i}`));
    host.settle();
    expect(reports[0]?.ms).toBeGreaterThanOrEqual(80);
    expect(reports[0]?.names).toContain("slow");
    // From then on the clock is read after every turn: the name is exact.
    expect(reports.slice(-2).map(({ names }) => names)).toEqual([
      ["s1"],
      ["s2"],
    ]);
  });

  test("of an actor is in the log with its label and its behaviour", async () => {
    const { host, node } = fakeNode({ longTurnMs: 100 });
    const counter = node.spawnActor(
      handler(0, function countThings(n: number) {
        host.time += 200;
        return n;
      }),
      {},
      null,
    );
    const worker = node.spawnActor(
      async function workHard(self: Self) {
        await self.receive();
        host.time += 300;
        for (;;) await self.receive();
      },
      { label: "a label" },
      null,
    );
    await host.settleAsync();
    for (const actor of [counter, worker]) {
      actor.deliver(1);
      await host.settleAsync();
    }
    const turn =
      /^a turn took (\d+) ms and .*: (?:one of )?#PID<[\d.]+> (\(.*?\));/;
    expect(host.records.map(({ message }) => turn.exec(message)?.slice(1)))
      .toEqual([
        ["200", "(behaviour countThings)"],
        ["300", "(a label, behaviour workHard)"],
      ]);
  });
});

test("info tells what an actor has and does", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const other = self.spawn(park, { label: "other" });
    self.register("asker");
    self.link(other as Pid);
    const ref = self.monitor(other as Pid);
    self.startTimer(60_000, null);
    self.alias();
    self.send(self.pid, 1);
    expect(self.info()).toMatchObject({
      name: "asker",
      kind: "function",
      status: "running",
      mailboxLength: 1,
      links: [other],
      monitors: [other],
      monitoredBy: [],
      timers: 1,
      aliases: 1,
      trapExits: false,
    });
    await self.receive();
    await poll(self);
    expect(self.info(other as Pid)).toMatchObject({
      label: "other",
      status: "waiting",
      monitoredBy: [self.pid],
      links: [self.pid],
    });
    self.unlink(other as Pid);
    self.demonitor(ref);
    self.hibernate();
    expect(node.isAlive(other as Pid)).toBe(true);
    self.sendExit(other as Pid, "enough");
    expect(node.isAlive(other as Pid)).toBe(false);
    expect(self.info(other as Pid)).toBeNull();
  });
});
