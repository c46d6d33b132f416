/**
 * All ways in which a worker can end or fail to start: the state of its handle,
 * the signals of links and monitors, and its restart.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import {
  type Down,
  type Exit,
  memoryNetwork,
  type Pid,
  reasons,
  type Self,
  start,
  UsageError,
  WorkerError,
  type WorkerExit,
  type WorkerNode,
} from "../../runtime/mod.ts";
import { stopsBusyThreads } from "../../runtime/platform/workers/thread.ts";
import { Supervisor } from "../../std/supervisor/mod.ts";
import { freePort } from "../helpers/ports.ts";
import { waitFor } from "../helpers/wait.ts";
import {
  ask,
  breakBy,
  HOST,
  main,
  type Parent,
  parent,
  probe,
  startWorker,
} from "./world.ts";

const isTimeout = (error: unknown): boolean =>
  error instanceof WorkerError && error.code === "timeout";

/** The messages that an actor gets for its link and monitor to a worker. */
function hears(
  { node }: Parent,
  worker: string,
  end: () => unknown,
): Promise<{ exit: Exit; down: Down; pid: Pid<unknown> }> {
  return node.run(async (self: Self<unknown>) => {
    self.trapExits = true;
    const options = { link: true, monitor: true };
    const { pid } = await self.spawnOn(worker, "echo", [], options);
    void end();
    const isExit = (message: unknown): message is Exit =>
      (message as Exit).type === "EXIT";
    const isDown = (message: unknown): message is Down =>
      (message as Down).type === "DOWN";
    const exit = await self.receive(isExit);
    const down = await self.receive(isDown);
    return { exit, down, pid };
  });
}

describe("a worker that ends by itself", () => {
  test.each<[string, "throws" | "exits", Partial<WorkerExit>]>([
    ["throws beside all actors", "throws", {
      type: "failed",
      error: expect.objectContaining({
        name: "TypeError",
        message: "thrown beside all actors",
        stack: expect.stringContaining("probe.ts"),
      }),
    }],
    ["ends its thread", "exits", { type: "exited", code: 7 }],
  ])("because it %s is noconnection to all others", async (_, how, exit) => {
    const one = await parent();
    const worker = await startWorker(one);
    const heard = await hears(
      one,
      worker.name,
      () => breakBy(one, worker.name, how),
    );
    const reason = reasons.noconnection;
    expect(heard.exit).toMatchObject({ from: heard.pid, reason });
    expect(heard.down).toMatchObject({ target: heard.pid, reason });
    expect(await worker.exited).toEqual(exit);
    expect(worker.state).toBe("ended");
    await waitFor(() => one.node.nodes().length === 0, { what: "nodedown" });
    expect(one.records.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(new RegExp(`^${worker.name} is gone: it `)),
    );
  });
});

describe("a worker that is terminated", () => {
  test("is noconnection to all other nodes and answers no request", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    const { down, exit } = await hears(
      one,
      worker.name,
      () => worker.terminate(),
    );
    expect([down.reason, exit.reason]).toEqual([
      reasons.noconnection,
      reasons.noconnection,
    ]);
    expect(await worker.exited).toEqual({ type: "terminated", isLost: false });
    expect(await worker.terminate()).toEqual(await worker.exited);
    expect(await worker.stop()).toEqual(await worker.exited);
    for (const question of [worker.stats(), worker.exports()]) {
      await expect(question).rejects.toMatchObject({
        name: "WorkerError",
        code: "ended",
        message: `${worker.name} has ended`,
      });
    }
  });
});

