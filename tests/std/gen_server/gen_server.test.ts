/** Servers: callbacks, clients, starts and termination. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type CallError,
  global,
  type Pid,
  reasons,
  type ReplyTo,
  sys,
  Timeout,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  abcast,
  call,
  cast,
  genServer,
  ignore,
  initial,
  multiCall,
  noReply,
  refuse,
  type Server,
  stop,
} from "../../../std/gen_server/mod.ts";
import { StartError, type StopError } from "../../../std/proc_lib/mod.ts";
import { Registry } from "../../../std/registry/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { endOf, failure } from "../outcomes.ts";

const Counter = genServer({
  name: "Counter",
  init: (_self, first: number) => ({ total: first }),
  calls: {
    add: (server, n: number) => server.state.total += n,
    get: ({ state }) => state.total,
    both: (_server, a: string, b: number[]) => ({ a, b }),
    fail: (_server, reason: unknown): never => {
      throw reason;
    },
    finish: (server, reason: unknown) => {
      server.stop(reason);
      return "bye";
    },
  },
  casts: {
    reset: (server) => {
      server.state = { total: 0 };
    },
    addLater: async (server, n: number) => {
      await Promise.resolve();
      server.state.total += n;
    },
  },
});

describe("a server", () => {
  test("answers calls and takes casts, with a client and without", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const counter = await Counter.startLink(self, 1, { name: "counter" });
      const three: number = await counter.add(2);
      expect(three).toBe(3);
      expect(await counter.both("x", [1])).toEqual({ a: "x", b: [1] });
      counter.reset();
      counter.addLater(5);
      expect(await counter.get()).toBe(5);
      expect(await call(self, "counter", atom("get"))).toBe(5);
      expect(await call(self, counter.target, tuple(atom("add"), 1))).toBe(6);
      cast(self, "counter", atom("reset"));
      cast(self, "nobody", 1);
      const elsewhere = { name: "counter", node: node.name };
      expect(await Counter.at(self, elsewhere).get()).toBe(0);
      expect(Counter.at(self, "counter").pid).toBe(counter.pid);
      expect(Counter.at(self, "nobody").pid).toBeNull();
      // @ts-expect-error The argument is a number.
      await expect(Counter.at(self, "nobody").add("x")).rejects.toThrow();
    });
  });

  test("shows its state to sys, which can replace it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, get } = await Counter.startLink(self, 1).then((c) => ({
        pid: c.pid,
        get: () => c.get(),
      }));
      expect(await sys.getState(self, pid)).toEqual({ total: 1 });
      await sys.replaceState(self, pid, () => ({ total: 9 }));
      expect(await get()).toBe(9);
    });
  });

  test("ends with what a callback throws, and reports it", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const counter = await Counter.start(self, 1);
      const error = new Error("as asked");
      expect(
        await endOf(self, counter.pid, async () => {
          const why = await failure(counter.fail(error));
          expect((why as CallError).reason).toBe(error);
        }),
      ).toBe(error);
    });
    const [report] = records.filter(({ fields }) =>
      fields?.report === "server"
    );
    expect(report).toMatchObject({
      level: "error",
      message: expect.stringContaining("Counter"),
      fields: {
        lastMessage: expect.stringContaining("fail"),
        state: expect.stringContaining("total"),
        stack: expect.stringContaining("as asked"),
      },
    });
  });

  test("stops when a callback asks for it, after its reply", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      for (
        const reason of [
          reasons.normal,
          reasons.shutdown,
          tuple(reasons.shutdown, 1),
          atom("odd"),
        ]
      ) {
        const counter = await Counter.start(self, 1);
        expect(
          await endOf(self, counter.pid, async () => {
            expect(await counter.finish(reason)).toBe("bye");
          }),
        ).toEqual(reason);
      }
    });
    const reports = records.filter(({ level }) => level === "error");
    expect(reports.map(({ message }) => message))
      .toEqual([expect.stringMatching(/ends: odd$/)]);
  });

  test("ends by a request that it does not know", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const counter = await Counter.start(self, 1);
      const error = await failure(call(self, counter.pid, "what")) as CallError;
      expect(error.reason).toEqual(tuple(atom("bad_call"), "what"));
      const other = await Counter.start(self, 1);
      expect(
        await endOf(self, other.pid, () => cast(self, other.pid, "what")),
      ).toEqual(tuple(atom("bad_cast"), "what"));
    });
  });

  test("logs a message that no callback takes, and goes on", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const counter = await Counter.startLink(self, 1);
      self.send(counter.pid as Pid<unknown>, { odd: 1 });
      expect(await counter.get()).toBe(1);
    });
    expect(records.filter(({ level }) => level === "warning")).toHaveLength(1);
  });
});

describe("its start", () => {
  const Choosy = genServer({
    init: async (_self, what: string) => {
      if (what === "ignore") return ignore;
      if (what === "refuse") return refuse("not now");
      if (what === "throw") throw new Error("no disk");
      if (what === "hang") await new Promise(() => {});
      return what;
    },
    calls: { get: ({ state }) => state },
  });

  test("may be ignored, refused, fail and time out", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      expect(await Choosy.startLink(self, "ignore")).toBeNull();
      const refused = await failure(Choosy.startLink(self, "refuse"));
      expect(refused).toBeInstanceOf(StartError);
      expect((refused as StartError).reason).toBe("not now");
      const failed = await failure(Choosy.start(self, "throw"));
      expect((failed as StartError).reason).toEqual(new Error("no disk"));
      const late = await failure(
        Choosy.startLink(self, "hang", { timeoutMs: 1 }),
      );
      expect((late as StartError).reason).toBe("timeout");
      const server = await Choosy.startLink(self, "fine");
      expect(await server?.get()).toBe("fine");
      expect(self.info()?.links).toHaveLength(1);
    });
  });

  test("takes a name that is local, global or a registry's", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.startLink<string, null>(self, {
        keys: "unique",
      });
      for (
        const name of [
          "local",
          { via: global, name: "global" },
          registry.via("key", null),
        ]
      ) {
        const server = await Counter.startLink(self, 1, { name });
        expect(await Counter.at(self, name).add(1)).toBe(2);
        expect(Counter.at(self, name).pid).toBe(server.pid);
        const taken = await failure(Counter.start(self, 1, { name }));
        expect((taken as StartError).reason)
          .toEqual(tuple(atom("already_started"), server.pid));
        await stop(self, name);
        const again = await Counter.startLink(self, 5, { name });
        expect(await again.get()).toBe(5);
      }
    });
  });

  test("of two servers at once under one name gives it to one of them", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const name = { via: global, name: "one" };
      const starts = await Promise.allSettled([
        node.run((me) => Counter.start(me, 1, { name })),
        node.run((me) => Counter.start(me, 2, { name })),
      ]);
      const won = starts.find(({ status }) => status === "fulfilled");
      const lost = starts.find(({ status }) => status === "rejected");
      expect((lost as PromiseRejectedResult).reason.reason).toEqual(
        tuple(
          atom("already_started"),
          (won as PromiseFulfilledResult<{ pid: Pid }>).value.pid,
        ),
      );
      void self;
    });
  });

  test("calls `continue` before any message", async () => {
    const { node } = await lone();
    const Staged = genServer({
      init: (self) => {
        self.send(self.pid, "early");
        return initial([] as unknown[], { continue: "first" });
      },
      continue: async (server, term) => {
        await Promise.resolve();
        server.state.push(term);
        if (term === "first") server.continue("second");
      },
      calls: {
        get: (server) => {
          server.continue("after");
          return [...server.state];
        },
      },
      info: ({ state }, message) => void state.push(message),
    });
    await node.run(async (self) => {
      const server = await Staged.startLink(self);
      expect(await server.get()).toEqual(["first", "second", "early"]);
      expect((await server.get()).at(-1)).toBe("after");
    });
  });
});

describe("replies and time", () => {
  const Waiting = genServer({
    init: () => [] as ReplyTo[],
    calls: {
      wait: (server): unknown => {
        server.state.push(server.from);
        return noReply;
      },
    },
    casts: {
      release: (server, value: number) => {
        for (const from of server.state) server.reply(from, value);
      },
    },
  });

  test("a call may be answered later, in any order", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const server = await Waiting.startLink(self);
      const both = Promise.all([server.wait(), server.wait()]);
      server.release(7);
      expect(await both).toEqual([7, 7]);
    });
  });

  test("a late reply is dropped, and does not answer the next call", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const server = await Waiting.startLink(self);
      const hasty = server.with({ timeoutMs: 0 });
      expect((await failure(hasty.wait()) as CallError).reason).toBe("timeout");
      const patient = server.wait();
      server.release(1);
      expect(await patient).toBe(1);
      expect(self.info()?.mailboxLength).toBe(0);
      const abort = new AbortController();
      const aborted = server.with({ signal: abort.signal }).wait();
      abort.abort("enough");
      expect(await failure(aborted)).toBe("enough");
    });
  });

  test("`timeout` runs in an idle server, unless a message comes first", async () => {
    const { node } = await lone();
    const seen: string[] = [];
    const Idle = genServer({
      init: () => initial(null, { timeoutMs: 5 }),
      timeout: (server) => {
        seen.push("idle");
        if (seen.length < 2) server.timeout(5);
      },
      calls: {
        busy: (server) => {
          server.timeout(60_000);
          return seen.length;
        },
      },
      info: (_server, message) => {
        seen.push(message instanceof Timeout ? "timer" : "info");
      },
    });
    await node.run(async (self) => {
      const server = await Idle.startLink(self);
      await waitFor(() => seen.length === 2, { what: "two time-outs" });
      expect(await server.busy()).toBe(2);
      self.send(server.pid as Pid<unknown>, "x");
      expect(await server.busy()).toBe(3);
      expect(seen).toEqual(["idle", "idle", "info"]);
    });
  });
});

describe("terminate", () => {
  const words: unknown[] = [];
  const make = (trapExits: boolean) =>
    genServer({
      trapExits,
      init: () => null,
      calls: {
        fail: (): never => {
          throw new TypeError("oh");
        },
        stop: (server: Server<null>) => server.stop(reasons.shutdown),
      },
      terminate: async (_server, reason) => {
        await Promise.resolve();
        words.push(reason);
      },
    });

  test("runs when a callback stops or throws, and when `stop` is called", async () => {
    const { node } = await lone({ log: () => {} });
    words.length = 0;
    await node.run(async (self) => {
      const [a, b, c] = [
        await make(false).start(self),
        await make(false).start(self),
        await make(false).start(self),
      ];
      await failure(a.fail());
      await b.stop();
      await stop(self, c.pid, atom("odd"));
      const gone = await failure(stop(self, c.pid));
      expect((gone as StopError).reason).toBe(reasons.noproc);
      await waitFor(() => words.length === 3, { what: "three words" });
    });
    expect(words).toEqual([
      new TypeError("oh"),
      reasons.shutdown,
      atom("odd"),
    ]);
  });

  test("runs on the parent's exit signal if that is trapped, else not", async () => {
    const { node } = await lone({ log: () => {} });
    for (const trapExits of [true, false]) {
      words.length = 0;
      let pid: Pid<never> | null = null;
      const parent = node.spawn(async (self) => {
        pid = (await make(trapExits).startLink(self)).pid;
        self.exit(await self.receive());
      });
      await waitFor(() => pid !== null, { what: "the start" });
      const reason = await node.run((self) =>
        endOf(self, pid, () => node.send(parent, reasons.shutdown))
      );
      expect(reason).toBe(reasons.shutdown);
      expect(words).toEqual(trapExits ? [reasons.shutdown] : []);
    }
  });

  test("a trapped exit signal of another actor is a message", async () => {
    const { node } = await lone();
    const Trapping = genServer({
      trapExits: true,
      init: () => [] as unknown[],
      info: ({ state }, message) => void state.push(message),
      calls: { get: ({ state }) => state },
    });
    await node.run(async (self) => {
      const server = await Trapping.start(self);
      const other = self.spawn(park);
      await node.run((me) => me.sendExit(server.pid as Pid, "poke"));
      expect(await server.get()).toMatchObject([{ reason: "poke" }]);
      void other;
    });
  });
});

test("names that a client needs for itself are refused", () => {
  expect(() => genServer({ init: () => 0, calls: { pid: () => 1 } }))
    .toThrow(UsageError);
  expect(() =>
    genServer({ init: () => 0, calls: { a: () => 1 }, casts: { a: () => 1 } })
  ).toThrow(UsageError);
});

test("many servers of one name are called and cast to at once", async () => {
  await using cluster = await testCluster(["a@t", "b@t", "c@t"]);
  const [a, b] = cluster.nodes;
  for (const node of [a, b]) {
    await node?.run((self) => Counter.start(self, 10, { name: "counter" }));
  }
  await a?.run(async (self) => {
    const nodes = ["a@t", "b@t", "c@t", "d@t"];
    abcast(self, nodes, "counter", Counter.request("reset"));
    const { replies, badNodes } = await multiCall<number>(
      self,
      nodes,
      "counter",
      Counter.request("add", 2),
    );
    expect([...replies]).toEqual([["a@t", 2], ["b@t", 2]]);
    expect(badNodes).toEqual(["c@t", "d@t"]);
  });
});
