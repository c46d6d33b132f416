/** `trySend`: a send that may not connect, or may not have to wait. */
import { describe, expect, test } from "vitest";
import {
  type Destination,
  EncodeError,
  type RunningNode,
  type Self,
  type SendOutcome,
  type TrySendOptions,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, drain, lone, park } from "../../helpers/actors.ts";
import { contents, puppet, roundTrip, two } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

/** Waits until both have seen that the other is gone. */
async function apart(a: RunningNode, b: RunningNode): Promise<void> {
  await waitFor(() => a.nodes().length + b.nodes().length === 0, {
    what: "both nodes to be alone",
  });
}

const every: readonly TrySendOptions[] = [
  {},
  { noConnect: true },
  { noSuspend: true },
  { noConnect: true, noSuspend: true },
];

describe("trySend", () => {
  test("within a node sends as send does", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      self.register("me");
      const ways: Destination[] = [
        self.pid,
        "me",
        { name: "me", node: self.node },
        self.alias(),
      ];
      for (const options of every) {
        for (const to of ways) {
          expect(self.trySend(to, "hello", options)).toBe("ok");
        }
        expect(await drain(self)).toHaveLength(ways.length);
        expect(() => self.trySend("nobody", 1, options)).toThrow(UsageError);
        expect(() => self.trySend(undefined as never, 1, options))
          .toThrow(UsageError);
        const { pid } = self.spawnMonitor(() => {});
        await self.receive();
        expect(self.trySend(pid, "to an ended actor", options)).toBe("ok");
        const nobody = { name: "nobody", node: self.node };
        expect(self.trySend(nobody, "to no actor", options)).toBe("ok");
      }
    });
  });

  test("on a lone node reaches no other", async () => {
    const { node } = await lone();
    const far = { name: "x", node: "b@nowhere" };
    await node.run((self) => {
      expect(every.map((options) => self.trySend(far, 1, options)))
        .toEqual(["ok", "noconnect", "ok", "noconnect"]);
    });
  });

  test("without connection makes none when it may not", async () => {
    const { a, b, cluster } = await two();
    const there = puppet(b, { name: "there" });
    const ways: Destination[] = [there.pid, { name: "there", node: b.name }];
    await a.run(async (self: Self<unknown>) => {
      for (const to of ways) {
        expect(self.trySend(to, "over it", { noConnect: true })).toBe("ok");
      }
      await roundTrip(a, b);
      expect(await contents(there)).toEqual(["over it", "over it"]);
      cluster.cutAll();
      await apart(a, b);
      const core = await coreOf(a);
      expect(core.way(a.pid, there.pid)).toEqual({
        isUp: false,
        hasRoom: true,
      });
      for (const to of ways) {
        expect(self.trySend(to, "unsent", { noConnect: true }))
          .toBe("noconnect");
      }
      // No node has begun to connect, or this would be on its way by now.
      await self.receive({ timeoutMs: 20 });
      expect(a.nodes()).toEqual([]);
      expect(self.trySend(there.pid, "it connects", { noSuspend: true }))
        .toBe("ok");
      await roundTrip(a, b);
      expect(await contents(there)).toEqual(["it connects"]);
    });
  });

  test("above the high mark sends nothing when it may not wait", async () => {
    const { a, b } = await two({ limits: { highMarkBytes: 1_000 } });
    const there = puppet(b);
    const sent: number[] = [];
    await a.run(async (self: Self<unknown>) => {
      const outcomes = new Set<SendOutcome>();
      for (let n = 0; n < 100; n++) {
        const outcome = self.trySend(there.pid, [n, "x".repeat(50)], {
          noSuspend: true,
        });
        outcomes.add(outcome);
        if (outcome === "ok") sent.push(n);
      }
      expect([...outcomes]).toEqual(["ok", "nosuspend"]);
      // The other option has no say in this, and `send` goes on for a while.
      expect(self.trySend(there.pid, [100], { noConnect: true })).toBe("ok");
      expect(self.send(there.pid, [101])).toBe(false);
      sent.push(100, 101);
      await self.ready(there.pid);
      expect(self.trySend(there.pid, [102], { noSuspend: true })).toBe("ok");
      sent.push(102);
    });
    await roundTrip(a, b);
    expect((await contents(there)).map((message) => (message as number[])[0]))
      .toEqual(sent);
  });

  test("counts what waits for a connection", async () => {
    const { a, b, cluster } = await two({ limits: { highMarkBytes: 500 } });
    const there = puppet(b);
    cluster.cutAll();
    await apart(a, b);
    await a.run((self) => {
      const both = { noConnect: true, noSuspend: true };
      self.send(there.pid, "x".repeat(600));
      expect(self.trySend(there.pid, 1, { noSuspend: true }))
        .toBe("nosuspend");
      expect(self.trySend(there.pid, 1, both)).toBe("noconnect");
    });
    await roundTrip(a, b);
    expect(await contents(there)).toEqual(["x".repeat(600)]);
  });

  test("throws what send throws", async () => {
    const { a, b } = await two();
    const there = puppet(b);
    await a.run((self) => {
      for (const options of every) {
        expect(() => self.trySend(there.pid, () => {}, options))
          .toThrow(EncodeError);
      }
    });
  });

  test("of an ended actor has no effect", async () => {
    const { node } = await lone();
    const said = Promise.withResolvers<SendOutcome>();
    await node.run(async (self: Self<unknown>) => {
      const gate = Promise.withResolvers<void>();
      const { pid } = self.spawnMonitor(async (me) => {
        me.send(self.pid, "waiting");
        await gate.promise;
        said.resolve(me.trySend(self.pid, "from an ended actor"));
        await park(me);
      });
      await self.receive();
      self.sendExit(pid, "x");
      gate.resolve();
      expect(await said.promise).toBe("ok");
      expect(await drain(self)).toHaveLength(1);
    });
  });
});
