/**
 * Actors that end by a value that throws when it is examined: each monitor,
 * link, call, supervisor and event manager is notified all the same, here and
 * on another node.
 */
import { describe, expect, test } from "vitest";
import {
  type Behaviour,
  type Down,
  type Exit,
  handler,
  type Pid,
  type Self,
  stop,
} from "../../runtime/mod.ts";
import { eventHandler, GenEvent } from "../../std/gen_event/mod.ts";
import { genServer } from "../../std/gen_server/mod.ts";
import { StartError } from "../../std/proc_lib/mod.ts";
import { Supervisor } from "../../std/supervisor/mod.ts";
import { Task } from "../../std/task/mod.ts";
import { lone } from "../helpers/actors.ts";
import { two } from "../helpers/clusters.ts";
import { hostileValues } from "../helpers/hostile_values.ts";

const values = Object.entries(hostileValues);
const TIMEOUT_MS = 5_000;

/** The ways in which an actor ends by a value of its program. */
const endings: Readonly<
  Record<string, (value: unknown) => Behaviour<unknown>>
> = {
  "throws it": (value) => async (self: Self<unknown>) => {
    await self.receive();
    throw value;
  },
  "throws it as a handler": (value) =>
    handler(null, () => {
      throw value;
    }),
  "exits with it": (value) => async (self: Self<unknown>) => {
    await self.receive();
    self.exit(value);
  },
  "stops with it": (value) => handler(null, () => stop(value)),
  "is sent it as an exit signal": (value) => async (self: Self<unknown>) => {
    await self.receive();
    self.sendExit(self.pid, value);
    await self.receive();
  },
};

describe.each(Object.keys(endings))("an actor that %s", (ending) => {
  const behaviour = endings[ending]!;

  test.each(values)("(%s) is noticed on its node", async (_, value) => {
    const { node } = await lone();
    const seen = await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const victim = self.spawn(behaviour(value()));
      // A chain of links: the last one learns of it by the one before.
      const chain = (to: Pid, left: number): Pid =>
        left === 0 ? to : chain(
          self.spawn(async (me: Self<unknown>) => {
            me.link(to);
            await me.receive();
          }),
          left - 1,
        );
      const last = chain(victim, 3);
      const refs = [self.monitor(victim), self.monitor(last)];
      self.link(victim);
      const call = self.call(victim, "end", { timeoutMs: TIMEOUT_MS })
        .then(
          () => "answered",
          (error: { reason: unknown }) =>
            error.reason === "timeout" ? "timeout" : "failed",
        );
      const downs: unknown[] = [];
      for (const ref of refs) {
        downs.push(
          (await self.receive(ref, { timeoutMs: TIMEOUT_MS }) as Down).type,
        );
      }
      const exit = await self.receive("EXIT", {
        timeoutMs: TIMEOUT_MS,
      }) as unknown as Exit;
      return [...downs, exit.type, await call];
    });
    expect(seen).toEqual(["DOWN", "DOWN", "EXIT", "failed"]);
  });

  test.each(values)("(%s) is noticed on another node", async (_, value) => {
    const { a, b } = await two();
    const victim = a.spawn(behaviour(value()), { name: "victim" });
    const seen = await b.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const ref = self.monitor(victim);
      self.link(victim);
      const call = self.call(victim, "end", { timeoutMs: TIMEOUT_MS })
        .then(
          () => "answered",
          (error: { reason: unknown }) =>
            error.reason === "timeout" ? "timeout" : "failed",
        );
      const down = await self.receive(ref, { timeoutMs: TIMEOUT_MS }) as Down;
      const exit = await self.receive("EXIT", {
        timeoutMs: TIMEOUT_MS,
      }) as unknown as Exit;
      return [down.type, exit.type, await call];
    });
    expect(seen).toEqual(["DOWN", "EXIT", "failed"]);
    expect([a.nodes(), b.nodes()]).toEqual([["b@test"], ["a@test"]]);
  });
});

describe("a behaviour of std", () => {
  test.each(values)(
    "(%s) a supervisor restarts its child",
    async (_, value) => {
      const { node } = await lone();
      const Fragile = genServer({
        init: () => 0,
        calls: {
          add: (server, n: number) => server.state += n,
          crash: (): number => {
            throw value();
          },
        },
      });
      const sum = await node.run(async (self) => {
        await Supervisor.startLink(self, {
          children: [Fragile.child(undefined, { id: "it", name: "it" })],
        });
        const it = Fragile.at(self, "it");
        const first = self.whereis("it");
        await it.add(1);
        await expect(it.crash()).rejects.toThrow();
        const again = self.whereis("it");
        expect(again).not.toBe(first);
        return await it.add(2);
      });
      expect(sum).toBe(2);
    },
  );

  test.each(values)(
    "(%s) a failed init rejects the start",
    async (_, value) => {
      const { node, records } = await lone();
      const Never = genServer({
        init: (): number => {
          throw value();
        },
      });
      await node.run(async (self) => {
        self.trapExits = true;
        await expect(Never.start(self)).rejects.toBeInstanceOf(StartError);
        await expect(
          Supervisor.startLink(self, { children: [Never.child()] }),
        ).rejects.toBeInstanceOf(StartError);
      });
      expect(records.length).toBeGreaterThan(0);
    },
  );

  test.each(values)("(%s) an event manager goes on", async (_, value) => {
    const { node } = await lone();
    const got: string[] = [];
    const Bad = eventHandler({
      init: () => 0,
      handleEvent: (_event: string): void => {
        throw value();
      },
    });
    const Good = eventHandler({
      init: () => 0,
      handleEvent: (event: string): void => void got.push(event),
    });
    const left = await node.run(async (self) => {
      const events = await GenEvent.startLink<string>(self);
      await events.addHandler("bad", Bad);
      await events.addHandler("good", Good);
      await events.syncNotify("one");
      await events.syncNotify("two");
      return await events.whichHandlers();
    });
    expect([got, left]).toEqual([["one", "two"], ["good"]]);
  });

  test.each(values)("(%s) a task's caller is told", async (_, value) => {
    const { node } = await lone();
    const outcome = await node.run(async (self) => {
      self.trapExits = true;
      const task = Task.async(self, () => {
        throw value();
      });
      return await Task.await(self, task, { timeoutMs: TIMEOUT_MS }).then(
        () => "done",
        () => "failed",
      );
    });
    expect(outcome).toBe("failed");
  });
});
