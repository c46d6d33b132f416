/** Calls in the manner of Erlang's `rpc`, between Hornbeam nodes. */
import { describe, expect, test } from "vitest";
import {
  atom,
  EncodeError,
  ExitError,
  type Pid,
  type RunningNode,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  abcast,
  asyncCall,
  BadRpc,
  blockCall,
  call,
  cast,
  evalEverywhere,
  everywhere,
  multicall,
  nbYield,
  parallelEval,
  pinfo,
  pmap,
  sbcast,
  yieldValue,
} from "../../../std/rpc/mod.ts";
import { drain, park } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

const nodedown = new BadRpc(atom("nodedown"));
const timeout = new BadRpc(atom("timeout"));
const exit = (why: unknown) => new BadRpc(tuple(atom("EXIT"), why));

type Offered = { readonly notes: unknown[]; open: () => void };

function offer(node: RunningNode): Offered {
  const offered: Offered = { notes: [], open: () => {} };
  const opened = new Promise<void>((resolve) => offered.open = resolve);
  node.exportFunction("m:same/1", (value: unknown) => value);
  node.exportFunction("m:add/2", (a: number, b: number) => a + b);
  node.exportFunction("m:note/1", (value: unknown) => {
    offered.notes.push(value);
  });
  node.exportFunction("m:throws/1", (value: unknown) => {
    throw value;
  });
  node.exportFunction("m:exits/1", (value: unknown) => {
    throw new ExitError(value);
  });
  node.exportFunction("m:gate/1", async (value: unknown) => {
    await opened;
    return value;
  });
  return offered;
}

/** Runs a body on node a, and expects its mailbox to be empty afterwards. */
async function onA(
  body: (self: Self<unknown>, b: string, offered: Offered) => Promise<void>,
): Promise<void> {
  const { a, b } = await two();
  offer(a);
  const offered = offer(b);
  await a.run(async (self: Self<unknown>) => {
    await body(self, b.name, offered);
    expect(await drain(self)).toEqual([]);
  });
}

describe.each([["call", call], ["blockCall", blockCall]] as const)(
  "%s",
  (_, how) => {
    test("resolves with the value, the thrown term, or a BadRpc", () =>
      onA(async (self, b) => {
        for (const node of [b, self.node]) {
          expect(await how(self, node, "m:same", [7])).toBe(7);
          expect(await how(self, node, "m:throws", ["ball"])).toBe("ball");
          expect(await how(self, node, "m:exits", ["why"]))
            .toEqual(exit("why"));
          const stack = [tuple(atom("m"), atom("none"), [1], [])];
          expect(await how(self, node, "m:none", [1]))
            .toEqual(exit(tuple(atom("undef"), stack)));
          const failed = await how(self, node, "m:throws", [new Error("x")]);
          expect(failed).toBeInstanceOf(BadRpc);
        }
        expect(await how(self, "absent@test", "m:same", [7]))
          .toEqual(nodedown);
        expect(await how(self, b, "m:gate", [1], { timeoutMs: 20 }))
          .toEqual(timeout);
        expect(String(timeout)).toBe("badrpc: timeout");
      }));

    test("rejects when the function or its arguments are invalid", () =>
      onA(async (self, b) => {
        for (const called of ["same", "m:same:more", "m::same", ":same"]) {
          await expect(how(self, b, called)).rejects.toThrow(UsageError);
        }
        await expect(how(self, b, "m:same", [() => {}]))
          .rejects.toThrow(EncodeError);
      }));
  },
);

test("a thrown 'EXIT' tuple is a BadRpc, as in Erlang", () =>
  onA(async (self, b) => {
    const ball = tuple(atom("EXIT"), "why");
    expect(await call(self, b, "m:throws", [ball])).toEqual(exit("why"));
  }));

test("multicall resolves with results and bad nodes", () =>
  onA(async (self, b) => {
    const nodes = ["absent@test", ...everywhere(self)];
    expect(nodes).toEqual(["absent@test", "a@test", b]);
    expect(await multicall(self, nodes, "m:add", [1, 2]))
      .toEqual({ results: [3, 3], badNodes: ["absent@test"] });
    expect(await multicall(self, [b], "m:exits", ["x"]))
      .toEqual({ results: [exit("x")], badNodes: [] });
    expect(await multicall(self, [b], "m:gate", [1], { timeoutMs: 20 }))
      .toEqual({ results: [], badNodes: [b] });
  }));

test("casts run on one node or on all", () =>
  onA(async (self, b, { notes }) => {
    cast(self, b, "m:note", [1]);
    cast(self, "absent@test", "m:note", [2]);
    evalEverywhere(self, [b, "absent@test"], "m:note", [3]);
    await waitFor(() => notes.length === 2, { what: "the casts" });
    expect(notes.toSorted()).toEqual([1, 3]);
  }));

test("the value of asyncCall is waited for later", () =>
  onA(async (self, b, offered) => {
    const key = asyncCall(self, b, "m:gate", [1]);
    expect(await nbYield(self, key)).toBeNull();
    expect(await nbYield(self, key, { timeoutMs: 10 })).toBeNull();
    const bad = asyncCall(self, "absent@test", "m:same", [1]);
    expect(await yieldValue(self, bad)).toEqual(nodedown);
    offered.open();
    expect(await yieldValue(self, key)).toBe(1);
    expect(await nbYield(self, key)).toEqual({ value: 1 });
  }));

test("abcast and sbcast send to a name on many nodes, and sbcast reports them", async () => {
  const { a, b } = await two();
  const got: unknown[] = [];
  for (const node of [a, b]) {
    node.spawn(async (self: Self<unknown>) => {
      for await (const message of self) got.push(message);
    }, { name: "ear" });
  }
  await a.run(async (self: Self<unknown>) => {
    const nodes = [b.name, "absent@test", a.name];
    abcast(self, nodes, "ear", 1);
    abcast(self, nodes, "absent", 2);
    expect(await sbcast(self, nodes, "ear", 3)).toEqual({
      goodNodes: [b.name, a.name],
      badNodes: ["absent@test"],
    });
    expect(await sbcast(self, [b.name], "absent", 4))
      .toEqual({ goodNodes: [], badNodes: [b.name] });
    await waitFor(() => got.length === 4, { what: "the messages" });
    expect(got.toSorted()).toEqual([1, 1, 3, 3]);
    expect(await drain(self)).toEqual([]);
  });
});

test("parallelEval and pmap spread calls over the nodes", () =>
  onA(async (self, b) => {
    expect(await parallelEval(self, [["m:add", [1, 2]], ["m:add", [3, 4]]]))
      .toEqual([3, 7]);
    expect(await pmap(self, "m:add", [10], [1, 2, 3])).toEqual([11, 12, 13]);
    await expect(pmap(self, "m:exits", [], [1])).rejects.toThrow(
      "expected m:exits to return for each item, but 1 calls failed",
    );
    expect(b).toBe("b@test");
  }));

test("pinfo asks the node of an actor", async () => {
  const { a, b } = await two();
  const pid = b.spawn(park, { name: "known" });
  await a.run(async (self: Self<unknown>) => {
    expect(await pinfo(self, pid, "registered_name"))
      .toEqual(tuple(atom("registered_name"), atom("known")));
    expect(Array.isArray(await pinfo(self, pid))).toBe(true);
    self.sendExit(pid as Pid, "over");
    expect(await pinfo(self, pid)).toBeNull();
  });
});