describe("a worker in an endless loop", () => {
  const limits = { suspectAfterMs: 250, downAfterMs: 1_000 };
  const spinMs = 6_000;

  /** A worker that is busy in an endless loop. */
  async function spinning(one: Parent): Promise<WorkerNode> {
    const worker = await startWorker(one);
    void breakBy(one, worker.name, "spins", spinMs);
    await waitFor(
      () => worker.stats({ timeoutMs: 100 }).then(() => false, isTimeout),
      { what: "a question without an answer" },
    );
    return worker;
  }

  test("is down after the time of silence, and can be replaced", async () => {
    const epmdPort = await freePort();
    const one = await parent({ epmdPort, limits });
    const worker = await startWorker(one);
    const { down, exit, pid } = await hears(
      one,
      worker.name,
      () => breakBy(one, worker.name, "spins", spinMs),
    );
    expect([down.reason, exit.reason]).toEqual([
      reasons.noconnection,
      reasons.noconnection,
    ]);
    // A slow worker is ended only by its owner.
    expect(worker.state).toBe("up");
    const again = await worker.restart();
    expect(await worker.exited).toEqual({
      type: "terminated",
      isLost: !stopsBusyThreads,
    });
    expect(worker.state).toBe(stopsBusyThreads ? "ended" : "lost");
    expect(again.name).toBe(worker.name);
    const creation = await one.node.run(async (self) =>
      (await self.spawnOn(again.name, "echo")).pid.creation
    );
    expect(creation).not.toBe(pid.creation);
  });

  test("is not waited for by stop, nor by its node", async () => {
    const one = await parent({ limits });
    const worker = await spinning(one);
    const exit = await worker.stop({ timeoutMs: 100 });
    expect(exit).toEqual({ type: "terminated", isLost: !stopsBusyThreads });
    await one.node.stop();
  });
});

describe("a worker that was restarted", () => {
  test("is another incarnation under the same name", async () => {
    const epmdPort = await freePort();
    const one = await parent({ epmdPort });
    const sibling = await startWorker(one);
    const worker = await startWorker(one, { name: "again" });
    const creationOf = (name: string) =>
      one.node.run(async (self) =>
        (await self.spawnOn(name, "echo", ["echo"])).pid.creation
      );
    const first = await creationOf(worker.name);
    const across = () =>
      ask(one, sibling.name, "ask", (self) => [worker.name, "here", self]);
    expect(await across()).toBe("here");
    const again = await worker.restart();
    expect(again).not.toBe(worker);
    expect([worker.state, again.state]).toEqual(["ended", "up"]);
    expect(await creationOf(again.name)).not.toBe(first);
    expect(await across()).toBe("here");
    await breakBy(one, again.name, "exits");
    expect(await again.exited).toEqual({ type: "exited", code: 7 });
    const third = await startWorker(one, { name: "again" });
    expect(third.name).toBe(worker.name);
    await expect(worker.restart()).rejects.toThrow(/node of this process has/);
  });
});

