/**
 * A worker is a node: signals between it, its parent, other workers and other
 * processes, and the nodes that each of them lists.
 */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  atom,
  type Down,
  global,
  handler,
  pg,
  type Pid,
  reasons,
  type Self,
} from "../../runtime/mod.ts";
import { certificates } from "../helpers/certificates.ts";
import { freePort } from "../helpers/ports.ts";
import { root, runtimes, spawnRuntime } from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";
import { ask, COOKIE, HOST, main, parent, startWorker } from "./world.ts";

describe("a worker and its parent", () => {
  test("send each other messages of all kinds and sizes", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    const values = [
      1.5,
      "text",
      atom("atom"),
      { a: [1, null, new Map([[1, 2]])] },
    ];
    const large = new Uint8Array(3_000_000).fill(7);
    const answers = await one.node.run(async (self: Self<unknown>) => {
      const { pid } = await self.spawnOn(worker.name, "echo");
      const got: unknown[] = [];
      for (const n of [...values, large]) {
        self.send(pid, { from: self.pid, n });
        got.push(await self.receive());
      }
      return got;
    });
    expect(answers.slice(0, -1)).toEqual(values);
    const last = answers.at(-1) as Uint8Array;
    expect(last.length).toBe(large.length);
    expect(last.every((byte) => byte === 7)).toBe(true);
  });

  test("keep the order of a stream that is larger than the ring", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    const count = 100_000;
    const sum = await one.node.run(async (self: Self<unknown>) => {
      const { pid } = await self.spawnOn(worker.name, "sum", [count, self.pid]);
      for (let n = 1; n <= count; n++) {
        if (!self.send(pid, n)) await self.ready(pid);
      }
      return await self.receive();
    });
    expect(sum).toBe(count * (count + 1) / 2);
  });

  test("see each other, and names, as nodes do", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    expect(worker.name).toBe(`p-w1@${HOST}`);
    expect(worker.state).toBe("up");
    expect(one.node.nodes()).toEqual([worker.name]);
    expect(await ask(one, worker.name, "nodes", (self) => [self])).toEqual([
      one.node.name,
    ]);
    expect(await one.node.ping(worker.name)).toBe("pong");
    const answer = await one.node.run(async (self: Self<unknown>) => {
      const { pid } = await self.spawnOn(worker.name, "echo", ["named"]);
      self.send({ name: "named", node: worker.name }, { from: self.pid, n: 1 });
      expect(pid.node).toBe(worker.name);
      return await self.receive();
    });
    expect(answer).toBe(1);
  });

  test("are notified of each other's actors by links and monitors", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    await one.node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const options = { link: true, monitor: true };
      const { pid, ref } = await self.spawnOn(worker.name, "echo", [], options);
      self.sendExit(pid, "enough");
      expect([await self.receive(), await self.receive()]).toEqual(
        expect.arrayContaining([
          { type: "EXIT", from: pid, reason: "enough" },
          { type: "DOWN", ref, target: pid, reason: "enough" },
        ]),
      );
      const here = self.spawn(async (mortal) => void await mortal.receive());
      await self.spawnOn(worker.name, "watch", [here, self.pid]);
      expect(await self.receive()).toBe("watching");
      self.sendExit(here, "over");
      expect(await self.receive()).toMatchObject({
        type: "DOWN",
        target: here,
        reason: "over",
      });
    });
  });
});

