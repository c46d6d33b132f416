/** What the code of an ended actor still sees and can still do. */
import { describe, expect, test } from "vitest";
import {
  Down,
  handler,
  KilledError,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  crashReports,
  drain,
  isDown,
  lone,
  poll,
} from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

/** A promise that other code resolves. */
function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
} {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

describe("killed while it waits in receive", () => {
  const waits: [string, (me: Self) => Promise<unknown>][] = [
    ["for any message", (me) => me.receive()],
    ["for a pattern", (me) => me.receive("never" as never)],
    ["with a time-out", (me) => me.receive({ timeoutMs: 60_000 })],
    [
      "with an abort signal",
      (me) => me.receive({ signal: new AbortController().signal }),
    ],
    ["in an iteration", async (me) => {
      for await (const _ of me);
    }],
  ];

  for (const [how, wait] of waits) {
    test(`${how}: finally and using run, and nothing else`, async () => {
      const { node, records } = await lone();
      const ran: string[] = [];
      await node.run(async (self) => {
        for (const reason of [reasons.kill, "x"]) {
          ran.length = 0;
          const done = deferred<unknown>();
          const { pid, ref } = self.spawnMonitor(async (me: Self) => {
            using _held = { [Symbol.dispose]: () => void ran.push("using") };
            try {
              self.send(self.pid, "waiting");
              await wait(me);
              ran.push("went on");
            } catch (error) {
              done.resolve(error);
              throw error;
            } finally {
              ran.push(`finally, alive: ${me.isAlive}`);
            }
          });
          expect(await self.receive()).toBe("waiting");
          self.sendExit(pid, reason);
          const seen = reason === reasons.kill ? reasons.killed : reason;
          expect(await self.receive()).toEqual(new Down(ref, pid, seen));
          const error = await done.promise;
          expect(error).toBeInstanceOf(KilledError);
          expect((error as KilledError).reason).toBe(seen);
          await waitFor(() => ran.length === 2, { what: "the clean-up" });
          expect(ran).toEqual(["finally, alive: false", "using"]);
        }
      });
      // An exit signal is no crash.
      expect(crashReports(records)).toEqual([]);
    });
  }

  test("rejects with the true reason when its turn was used up", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const seen = deferred<unknown>();
      const { pid } = self.spawnMonitor(async (me: Self<{ type: "m" }>) => {
        try {
          // Each of these may or may not have to wait for the next turn.
          for (;;) await me.receive("m");
        } catch (error) {
          seen.resolve(error);
          throw error;
        }
      });
      for (let i = 0; i < 10_000; i++) self.send(pid, { type: "m" });
      // After a few turns of it, in the middle of its mailbox.
      for (let i = 0; i < 3; i++) {
        self.send(self.pid, "turn");
        await self.receive();
      }
      self.sendExit(pid, "in the middle");
      expect(await self.receive(isDown)).toMatchObject({
        reason: "in the middle",
      });
      const error = await seen.promise;
      expect(error).toBeInstanceOf(KilledError);
      expect((error as KilledError).reason).toBe("in the middle");
    });
  });
});

