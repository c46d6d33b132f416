/**
 * Calls of erpc on many nodes, and calls whose results are taken later.
 */
import { describe, expect, test } from "vitest";
import {
  atom,
  EncodeError,
  erpc,
  type ErpcRequest,
  ErpcRequests,
  ExitError,
  type RunningNode,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, drain, holdingsOf } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";

/** A gate at which a function on a node waits. */
class Gate {
  #open: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => this.#open = resolve);
  calls = 0;
  open(): void {
    this.#open();
  }
  readonly wait = async (value: unknown): Promise<unknown> => {
    this.calls++;
    await this.#opened;
    return value;
  };
}

function offer(node: RunningNode): Gate {
  const gate = new Gate();
  node.exportFunction("m:same/1", (value: unknown) => value);
  node.exportFunction("m:throws/1", (value: unknown) => {
    throw value;
  });
  node.exportFunction("m:exits/1", (value: unknown) => {
    throw new ExitError(value);
  });
  node.exportFunction("m:gate/1", gate.wait);
  return gate;
}

const short = { timeoutMs: 20 } as const;
const long = { timeoutMs: 5_000 } as const;

/** Runs a body on a, and expects that it leaves nothing behind. */
async function onA(
  body: (
    self: Self<unknown>,
    b: string,
    gate: Gate,
  ) => Promise<void>,
): Promise<void> {
  const { a, b } = await two();
  offer(a);
  const gate = offer(b);
  const core = await coreOf(a);
  const before = holdingsOf(core);
  await a.run(async (self: Self<unknown>) => {
    await body(self, b.name, gate);
    expect(await drain(self)).toEqual([]);
  });
  await waitFor(() => holdingsOf(core).actors === before.actors, {
    what: "all waiting actors to end",
  });
  expect(holdingsOf(core)).toMatchObject({ monitors: 0, aliases: 0 });
}

describe("multicall", () => {
  test("gives results in the order of the nodes, of every kind", () =>
    onA(async (self, b) => {
      const nodes = [b, "nobody@test", self.node, b];
      const values = await erpc.multicall(self, nodes, "m:same", [7], long);
      expect(values).toMatchObject([
        { type: "ok", value: 7 },
        { type: "erpc", reason: atom("noconnection") },
        { type: "ok", value: 7 },
        { type: "ok", value: 7 },
      ]);
      const kinds = async (name: string, args: unknown[]) =>
        (await erpc.multicall(self, [b], name, args))[0];
      expect(await kinds("m:throws", ["x"]))
        .toMatchObject({ type: "throw", value: "x" });
      expect(await kinds("m:exits", ["x"]))
        .toMatchObject({ type: "exit", reason: "x", isSignal: false });
      expect(await kinds("m:none", []))
        .toMatchObject({ type: "error", reason: atom("undef") });
      expect(await kinds("m:throws", [new RangeError("x")]))
        .toMatchObject({ type: "error", reason: { message: "x" } });
      expect(await erpc.multicall(self, [], "m:same", [1])).toEqual([]);
    }));

  test("has one time limit for all, and can be aborted", () =>
    onA(async (self, b, gate) => {
      const results = await erpc.multicall(
        self,
        [b, b],
        "m:gate",
        [1],
        short,
      );
      const late = { type: "erpc", reason: atom("timeout") };
      expect(results).toMatchObject([late, late]);
      const abort = new AbortController();
      const calling = erpc.multicall(self, [b], "m:gate", [1], {
        signal: abort.signal,
      });
      abort.abort("enough");
      await expect(calling).rejects.toBe("enough");
      gate.open();
    }));

  test("refuses arguments that cannot be called or sent", () =>
    onA(async (self, b) => {
      await expect(erpc.multicall(self, [b], "same", [1]))
        .rejects.toThrow(UsageError);
      await expect(erpc.multicall(self, [b], "m:same", [() => {}]))
        .rejects.toThrow(EncodeError);
    }));
});

test("multicast calls on every node, also if some are missing", () =>
  onA(async (self, b, gate) => {
    erpc.multicast(self, ["nobody@test", b, b], "m:gate", [1]);
    await waitFor(() => gate.calls === 2, { what: "the casts" });
    expect(() => erpc.multicast(self, [b], "gate")).toThrow(UsageError);
    gate.open();
  }));