describe("a worker that cannot start", () => {
  const folder = mkdtempSync(join(tmpdir(), "hornbeam-workers-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let files = 0;
  /** The path of a module with this code. */
  const file = (code: string): string => {
    const path = join(folder, `${files++}.mjs`);
    writeFileSync(path, code);
    return path;
  };

  test.each([
    ["with a module that is not there", {
      module: new URL("./programs/nowhere.ts", import.meta.url),
    }, /nowhere/],
    ["with a module that throws", {
      module: file("throw new RangeError('no module today')"),
    }, "no module today"],
    ["with a module that ends the thread", {
      module: file("import p from 'node:process'; p.exit(9)"),
    }, "ended the thread with exit code 9"],
    ["with a program that is none", {
      module: file("export default 5"),
    }, "has a default export that is no function"],
    ["with exports that are not there", {
      module: probe,
      exports: ["echo", "missing"],
    }, 'to have "missing" among its `exports`, got echo, '],
    ["with a module of unknown place", {
      module: "./probe.ts",
    }, 'a URL or an absolute path, got "./probe.ts"'],
    ["with exports that are no list", {
      module: probe,
      exports: "echo" as never,
    }, 'to be an array, got "echo"'],
    ["with no time to start", {
      module: probe,
      startTimeoutMs: 0,
    }, "above 0, or Infinity, got 0"],
    ["with its parent's name", { module: probe, name: "p" }, "another name"],
    ["with a name that is none", { module: probe, name: "a b" }, "node name"],
    ["with a context that has no clone", {
      module: probe,
      context: { f: () => {} },
    }, /clone/],
  ])("%s says why", async (_, options, why) => {
    const one = await parent();
    await expect(startWorker(one, options)).rejects.toThrow(why);
    expect(one.node.workers()).toEqual([]);
    expect(one.node.stats().workers).toEqual([]);
  });

  test("in time is given up", async () => {
    const one = await parent();
    const module = file("await new Promise((r) => setTimeout(r, 60_000))");
    await expect(startWorker(one, { module, startTimeoutMs: 200 })).rejects
      .toMatchObject({ name: "WorkerError", code: "timeout" });
    expect(one.node.workers()).toEqual([]);
  });

  test("because its node stops ends it, also when it spins", async () => {
    const one = await parent();
    const module = file(
      "for (const end = Date.now() + 4_000; Date.now() < end;);",
    );
    const starting = startWorker(one, { module }).catch((error) => error);
    const [worker] = one.node.workers();
    await one.node.stop();
    expect(await worker!.exited).toMatchObject({ type: "terminated" });
    expect(await starting).toMatchObject({
      name: "WorkerError",
      code: "ended",
    });
    expect(one.node.workers()).toEqual([]);
  });

  test("because its name is taken does not disturb the node of that name", async () => {
    const epmdPort = await freePort();
    const one = await parent({ epmdPort });
    await parent({ epmdPort, name: `taken@${HOST}` });
    await expect(startWorker(one, { name: "taken" })).rejects.toMatchObject({
      name: "DuplicateNameError",
    });
    const next = await startWorker(one, { name: "free" });
    expect(next.state).toBe("up");
  });

  test("where workers are not allowed is a mistake", async () => {
    const why = /expected a node with a name, on this machine's own network/;
    const alone = await start();
    onTestFinished(() => alone.stop());
    await expect(alone.startWorker({ module: probe })).rejects.toThrow(why);
    const simulated = await parent({ network: memoryNetwork() });
    await expect(startWorker(simulated)).rejects.toThrow(UsageError);
    const one = await parent();
    const worker = await startWorker(one, {
      module: main,
      context: { report: one.node.name, then: "nest" },
    });
    const { error } = await worker.exited as { error: Error };
    expect(error.message).toMatch(why);
  });
});

test("workers end with their node", async () => {
  const one = await parent();
  const workers = await Promise.all([
    startWorker(one),
    startWorker(one, {
      module: main,
      context: { report: one.node.name, then: "ignore" },
    }),
  ]);
  await one.node.stop();
  const exits = await Promise.all(workers.map(({ exited }) => exited));
  expect(exits).toEqual([{ type: "stopped" }, { type: "stopped" }]);
});

describe("a supervised child on a worker", () => {
  test("is started again on the worker that takes the place of a lost one", async () => {
    const one = await parent();
    const worker = await startWorker(one);
    await one.node.run(async (self: Self<unknown>) => {
      const supervisor = await Supervisor.startLink(self, {
        // Starts fail until the worker is up again.
        maxRestarts: Infinity,
        children: [{
          id: "far",
          start: async (me) =>
            (await me.spawnOn(worker.name, "echo", [], { link: true })).pid,
        }],
      });
      const child = async () => (await supervisor.whichChildren())[0]?.pid;
      const first = await child() as Pid;
      expect(first.node).toBe(worker.name);
      await worker.terminate();
      const again = await worker.restart();
      let second = await child();
      // `restarting` until a start has succeeded.
      while (typeof second !== "object" || second === first) {
        await self.receive("nothing", { timeoutMs: 5 });
        second = await child();
      }
      expect(second?.creation).not.toBe(first.creation);
      await supervisor.stop();
      await again.stop();
    });
  });
});
