/** Test clusters: nodes in one thread, and links that are cut. */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  EncodeError,
  handler,
  type LogRecord,
  NodeDown,
  type NodeEvent,
  type Pid,
  type Self,
} from "../../../runtime/mod.ts";
import {
  type TestCluster,
  testCluster,
  type TestClusterOptions,
} from "../../../std/testing/mod.ts";
import { waitFor } from "../../helpers/wait.ts";

async function cluster(
  names: readonly string[],
  options?: TestClusterOptions,
): Promise<TestCluster> {
  const made = await testCluster(names, options);
  onTestFinished(() => made.stop());
  return made;
}

const names = ["a@test", "b@test", "c@test"] as const;

describe("testCluster", () => {
  test("starts nodes that are all connected to each other", async () => {
    const { nodes } = await cluster(names);
    expect(nodes.map((node) => node.name)).toEqual(names);
    for (const node of nodes) {
      expect(node.nodes().toSorted())
        .toEqual(names.filter((name) => name !== node.name));
    }
  });

  test("finds nodes by name, and lists them in its error", async () => {
    const made = await cluster(names);
    expect(made.node("b@test")).toBe(made.nodes[1]);
    expect(() => made.node("x@test")).toThrow(RangeError);
    expect(() => made.node("x@test")).toThrow("a@test, b@test, c@test");
  });

  test("does not connect nodes when told so, and they connect on demand", async () => {
    const { nodes } = await cluster(["a@test", "b@test"], { connect: false });
    const [a, b] = nodes;
    expect([a!.nodes(), b!.nodes()]).toEqual([[], []]);
    const got = b!.run(async (self: Self<string>) => await self.receive(), {
      name: "there",
    });
    a!.send({ name: "there", node: b!.name }, "hello");
    expect(await got).toBe("hello");
    expect(a!.nodes()).toEqual(["b@test"]);
  });

  test("passes the exports to every node", async () => {
    const { nodes } = await cluster(names, {
      exports: {
        where: () => (self: Self) => {
          self.send({ name: "asker", node: "a@test" }, self.node);
        },
      },
    });
    const seen = await nodes[0]!.run(async (self: Self<string>) => {
      for (const node of names) await self.spawnOn(node, "where");
      return [
        await self.receive(),
        await self.receive(),
        await self.receive(),
      ].toSorted();
    }, { name: "asker" });
    expect(seen).toEqual(names);
  });

  test("passes the limits to every node", async () => {
    const { nodes } = await cluster(["a@test", "b@test"], {
      limits: { maxFrameBytes: 1_000 },
    });
    await nodes[0]!.run((self) => {
      const to = { name: "x", node: "b@test" };
      expect(self.send(to, "x".repeat(500))).toBe(true);
      expect(() => self.send(to, "x".repeat(2_000))).toThrow(EncodeError);
    });
  });

  test("keeps the log records of nodes, and passes them on", async () => {
    const passed: LogRecord[] = [];
    const made = await cluster(["a@test", "b@test"], {
      log: (record) => void passed.push(record),
    });
    made.node("b@test").spawn(() => {
      throw new Error("heard");
    }, { label: "loud" });
    await waitFor(
      () => made.records.some(({ message }) => message.includes("heard")),
      { what: "the crash report" },
    );
    expect(passed).toEqual(made.records);
    expect(made.records.at(-1)).toMatchObject({
      level: "error",
      category: "actor",
      node: "b@test",
    });
  });

  test("runs several clusters with the same names at the same time", async () => {
    const [one, two] = [await cluster(names), await cluster(names)];
    one.cutAll();
    for (const node of two.nodes) expect(node.nodes()).toHaveLength(2);
    await one.stop();
    expect(await two.nodes[0]!.run(() => "alive")).toBe("alive");
  });
});

describe("cutAll", () => {
  test("cuts every connection once, and nodes may connect again", async () => {
    // With global, nodes that were cut off connect again by themselves.
    const made = await cluster(names, { global: false });
    const [a, b] = made.nodes;
    const events: NodeEvent[] = [];
    a!.onNodeEvent((event) => void events.push(event));
    expect(made.cutAll()).toBe(3);
    expect(made.cutAll()).toBe(0);
    await waitFor(
      () => made.nodes.every((node) => node.nodes().length === 0),
      { what: "all nodes to be alone" },
    );
    expect(
      events.filter((event) => event instanceof NodeDown)
        .map((event) => event.node).toSorted(),
    ).toEqual(["b@test", "c@test"]);
    expect(await a!.connect(b!.name)).toBe(true);
    expect(a!.nodes()).toEqual([b!.name]);
    expect(made.nodes[2]!.nodes()).toEqual([]);
  });
});

describe("cutInto", () => {
  test("cuts connections that other nodes have made, and no others", async () => {
    // Each node connects to the nodes that were started before it.
    const made = await cluster(names, { global: false });
    const [a, b, c] = made.nodes;
    expect(made.cutInto("c@test")).toBe(0);
    expect(made.cutInto("a@test")).toBe(2);
    await waitFor(() => a!.nodes().length === 0, { what: "a to be alone" });
    await waitFor(() => b!.nodes().length === 1, { what: "b to see it" });
    expect(b!.nodes()).toEqual(["c@test"]);
    expect(c!.nodes()).toContain("b@test");
    expect(made.cutInto("x@test")).toBe(0);
  });
});

describe("stop", () => {
  test("stops every node, also at the end of a block, also twice", async () => {
    let made: TestCluster;
    const parked: Pid[] = [];
    {
      await using block = await testCluster(names);
      made = block;
      for (const node of block.nodes) {
        parked.push(node.spawn(handler(0, (n: number) => n)));
      }
      expect(parked.every((pid) => pid.target !== null)).toBe(true);
    }
    expect(parked.every((pid) => pid.target === null)).toBe(true);
    await made.stop();
    for (const node of made.nodes) {
      await expect(node.run(() => 1)).rejects.toThrow("stopped");
    }
  });

  test("frees the addresses of its nodes", async () => {
    for (let i = 0; i < 3; i++) {
      await using made = await testCluster(names);
      expect(made.nodes).toHaveLength(3);
    }
  });
});