describe("requests", () => {
  test("are received in any order", () =>
    onA(async (self, b) => {
      const [one, two, bad] = [
        erpc.sendRequest<number>(self, b, "m:same", [1]),
        erpc.sendRequest<number>(self, self.node, "m:same", [2]),
        erpc.sendRequest(self, b, "m:throws", [3]),
      ];
      await expect(erpc.receiveResponse(self, bad as ErpcRequest, long))
        .rejects.toMatchObject({ class: "throw", reason: 3 });
      expect(await erpc.receiveResponse(self, two as ErpcRequest<number>))
        .toBe(2);
      expect(await erpc.receiveResponse(self, one as ErpcRequest<number>))
        .toBe(1);
    }));

  test("are waited for again after a time-out", () =>
    onA(async (self, b, gate) => {
      const request = erpc.sendRequest(self, b, "m:gate", [1]);
      expect(erpc.checkResponse(request)).toBeNull();
      expect(await erpc.waitResponse(self, request)).toBeNull();
      expect(await erpc.waitResponse(self, request, short)).toBeNull();
      gate.open();
      const result = { type: "ok", value: 1 };
      expect(await erpc.waitResponse(self, request, long)).toEqual(result);
      expect(erpc.checkResponse(request)).toEqual(result);
    }));

  test("are abandoned by a receive that is late or aborted", () =>
    onA(async (self, b) => {
      const late = erpc.sendRequest(self, b, "m:gate", [1]);
      await expect(erpc.receiveResponse(self, late, short))
        .rejects.toMatchObject({ class: "erpc", reason: atom("timeout") });
      expect(erpc.checkResponse(late)).toMatchObject({ type: "erpc" });
      const gone = erpc.sendRequest(self, b, "m:gate", [1]);
      const abort = new AbortController();
      const { signal } = abort;
      const receiving = erpc.receiveResponse(self, gone, { signal });
      abort.abort("enough");
      await expect(receiving).rejects.toBe("enough");
    }));

  test("are abandoned when their owner ends", async () => {
    const { a, b } = await two();
    const gate = offer(b);
    const core = await coreOf(a);
    const before = holdingsOf(core).actors;
    await a.run(async (self) => {
      erpc.sendRequest(self, b.name, "m:gate", [1]);
      await waitFor(() => gate.calls === 1, { what: "the call" });
    });
    await waitFor(() => holdingsOf(core).actors === before, {
      what: "the waiting actor to end",
    });
    gate.open();
  });

  test("reject for arguments that cannot be sent", () =>
    onA(async (self, b) => {
      const request = erpc.sendRequest(self, b, "m:same", [() => {}]);
      await expect(erpc.receiveResponse(self, request, long))
        .rejects.toThrow(EncodeError);
      expect(() => erpc.sendRequest(self, b, "same")).toThrow(UsageError);
    }));
});

test("a collection gives results with labels in the order of arrival", () =>
  onA(async (self, b, gate) => {
    const requests = new ErpcRequests<string>();
    expect(await requests.wait(self)).toEqual({ type: "noRequest" });
    requests
      .add(erpc.sendRequest(self, b, "m:gate", ["late"]), "first")
      .add(erpc.sendRequest(self, b, "m:same", ["early"]), "second")
      .add(erpc.sendRequest(self, "nobody@test", "m:same", [1]), "third");
    expect(requests.size).toBe(3);
    expect([...requests].map(([, label]) => label))
      .toEqual(["first", "second", "third"]);
    const got: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const next = await requests.wait(self, long);
      if (next.type === "response") got.push([next.label, next.result.type]);
    }
    expect(got.toSorted()).toEqual([["second", "ok"], ["third", "erpc"]]);
    expect(await requests.wait(self, short)).toEqual({ type: "noResponse" });
    gate.open();
    expect(await requests.wait(self, long)).toMatchObject({
      type: "response",
      label: "first",
      result: { type: "ok", value: "late" },
    });
    requests.add(erpc.sendRequest(self, b, "m:gate", [1]), "never");
    requests.abandon(self);
    expect(await requests.wait(self)).toEqual({ type: "noRequest" });
  }));

test("a node that is lost while it calls is noconnection, and no more", async () => {
  const { a, b, cluster } = await two();
  const gate = offer(b);
  await a.run(async (self: Self<unknown>) => {
    const requests = [1, 2, 3].map((n) =>
      erpc.sendRequest(self, b.name, "m:gate", [n])
    );
    await waitFor(() => gate.calls === 3, { what: "the calls" });
    cluster.cutAll();
    for (const request of requests) {
      expect(await erpc.waitResponse(self, request, long))
        .toMatchObject({ type: "erpc", reason: atom("noconnection") });
    }
    gate.open();
    expect(await erpc.call(self, b.name, "m:same", [1])).toBe(1);
    expect(await drain(self)).toEqual([]);
  });
});

test("an error at the bottom of nested calls keeps its wrappings", async () => {
  const { a, b } = await two();
  for (const [node, other] of [[a, b], [b, a]] as const) {
    node.exportFunction("m:down/1", (depth: unknown) => {
      if (depth === 0) throw new ExitError("bottom");
      return node.erpc(other.name, "m:down", [depth as number - 1]);
    });
  }
  const fails = (depth: number) =>
    a.erpc(b.name, "m:down", [depth]).catch((error: unknown) => error);
  const exception = atom("exception");
  expect(await fails(0)).toMatchObject({ class: "exit", reason: "bottom" });
  expect(await fails(1))
    .toMatchObject({ class: "exit", reason: tuple(exception, "bottom") });
  expect(await fails(3)).toMatchObject({
    class: "exit",
    reason: tuple(exception, tuple(exception, tuple(exception, "bottom"))),
  });
});

describe("in random schedules", () => {
  test(
    "a time limit holds while the request cannot be sent",
    () =>
      simulateSeeds({ count: 20 }, async (sim) => {
        const a = await sim.start("a@sim", { global: false });
        const b = await sim.start("b@sim", { global: false });
        offer(b);
        await a.connect(b.name);
        // Bytes go nowhere, in one direction or in both.
        sim.stall("a@sim", "b@sim");
        if (sim.below(2) === 0) sim.stall("b@sim", "a@sim");
        const before = sim.timeMs;
        const result = await a.run(async (self: Self<unknown>) => {
          // More than the connection holds: the waiting actor is held back.
          const args = ["x".repeat(100_000 * sim.below(20))];
          const [one] = await erpc.multicall(self, [b.name], "m:same", args, {
            timeoutMs: 500,
          });
          return one;
        });
        expect(result).toMatchObject({ type: "erpc", reason: atom("timeout") });
        expect(sim.timeMs - before).toBeGreaterThanOrEqual(500);
        // Far less than it takes until the silent node is given up.
        expect(sim.timeMs - before).toBeLessThan(5_000);
        sim.heal();
      }),
    20_000,
  );
});
