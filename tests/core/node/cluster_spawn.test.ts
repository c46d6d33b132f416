/** Spawning on another node what it exports. */
import { describe, expect, test } from "vitest";
import { receiveSignal } from "../../../runtime/core/node/inbound.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import { Pid, Ref } from "../../../runtime/core/terms/terms.ts";
import {
  Down,
  Exit,
  type ExportedBehaviour,
  handler,
  KilledError,
  type Pid as PublicPid,
  reasons,
  type Self,
  SpawnError,
} from "../../../runtime/mod.ts";
import { coreOf, park } from "../../helpers/actors.ts";
import {
  holdings,
  inside,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { fakeNode } from "../../helpers/fake_host.ts";
import { waitFor } from "../../helpers/wait.ts";

const exports: Record<string, ExportedBehaviour> = {
  echo: (greeting: string) => async (self: Self<PublicPid<unknown>>) => {
    for (;;) {
      self.send(await self.receive(), [greeting, self.node, self.pid]);
    }
  },
  counter: (start: number) =>
    handler(start, (n: number, from: PublicPid<number>, self) => {
      self.send(from, n);
      return n + 1;
    }),
  tell: (to: PublicPid<unknown>, what: unknown) => (self: Self) => {
    self.send(to, what);
  },
  exits: (reason: unknown) => (self: Self) => self.exit(reason),
  parks: () => park,
  throws: () => {
    throw new Error("not with these arguments");
  },
  nothing: () => undefined as unknown as () => void,
};

describe("spawnOn", () => {
  test("starts functions and handlers with their arguments", async () => {
    const { a, b } = await two({ exports });
    await a.run(async (self: Self<unknown>) => {
      const echo = await self.spawnOn<PublicPid<unknown>>(b.name, "echo", [
        "hello",
      ]);
      expect(echo.ref).toBeNull();
      expect(echo.pid.node).toBe(b.name);
      self.send(echo.pid, self.pid);
      expect(await self.receive()).toEqual(["hello", b.name, echo.pid]);
      const { pid } = await self.spawnOn<PublicPid<number>>(b.name, "counter", [
        7,
      ]);
      self.send(pid, self.pid);
      self.send(pid, self.pid);
      expect([await self.receive(), await self.receive()]).toEqual([7, 8]);
    });
  });

  test("is the same on the own node", async () => {
    const { a } = await two({ exports });
    await a.run(async (self: Self<unknown>) => {
      const { pid, ref } = await self.spawnOn<PublicPid<unknown>>(
        a.name,
        "echo",
        ["me"],
        { monitor: true, link: true },
      );
      self.send(pid, self.pid);
      expect(await self.receive()).toEqual(["me", a.name, pid]);
      self.unlink(pid);
      self.sendExit(pid, "x");
      expect(await self.receive()).toEqual(new Down(ref!, pid, "x"));
      for (
        const [name, reason] of [["absent", "undef"], ["throws", "badarg"]]
      ) {
        await expect(self.spawnOn(a.name, name!)).rejects
          .toMatchObject({ name: "SpawnError", reason });
      }
    });
  });

  test("rejects what is not exported, or what the export refuses", async () => {
    const { a, b, cluster } = await two({ exports });
    await a.run(async (self) => {
      for (
        const [name, reason] of [
          ["absent", "undef"],
          ["toString", "undef"],
          ["__proto__", "undef"],
          ["throws", "badarg"],
          ["nothing", "badarg"],
        ]
      ) {
        const failure = await self.spawnOn(b.name, name!, [], {
          link: true,
          monitor: true,
        }).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(SpawnError);
        expect(failure).toMatchObject({ reason });
        expect((failure as SpawnError).message).toContain(b.name);
      }
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    expect(b.stats().crashes).toBe(0);
    const refused = cluster.records.filter(({ message }) =>
      message.includes("refused a spawn request")
    );
    expect(refused.map(({ node }) => node)).toEqual([b.name, b.name]);
  });

  test("takes exports that are added later", async () => {
    const { a, b } = await two();
    await a.run(async (self: Self<unknown>) => {
      await expect(self.spawnOn(b.name, "late")).rejects.toThrow(SpawnError);
      b.export("late", () => (me: Self) => void me.send(self.pid, "late"));
      await self.spawnOn(b.name, "late");
      expect(await self.receive()).toBe("late");
    });
  });

  test("rejects where there is no connection and none can be made", async () => {
    const { a } = await two({ exports });
    await a.run(async (self) => {
      await expect(self.spawnOn("c@test", "parks")).rejects
        .toMatchObject({ name: "SpawnError", reason: "noconnection" });
    });
  });

  test("makes the new actor tell its end once, even one that ends at once", async () => {
    const { a, b } = await two({ exports });
    await a.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      for (let i = 0; i < 30; i++) {
        const [link, monitor] = [i % 2 === 0, i % 3 !== 0];
        const { pid, ref } = await self.spawnOn(b.name, "exits", [`x${i}`], {
          link,
          monitor,
        });
        await roundTrip(a, b);
        const seen: unknown[] = [];
        for (;;) {
          const message = await self.receive({ timeoutMs: 0 });
          if (message === undefined) break;
          seen.push(message);
        }
        expect(ref === null).toBe(!monitor);
        expect(seen).toHaveLength(Number(link) + Number(monitor));
        if (link) expect(seen).toContainEqual(new Exit(pid, `x${i}`));
        if (monitor) expect(seen).toContainEqual(new Down(ref!, pid, `x${i}`));
      }
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("links so that the parent's end ends the child", async () => {
    const { a, b } = await two({ exports });
    const parent = puppet(a);
    const { pid } = await inside(
      parent,
      (self) =>
        self.spawnOn(b.name, "parks", [], { link: true, monitor: true }),
    );
    const watch = puppet(b);
    const ref = await inside(watch, (self) => self.monitor(pid));
    void inside(parent, (self) => self.exit("done")).catch(() => {});
    expect(await inside(watch, (self) => self.receive()))
      .toEqual(new Down(ref, pid, "done"));
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("links and monitors over a connection that may be lost", async () => {
    const { a, b, cluster } = await two({ exports });
    await a.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const { pid, ref } = await self.spawnOn(b.name, "parks", [], {
        link: true,
        monitor: true,
      });
      const core = await coreOf(b);
      expect(core.actorById(pid.id, pid.serial)?.alive).toBe(true);
      cluster.cutAll();
      expect(await self.receive())
        .toEqual(new Down(ref!, pid, reasons.noconnection));
      expect(await self.receive())
        .toEqual(new Exit(pid, reasons.noconnection));
      await waitFor(() => core.actorById(pid.id, pid.serial) === null, {
        what: "the child to end",
      });
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("lets demonitor and unlink end what it set up", async () => {
    const { a, b } = await two({ exports });
    const before = (await coreOf(b)).actorCount;
    await a.run(async (self: Self<unknown>) => {
      const { pid, ref } = await self.spawnOn(b.name, "parks", [], {
        link: true,
        monitor: true,
      });
      expect(self.demonitor(ref!)).toBe(true);
      self.unlink(pid);
      self.sendExit(pid, "x");
      await roundTrip(a, b);
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    const core = await coreOf(b);
    await waitFor(() => core.actorCount === before, {
      what: "the child to end",
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("replies before anything that the child sends", () => {
    const { host, node } = fakeNode({ exports });
    const told: string[] = [];
    node.remote = {
      send: () => told.push("send") > 0,
      signal: (_, signal) => told.push(signal.type) > 0,
      ready: () => Promise.resolve(),
      way: () => ({ isUp: true, hasRoom: true }),
      nodes: () => [],
    };
    const from = new Pid("b@fake", 3, 0, 9, null);
    const request = {
      type: "spawnRequest" as const,
      ref: new Ref("b@fake", 9, [1]),
      from,
      groupLeader: from,
      flags: { link: true, monitor: true },
    };
    receiveSignal(node, { ...request, behaviour: "tell", args: [from, 1] });
    host.settle();
    receiveSignal(node, { ...request, behaviour: "exits", args: ["x"] });
    host.settle();
    expect(told).toEqual(
      [
        "spawnReply",
        "send",
        "linkExit",
        "down",
        "spawnReply",
        "linkExit",
        "down",
      ],
    );
  });

  test("inherits the group leader across nodes", async () => {
    const { a, b } = await two({ exports });
    const parent = puppet(a);
    const { pid } = await inside(
      parent,
      (self) => self.spawnOn(b.name, "parks"),
    );
    const core = await coreOf(b);
    expect(core.actorById(pid.id, pid.serial)?.groupLeader)
      .toBe(a.whereis("user"));
  });
});

describe("a parent that ends before the reply", () => {
  /** A node whose actor has asked for a child, and what it told the peer. */
  function asking(): {
    told: Signal[];
    end: (reason: unknown) => void;
    reply: () => void;
    outcome: Promise<unknown>;
    child: Pid;
  } {
    const { host, node } = fakeNode();
    const told: Signal[] = [];
    node.remote = {
      send: () => true,
      signal: (_, signal) => told.push(signal) > 0,
      ready: () => Promise.resolve(),
      way: () => ({ isUp: true, hasRoom: true }),
      nodes: () => [],
    };
    const parent = node.spawnActor(park, {}, null);
    const outcome = parent.spawnOn("b@fake", "x", [], {
      link: true,
      monitor: true,
    }).catch((error: unknown) => error);
    const [request] = told.splice(0);
    if (request?.type !== "spawnRequest") throw new Error("no request");
    const child = new Pid("b@fake", 3, 0, 9, null);
    return {
      told,
      child,
      outcome,
      end: (reason) => {
        parent.sendExit(parent.pid, reason);
        host.settle();
      },
      reply: () =>
        receiveSignal(node, {
          type: "spawnReply",
          ref: request.ref,
          to: parent.pid,
          flags: { link: true, monitor: true },
          result: child,
        }),
    };
  }

  for (const reason of ["x", reasons.normal, reasons.kill]) {
    test(`passes its reason on to the child: ${String(reason)}`, () => {
      const { told, end, reply, child } = asking();
      end(reason);
      expect(told.splice(0)).toEqual([]);
      reply();
      expect(told).toEqual([
        expect.objectContaining({ type: "demonitor", target: child }),
        expect.objectContaining({
          type: "linkExit",
          to: child,
          reason: reason === reasons.kill ? reasons.killed : reason,
        }),
      ]);
    });
  }

  test("leaves no actor behind on the other node", async () => {
    const { a, b } = await two({ exports });
    const core = await coreOf(b);
    const before = core.actorCount;
    for (let i = 0; i < 10; i++) {
      const failure = await a.run((self) => {
        void self.spawnOn(b.name, "parks", [], { link: true });
        self.sendExit(self.pid, "gone");
        return self.receive();
      }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(KilledError);
    }
    await roundTrip(a, b);
    await waitFor(() => core.actorCount === before, {
      what: "the children to end",
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });
});