describe("killed while it waits for something foreign", () => {
  test("its signal is aborted, and a fetch with it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const aborted = deferred<unknown>();
      const { pid } = self.spawnMonitor(async (me) => {
        // What `fetch` and the like do with a signal.
        await new Promise((_, reject) => {
          me.signal.addEventListener("abort", () => {
            aborted.resolve(me.signal.reason);
            reject(me.signal.reason);
          });
          self.send(self.pid, "waiting");
        });
      });
      expect(await self.receive()).toBe("waiting");
      self.sendExit(pid, "enough");
      const reason = await aborted.promise;
      expect(reason).toBeInstanceOf(KilledError);
      expect((reason as KilledError).reason).toBe("enough");
      expect(await self.receive()).toMatchObject({ reason: "enough" });
    });
    expect(node.stats().crashes).toBe(0);
  });

  test("the signal is aborted for one who asks only then", async () => {
    const { node } = await lone();
    const checked = deferred<boolean[]>();
    await node.run(async (self) => {
      const gate = deferred();
      const { pid } = self.spawnMonitor(async (me) => {
        self.send(self.pid, "waiting");
        await gate.promise;
        checked.resolve([me.isAlive, me.signal.aborted]);
      });
      await self.receive();
      self.sendExit(pid, reasons.kill);
      gate.resolve();
      expect(await checked.promise).toEqual([false, true]);
    });
  });

  test("nothing that it does later has any effect", async () => {
    const { node } = await lone();
    const checked = deferred<unknown[]>();
    await node.run(async (self) => {
      const gate = deferred();
      const bystander = self.spawn(async (me: Self) => {
        for (;;) self.send(self.pid, await me.receive());
      }, { name: "bystander" });
      const ref = self.monitor(bystander);
      const { pid } = self.spawnMonitor(async (me) => {
        self.send(self.pid, "waiting");
        await gate.promise;
        const acts: [string, () => unknown][] = [
          ["send", () => me.send(bystander, "from an ended actor")],
          ["send to a name", () => me.send("bystander", "from an ended actor")],
          ["send to no name", () => me.send("nobody", "from an ended actor")],
          ["sendExit", () => me.sendExit(bystander, reasons.kill)],
          ["cancelTimer", () => me.cancelTimer(ref)],
          ["spawn", () => me.spawn(() => {})],
          ["spawnLink", () => me.spawnLink(() => {})],
          ["spawnMonitor", () => me.spawnMonitor(() => {})],
          ["spawnOn", () => me.spawnOn(me.node, "x")],
          ["link", () => me.link(bystander)],
          ["unlink", () => me.unlink(bystander)],
          ["monitor", () => me.monitor(bystander)],
          ["demonitor", () => me.demonitor(ref)],
          ["sendAfter", () => me.sendAfter(0, bystander, "late")],
          ["startTimer", () => me.startTimer(0, "late")],
          ["register", () => me.register("ghost", bystander)],
          ["unregister", () => me.unregister("bystander")],
          ["monitorNodes", () => me.monitorNodes()],
        ];
        checked.resolve(acts.map(([name, act]) => {
          try {
            return [name, act()];
          } catch (error) {
            return [name, error instanceof UsageError ? "refused" : error];
          }
        }));
      });
      await self.receive();
      self.sendExit(pid, reasons.kill);
      await self.receive();
      gate.resolve();
      const refused = (await checked.promise as [string, unknown][])
        .filter(([, outcome]) => outcome === "refused")
        .map(([name]) => name);
      expect(refused).toEqual([
        "spawn",
        "spawnLink",
        "spawnMonitor",
        "spawnOn",
        "link",
        "unlink",
        "monitor",
        "demonitor",
        "sendAfter",
        "startTimer",
        "register",
        "unregister",
        "monitorNodes",
      ]);
      expect(self.whereis("ghost")).toBeNull();
      expect(self.whereis("bystander")).toBe(bystander);
      self.send(bystander, "from a live actor");
      expect(await self.receive()).toBe("from a live actor");
      expect(await drain(self)).toEqual([]);
    });
  });

  test("its next receive rejects, so that finally and using run", async () => {
    const { node, records } = await lone();
    const ran: unknown[] = [];
    await node.run(async (self) => {
      const gate = deferred();
      const { pid } = self.spawnMonitor(async (me: Self) => {
        using _held = { [Symbol.dispose]: () => void ran.push("using") };
        try {
          self.send(self.pid, "waiting");
          await gate.promise;
          ran.push(await me.receive());
        } catch (error) {
          ran.push(error instanceof KilledError ? error.reason : error);
          throw error;
        } finally {
          ran.push("finally");
        }
      });
      await self.receive();
      self.send(pid, "never read");
      self.sendExit(pid, "gone");
      gate.resolve();
      await waitFor(() => ran.length >= 3, { what: "the clean-up" });
    });
    expect(ran).toEqual(["gone", "finally", "using"]);
    expect(records).toEqual([]);
  });

  test("what it throws then is a warning and no crash", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const gate = deferred();
      const { pid, ref } = self.spawnMonitor(async () => {
        self.send(self.pid, "waiting");
        await gate.promise;
        throw new Error("while cleaning up");
      }, { label: "untidy" });
      await self.receive();
      self.sendExit(pid, "x");
      gate.resolve();
      expect(await self.receive()).toEqual(new Down(ref, pid, "x"));
      await waitFor(() => records.length > 0, { what: "the warning" });
      expect(await poll(self)).toBeUndefined();
    });
    expect(records.map(({ level, message }) => [level, message])).toEqual([
      ["warning", expect.stringMatching(/untidy\) threw after its end/)],
    ]);
    expect(node.stats().crashes).toBe(0);
  });
});

