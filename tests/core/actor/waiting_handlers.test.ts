/** Handlers that may return promises, and what `sys` asks of them. */
import { describe, expect, test } from "vitest";
import {
  asyncHandler,
  atom,
  handler,
  KilledError,
  type Pid,
  reasons,
  type Self,
  stop,
  sys,
  type Tuple,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate } from "../../../std/testing/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

/** A promise and the function that resolves it. */
const gate = () => Promise.withResolvers<void>();

describe("an asynchronous handler", () => {
  test("takes one message at a time, in order, however long each takes", async () => {
    const { node } = await lone();
    const seen: string[] = [];
    const gates = [gate(), gate(), gate()];
    const pid = node.spawn(asyncHandler(0, async (count, n: number) => {
      seen.push(`begins ${n}`);
      await gates[n]?.promise;
      seen.push(`ends ${n}`);
      return count + n;
    }));
    for (const n of [0, 1, 2]) node.send(pid, n);
    await waitFor(() => seen.length === 1, { what: "the first" });
    gates[2]?.resolve();
    gates[1]?.resolve();
    gates[0]?.resolve();
    expect(await node.run((self) => sys.getState(self, pid))).toBe(3);
    expect(seen).toEqual(
      [0, 1, 2].flatMap((n) => [`begins ${n}`, `ends ${n}`]),
    );
  });

  test("mixes synchronous and asynchronous answers", async () => {
    const { node } = await lone();
    const pid = node.spawn(
      asyncHandler(
        [] as number[],
        (list, n: number) =>
          n % 2 === 0 ? [...list, n] : Promise.resolve([...list, n]),
      ),
    );
    for (let n = 0; n < 1000; n++) node.send(pid, n);
    expect(await node.run((self) => sys.getState(self, pid)))
      .toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  test("has an asynchronous init, whose failure is its end", async () => {
    const { node } = await lone();
    const pid = node.spawn(asyncHandler(
      async () => {
        await Promise.resolve();
        return 40;
      },
      (state, n: number) => state + n,
    ));
    node.send(pid, 2);
    expect(await node.run((self) => sys.getState(self, pid))).toBe(42);
    const reason = await node.run(async (self) => {
      const failing = self.spawnMonitor(asyncHandler(
        () => Promise.reject(new Error("no disk")),
        (state: number) => state,
      ));
      return await self.receive(failing.ref);
    });
    expect(reason).toMatchObject({ reason: new Error("no disk") });
  });

  test("receives and calls inside, and keeps its other messages", async () => {
    const { node } = await lone();
    const doubler = node.spawn(handler(null, (state, call: unknown, self) => {
      const { from, request } = call as never;
      self.reply(from, (request as number) * 2);
      return state;
    }));
    type Message = number | { readonly inner: number };
    const pid = node.spawn(asyncHandler(0, async (sum, m: Message, self) => {
      if (typeof m !== "number") return -1_000;
      const inner = await self.receive(
        (m): m is { inner: number } => typeof m === "object",
      );
      return sum + m + inner.inner + await self.call<number>(doubler, 100);
    }));
    node.send(pid, 1 as Message);
    node.send(pid, 2 as Message);
    node.send(pid, { inner: 10 } as Message);
    node.send(pid, { inner: 20 } as Message);
    expect(await node.run((self) => sys.getState(self, pid)))
      .toBe(1 + 10 + 200 + 2 + 20 + 200);
  });

  test("is ended while it waits, and its code is told", async () => {
    const { node } = await lone();
    const told: unknown[] = [];
    const pid = node.spawn(asyncHandler(0, async (state, _m: number, self) => {
      try {
        await self.receive("never");
      } catch (error) {
        told.push(error);
        throw error;
      }
      return state;
    }));
    node.send(pid, 1);
    node.send(pid, 2);
    await waitFor(() => node.info(pid)?.reductions === 1, { what: "its turn" });
    await node.run(async (self) => {
      const ref = self.monitor(pid);
      self.sendExit(pid, reasons.kill);
      expect(await self.receive(ref)).toMatchObject({ reason: reasons.killed });
    });
    await waitFor(() => told.length === 1, { what: "the error" });
    expect(told[0]).toBeInstanceOf(KilledError);
  });

  test("ends by stop, by exit and by what it throws", async () => {
    const { node, records } = await lone();
    const ways: [string, (self: Self<never>) => unknown, unknown][] = [
      ["stop", () => stop(atom("enough")), atom("enough")],
      ["exit", (self) => self.exit(atom("left")), atom("left")],
      ["throw", () => Promise.reject(new TypeError("oh")), new TypeError("oh")],
    ];
    for (const [, way, reason] of ways) {
      const down = await node.run(async (self) => {
        const { pid, ref } = self.spawnMonitor(
          asyncHandler(0, async (_, _m: number, me) => {
            await Promise.resolve();
            return await way(me as never) as number;
          }),
        );
        self.send(pid, 1);
        return await self.receive(ref);
      });
      expect(down).toMatchObject({ reason });
    }
    expect(records.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("must await what it receives", async () => {
    const { node } = await lone({ log: () => {} });
    const down = await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(
        asyncHandler(0, (state, _m: number, me) => {
          me.receive().catch(() => {});
          return state;
        }),
      );
      self.send(pid, 1);
      return await self.receive(ref) as { readonly reason: unknown };
    });
    expect(down.reason).toBeInstanceOf(UsageError);
  });

  test("goes on fairly: a busy one starves no other actor", async () => {
    const { node } = await lone();
    const done: string[] = [];
    const spin = (name: string): Pid<number> =>
      node.spawn(asyncHandler(0, async (count, _m: number) => {
        await Promise.resolve();
        if (count + 1 === 500) done.push(name);
        return count + 1;
      }));
    const [a, b] = [spin("a"), spin("b")];
    for (let n = 0; n < 500; n++) {
      node.send(a, n);
      node.send(b, n);
    }
    await waitFor(() => done.length === 2, { what: "both" });
  });

  test("shows what its hooks show, and has a terminate callback", async () => {
    const { node } = await lone();
    const words: unknown[] = [];
    const pid = node.spawn(asyncHandler(
      { inner: 1, secret: "s" },
      (state, n: number) => ({ ...state, inner: state.inner + n }),
      {
        name: "hooked",
        system: {
          getState: ({ inner }) => inner,
          replaceState: (state, inner) => ({ ...state, inner: Number(inner) }),
          formatStatus: ({ inner }) => `inner ${inner}`,
          terminate: async (state, reason) => {
            await Promise.resolve();
            words.push(state.inner, reason);
          },
        },
      },
    ));
    node.send(pid, 2);
    await node.run(async (self) => {
      expect(await sys.getState(self, pid)).toBe(3);
      expect(await sys.replaceState(self, pid, (n: number) => n * 10)).toBe(30);
      const status = await sys.getStatus(self, pid) as Tuple;
      const [, , , , misc] = status.items[3] as unknown[];
      expect((misc as unknown[])[2])
        .toEqual(tuple(atom("data"), [tuple("State", "inner 30")]));
      const ref = self.monitor(pid);
      await sys.suspend(self, pid);
      self.send(pid, 1);
      await sys.terminate(self, pid, atom("bye"));
      expect(await self.receive(ref)).toMatchObject({ reason: atom("bye") });
    });
    expect(words).toEqual([30, atom("bye")]);
    expect(node.info(pid)).toBeNull();
  });

  test("runs in the simulator, where foreign waits are found", async () => {
    await simulate({ seed: 7 }, async (sim) => {
      const node = await sim.start("a@sim");
      const pid = node.spawn(asyncHandler(0, async (sum, n: number, self) => {
        await self.receive("go", { timeoutMs: 1_000 });
        return sum + n;
      }));
      node.send(pid, 1);
      node.send(pid, { type: "go" } as never);
      await node.run(async (self) => {
        expect(await sys.getState(self, pid)).toBe(1);
      });
    });
    await expect(simulate({ seed: 7 }, async (sim) => {
      const node = await sim.start("a@sim");
      const pid = node.spawn(
        asyncHandler(0, (_sum, _n: number) => new Promise<number>(() => {})),
      );
      node.send(pid, 1);
      await node.run((self) => sys.getState(self, pid));
    })).rejects.toThrow(/foreign|waits for/);
  });
});
