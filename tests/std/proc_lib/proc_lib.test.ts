/** Starts that are acknowledged, and starts that fail. */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  handler,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  start,
  StartError,
  type Starting,
  startLink,
  startMonitor,
  stop,
} from "../../../std/proc_lib/mod.ts";
import {
  coreOf,
  crashReports,
  drain,
  holdingsOf,
  lone,
  park,
  poll,
} from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { acknowledge, silent } from "./actors.ts";
import { failureOf } from "../outcomes.ts";

describe("start", () => {
  test("resolves with the value of initAck, once it is called", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const log: string[] = [];
      const { pid, value } = await start(
        self,
        ({ initAck }: Starting<number>) => async (me: Self<string>) => {
          me.startTimer(1, null);
          await me.receive("timeout");
          log.push("ready");
          initAck(42);
          log.push(await me.receive());
          me.send(self.pid, "done");
        },
      );
      log.push("started");
      expect(value).toBe(42);
      self.send(pid, "hello");
      expect(await self.receive()).toBe("done");
      expect(log).toEqual(["ready", "started", "hello"]);
    });
  });

  test("starts handler actors as well", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      const { pid, value } = await startLink(
        self,
        ({ initAck }: Starting<string>) =>
          handler(() => {
            initAck("ready");
            return 1;
          }, (state: number, message: Pid<number>, me) => {
            me.send(message, state);
            return state + 1;
          }),
        { label: "counter" },
      );
      expect(value).toBe("ready");
      self.send(pid, self.pid);
      expect(await self.receive()).toBe(1);
      expect(self.info(pid)).toMatchObject({ label: "counter" });
      await stop(self, pid);
      await failureOf(
        start(self, ({ initFail }) => handler(() => initFail("no"), () => 0)),
        StartError,
      );
    });
  });

  test("takes the first call of initAck or initFail only", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { value, ref } = await startMonitor(
        self,
        ({ initAck, initFail }: Starting<number>) => () => {
          initAck(1);
          initAck(2);
          initFail("too late");
        },
      );
      expect(value).toBe(1);
      expect(await self.receive(ref)).toMatchObject({ reason: "too late" });
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("leaves nothing behind, whether it succeeds or fails", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      self.trapExits = true;
      const before = holdingsOf(core);
      for (const begin of [start, startLink]) {
        const { pid } = await begin(self, acknowledge, { timeoutMs: 1_000 });
        self.unlink(pid);
        await stop(self, pid);
        await failureOf(begin(self, silent, { timeoutMs: 1 }), StartError);
        await failureOf(begin(self, () => () => {}), StartError);
        await failureOf(
          begin(self, ({ initFail }) => () => initFail("no")),
          StartError,
        );
      }
      expect(holdingsOf(core)).toEqual(before);
      expect(await drain(self)).toEqual([]);
    });
  });

  test("rejects when the actor ends before it calls initAck", async () => {
    const { node, records } = await lone();
    const error = new Error("no disk");
    await node.run(async (self) => {
      const ends: [(me: Self) => void, unknown][] = [
        [() => {}, reasons.normal],
        [(me) => me.exit("x"), "x"],
        [(me) => me.sendExit(me.pid, reasons.kill), reasons.killed],
        [() => {
          throw error;
        }, error],
      ];
      for (const [end, reason] of ends) {
        const failed = await failureOf(start(self, () => end), StartError);
        expect(failed.reason).toBe(reason);
        expect(self.info(failed.pid)).toBeNull();
        expect(failed.ref).toBeNull();
      }
      const failed = await failureOf(
        start(self, () => ends[3]![0]),
        StartError,
      );
      expect(failed.cause).toBe(error);
      expect(failed.message).toContain("to acknowledge its start, got Error");
    });
    expect(crashReports(records)).toHaveLength(2);
  });

  test("after initFail waits for the end, so that the name is free", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const make = ({ initFail }: Starting) => async (me: Self) => {
          try {
            initFail("no disk", reasons.shutdown);
          } finally {
            await me.receive({ timeoutMs: 50 });
          }
        };
        for (const begin of [start, startMonitor]) {
          const before = sim.timeMs;
          const failed = await failureOf(
            begin(self, make, { name: "server" }),
            StartError,
          );
          expect(failed.reason).toBe("no disk");
          expect(sim.timeMs - before).toBeGreaterThanOrEqual(50);
          expect(self.whereis("server")).toBeNull();
        }
        expect(await self.receive("DOWN")).toMatchObject({
          reason: reasons.shutdown,
        });
      });
    });
  });

  test("after a timeout has killed the actor and waited for its end", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        let late: (() => void) | undefined;
        const make = ({ initAck }: Starting) => {
          late = initAck;
          return park;
        };
        const failed = await failureOf(
          start(self, make, { timeoutMs: 100, name: "server" }),
          StartError,
        );
        expect(sim.timeMs).toBeGreaterThanOrEqual(100);
        expect(failed.reason).toBe("timeout");
        expect(self.isActorAlive(failed.pid)).toBe(false);
        expect(self.whereis("server")).toBeNull();
        late?.();
        expect(await poll(self)).toBeUndefined();
      });
    });
  });

  test("removes the Exit messages of the started actor, and no others", async () => {
    await simulateSeeds({ count: 10 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self: Self<unknown>) => {
        self.trapExits = true;
        const other = self.spawnLink((me) => me.exit("other"));
        await self.receive({ timeoutMs: 1 }).then((exit) =>
          self.send(self.pid, exit)
        );
        self.send(self.pid, "mine");
        const fails: ((starting: Starting) => (me: Self) => unknown)[] = [
          ({ initFail }) => () => initFail("nack"),
          ({ initFail }) => async () => {
            await Promise.resolve();
            initFail("nack", reasons.normal);
          },
          () => (me) => me.exit("end"),
          () => park,
          () => async (me) => {
            me.sendExit(self.pid, "I am not well");
            await park(me);
          },
        ];
        for (const fail of fails) {
          await failureOf(
            startLink(
              self,
              fail as (starting: Starting) => (me: Self) => void,
              { timeoutMs: 10 },
            ),
            StartError,
          );
        }
        expect(await drain(self)).toEqual([new Exit(other, "other"), "mine"]);
      });
    });
  });

  test("can be aborted, which kills the actor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const reason = new Error("changed my mind");
      const early = AbortSignal.abort(reason);
      const before = node.stats().actors;
      await expect(start(self, silent, { signal: early })).rejects.toBe(reason);
      expect(node.stats().actors).toBe(before);
      for (const begin of [start, startLink, startMonitor]) {
        const controller = new AbortController();
        const make = () => async (me: Self) => {
          controller.abort(reason);
          await park(me);
        };
        const { signal } = controller;
        await expect(begin(self, make, { signal, name: "server" }))
          .rejects.toBe(reason);
        expect(self.whereis("server")).toBeNull();
      }
      // The monitors of startMonitor have sent their messages.
      expect(await drain(self)).toEqual([expect.any(Down)]);
    });
  });

  test("an abort after initAck has no effect", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const controller = new AbortController();
      const { pid } = await start(self, ({ initAck }) => async (me: Self) => {
        initAck();
        controller.abort();
        await park(me);
      }, { signal: controller.signal });
      expect(self.isActorAlive(pid)).toBe(true);
    });
  });

  test("works on nodes that freeze or copy messages", async () => {
    for (const options of [{ strict: true }, { isolate: "copy" }] as const) {
      const { node } = await lone(options);
      await node.run(async (self) => {
        const { value, ref } = await startMonitor(
          self,
          ({ initAck }: Starting<number[]>) => () => initAck([1]),
        );
        expect(value).toEqual([1]);
        expect(await self.receive(ref)).toBeInstanceOf(Down);
        await failureOf(startMonitor(self, () => () => {}), StartError);
        expect(await drain(self)).toEqual([expect.any(Down)]);
      });
    }
  });

  test("refuses options that are not valid, and leaves no actor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const before = node.stats().actors;
      const options: [object, string][] = [
        [{ monitor: true }, "use startLink or startMonitor"],
        [{ link: true }, "use startLink or startMonitor"],
        [
          { timeoutMs: -1 },
          "to be a number of ms from 0 on, or Infinity, got -1",
        ],
        [{ timeoutMs: Number.NaN }, "expected timeoutMs of a start to be"],
      ];
      for (const [option, message] of options) {
        const error = await failureOf(start(self, silent, option), UsageError);
        expect(error.message).toContain(message);
      }
      const early = await failureOf(
        start(self, ({ initAck }) => {
          initAck();
          return park;
        }),
        UsageError,
      );
      expect(early.message).toContain("before there is one");
      self.register("taken");
      await failureOf(start(self, silent, { name: "taken" }), UsageError);
      expect(node.stats().actors).toBe(before);
      expect(await drain(self)).toEqual([]);
    });
  });

  test("refuses a handler actor as its caller, and leaves no actor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const before = node.stats().actors;
      const caller = self.spawn(
        handler(0, (state: number, _: null, me) => {
          start(me, acknowledge).catch((error) => me.send(self.pid, error));
          return state;
        }),
      );
      self.send(caller, null);
      const error = await self.receive();
      expect(error).toBeInstanceOf(UsageError);
      expect((error as Error).message).toContain("an actor that can wait");
      expect(node.stats().actors).toBe(before + 1);
    });
  });
});

