/** A lone node as a program sees it: run, stop, and what it leaves behind. */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  ExitError,
  handler,
  KilledError,
  type LogRecord,
  type Pid,
  reasons,
  type Self,
  start,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  crashReports,
  drain,
  holdingsOf,
  isExit,
  lone,
  obedient,
  park,
} from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

describe("run", () => {
  test("resolves with the result, of a promise or not", async () => {
    const { node } = await lone();
    const { actors } = node.stats();
    expect(await node.run(async () => await Promise.resolve(1))).toBe(1);
    expect(await node.run(() => "plain")).toBe("plain");
    expect(await node.run(() => undefined)).toBeUndefined();
    expect(node.stats().actors).toBe(actors);
  });

  test("rejects with what is thrown, with no crash report", async () => {
    const { node, records } = await lone();
    const { actors } = node.stats();
    const error = new Error("mine");
    await expect(node.run(() => {
      throw error;
    })).rejects.toBe(error);
    await expect(node.run(async () => {
      await Promise.resolve();
      throw error;
    })).rejects.toBe(error);
    await expect(node.run(() => Promise.reject("text"))).rejects.toBe("text");
    expect(crashReports(records)).toEqual([]);
    expect(node.stats()).toMatchObject({ actors, crashes: 0 });
  });

  test("tells others why it ended", async () => {
    const { node } = await lone();
    const seen = await node.run(async (self) => {
      self.trapExits = true;
      const reasonsSeen: unknown[] = [];
      const error = new Error("thrown");
      const bodies: [(me: Self) => unknown, unknown][] = [
        [() => 1, reasons.normal],
        [(me) => me.exit("left"), "left"],
        [(me) => me.exit(reasons.normal), reasons.normal],
        [() => {
          throw error;
        }, error],
      ];
      for (const [body, reason] of bodies) {
        await node.run((me) => {
          me.link(self.pid);
          return body(me);
        }).catch(() => {});
        const exit = await self.receive(isExit);
        expect(exit.reason).toBe(reason);
        reasonsSeen.push(exit.reason);
      }
      return reasonsSeen.length;
    });
    expect(seen).toBe(4);
  });

  test("rejects with ExitError when the body exits", async () => {
    const { node } = await lone();
    const failure = await node.run((self) => self.exit("left"))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ExitError);
    expect((failure as ExitError).reason).toBe("left");
  });

  test("rejects with KilledError when an exit signal ends it", async () => {
    const { node } = await lone();
    const bodies = [
      (self: Self) => self.receive(),
      (_: Self) => new Promise(() => {}),
      async (self: Self) => {
        // It goes on for a while, to no effect.
        await Promise.resolve();
        return self.isAlive;
      },
    ];
    for (const body of bodies) {
      let pid: Pid | undefined;
      const running = node.run((self) => {
        pid = self.pid;
        self.sendExit(self.pid, "why");
        return body(self);
      });
      const failure = await running.catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(KilledError);
      expect((failure as KilledError).reason).toBe("why");
      expect(pid?.target).toBeNull();
    }
  });

  test("takes the options of spawn, and refuses as it does", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      expect(self.whereis("runner")).toBe(self.pid);
      expect(self.trapExits).toBe(true);
      await expect(node.run(() => 1, { name: "runner" })).rejects
        .toThrow(UsageError);
    }, { name: "runner", trapExits: true });
  });

  test("may be nested", async () => {
    const { node } = await lone();
    const sum = await node.run(async (self: Self<number>) => {
      const inner = await node.run((me) => {
        me.send(self.pid, 40);
        return 2;
      });
      return inner + await self.receive();
    });
    expect(sum).toBe(42);
  });
});

describe("send from outside", () => {
  test("reaches pids and names, and refuses as a self does", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      self.register("me");
      expect(node.send(self.pid, 1)).toBe(true);
      expect(node.send("me", 2)).toBe(true);
      expect(node.send({ name: "me", node: node.name }, 3)).toBe(true);
      expect(node.send({ name: "nobody", node: node.name }, 4)).toBe(true);
      expect(node.send({ name: "me", node: "b@nowhere" }, 5)).toBe(true);
      expect(() => node.send("nobody", 6)).toThrow(UsageError);
      expect(await drain(self)).toEqual([1, 2, 3]);
    });
  });

  test("to an ended actor is lost", async () => {
    const { node } = await lone();
    const pid = node.spawn(() => {});
    await waitFor(() => pid.target === null, { what: "its end" });
    expect(node.send(pid, "lost")).toBe(true);
  });
});