describe("workers of one node", () => {
  test("reach each other without their parent's connections", async () => {
    const one = await parent();
    const [left, right] = await Promise.all([
      startWorker(one),
      startWorker(one),
    ]);
    expect([left, right].map(({ name }) => name).sort()).toEqual([
      `p-w1@${HOST}`,
      `p-w2@${HOST}`,
    ]);
    const answer = await one.node.run(async (self: Self<unknown>) => {
      await self.spawnOn(right.name, "echo", ["echo"]);
      await self.spawnOn(left.name, "ask", [right.name, "across", self.pid]);
      return await self.receive({ timeoutMs: 10_000 });
    });
    expect(answer).toBe("across");
    // No epmd listens, so the connection was made over the ring.
    expect(await ask(one, left.name, "nodes", (self) => [self])).toEqual([
      one.node.name,
      right.name,
    ].sort());
  });

  test("share groups and global names with all other nodes", async () => {
    const one = await parent();
    const [left, right] = await Promise.all([
      startWorker(one),
      startWorker(one),
    ]);
    expect(pg.members(one.node, "w")).toEqual([]);
    for (const [at, other] of [[left, right], [right, left]] as const) {
      await waitFor(
        async () =>
          (await ask<string[]>(one, at.name, "nodes", (self) => [self]))
            ?.includes(other.name),
        { what: `${at.name} to see ${other.name}` },
      );
    }
    for (const { name } of [left, right]) {
      expect(await ask(one, name, "member", (self) => [`w`, self]))
        .toBe(name === left.name);
    }
    const members = () => pg.members(one.node, "w").map(({ node }) => node);
    await waitFor(() => members().length === 2, { what: "both members" });
    expect(members().toSorted()).toEqual([left.name, right.name].toSorted());
    expect(global.whereisName(one.node, "w")?.node).toBe(left.name);
    await left.terminate();
    await waitFor(() => members().length === 1, { what: "the end of one" });
    expect(members()).toEqual([right.name]);
    await waitFor(() => global.whereisName(one.node, "w") === null, {
      what: "the name to be free",
    });
  });

  test("see noconnection when one of them ends", async () => {
    const one = await parent();
    const [left, right] = await Promise.all([
      startWorker(one),
      startWorker(one),
    ]);
    const down = await one.node.run(async (self: Self<unknown>) => {
      const { pid } = await self.spawnOn(right.name, "echo");
      await self.spawnOn(left.name, "watch", [pid, self.pid]);
      expect(await self.receive()).toBe("watching");
      await right.terminate();
      return await self.receive({ timeoutMs: 10_000 }) as Down;
    });
    expect(down).toMatchObject({ type: "DOWN", reason: reasons.noconnection });
  });
});

describe("another process", () => {
  test.each(runtimes)("on %s reaches a worker over TCP", async (runtime) => {
    const epmdPort = await freePort();
    const one = await parent({ epmdPort });
    const worker = await startWorker(one, { name: "hand" });
    expect(worker.name).toBe(`hand@${HOST}`);
    const fixture = join(root, "tests/fixtures/cluster_node.ts");
    const other = spawnRuntime(runtime, fixture, [
      JSON.stringify({
        name: `o@${HOST}`,
        cookie: COOKIE,
        epmdPort,
        connect: [],
      }),
    ]);
    await other.waitForLine(/^ready/);
    other.write(`connect ${worker.name}\n`);
    await other.waitForLine(new RegExp(`^connected ${worker.name} true`));
    await waitFor(
      async () => (await worker.stats()).nodes.includes(`o@${HOST}`),
      { what: "the worker to see the other process" },
    );
    expect(one.node.nodes()).toEqual([worker.name]);
    const answer = await ask(one, worker.name, "ask", (self) => [
      `o@${HOST}`,
      "over TCP",
      self,
    ]);
    expect(answer).toBe("over TCP");
    await worker.terminate();
    await other.waitForLine(new RegExp(`^down ${worker.name}`));
    await other.stop();
  });
});

