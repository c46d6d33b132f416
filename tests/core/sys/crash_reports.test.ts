/**
 * However an actor's code fails, it ends that actor only, with what was thrown
 * as the reason and one report in the log, which says what is known of it.
 */
import { describe, expect, test } from "vitest";
import {
  type Behaviour,
  Down,
  handler,
  type LogRecord,
  type Pid,
  reasons,
  type Self,
  stop,
  tuple,
} from "../../../runtime/mod.ts";
import { drain, isDown, lone, obedient, park } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { fakeNode } from "../../helpers/fake_host.ts";
import { waitFor } from "../../helpers/wait.ts";

const fields = (record: LogRecord | undefined) => record?.fields ?? {};

/** Code of a program that fails with what it is given. */
type Failing = readonly [
  where: string,
  make: (error: unknown) => Behaviour<unknown>,
];

const fails: readonly Failing[] = [
  ["a function that throws", (error) => () => {
    throw error;
  }],
  ["a function that throws later", (error) => async (me) => {
    await me.receive();
    throw error;
  }],
  ["a function whose promise rejects", (error) => async (me) => {
    await me.receive();
    await Promise.reject(error);
  }],
  [
    "a handler",
    (error) =>
      handler(0, (): number => {
        throw error;
      }),
  ],
  ["a handler's init", (error) =>
    handler((): number => {
      throw error;
    }, (n: number) => n)],
  ["a predicate that finds a message there", (error) => async (me) => {
    me.send(me.pid, "there");
    await me.receive(() => {
      throw error;
    });
  }],
  ["a predicate that waits", (error) => async (me) => {
    await me.receive((message) => {
      if (message === "go") throw error;
      return false;
    });
  }],
  ["a schema", (error) => async (me) => {
    await me.receive({
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => {
          throw error;
        },
      },
    });
  }],
  ["a getter that a pattern looks at", (error) => async (me) => {
    me.send(me.pid, {
      get type() {
        throw error;
      },
    });
    await me.receive("wanted");
  }],
];

const thrown: readonly unknown[] = [
  new TypeError("broken"),
  "a string",
  undefined,
  { code: 7 },
  reasons.shutdown,
];

describe("what fails in", () => {
  for (const [where, make] of fails) {
    test(`${where} ends its actor only, with what was thrown`, async () => {
      const { node, records } = await lone();
      await node.run(async (self: Self<unknown>) => {
        const bystander = self.spawn(park) as Pid;
        for (const error of thrown) {
          records.length = 0;
          const { pid, ref } = self.spawnMonitor(make(error));
          self.send(pid, "go");
          const down = await self.receive(isDown);
          expect(down).toEqual(new Down(ref, pid, error));
          expect(down.reason).toBe(error);
          expect(records).toHaveLength(1);
          const report = fields(records[0]);
          expect(report["error"]).toBe(error);
          expect(report["pid"]).toBe(`#PID<0.${pid.id}.${pid.serial}>`);
          expect("stack" in report).toBe(error instanceof Error);
          if (error instanceof Error) expect(report["stack"]).toBe(error.stack);
        }
        expect(self.isActorAlive(bystander)).toBe(true);
        expect(await drain(self)).toEqual([]);
      });
      expect(node.stats().crashes).toBe(thrown.length);
    });
  }

  test("a timer is a warning, and its actor goes on", async () => {
    const { a, b, cluster } = await two();
    const there = b.spawn(park);
    await a.run(async (self: Self<unknown>) => {
      // Its sender could not be told earlier that this cannot be sent.
      self.sendAfter(0, there, () => {});
      const { pid } = self.spawnMonitor(obedient, { mailbox: { limit: 1 } });
      self.send(pid, "no order, so it stays");
      self.sendAfter(0, pid, "to a full mailbox");
      const timer = self.startTimer(1, "after them");
      expect(await self.receive(timer)).toMatchObject({
        message: "after them",
      });
      expect(self.isActorAlive(pid)).toBe(true);
    });
    const warned = cluster.records.filter(({ message }) =>
      message.includes("could not send its message")
    );
    expect(warned.map(({ level, fields }) => [
      level,
      (fields?.["error"] as Error).name,
    ])).toEqual([
      ["warning", "EncodeError"],
      ["warning", "MailboxFullError"],
    ]);
    expect(a.stats().crashes).toBe(0);
  });
});

