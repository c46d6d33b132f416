/**
 * The decision table of exit signals, row by row, as in the Erlang reference
 * manual under "Receiving Exit Signals".
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  type Pid,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  drain,
  exitOnDemand,
  lone,
  obedient,
  park,
  poll,
} from "../../helpers/actors.ts";

const { normal, kill, killed, shutdown, noproc } = reasons;

/** What becomes of the receiver: it goes on, gets a message, or ends so. */
type Outcome = "ignored" | { message: unknown } | { ends: unknown };

type Row = {
  what: string;
  traps: boolean;
  /** Over a link, by `sendExit` of another, or by its own. */
  by: "link" | "other" | "self";
  reason: unknown;
  outcome: Outcome;
};

const rows: Row[] = [
  // (a) and (b): what does nothing.
  ...(["link", "other"] as const).map((by): Row => ({
    what: "normal from others is ignored",
    traps: false,
    by,
    reason: normal,
    outcome: "ignored",
  })),
  // (c): kill by sendExit.
  ...[true, false].flatMap((traps) =>
    (["other", "self"] as const).map((by): Row => ({
      what: "kill cannot be trapped and becomes killed",
      traps,
      by,
      reason: kill,
      outcome: { ends: killed },
    }))
  ),
  // (d): any other reason ends with the same reason.
  ...["x", shutdown, killed, noproc, null, undefined, { a: [1] }].flatMap(
    (reason) =>
      (["link", "other", "self"] as const).map((by): Row => ({
        what: "a reason is passed on as it is",
        traps: false,
        by,
        reason,
        outcome: { ends: reason },
      })),
  ),
  {
    what: "kill over a link is not renamed",
    traps: false,
    by: "link",
    reason: kill,
    outcome: { ends: kill },
  },
  // (e): normal by oneself.
  {
    what: "exit(self, normal) ends self",
    traps: false,
    by: "self",
    reason: normal,
    outcome: { ends: normal },
  },
  // (f): trapped.
  ...["x", normal, shutdown, killed, undefined].flatMap((reason) =>
    (["link", "other", "self"] as const).map((by): Row => ({
      what: "one who traps exits gets a message",
      traps: true,
      by,
      reason,
      outcome: { message: reason },
    }))
  ),
  {
    what: "kill over a link can be trapped",
    traps: true,
    by: "link",
    reason: kill,
    outcome: { message: kill },
  },
];

/** Sets one row up, sends the signal, and says what came of it. */
async function tryRow(self: Self, row: Row): Promise<[Outcome, Pid, Pid]> {
  const { pid: target, ref } = self.spawnMonitor(obedient, {
    trapExits: row.traps,
  });
  const sender = row.by === "self" ? target : self.spawn(obedient);
  const order = (to: Pid, act: (me: Self) => void) =>
    self.send(to as Pid<unknown>, act);
  if (row.by === "link") {
    order(sender, (me) => {
      me.link(target);
      me.send(self.pid, "linked");
    });
    expect(await self.receive()).toBe("linked");
    order(sender, (me) => me.exit(row.reason));
  } else {
    order(sender, (me) => me.sendExit(target, row.reason));
  }
  if (sender !== target) {
    // After this, the signal has been sent.
    const gone = self.monitor(sender);
    if (row.by !== "link") order(sender, (me) => me.exit(normal));
    await self.receive((m) => m instanceof Down && m.ref === gone);
  }
  // Behind the signal: shows what is in the mailbox of one that lives.
  order(target, async (me) => self.send(self.pid, await drain(me)));
  const seen = await self.receive();
  if (seen instanceof Down) {
    expect(seen.ref).toBe(ref);
    return [{ ends: seen.reason }, target, sender];
  }
  const exits = seen as Exit[];
  if (exits.length === 0) return ["ignored", target, sender];
  expect(exits).toHaveLength(1);
  expect(exits[0]).toEqual(new Exit(sender, exits[0]?.reason));
  return [{ message: exits[0]?.reason }, target, sender];
}

describe("an exit signal", () => {
  for (const row of rows) {
    const reason = typeof row.reason === "symbol"
      ? Symbol.keyFor(row.reason)
      : JSON.stringify(row.reason);
    const how = `${reason} by ${row.by}, ${row.traps ? "" : "not "}trapping`;
    test(`${row.what}: ${how}`, async () => {
      const { node } = await lone();
      const [outcome] = await node.run((self) => tryRow(self, row));
      expect(outcome).toEqual(row.outcome);
    });
  }

  test("over a link that is not there any more is dropped", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const { receiveExit } = await import(
        "../../../runtime/core/signals/exits.ts"
      );
      for (const traps of [true, false]) {
        const { pid, ref } = self.spawnMonitor(park, { trapExits: traps });
        const actor = core.localActor(pid)!;
        receiveExit(actor, self.pid, "never linked", true);
        receiveExit(actor, self.pid, kill, true);
        expect(actor.alive).toBe(true);
        expect(actor.mailbox.length).toBe(0);
        expect(self.demonitor(ref)).toBe(true);
      }
    });
  });

  test("to an ended actor does nothing", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid } = self.spawnMonitor(() => {});
      await self.receive();
      for (const reason of [kill, "x", normal]) self.sendExit(pid, reason);
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("acts in order with messages of the same sender", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (let i = 0; i < 100; i++) {
        const seen: unknown[] = [];
        const { pid, ref } = self.spawnMonitor(async (me: Self) => {
          for (;;) seen.push(await me.receive());
        });
        for (let turn = 0; turn < i % 4; turn++) {
          self.send(self.pid, "turn");
          await self.receive();
        }
        for (const n of [1, 2, 3]) self.send(pid, n);
        self.sendExit(pid, "bye");
        for (const n of [4, 5, 6]) self.send(pid, n);
        expect(await self.receive()).toEqual(new Down(ref, pid, "bye"));
        for (const n of seen) expect(n).toBeLessThanOrEqual(3);
      }
    });
  });

  test("is not undone by what comes after it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const child = self.spawn(exitOnDemand);
      const { pid, ref } = self.spawnMonitor(async (me: Self) => {
        me.link(child);
        self.send(self.pid, "linked");
        await me.receive();
        // Never reached: the signal comes first.
        me.trapExits = true;
        me.unlink(child);
        self.send(self.pid, "saved");
      });
      expect(await self.receive()).toBe("linked");
      self.sendExit(child, "first");
      self.send(pid, "go on");
      expect(await self.receive()).toEqual(new Down(ref, pid, "first"));
      expect(await poll(self)).toBeUndefined();
    });
  });
});

describe("trapExits", () => {
  test("is off by default and can be set and taken back", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(async (me: Self) => {
        const flags = [me.trapExits];
        me.trapExits = true;
        flags.push(me.trapExits);
        me.sendExit(me.pid, "trapped");
        const exit = await me.receive();
        me.trapExits = false;
        self.send(self.pid, [...flags, exit]);
        me.sendExit(me.pid, "not trapped");
      });
      expect(await self.receive())
        .toEqual([false, true, new Exit(pid, "trapped")]);
      expect(await self.receive())
        .toEqual(new Down(ref, pid, "not trapped"));
    });
  });
});
