import { describe, expect, test } from "vitest";
import {
  atom,
  Call,
  CallError,
  Cast,
  type Down,
  handler,
  KilledError,
  type Pid,
  reasons,
  type ReplyTo,
  type Self,
  stop,
  tuple,
} from "../../../runtime/mod.ts";
import { simulate, testCluster } from "../../../std/testing/mod.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { coreOf, drain, lone, park, poll } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

/** Replies to `inc`, keeps the others waiting, and ends on `die`. */
const counter = () =>
  handler(0, (total: number, message: unknown, self: Self<unknown>) => {
    if (message instanceof Cast) return total + (message.request as number);
    if (!(message instanceof Call)) return total;
    if (message.request === "die") throw new Error("as asked");
    if (message.request === "inc") self.reply(message.from, total + 1);
    return total + 1;
  });

describe("a call", () => {
  test("resolves with the reply, by pid and by name", async () => {
    const { node } = await lone();
    const pid = node.spawn(counter(), { name: "counter" });
    expect(await node.call(pid, "inc")).toBe(1);
    expect(await node.call("counter", "inc")).toBe(2);
    const named = { name: "counter", node: node.name };
    expect(await node.call(named, "inc")).toBe(3);
  });

  test("rejects with noproc when there is no such actor", async () => {
    const { node } = await lone();
    const gone = node.spawn(async () => {});
    await node.run(async (self: Self<Down>) => {
      self.monitor(gone);
      await self.receive();
    });
    for (const target of [gone, "nobody"]) {
      const error = await node.call(target, 1).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CallError);
      expect((error as CallError).reason).toBe(reasons.noproc);
    }
  });

  test("of oneself is refused, and one not caught ends as OTP's does", async () => {
    const { node } = await lone({ log: () => {} });
    const reasonOf = (body: (self: Self<unknown>) => Promise<unknown>) =>
      node.run(async (self: Self<Down>) => {
        const { ref } = self.spawnMonitor(
          async (me: Self<unknown>) => void await body(me),
          { name: "me" },
        );
        return (await self.receive(ref)).reason;
      });
    const failed = (reason: string, args: readonly unknown[]) =>
      tuple(atom(reason), tuple(atom("gen_server"), atom("call"), args));
    const me = tuple(atom("me"), atom(node.name));
    expect(await reasonOf((self) => self.call("me", 1)))
      .toEqual(failed("calling_self", [atom("me"), 1, 5_000]));
    const silent = node.spawn(park, { name: "silent" });
    expect(await reasonOf((self) => self.call(silent, 2, { timeoutMs: 0 })))
      .toEqual(failed("timeout", [silent, 2, 0]));
    const elsewhere = { name: "nobody", node: node.name };
    expect(await reasonOf((self) => self.call(elsewhere, 3)))
      .toEqual(
        failed("noproc", [tuple(atom("nobody"), me.items[1]), 3, 5_000]),
      );
  });

  test("rejects with the reason for which the target ends", async () => {
    const { node } = await lone();
    const pid = node.spawn(counter());
    const error = await node.call(pid, "die").catch((e: unknown) => e);
    expect((error as CallError).reason).toEqual(new Error("as asked"));
  });

  test("times out, and its late reply never reaches the mailbox", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const late = self.spawn(async (me: Self<Call | "now">) => {
        const call = await me.receive((m): m is Call => m instanceof Call);
        await me.receive((m): m is "now" => m === "now");
        me.reply(call.from, "late");
        me.send(self.pid as Pid<string>, "after");
      });
      const error = await self.call(late, 1, { timeoutMs: 5 })
        .catch((e: unknown) => e);
      expect((error as CallError).reason).toBe("timeout");
      self.send(late, "now");
      expect(await self.receive()).toBe("after");
      expect(await drain(self)).toEqual([]);
    });
    const core = await coreOf(node);
    expect(core.aliases.size).toBe(0);
    expect(core.timers.size).toBe(0);
  });

  test("leaves nothing behind, however it ends", async () => {
    const { node } = await lone();
    const silent = node.spawn(park);
    const abort = new AbortController();
    const aborted = node.call(silent, 1, { signal: abort.signal });
    abort.abort(new Error("never mind"));
    await expect(aborted).rejects.toThrow("never mind");
    await expect(node.call(silent, 1, { signal: abort.signal }))
      .rejects.toThrow("never mind");
    await node.call(silent, 1, { timeoutMs: 1 }).catch(() => {});
    const core = await coreOf(node);
    expect(core.aliases.size).toBe(0);
    expect(core.timers.size).toBe(0);
    expect(core.localActor(silent as Pid)?.watchers?.size ?? 0).toBe(0);
  });

  test("ends with its caller, whose finally still runs", async () => {
    const { node } = await lone();
    const silent = node.spawn(park);
    let caught: unknown;
    const caller = node.spawn(async (self: Self) => {
      try {
        await self.call(silent, 1);
      } catch (error) {
        caught = error;
      }
    });
    await node.run(async (self: Self<Down>) => {
      self.monitor(caller);
      self.sendExit(caller, reasons.kill);
      expect((await self.receive()).reason).toBe(reasons.killed);
    });
    await node.run((self) => poll(self));
    expect(caught).toBeInstanceOf(KilledError);
    expect((await coreOf(node)).aliases.size).toBe(0);
  });

  test("is refused in a handler, and so is a reply to no caller", async () => {
    const { node } = await lone();
    const errors: unknown[] = [];
    const pid = node.spawn(handler(0, (state, _message, self) => {
      for (
        const act of [
          () => self.call(self.pid as Pid, 1),
          () => self.reply({} as ReplyTo, 1),
        ]
      ) {
        try {
          void act();
        } catch (error) {
          errors.push(String(error));
        }
      }
      return state;
    }));
    node.send(pid as Pid<number>, 1);
    await waitFor(() => errors.length === 2, { what: "both refusals" });
    expect(errors).toEqual([
      expect.stringContaining(
        "expected call to be made by an actor that can wait",
      ),
      expect.stringContaining("expected the from of a Call"),
    ]);
  });

  test("does not look at a long mailbox", async () => {
    const { node } = await lone();
    const pid = node.spawn(counter());
    await node.run(async (self: Self<number>) => {
      for (let i = 0; i < 100_000; i++) self.send(self.pid, i);
      expect(await self.call(pid, "inc")).toBe(1);
      expect(await self.receive()).toBe(0);
    });
  });
});