describe("a killed actor that swallows errors", () => {
  test("does not spin", async () => {
    const { node } = await lone();
    let rounds = 0;
    await node.run(async (self) => {
      const { pid } = self.spawnMonitor(async (me: Self) => {
        for (;;) {
          try {
            rounds++;
            await me.receive();
          } catch {
            // This is what must not become an endless loop.
          }
        }
      });
      for (let i = 0; i < 3; i++) self.send(pid, i);
      self.sendAfter(1, self.pid, "begun");
      await self.receive();
      self.sendExit(pid, reasons.kill);
      await self.receive();
      const before = rounds;
      // Timers, and so macrotasks, have their turn in between.
      for (let i = 0; i < 5; i++) {
        self.sendAfter(1, self.pid, "tick");
        await self.receive();
      }
      // It is told once and then waits for ever.
      expect(rounds - before).toBeLessThanOrEqual(2);
    });
  });
});

describe("a crash report", () => {
  test("is logged once, with the name or else the label or function", async () => {
    const { node, records } = await lone();
    const error = new Error("broken\n   in two");
    await node.run(async (self) => {
      async function named(_me: Self): Promise<void> {
        throw await Promise.resolve(error);
      }
      const spawned = [
        self.spawnMonitor(named, { name: "registered", label: "unused" }),
        self.spawnMonitor(named, { label: "labelled" }),
        self.spawnMonitor(named),
        self.spawnMonitor(handler(() => {
          throw error;
        }, (state: null) => state)),
      ];
      for (const _ of spawned) {
        expect(await self.receive()).toMatchObject({ reason: error });
      }
      const names = [" (registered)", " (labelled)", " (named)", ""];
      expect(crashReports(records).toSorted()).toEqual(
        names.map((name, i) =>
          `#PID<0.${spawned[i]!.pid.id}.0>${name} crashed: Error: broken in two`
        ).toSorted(),
      );
    });
    for (const record of records) {
      expect(record).toMatchObject({
        level: "error",
        category: "actor",
        node: node.name,
        fields: { error },
      });
    }
    expect(node.stats().crashes).toBe(4);
  });

  test("whose log throws does not harm the node", async () => {
    const { node } = await lone({
      log: () => {
        throw new Error("the disk is full");
      },
    });
    await node.run(async (self) => {
      for (
        const behaviour of [
          () => {
            throw "crash";
          },
          () => Promise.reject("crash"),
          handler(() => {
            throw "crash";
          }, (state: null) => state),
        ]
      ) {
        const { pid, ref } = self.spawnMonitor(behaviour);
        expect(await self.receive()).toEqual(new Down(ref, pid, "crash"));
      }
    });
    expect(node.stats().crashes).toBe(3);
  });

  test("is not made for an exit", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      for (const reason of [reasons.normal, "x", new Error("wrapped")]) {
        const { ref, pid } = self.spawnMonitor(async (me) => {
          await Promise.resolve();
          me.exit(reason);
        });
        expect(await self.receive()).toEqual(new Down(ref, pid, reason));
      }
    });
    expect(records).toEqual([]);
  });
});