describe("startLink", () => {
  test("on timeout does not kill a caller that does not trap exits", async () => {
    await simulateSeeds({ count: 10 }, async (sim) => {
      const node = await sim.start("a@sim");
      const reason = await node.run(async (self) => {
        const failed = await failureOf(
          startLink(self, silent, { timeoutMs: 20 }),
          StartError,
        );
        // An exit signal over the link would have arrived by now.
        await self.receive({ timeoutMs: 20 });
        return failed.reason;
      });
      expect(reason).toBe("timeout");
    });
  });

  test("ends a caller that does not trap exits, except for normal", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const starter = (exitReason: unknown) => async (me: Self) => {
        const failed = await failureOf(
          startLink(me, ({ initFail }) => () => initFail("no", exitReason)),
          StartError,
        );
        me.exit(failed.reason);
      };
      const { ref } = self.spawnMonitor(starter("broken"));
      expect(await self.receive(ref)).toMatchObject({ reason: "broken" });
      const calm = self.spawnMonitor(starter(reasons.normal));
      expect(await self.receive(calm.ref)).toMatchObject({ reason: "no" });
    });
  });

  test("links before the actor runs and stays linked", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid: parent, ref } = self.spawnMonitor(async (me) => {
        const { pid } = await startLink(me, acknowledge);
        me.send(self.pid, pid);
        await park(me);
      });
      const child = await self.receive() as Pid;
      expect(self.info(parent)?.links).toEqual([child]);
      self.sendExit(child, "broken");
      expect(await self.receive(ref)).toMatchObject({ reason: "broken" });
    });
  });

  test("the started actor ends with its caller; that of start lives on", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const [begin, survives] of [[start, true], [startLink, false]]) {
        const caller = self.spawn(async (me) => {
          const make = () => async (child: Self) => {
            child.send(self.pid, child.pid);
            await park(child);
          };
          await (begin as typeof start)(me, make);
        });
        const child = await self.receive() as Pid;
        self.sendExit(caller, reasons.kill);
        expect(self.isActorAlive(caller)).toBe(false);
        expect(self.isActorAlive(child)).toBe(survives);
      }
    });
  });
});