describe("stop", () => {
  test("ends all actors with shutdown, receives and foreign waits too", async () => {
    const records: LogRecord[] = [];
    const node = await start({ log: (record) => void records.push(record) });
    const ended: unknown[] = [];
    const note = (error: unknown) =>
      void ended.push(error instanceof KilledError ? error.reason : error);
    const waiting = node.run((self) => self.receive()).catch(note);
    const foreign = node.run((self) =>
      new Promise((_, reject) => {
        self.signal.addEventListener("abort", () => reject(self.signal.reason));
      })
    ).catch(note);
    const trapping = node.spawn(park, { trapExits: true });
    const handling = node.spawn(handler(0, (n: number) => n + 1));
    const core = await coreOf(node);
    await Promise.all([node.stop(), node.stop(), waiting, foreign]);
    expect(ended).toEqual([reasons.shutdown, reasons.shutdown]);
    expect([trapping.target, handling.target]).toEqual([null, null]);
    expect(holdingsOf(core)).toEqual({
      actors: 0,
      names: [],
      links: 0,
      monitors: 0,
      watchers: 0,
      timers: 0,
      aliases: 0,
      involved: 0,
      spawns: 0,
    });
    expect(core.timers.size).toBe(0);
    expect(() => node.spawn(park)).toThrow(UsageError);
    await expect(node.run(() => 1)).rejects.toThrow(UsageError);
    expect(node.send(trapping, 1)).toBe(true);
    expect(() => node.send("node_info", 1)).toThrow(UsageError);
    await node.stop();
    expect(records).toEqual([]);
  });

  test("happens at the end of an await using block", async () => {
    let pid: Pid;
    {
      await using node = await start({ log: () => {} });
      pid = node.spawn(park);
      await node.run(() => {});
      expect(pid.target).not.toBeNull();
    }
    expect(pid.target).toBeNull();
  });

  test("leaves other nodes of the thread alone", async () => {
    const { node } = await lone();
    const other = await start({ log: () => {} });
    const pid = node.spawn(park);
    await other.stop();
    expect(pid.target).not.toBeNull();
    expect(await node.run(() => "alive")).toBe("alive");
  });
});

describe("after a storm", () => {
  test("nothing is left of links, monitors, timers and names", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    const before = holdingsOf(core);
    await node.run(async (self) => {
      self.trapExits = true;
      const keeper = self.spawn(obedient);
      const pids = Array.from(
        { length: 300 },
        (_, i) =>
          self.spawnLink(obedient, {
            trapExits: i % 7 === 0,
            ...(i % 3 === 0 ? { name: `storm ${i}` } : {}),
          }),
      );
      for (const [i, pid] of [...pids, keeper].entries()) {
        self.send(pid, (me: Self) => {
          for (const step of [1, 3, 10]) {
            const other = pids[(i + step) % pids.length]!;
            if (me.pid !== keeper) me.link(other);
            me.monitor(other);
            me.demonitor(me.monitor(other));
            me.monitor(`storm ${i}`);
            me.monitor({ name: "far", node: "b@nowhere" });
          }
          me.unlink(pids[(i + 10) % pids.length]!);
          me.sendAfter(60_000, self.pid, "never");
          me.startTimer(60_000, "never");
          me.monitorNodes();
          me.send(self.pid, "ready");
        });
      }
      for (let i = 0; i <= pids.length; i++) {
        await self.receive((m) => m === "ready");
      }
      for (const pid of pids) self.sendExit(pid, reasons.kill);
      const exits = (await drain(self)).filter(isExit);
      expect(exits).toHaveLength(pids.length);
      // One that only watched is left with nothing to watch.
      const left = core.localActor(keeper)!;
      expect(left.monitors?.size).toBe(0);
      expect(left.watchers?.size ?? 0).toBe(0);
      expect(left.timers?.length).toBe(1);
      const own = core.localActor(self.pid)!;
      expect(own.links?.size).toBe(0);
      expect(own.timers?.length).toBe(pids.length + 1);
      self.sendExit(keeper, reasons.kill);
    });
    expect(holdingsOf(core)).toEqual(before);
  });

  test("messages to ended actors are kept nowhere", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(park);
      const actor = core.localActor(pid)!;
      for (let i = 0; i < 10_000; i++) self.send(pid, { i });
      self.sendExit(pid, reasons.kill);
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.killed));
      self.send(pid, "late");
      actor.deliver("late");
      expect(actor.mailbox.length).toBe(0);
      expect(actor.links ?? actor.watchers ?? actor.monitors).toBeNull();
    });
  });

  test("a deep tree of links ends at once, its watcher told of each", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    const before = holdingsOf(core);
    await node.run(async (self) => {
      self.trapExits = true;
      const grow = (depth: number) =>
        handler((me: Self): null => {
          me.send(self.pid, me.pid);
          if (depth > 0) {
            for (let i = 0; i < 3; i++) me.spawnLink(grow(depth - 1));
          }
          return null;
        }, (state: null) => state);
      const root = self.spawnLink(grow(6));
      const count = (3 ** 7 - 1) / 2;
      const refs = new Set<unknown>();
      for (let i = 0; i < count; i++) {
        refs.add(self.monitor(await self.receive() as Pid));
      }
      self.sendExit(root, "felled");
      const told = await drain(self);
      expect(told.filter(isExit)).toEqual([new Exit(root, "felled")]);
      const downs = told.filter((m) => m instanceof Down);
      expect(new Set(downs.map((down) => down.ref))).toEqual(refs);
      expect(downs.length).toBe(count);
      expect(downs.every((down) => down.reason === "felled")).toBe(true);
    });
    expect(holdingsOf(core)).toEqual(before);
  });
});
