/** Event managers: handlers that are called, replaced and removed. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Cast,
  type Down,
  global,
  type Pid,
  reasons,
  sys,
  Timeout,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  eventHandler,
  GenEvent,
  type HandlerEnd,
} from "../../../std/gen_event/mod.ts";
import type { StartError, StopError } from "../../../std/proc_lib/mod.ts";
import { Registry } from "../../../std/registry/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { type Event, managed, notes, Noting, oops, reasonOf } from "./world.ts";
import { failure } from "../task/world.ts";

describe("a manager", () => {
  test("calls all handlers for an event, in the order they were added", async () => {
    await managed(async (events, self) => {
      expect(await events.whichHandlers()).toEqual([]);
      await events.syncNotify("nobody");
      await events.addHandler("a", Noting, "a");
      await events.addHandler(["b", 1], Noting, "b");
      events.notify("one");
      await events.syncNotify("two");
      self.send(events.pid as Pid<unknown>, "info");
      self.cast(events.pid, "cast");
      expect(await events.whichHandlers()).toEqual(["a", ["b", 1]]);
      expect(notes).toEqual([
        ["init", "a"],
        ["init", "b"],
        ["a", "one"],
        ["b", "one"],
        ["a", "two"],
        ["b", "two"],
        ["a", "info"],
        ["b", "info"],
        ["a", new Cast("cast")],
        ["b", new Cast("cast")],
      ]);
    });
  });

  test("waits for an asynchronous handler before the next handler and event", async () => {
    await managed(async (events) => {
      let running = 0;
      const slow = async () => {
        expect(++running).toBe(1);
        await Promise.resolve();
        running--;
      };
      await events.addHandler("a", Noting, "a");
      await events.addHandler("b", Noting, "b");
      events.notify(slow);
      events.notify("after");
      await events.syncNotify(slow);
      expect(notes.slice(2)).toEqual([
        ["a", slow],
        ["b", slow],
        ["a", "after"],
        ["b", "after"],
        ["a", slow],
        ["b", slow],
      ]);
    });
  });

  test("calls one handler, and rejects if that fails", async () => {
    const errors = await managed(async (events) => {
      await events.addHandler("a", Noting, "a");
      await events.addHandler(
        "b",
        eventHandler({
          init: () => null,
          handleEvent: (_event: Event) => {},
        }),
      );
      expect(await events.call("a", 1)).toEqual(["a", 1]);
      expect(await reasonOf(events.call("nobody", 1))).toBe(atom("bad_module"));
      expect(await reasonOf(events.call("b", 1))).toBe(atom("bad_module"));
      expect(await reasonOf(events.call("a", "fail"))).toBe(oops);
      expect(await events.whichHandlers()).toEqual(["b"]);
      await events.addHandler("a", Noting, "a");
      expect(await reasonOf(events.call("a", "fail later"))).toBe(oops);
      let release = () => {};
      const gate = new Promise<void>((resolve) => release = resolve);
      await events.addHandler("a", Noting, "a");
      events.notify(() => gate);
      const hasty = events.with({ timeoutMs: 1 });
      expect(await reasonOf(hasty.call("b", 1))).toBe("timeout");
      release();
    });
    expect(errors).toHaveLength(2);
  });

  test("removes and reports a handler that throws; the others go on", async () => {
    const errors = await managed(async (events, self) => {
      for (const id of ["a", "b", "c"]) await events.addHandler(id, Noting, id);
      notes.length = 0;
      const fails = [
        (id: unknown) => {
          if (id === "a") throw oops;
        },
        (id: unknown) => id === "b" ? Promise.reject(oops) : undefined,
      ];
      for (const fail of fails) await events.syncNotify(fail);
      const end: HandlerEnd = { type: "error", reason: oops };
      expect(notes).toEqual([
        ["a", fails[0]],
        ["a", end],
        ["b", fails[0]],
        ["c", fails[0]],
        ["b", fails[1]],
        ["b", end],
        ["c", fails[1]],
      ]);
      expect(await events.whichHandlers()).toEqual(["c"]);
      expect(self.isActorAlive(events.pid as Pid)).toBe(true);
    });
    expect(errors).toEqual([
      expect.stringMatching(/removes its handler "a": Error: oops/),
      expect.stringMatching(/removes its handler "b": Error: oops/),
    ]);
  });

  test("goes on when `terminate` of a handler throws as well", async () => {
    const errors = await managed(async (events) => {
      await events.addHandler(
        "bad",
        eventHandler({
          init: () => 0,
          handleEvent: (_event: Event) => {},
          terminate: () => Promise.reject(oops),
        }),
      );
      expect(await events.deleteHandler("bad")).toBeUndefined();
      await events.addHandler("a", Noting, "a");
      expect(await events.whichHandlers()).toEqual(["a"]);
    });
    expect(errors).toHaveLength(1);
  });

  test("adds no handler twice, and none whose `init` throws", async () => {
    await managed(async (events) => {
      await events.addHandler("a", Noting, "a");
      expect(await reasonOf(events.addHandler("a", Noting, "again")))
        .toEqual(tuple(atom("already_added"), "a"));
      expect(await reasonOf(events.addHandler("b", Noting, "fail"))).toBe(oops);
      expect(await events.whichHandlers()).toEqual(["a"]);
      // @ts-expect-error The argument is a text.
      await events.addHandler("c", Noting, 1);
    });
  });

  test("removes handlers after `terminate`", async () => {
    await managed(async (events) => {
      await events.addHandler("a", Noting, "a");
      expect(await events.deleteHandler("a", "why")).toBe("a is gone");
      expect(notes.at(-1)).toEqual(["a", { type: "deleted", arg: "why" }]);
      expect(await reasonOf(events.deleteHandler("a")))
        .toBe(atom("module_not_found"));
      await events.addHandler("b", Noting, "b");
      expect(await events.call("b", "leave")).toEqual(["b", "leave"]);
      expect(notes.at(-1)).toEqual(["b", { type: "removed" }]);
      expect(await events.whichHandlers()).toEqual([]);
    });
  });

  test("replaces a handler, which hands a value to the next one", async () => {
    await managed(async (events) => {
      await events.addHandler("a", Noting, "a");
      await events.swapHandler({ id: "a", arg: "bye" }, {
        id: "b",
        handler: Noting,
        arg: "b",
      });
      await events.swapHandler({ id: "nobody" }, {
        id: "c",
        handler: Noting,
        arg: "c",
      });
      expect(notes).toEqual([
        ["init", "a"],
        ["a", { type: "swapped", arg: "bye" }],
        ["init", "b", "a is gone"],
        ["init", "c", atom("error")],
      ]);
      const failing = { id: "d", handler: Noting, arg: "fail" };
      expect(await reasonOf(events.swapHandler({ id: "c" }, failing)))
        .toBe(oops);
      expect(await events.whichHandlers()).toEqual(["b"]);
    });
  });

  test("lets a handler replace itself", async () => {
    const errors = await managed(async (events) => {
      const Restless = eventHandler({
        init: () => null,
        handleEvent: (event: Event, handler) => {
          const arg = event as string;
          handler.swap("self", { id: "after", handler: Noting, arg });
        },
      });
      await events.addHandler("before", Restless);
      await events.syncNotify("next");
      expect(await events.whichHandlers()).toEqual(["after"]);
      expect(notes).toEqual([["init", "next"]]);
      await events.addHandler("before", Restless);
      await events.deleteHandler("after");
      await events.syncNotify("fail");
      expect(await events.whichHandlers()).toEqual([]);
    });
    expect(errors).toEqual([expect.stringContaining('handler "after"')]);
  });

  test("gives handlers the timers that they start", async () => {
    await managed(async (events) => {
      const seen: unknown[] = [];
      await events.addHandler(
        "timed",
        eventHandler({
          init: (self) => self.startTimer(1, "ring"),
          handleEvent: (_event: Event) => {},
          handleInfo: (message, handler) => {
            if (message instanceof Timeout) seen.push(message.message);
            handler.hibernate();
          },
        }),
      );
      await waitFor(() => seen.length > 0, { what: "the timer" });
      expect(seen).toEqual(["ring"]);
    });
  });
});

describe("its start and end", () => {
  test("has names as servers have", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.startLink<string, null>(self, {
        keys: "unique",
      });
      const via = registry.via("events", null);
      for (const name of ["events", { via: global, name: "events" }, via]) {
        const { pid } = await GenEvent.startLink(self, { name });
        const found = GenEvent.at(self, name);
        expect(found.pid).toBe(pid);
        await found.addHandler("a", Noting as never, "a");
        found.notify("x");
        expect(await found.whichHandlers()).toEqual(["a"]);
        const taken = await failure(GenEvent.start(self, { name }));
        expect((taken as StartError).reason)
          .toEqual(tuple(atom("already_started"), pid));
        await found.stop();
        expect(() => found.pid).toThrow(UsageError);
        found.notify("dropped");
        expect(await reasonOf(found.whichHandlers())).toBe(reasons.noproc);
        const missing = await failure(found.stop());
        expect((missing as StopError).reason).toBe(reasons.noproc);
      }
    });
  });

  test("calls `terminate` of every handler at the end", async () => {
    const { node } = await lone({ log: () => {} });
    for (const how of ["stop", "parent"]) {
      notes.length = 0;
      let pid: Pid<never> | null = null;
      const parent = node.spawn(async (self) => {
        const events = await GenEvent.startLink<Event>(self);
        await events.addHandler("a", Noting, "a");
        await events.addHandler("b", Noting, "b");
        pid = events.pid;
        await self.receive();
        if (how === "stop") await events.stop(reasons.shutdown);
        self.exit(reasons.shutdown);
      });
      await waitFor(() => pid !== null, { what: "the start" });
      await node.run(async (self) => {
        const ref = self.monitor(pid as unknown as Pid);
        self.send(parent as Pid<unknown>, "go");
        expect(await self.receive(ref) as Down).toMatchObject({
          reason: reasons.shutdown,
        });
      });
      const end: HandlerEnd = { type: "stop", reason: reasons.shutdown };
      expect(notes.slice(2)).toEqual([["a", end], ["b", end]]);
    }
  });

  test("shows its handlers to sys, which can replace their states", async () => {
    await managed(async (events, self) => {
      await events.addHandler("a", Noting, "a");
      await events.addHandler(
        "b",
        eventHandler({
          init: () => "secret",
          handleEvent: (_event: Event) => {},
          formatStatus: () => "hidden",
        }),
      );
      expect(await sys.getState(self, events.pid)).toEqual([
        { id: "a", state: { arg: "a" } },
        { id: "b", state: "secret" },
      ]);
      expect(String(await sys.getStatus(self, events.pid)))
        .not.toContain("secret");
      await sys.replaceState(
        self,
        events.pid,
        () => [{ id: "a", state: { arg: "new" } }, { id: "gone", state: 1 }],
      );
      expect(await events.call("a", 1)).toEqual(["new", 1]);
    });
  });

  test("takes events and calls from another node, but no handlers", async () => {
    const cluster = await testCluster(["a@test", "b@test"]);
    notes.length = 0;
    await cluster.node("a@test").run(async (self) => {
      const events = await GenEvent.start<Event>(self, { name: "events" });
      await events.addHandler("a", Noting, "a");
    });
    await cluster.node("b@test").run(async (self) => {
      const there = { name: "events", node: "a@test" };
      const events = GenEvent.at<Event>(self, there);
      events.notify("far");
      await events.syncNotify("away");
      expect(await events.call("a", 1)).toEqual(["a", 1]);
      expect(await events.whichHandlers()).toEqual(["a"]);
      const error = await failure(events.addHandler("b", Noting, "b"));
      expect(error).toBeInstanceOf(UsageError);
      expect(() => events.pid).toThrow(UsageError);
      expect(await events.deleteHandler("a")).toBe("a is gone");
      // The manager also refuses a handler that it gets nevertheless.
      const request = tuple(atom("add_handler"), "x", self.makeRef());
      expect(String(await self.call(there, request))).toContain("undef");
    });
    expect(notes.slice(1, 3)).toEqual([["a", "far"], ["a", "away"]]);
    await cluster.stop();
  });

  test("works on nodes that freeze or copy messages", async () => {
    for (const options of [{ strict: true }, { isolate: "copy" }] as const) {
      const { node } = await lone(options);
      await node.run(async (self) => {
        const events = await GenEvent.startLink<Event>(self);
        await events.addHandler("a", Noting, "a");
        await events.syncNotify("x");
        expect(await events.call("a", [1])).toEqual(["a", [1]]);
      });
    }
  });
});
