/** Servers whose callbacks fail, wait, or are ended while they run. */
import { describe, expect, test } from "vitest";
import {
  EncodeError,
  type Pid,
  reasons,
  sys,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  genServer,
  initial,
  multiCall,
  stop,
} from "../../../std/gen_server/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { endOf } from "../outcomes.ts";

describe("the terminate callback", () => {
  test("runs when an asynchronous continue rejects", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const terminated: unknown[] = [];
      const error = new Error("as asked");
      const Server = genServer({
        init: (_self, begins: boolean) =>
          begins ? initial(0, { continue: null }) : 0,
        casts: { go: (server) => server.continue(null) },
        continue: async () => {
          await Promise.resolve();
          throw error;
        },
        terminate: (_server, reason) => void terminated.push(reason),
      });
      const server = await Server.start(self, false);
      expect(await endOf(self, server.pid, () => server.go())).toBe(error);
      expect(terminated).toEqual([error]);
      const { pid } = await Server.start(self, true);
      await endOf(self, pid, () => {});
      expect(terminated).toEqual([error, error]);
    });
    const reports = records.filter(({ fields }) => fields?.report === "server");
    expect(reports).toHaveLength(2);
  });

  test("runs once, also when it throws", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const waits of [false, true]) {
        let calls = 0;
        const Server = genServer({
          init: () => 0,
          casts: {
            go: (server) => {
              server.stop();
              return waits ? Promise.resolve() : undefined;
            },
          },
          terminate: () => {
            calls++;
            throw new Error("thrown by terminate");
          },
        });
        const server = await Server.start(self);
        expect(await endOf(self, server.pid, () => server.go()))
          .toHaveProperty("message", "thrown by terminate");
        expect(calls).toBe(1);
      }
    });
  });

  test("does not run in a server that was killed while it waited", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const said: string[] = [];
      const begun = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const Server = genServer({
        init: () => 0,
        casts: {
          go: async (server) => {
            begun.resolve();
            await gate.promise;
            said.push("waited");
            server.continue(null);
            server.stop("too late");
          },
        },
        continue: () => void said.push("continue"),
        terminate: () => void said.push("terminate"),
      });
      const { pid, go } = await Server.start(self).then((server) => ({
        pid: server.pid,
        go: () => server.go(),
      }));
      const reason = await endOf(self, pid, async () => {
        go();
        await begun.promise;
        self.sendExit(pid as Pid, reasons.kill);
      });
      expect(reason).toBe(reasons.killed);
      gate.resolve();
      await waitFor(() => said.length > 0, { what: "the callback's end" });
      // The server would handle it in the microtasks after that.
      for (let i = 0; i < 20; i++) await Promise.resolve();
      expect(said).toEqual(["waited"]);
    });
  });
});

describe("a server's time limit", () => {
  test("ends with a message that came before the timer", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const seen: string[] = [];
      const Server = genServer({
        init: () => 0,
        calls: {
          arm: (server, timeoutMs: number) => server.timeout(timeoutMs),
          look: () => void seen.push("look"),
          last: () => seen,
        },
        timeout: () => void seen.push("timeout"),
      });
      const server = await Server.start(self);
      const { pid } = server;
      // All are in the mailbox before the server's turn, so that the timer
      // cannot fire between them, however slow the machine is.
      const armed = server.arm(1);
      const suspended = sys.suspend(self, pid);
      const looking = server.look();
      await Promise.all([armed, suspended]);
      await waitFor(() => (self.info(pid as Pid)?.mailboxLength ?? 0) === 2, {
        what: "the timer's message behind the call",
      });
      await sys.resume(self, pid);
      await looking;
      expect(await server.last()).toEqual(["look"]);
    });
  });

  test("must be a number from 0 on", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const Server = genServer({
        init: (_self, timeoutMs: number) => initial(0, { timeoutMs }),
      });
      for (const timeoutMs of [-1, Number.NaN]) {
        await expect(Server.start(self, timeoutMs)).rejects
          .toHaveProperty("reason.name", "UsageError");
      }
    });
  });
});

describe("a client", () => {
  test("has methods of any name that is not reserved", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const Server = genServer({
        init: () => 0,
        calls: { options: () => "options", self: () => "self" },
        casts: { call: () => {}, cast: () => {} },
      });
      const server = await Server.start(self);
      expect(await server.options()).toBe("options");
      expect(await server.with({ timeoutMs: 10_000 }).self()).toBe("self");
      server.call();
      server.cast();
      expect(await server.self()).toBe("self");
    });
    for (const name of ["toString", "constructor", "__proto__", "pid"]) {
      expect(() => genServer({ init: () => 0, calls: { [name]: () => 0 } }))
        .toThrow(UsageError);
    }
  });

  test("gets an error for a request that cannot be sent to any node", async () => {
    await using cluster = await testCluster(["a@t", "b@t"]);
    const [a, b] = cluster.nodes;
    await a?.run(async (self) => {
      const nodes = [b?.name ?? "", "c@t"];
      await expect(multiCall(self, nodes, "nobody", () => {})).rejects
        .toThrow(EncodeError);
      const { badNodes } = await multiCall(self, nodes, "nobody", 1);
      expect(badNodes).toEqual(nodes);
    });
  });
});

describe("the stop of a server", () => {
  test("that is aborted rejects once, and does not end the caller", async () => {
    const { node, records } = await lone();
    const abort = new AbortController();
    const error = new Error("called off");
    await node.run(async (self) => {
      const begun = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const Server = genServer({
        init: () => 0,
        casts: {
          go: () => {
            begun.resolve();
            return gate.promise;
          },
        },
      });
      const server = await Server.start(self);
      server.go();
      await begun.promise;
      const stopping = stop(self, server.pid, reasons.normal, {
        signal: abort.signal,
      });
      abort.abort(error);
      await expect(stopping).rejects.toBe(error);
      // The request was sent all the same, and the server ends by it.
      const reason = await endOf(self, server.pid, () => gate.resolve());
      expect(reason).toBe(reasons.normal);
      // An unhandled rejection would end this actor by now.
      expect(self.isAlive).toBe(true);
    });
    expect(records.filter(({ level }) => level === "error")).toEqual([]);
  });
});

test("a start under a name that cannot be registered is refused", async () => {
  const { node } = await lone();
  await node.run(async (self) => {
    const Server = genServer({ init: () => 0 });
    const name = { via: { find: () => null }, name: "x" };
    await expect(Server.start(self, undefined, { name })).rejects
      .toThrow(UsageError);
  });
});