describe("a crash report", () => {
  test("tells who it was and what it had", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const error = new RangeError("out of bounds");
      const watched = self.spawn(park) as Pid;
      const middle = self.spawnLink(async function middle(me: Self<unknown>) {
        const child = me.spawnLink(async function breaks(it: Self<unknown>) {
          it.trapExits = true;
          it.monitor(watched);
          it.monitor({ name: "elsewhere", node: it.node });
          it.register("fragile");
          await it.receive((message) => message === "now");
          throw error;
        }, { label: "number 7" });
        me.send(self.pid, child);
        await park(me);
      }, { name: "in between" });
      const child = await self.receive() as Pid<unknown>;
      for (let n = 0; n < 8; n++) {
        self.send(child, { n, text: "x".repeat(1_000) });
      }
      self.send(child, "now");
      await self.receive();
      expect(records.map(({ level, category, message }) => [
        level,
        category,
        message,
      ])).toEqual([[
        "error",
        "actor",
        `#PID<0.${child.id}.0> (fragile) crashed: RangeError: out of bounds`,
      ]]);
      const report = fields(records[0]);
      expect(report).toMatchObject({
        error,
        pid: `#PID<0.${child.id}.0>`,
        name: "fragile",
        label: "number 7",
        behaviour: "breaks",
        reason: "RangeError: out of bounds",
        stack: error.stack,
        ancestors: [`#PID<0.${middle.id}.0> (in between)`, String(self.pid)],
        trapExits: true,
        // The Down of the name that no actor had is among them.
        mailboxLength: 9,
        links: [`#PID<0.${middle.id}.0>`],
        monitors: [String(watched)],
      });
      const messages = report["messages"] as string[];
      expect(messages).toHaveLength(5);
      expect(messages[0]).toContain("noproc");
      expect(messages[1]).toMatch(/^\{ n: 0, text: "x+\.\.\." \}$/);
      for (const message of messages) expect(message.length).toBeLessThan(500);
    });
  });

  test("is short however much the actor had", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { ref } = self.spawnMonitor((me: Self<unknown>) => {
        for (let i = 0; i < 100; i++) {
          const pid = me.spawn(park) as Pid;
          me.link(pid);
          me.monitor(pid);
        }
        for (let i = 0; i < 10_000; i++) me.send(me.pid, i);
        throw "enough";
      });
      await self.receive(ref);
    });
    const report = fields(records[0]);
    expect(report["mailboxLength"]).toBe(10_000);
    expect(report["messages"]).toEqual(["0", "1", "2", "3", "4"]);
    for (const list of ["links", "monitors"]) {
      expect(report[list]).toHaveLength(21);
      expect((report[list] as string[]).at(-1)).toBe("...");
    }
    expect(JSON.stringify(report).length).toBeLessThan(3_000);
  });

  test("ends its ancestors where none is known to live", async () => {
    const { a, b, cluster } = await two({
      exports: {
        breaks: () => () => {
          throw "far away";
        },
      },
    });
    await a.run(async (self: Self<unknown>) => {
      const { ref } = await self.spawnOn(b.name, "breaks", [], {
        monitor: true,
      });
      await self.receive(ref!);
      const pid = await new Promise<Pid>((resolve) => {
        self.spawn((me: Self) => {
          resolve(me.pid);
          me.spawn(() => {
            throw "orphan";
          });
        });
      });
      const [far, orphan] = await waitFor(() => {
        const crashes = cluster.records.filter(({ message }) =>
          message.includes("crashed")
        );
        return crashes.length === 2 ? crashes : null;
      }, { what: "both reports" });
      // As b prints it, from whose log it is.
      expect(fields(far)["ancestors"]).toEqual([
        expect.stringMatching(`^#PID<[0-9]+\\.${self.pid.id}\\.0>$`),
      ]);
      expect(fields(orphan)["ancestors"]).toEqual([String(pid)]);
    });
  });

  test("survives what cannot be printed", async () => {
    const { node, records } = await lone();
    const hostile = new Proxy({}, {
      ownKeys: () => {
        throw new Error("no keys");
      },
      getPrototypeOf: () => {
        throw new Error("no prototype");
      },
    });
    await node.run(async (self: Self<unknown>) => {
      const { pid, ref } = self.spawnMonitor((me: Self<unknown>) => {
        me.send(me.pid, hostile);
        throw hostile;
      });
      const down = await self.receive(ref) as Down;
      expect(down.target).toBe(pid);
      // Monitors get a text in place of a reason that cannot be read.
      expect(down.reason).toBe("(unprintable)");
    });
    expect(fields(records[0])).toMatchObject({
      reason: "(unprintable)",
      messages: ["(unprintable)"],
    });
  });

  test("is not made for an end in good order, nor for any exit", async () => {
    const { node, records } = await lone();
    const chosen = [
      reasons.normal,
      reasons.shutdown,
      tuple(reasons.shutdown, "for the night"),
      "a reason of its own",
    ];
    await node.run(async (self: Self<unknown>) => {
      for (const reason of chosen) {
        const ends: Behaviour<unknown>[] = [
          (me) => me.exit(reason),
          async (me) => {
            await me.receive({ timeoutMs: 0 });
            me.exit(reason);
          },
          async (me) => {
            me.sendExit(me.pid, reason);
            await park(me as Self);
          },
          handler(0, () => stop(reason)),
        ];
        for (const end of ends) {
          const { pid, ref } = self.spawnMonitor(end);
          self.send(pid, "go");
          expect(await self.receive(ref)).toEqual(new Down(ref, pid, reason));
        }
      }
    });
    expect(records).toEqual([]);
    expect(node.stats().crashes).toBe(0);
  });

  test("is made of handlers in a row, of each its own", () => {
    const { host, node } = fakeNode();
    for (let i = 0; i < 3; i++) {
      const actor = node.spawnActor(
        handler(null, function boom(): null {
          throw i;
        }),
        {},
        null,
      );
      actor.deliver("go");
    }
    host.settle();
    expect(host.records.map(fields)).toEqual(
      [0, 1, 2].map((i) => ({
        report: "crash",
        error: i,
        pid: `#PID<0.${i + 1}.0>`,
        behaviour: "boom",
        reason: String(i),
        ancestors: [],
        trapExits: false,
        mailboxLength: 0,
        messages: [],
        links: [],
        monitors: [],
      })),
    );
  });
});