describe("a worker's module", () => {
  /** The reports of a worker's program, received by an actor `report`. */
  async function reported(then: string): Promise<{
    messages: unknown[];
    heard: number;
    exit: unknown;
    logged: string[];
  }> {
    const one = await parent();
    const messages: unknown[] = [];
    const report = one.node.spawn(
      handler(null, (state, message: unknown) => {
        messages.push(message);
        return state;
      }),
      { name: "report" },
    );
    const worker = await startWorker(one, {
      module: main,
      context: { report: one.node.name, then },
    });
    if (["wait", "ignore", "fail late"].includes(then)) {
      await waitFor(() => messages.length > 0, { what: "the report" });
      await worker.stop({ timeoutMs: 10_000 });
    }
    const exit = await worker.exited;
    // All messages are promised to be in the mailbox, not to be received.
    const heard = messages.length + one.node.info(report)!.mailboxLength;
    const logged = one.records.filter(({ node }) => node === worker.name)
      .map(({ message, fields }) => `${message}: ${fields?.["error"]}`);
    return { messages, heard, exit, logged };
  }

  const first = { node: `p-w1@${HOST}`, nodes: [`p@${HOST}`] };

  test("is run with the node, connected, and its context", async () => {
    const { messages, exit } = await reported("return");
    expect(messages).toEqual([first]);
    expect(exit).toEqual({ type: "done" });
  });

  test("that fails ends the worker with its error", async () => {
    const { exit } = await reported("throw");
    expect(exit).toMatchObject({
      type: "failed",
      error: { name: "RangeError", message: "the program failed" },
    });
  });

  test("that throws what cannot be examined ends the worker", async () => {
    const { exit } = await reported("throw unreadable");
    expect(exit).toMatchObject({
      type: "failed",
      error: { message: "thrown: (unprintable)" },
    });
  });

  test("has delivered its final message when its end is known", async () => {
    for (const then of ["return", "throw", "say much"]) {
      const { heard } = await reported(then);
      expect(heard).toBe(then === "say much" ? 11 : 1);
    }
  });

  test("that reads its signal may finish", async () => {
    const { messages, exit } = await reported("wait");
    expect(messages).toEqual([first, "aborted"]);
    expect(exit).toEqual({ type: "stopped" });
  });

  test("that fails when it is stopped says so in the log", async () => {
    const { exit, logged } = await reported("fail late");
    expect(exit).toEqual({ type: "stopped" });
    expect(logged).toContain(
      "the program failed while it was stopped: RangeError: too late",
    );
  });

  test("that does not read its signal is not waited for", async () => {
    expect((await reported("ignore")).exit).toEqual({ type: "stopped" });
  });

  test("offers its exports, or those that are chosen, and functions", async () => {
    const one = await parent();
    const context = { report: one.node.name, then: "ignore" };
    const all = await startWorker(one, { module: main, context });
    const chosen = await startWorker(one, {
      module: main,
      context,
      exports: ["idle"],
    });
    expect(await all.exports()).toEqual(["idle", "other"]);
    expect(await chosen.exports()).toEqual(["idle"]);
    expect(await one.node.erpc(all.name, "math:twice", [21])).toBe(42);
  });
});

test("a worker has its parent's options, TLS included", async () => {
  const one = await parent({ tls: certificates(), inspectable: false });
  const port = await freePort();
  const worker = await startWorker(one, { port });
  await expect(one.node.erpc(worker.name, "erlang:nodes")).rejects.toThrow();
  const peers = { [worker.name]: `${HOST}:${port}` };
  const other = await parent({
    name: `o@${HOST}`,
    tls: certificates(),
    peers,
  });
  expect(await other.node.tryConnect(worker.name)).toEqual({ isUp: true });
  const plain = await parent({ name: `q@${HOST}`, peers });
  expect(await plain.node.tryConnect(worker.name)).toMatchObject({
    isUp: false,
  });
});

test("a stopped worker leaves no connection, name or thread", async () => {
  const epmdPort = await freePort();
  const one = await parent({ epmdPort });
  for (let round = 0; round < 2; round++) {
    const worker = await startWorker(one, { name: "again" });
    const pid = await one.node.run<Pid<unknown>>(async (self) =>
      (await self.spawnOn(worker.name, "echo")).pid
    );
    expect(pid.node).toBe(worker.name);
    expect(one.node.stats().workers).toEqual([
      { name: worker.name, state: "up" },
    ]);
    expect(await worker.stop()).toEqual({ type: "stopped" });
    expect(worker.state).toBe("ended");
    expect(one.node.workers()).toEqual([]);
    await waitFor(() => one.node.nodes().length === 0, {
      what: "the worker to be out of nodes()",
    });
  }
});