describe("calls between nodes", () => {
  test("of a pid that its node never sent: all that concerns it works", async () => {
    await simulateSeeds({ count: 20 }, async (sim) => {
      const a = await sim.start("a@sim");
      const b = await sim.start("b@sim");
      await a.connect(b.name);
      // The body knows it, so the other node may use it unseen.
      const pid = a.spawn(handler(null, (_, message: Call, self) => {
        self.reply(message.from, self.pid);
        return stop(reasons.shutdown);
      }));
      await b.run(async (self: Self<unknown>) => {
        const ref = self.monitor(pid);
        expect(await self.call(pid, 1)).toBe(pid);
        expect(await self.receive(ref))
          .toMatchObject({ target: pid, reason: reasons.shutdown });
      });
    });
  });

  test("reply, cast, and end with the connection", async () => {
    await using cluster = await testCluster(["a@test", "b@test"]);
    const a = cluster.node("a@test");
    const b = cluster.node("b@test");
    b.spawn(counter(), { name: "counter" });
    b.spawn(park, { name: "silent" });
    const there = { name: "counter", node: b.name };
    await a.run((self) => self.cast(there, 10));
    expect(await a.call(there, "inc")).toBe(11);
    const silent = { name: "silent", node: b.name };
    const lost = a.call(silent, 1).catch((e: unknown) => e);
    await a.run((self) => poll(self));
    cluster.cutAll();
    expect((await lost as CallError).reason).toBe(reasons.noconnection);
  });

  test("work under any schedule", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      await simulate({ seed }, async (sim) => {
        const a = await sim.start("a@sim");
        const b = await sim.start("b@sim");
        b.spawn(counter(), { name: "counter" });
        const there = { name: "counter", node: b.name };
        const all = await Promise.all(
          [1, 2, 3].map(() => a.call<number>(there, "inc")),
        );
        expect(all.toSorted()).toEqual([1, 2, 3]);
      });
    }
  });
});

describe("an alias", () => {
  test("takes messages until it is taken back", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      const alias = self.alias();
      self.send(alias, 1);
      node.send(alias, 2);
      expect(self.unalias(alias)).toBe(true);
      expect(self.unalias(alias)).toBe(false);
      self.send(alias, 3);
      // What was queued before it was taken back stays.
      expect(await drain(self)).toEqual([1, 2]);
    });
    expect((await coreOf(node)).aliases.size).toBe(0);
  });

  test("takes one message when it is for once", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      const alias = self.alias({ once: true });
      for (const n of [1, 2]) self.send(alias, n);
      expect(await drain(self)).toEqual([1]);
    });
  });

  test("ends with its monitor, or ends it", async () => {
    const { node } = await lone();
    const other = node.spawn(park);
    await node.run(async (self: Self<unknown>) => {
      const kept = self.monitor(other, { alias: "explicit" });
      const tied = self.monitor(other, { alias: "demonitor" });
      const reply = self.monitor(other, { alias: "replyDemonitor" });
      self.demonitor(tied);
      self.demonitor(kept);
      self.send(tied, "tied");
      self.send(kept, "kept");
      self.send(reply, "reply");
      self.send(reply, "again");
      self.sendExit(other, reasons.kill);
      // The first message under `reply` took its monitor away.
      expect(await drain(self)).toEqual(["kept", "reply"]);
    });
  });

  test("of another actor cannot be taken back", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const alias = self.alias();
      const answer = await node.run((other) => other.unalias(alias));
      expect(answer).toBe(false);
      self.send(alias, "still");
      expect(await self.receive()).toBe("still");
    });
  });

  test("works from another node and is dropped there when it is gone", async () => {
    await using cluster = await testCluster(["a@test", "b@test"], {
      exports: {
        reply: (to, ...all) => (self: Self) => {
          for (const message of all) self.send(to as Pid<unknown>, message);
        },
      },
    });
    await cluster.node("a@test").run(async (self: Self<unknown>) => {
      const alias = self.alias({ once: true });
      const { ref } = await self.spawnOn("b@test", "reply", [alias, 1, 2], {
        monitor: true,
      });
      expect(await self.receive()).toBe(1);
      const down = await self.receive();
      expect(down).toMatchObject({ type: "DOWN", ref });
      expect(await drain(self)).toEqual([]);
    });
  });
});

test("a monitor's tag comes with its Down", async () => {
  const { node } = await lone();
  const gone = node.spawn(() => {});
  await node.run(async (self: Self<Down>) => {
    await poll(self);
    self.monitor(gone, { tag: { job: 7 } });
    expect((await self.receive()).tag).toEqual({ job: 7 });
  });
});