describe("startMonitor", () => {
  test("keeps the monitor after the start", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = await startMonitor(self, acknowledge);
      self.sendExit(pid, "over");
      expect(await drain(self)).toEqual([new Down(ref, pid, "over")]);
    });
  });

  test("leaves the Down of a failed start in the mailbox", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self: Self<unknown>) => {
        const fails: [(starting: Starting) => (me: Self) => void, unknown][] = [
          [({ initFail }) => () => initFail("no"), "no"],
          [() => (me) => me.exit("end"), "end"],
          [() => park, reasons.killed],
        ];
        for (const [make, reason] of fails) {
          const failed = await failureOf(
            startMonitor(self, make, { timeoutMs: 10 }),
            StartError,
          );
          expect(failed.ref).not.toBeNull();
          expect(await drain(self)).toEqual([
            new Down(failed.ref!, failed.pid, reason),
          ]);
        }
      });
    });
  });
});

describe("a started actor", () => {
  test("has a label, a parent and a behaviour in its info", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid } = await start(
        self,
        ({ initAck }) =>
          async function serve(me: Self) {
            initAck();
            me.label = await me.receive() as string;
            me.send(self.pid, "done");
            await park(me);
          },
        { label: "idle" },
      );
      expect(self.info(pid)).toMatchObject({
        label: "idle",
        parent: self.pid,
        behaviour: "serve",
      });
      self.send(pid, "busy");
      await self.receive();
      expect(self.info(pid)?.label).toBe("busy");
    });
  });
});
