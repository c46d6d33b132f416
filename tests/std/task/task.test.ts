/** Single tasks: await, yield, shutdown, ignore. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type CallError,
  Down,
  Exit,
  type Pid,
  reasons,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import { Task, TaskError, TaskReply } from "../../../std/task/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { drain, lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  expectNothingLeft,
  fail,
  failure,
  hang,
  oops,
  owner,
} from "./world.ts";

describe("await", () => {
  test("resolves with the typed value of a synchronous or asynchronous task", () =>
    owner(async (self) => {
      const two: number = await Task.await(self, Task.async(self, () => 2));
      expect(two).toBe(2);
      const text: string = await Task.await(
        self,
        Task.async(self, async (me) => {
          await sleep(me, 1);
          return "text";
        }),
      );
      expect(text).toBe("text");
      const nothing = await Task.await(self, Task.async(self, () => {}));
      expect(nothing).toBeUndefined();
      // @ts-expect-error The value is a number.
      const no: string = await Task.await(self, Task.async(self, () => 1));
      expect(no).toBe(1);
    }));

  test("rejects with the reason that a task ended with", () =>
    owner(async (self) => {
      const ends: [(self: Self<unknown>) => unknown, unknown][] = [
        [fail, oops],
        [() => Promise.reject(oops), oops],
        [(me) => me.exit("odd"), "odd"],
        [(me) => me.exit(reasons.normal), reasons.normal],
        [(me) => me.sendExit(me.pid as Pid, reasons.kill), reasons.killed],
      ];
      for (const [run, reason] of ends) {
        const task = Task.async(self, run);
        const error = await failure(Task.await(self, task));
        expect(error).toBeInstanceOf(TaskError);
        expect((error as TaskError).reason).toBe(reason);
      }
    }));

  test("ends an owner that does not catch it with Elixir's exit reasons", async () => {
    const { node } = await lone({ log: () => {} });
    const shapes = await node.run(async (self: Self<Down>) => {
      const shapes: unknown[] = [];
      let pid: Pid<never> | null = null;
      const runs: ((me: Self<unknown>) => Promise<unknown>)[] = [
        (me) => {
          const task = Task.async(me, hang);
          pid = task.pid;
          return Task.await(me, task, { timeoutMs: 0 });
        },
        (me) => {
          me.trapExits = true;
          const task = Task.async(me, (it) => it.exit("odd"));
          pid = task.pid;
          return Task.await(me, task);
        },
        (me) => {
          me.trapExits = true;
          const lost = reasons.noconnection;
          const task = Task.async(me, (it) => it.exit(lost));
          pid = task.pid;
          return Task.await(me, task, { timeoutMs: Infinity });
        },
        (me) => {
          const task = Task.async(me, hang);
          pid = [task.pid] as never;
          return Task.awaitMany(me, [task], { timeoutMs: 1 });
        },
      ];
      for (const run of runs) {
        const { ref } = self.spawnMonitor(async (me) => void await run(me));
        const { reason } = await self.receive(ref);
        shapes.push([pid, reason]);
      }
      return shapes as [Pid<never>, unknown][];
    });
    const shape = (reason: unknown, what: string, ...args: unknown[]) =>
      tuple(reason, tuple(atom("Elixir.Task"), atom(what), args));
    const nodedown = tuple(atom("nodedown"), atom(node.name));
    expect(shapes.map(([, reason]) => reason)).toEqual([
      shape(atom("timeout"), "await", shapes[0]?.[0], 0),
      shape("odd", "await", shapes[1]?.[0], 5000),
      shape(nodedown, "await", shapes[2]?.[0], atom("infinity")),
      shape(atom("timeout"), "await_many", shapes[3]?.[0], 1),
    ]);
  });

  test("gives up after its time limit, and drops late replies", () =>
    owner(async (self) => {
      const task = Task.async(self, async (me) => await me.receive());
      const error = await failure(Task.await(self, task, { timeoutMs: 1 }));
      expect((error as TaskError).reason).toBe("timeout");
      expect(String(error)).toContain("expected a value of #PID");
      const watch = self.monitor(task.pid as Pid);
      self.send(task.pid as Pid<unknown>, "go on");
      expect(await self.receive(watch)).toMatchObject({
        reason: reasons.normal,
      });
      // The link was kept, and nothing else of the task comes.
      expect(await drain(self))
        .toEqual([new Exit(task.pid as Pid, reasons.normal)]);
    }));

  test("can be aborted", () =>
    owner(async (self) => {
      const task = Task.async(self, hang);
      const abort = new AbortController();
      const waiting = Task.await(self, task, { signal: abort.signal });
      abort.abort("enough");
      expect(await failure(waiting)).toBe("enough");
      expect(self.info()).toMatchObject({ monitors: [], aliases: 0 });
      expect(await Task.shutdown(self, task)).toBeNull();
    }));

  test("is possible for the owner only, and only once", () =>
    owner(async (self) => {
      const task = Task.async(self, () => 1);
      const stranger = Task.async(self, async (me) => {
        const uses = [Task.await, Task.yield, Task.shutdown, Task.ignore];
        const errors = [];
        for (const use of uses) errors.push(await failure(use(me, task)));
        return errors;
      });
      const errors = await Task.await(self, stranger);
      expect(errors).toHaveLength(4);
      for (const error of errors) {
        expect(error).toBeInstanceOf(UsageError);
        expect(String(error)).toContain("who owns the task");
      }
      expect(await Task.await(self, task)).toBe(1);
      const again = await failure(Task.await(self, task));
      expect(String(again)).toContain("was awaited, ended or ignored before");
      expect(await Task.shutdown(self, task))
        .toEqual({ type: "exit", reason: reasons.noproc });
    }));

  test("of a failed task does not save a linked owner that traps no exits", async () => {
    const { node } = await lone({ log: () => {} });
    const reason = await node.run(async (self: Self<Down>) => {
      const { ref } = self.spawnMonitor(async (me) => {
        await Task.await(me, Task.async(me, fail)).catch(() => {});
        await hang(me);
      });
      return (await self.receive(ref)).reason;
    });
    expect(reason).toBe(oops);
  });
});

describe("yield, shutdown and ignore", () => {
  test("yield resolves with null, and later with the outcome", () =>
    owner(async (self) => {
      const task = Task.async(self, async (me) => await me.receive());
      expect(await Task.yield(self, task, 0)).toBeNull();
      expect(await Task.yield(self, task, 1)).toBeNull();
      self.send(task.pid as Pid<unknown>, "x");
      expect(await Task.yield(self, task)).toEqual({ type: "ok", value: "x" });
      const bad = Task.async(self, fail);
      expect(await Task.yield(self, bad, Infinity))
        .toEqual({ type: "exit", reason: oops });
    }));

  test("yield throws when the connection to the task is lost", () =>
    owner(async (self) => {
      const task = Task.async(self, (me) => me.exit(reasons.noconnection));
      const error = await failure(Task.yield(self, task)) as CallError;
      expect(error.reason).toEqual(tuple(atom("nodedown"), atom(self.node)));
    }));

  test("shutdown ends a running task, and aborts its signal", () =>
    owner(async (self) => {
      let isAborted = false;
      const task = Task.async(self, async (me) => {
        me.signal.addEventListener("abort", () => isAborted = true);
        await hang(me);
      });
      await sleep(self, 1);
      expect(await Task.shutdown(self, task)).toBeNull();
      expect(isAborted).toBe(true);
      const brutal = Task.async(self, hang);
      expect(await Task.shutdown(self, brutal, "brutalKill")).toBeNull();
    }));

  test("shutdown resolves with an outcome that was there before", () =>
    owner(async (self) => {
      const done = Task.async(self, () => 1);
      const bad = Task.async(self, fail);
      const odd = Task.async(self, (me) => me.exit(reasons.shutdown));
      const killed = Task.async(self, hang);
      self.sendExit(killed.pid as Pid, reasons.kill);
      await waitFor(
        () => [done, bad, odd].every((t) => !self.isActorAlive(t.pid as Pid)),
        { what: "their ends" },
      );
      expect(await Task.shutdown(self, done)).toEqual({ type: "ok", value: 1 });
      expect(await Task.shutdown(self, bad))
        .toEqual({ type: "exit", reason: oops });
      expect(await Task.shutdown(self, odd)).toBeNull();
      expect(await Task.shutdown(self, killed))
        .toEqual({ type: "exit", reason: reasons.killed });
    }));

  test("shutdown of a task that traps exits waits, and then kills", () =>
    owner(async (self) => {
      const orderly = Task.async(self, async (me) => {
        me.trapExits = true;
        await me.receive("EXIT");
        return "done";
      });
      const stubborn = Task.async(self, async (me) => {
        me.trapExits = true;
        await hang(me);
      });
      await sleep(self, 1);
      expect(await Task.shutdown(self, orderly))
        .toEqual({ type: "ok", value: "done" });
      expect(await Task.shutdown(self, stubborn, 1))
        .toEqual({ type: "exit", reason: reasons.killed });
    }));

  test("ignore lets a task run on, without link and monitor", () =>
    owner(async (self) => {
      const seen: unknown[] = [];
      const task = Task.async(self, async (me) => {
        seen.push(await me.receive());
        return "late";
      });
      expect(await Task.ignore(self, task)).toBeNull();
      expectNothingLeft(self);
      self.send(task.pid as Pid<unknown>, "go on");
      await waitFor(() => seen.length === 1, { what: "the task" });
      await waitFor(() => !self.isActorAlive(task.pid as Pid), {
        what: "its end",
      });
      expect(await drain(self)).toEqual([]);
    }));

  test("ignore of a task that has ended resolves with the outcome", () =>
    owner(async (self) => {
      const done = Task.async(self, () => 1);
      const bad = Task.async(self, fail);
      await waitFor(
        () => [done, bad].every((t) => !self.isActorAlive(t.pid as Pid)),
        { what: "their ends" },
      );
      expect(await Task.ignore(self, done)).toEqual({ type: "ok", value: 1 });
      expect(await Task.ignore(self, bad))
        .toEqual({ type: "exit", reason: oops });
    }));

  test("a completed task needs no actor", () =>
    owner(async (self) => {
      const uses = [Task.yield, Task.shutdown, Task.ignore];
      for (const use of uses) {
        const task = Task.completed(self, "here");
        expect(task.pid).toBeNull();
        expect(await use(self, task)).toEqual({ type: "ok", value: "here" });
      }
      expect(await Task.await(self, Task.completed(self, 1))).toBe(1);
    }));
});

describe("tasks without a handle", () => {
  test("start without a link, or with one", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const ran: string[] = [];
      Task.start(self, () => void ran.push("alone"));
      const pid = Task.startLink(self, (me) => {
        ran.push("linked");
        me.exit("odd");
      });
      expect(await self.receive("EXIT")).toEqual(new Exit(pid as Pid, "odd"));
      expect(ran).toEqual(["alone", "linked"]);
    });
  });
});

test("a server gets replies and exits of tasks as messages", async () => {
  const { node } = await lone({ log: () => {} });
  const seen: unknown[] = [];
  const Boss = genServer({
    trapExits: true,
    init: () => new Map<unknown, string>(),
    casts: {
      run: ({ self, state }, name: string, work: () => unknown) =>
        void state.set(Task.async(self as never, work).ref, name),
    },
    info: ({ state }, message) => {
      if (message instanceof TaskReply) {
        seen.push([state.get(message.ref), message.value]);
      } else if (message instanceof Down) {
        seen.push([state.get(message.ref), message.reason]);
      }
    },
  });
  await node.run(async (self) => {
    const boss = await Boss.startLink(self);
    boss.run("good", () => 1);
    await waitFor(() => seen.length === 1, { what: "the value" });
    boss.run("bad", fail);
    await waitFor(() => seen.length === 2, { what: "the end" });
  });
  expect(seen).toEqual([["good", 1], ["bad", oops]]);
});

test("tasks know their callers, the nearest first", async () => {
  const { node } = await lone();
  await node.run(async (self) => {
    expect(Task.callers(self)).toEqual([]);
    const chain = await Task.await(
      self,
      Task.async(self, async (child) => {
        const inner = await Task.await(
          child,
          Task.async(child, (grandchild) => Task.callers(grandchild)),
        );
        return [child.pid, inner];
      }),
    );
    expect(chain).toEqual([chain[0], [chain[0], self.pid]]);
  });
});

test("tasks work on nodes that freeze or copy messages", async () => {
  for (const options of [{ strict: true }, { isolate: "copy" }] as const) {
    const { node } = await lone(options);
    await node.run(async (self) => {
      const list = [1];
      const got = await Task.await(self, Task.async(self, () => list));
      expect(got).toEqual([1]);
      expect(Object.isFrozen(got) || got !== list).toBe(true);
      const results = [];
      for await (const r of Task.asyncStream(self, [1, 2], (n) => [n])) {
        results.push(r);
      }
      expect(results).toEqual([1, 2].map((n) => ({ type: "ok", value: [n] })));
    });
  }
});
