/** Calls of functions that other nodes offer, between two Hornbeam nodes. */
import { describe, expect, test } from "vitest";
import type { Actor } from "../../../runtime/core/actor/actor.ts";
import {
  atom,
  CallError,
  EncodeError,
  erpc,
  ErpcError,
  ExitError,
  handler,
  KilledError,
  reasons,
  type RunningNode,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, crashReports, lone } from "../../helpers/actors.ts";
import {
  contents,
  holdings,
  inside,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

/** The error that a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<ErpcError> {
  const error = await promise.then(
    (value) => new Error(`no error but ${String(value)}`),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ErpcError);
  return error as ErpcError;
}

/** The actor that makes a call on the called node, once it is there. */
async function callOn(node: RunningNode): Promise<Actor> {
  const core = await coreOf(node);
  return await waitFor(
    () => [...core.actors()].find((actor) => actor.label.startsWith("erpc:")),
    { what: "the call" },
  );
}

/** Functions that end in each possible way. */
function offer(node: RunningNode): void {
  node.exportFunction("ways:add/2", (a: number, b: number) => a + b);
  node.exportFunction("ways:count", (...args: unknown[]) => args.length);
  node.exportFunction("ways:later/1", (value: unknown) => {
    return Promise.resolve(value);
  });
  node.exportFunction("ways:never/0", () => new Promise(() => {}));
  node.exportFunction("ways:fails/1", (text: string) => {
    throw new RangeError(text);
  });
  node.exportFunction("ways:rejects/1", (text: string) => {
    return Promise.reject(new RangeError(text));
  });
  node.exportFunction("ways:throws/1", (value: unknown) => {
    throw value;
  });
  node.exportFunction("ways:exits/1", (reason: unknown) => {
    throw new ExitError(reason);
  });
  node.exportFunction("ways:unsendable/0", () => () => {});
}

describe("erpc.call", () => {
  for (const where of ["another node", "the own node"] as const) {
    test(`gives what the function returns, on ${where}`, async () => {
      const { a, b } = await two();
      const node = where === "the own node" ? a : b;
      offer(node);
      const call = (called: string, args?: unknown[]) =>
        a.erpc(node.name, called, args);
      expect(await call("ways:add", [1, 2])).toBe(3);
      expect(await call("ways:later", [{ a: tuple(atom("b")) }]))
        .toEqual({ a: tuple(atom("b")) });
      expect(await call("ways:count")).toBe(0);
      expect(await call("ways:count", [1, 2, 3])).toBe(3);
      expect(await call("ways:later", [undefined])).toBeUndefined();
    });

    test(`tells the ways to fail apart, on ${where}`, async () => {
      const { a, b, cluster } = await two();
      const node = where === "the own node" ? a : b;
      offer(node);
      const call = (called: string, ...args: unknown[]) =>
        failure(a.erpc(node.name, called, args));
      for (const name of ["fails", "rejects"]) {
        const error = await call(`ways:${name}`, "too much");
        expect(error.class).toBe("error");
        expect(error.reason).toBeInstanceOf(RangeError);
        expect(error.cause).toBe(error.reason);
        expect(error.message).toContain("too much");
        expect(error.remoteStack)
          .toEqual([tuple(atom("ways"), atom(name), 1, [])]);
      }
      expect(await call("ways:throws", tuple(1)))
        .toMatchObject({ class: "throw", reason: tuple(1) });
      expect(await call("ways:exits", "why"))
        .toMatchObject({ class: "exit", reason: "why", isSignal: false });
      expect(await call("ways:nothing", 1, "x")).toMatchObject({
        class: "error",
        reason: atom("undef"),
        remoteStack: [tuple(atom("ways"), atom("nothing"), [1, "x"], [])],
      });
      // The number of arguments counts.
      expect(await call("ways:add", 1))
        .toMatchObject({ class: "error", reason: atom("undef") });
      // None of these is reported as a crash.
      expect(crashReports(cluster.records)).toEqual([]);
      expect(a.stats().crashes + b.stats().crashes).toBe(0);
    });
  }

  test("rejects when a signal ends the call", async () => {
    const { a, b } = await two();
    offer(b);
    const error = failure(a.erpc(b.name, "ways:never"));
    const { pid } = await callOn(b);
    await b.run((self) => self.sendExit(pid, "enough"));
    expect(await error)
      .toMatchObject({ class: "exit", reason: "enough", isSignal: true });
  });

  test("keeps the wrapping of nested failures", async () => {
    const { a, b } = await two();
    offer(b);
    a.exportFunction("outer:call/2", (called: string, args: unknown[]) => {
      return a.erpc(b.name, called, args);
    });
    const call = (called: string, ...args: unknown[]) =>
      failure(b.erpc(a.name, "outer:call", [called, args]));
    expect(await call("ways:throws", 7))
      .toMatchObject({ class: "throw", reason: 7 });
    expect(await call("ways:exits", 7)).toMatchObject({
      class: "exit",
      reason: tuple(atom("exception"), 7),
    });
    expect(await call("ways:nothing")).toMatchObject({
      class: "error",
      reason: tuple(atom("exception"), atom("undef"), [
        tuple(atom("ways"), atom("nothing"), [], []),
      ]),
      remoteStack: [tuple(atom("outer"), atom("call"), 2, [])],
    });
    b.exportFunction("ways:lost/0", () => b.erpc("nobody@test", "a:b"));
    expect(await call("ways:lost")).toMatchObject({
      class: "error",
      reason: tuple(
        atom("exception"),
        tuple(atom("erpc"), atom("noconnection")),
        [tuple(atom("ways"), atom("lost"), 0, [])],
      ),
    });
  });

  test("recurses from node to node", async () => {
    const { a, b } = await two();
    const hop = (node: RunningNode, other: RunningNode) =>
      node.exportFunction("hop:down/1", async (depth: number) => {
        if (depth === 0) throw new Error("the bottom");
        return await node.erpc(other.name, "hop:down", [depth - 1]);
      });
    hop(a, b);
    hop(b, a);
    const error = await failure(a.erpc(b.name, "hop:down", [3]));
    let reason: unknown = error.reason;
    for (let depth = 0; depth < 3; depth++) {
      expect(reason).toMatchObject({ items: [atom("exception"), {}, {}] });
      reason = (reason as { items: unknown[] }).items[1];
    }
    expect(reason).toMatchObject({ message: "the bottom" });
  });

  test("gives up in time, and leaves nothing behind", async () => {
    const { a, b } = await two();
    offer(b);
    const one = puppet(a);
    const core = await coreOf(a);
    const before = core.actorCount;
    const error = await inside(
      one,
      (self) =>
        failure(erpc.call(self, b.name, "ways:never", [], { timeoutMs: 5 })),
    );
    expect(error).toMatchObject({ class: "erpc", reason: atom("timeout") });
    // The function goes on, but no actor waits for it or monitors it.
    const child = await callOn(b);
    await waitFor(() => child.watchers?.size === 0, { what: "demonitor" });
    await b.run((self) => self.sendExit(child.pid, reasons.kill));
    await roundTrip(b, a);
    expect(await contents(one)).toEqual([]);
    expect(core.actorCount).toBe(before);
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("ends with the signal that aborts it, and with its caller", async () => {
    const { a, b } = await two();
    offer(b);
    const core = await coreOf(a);
    const before = core.actorCount;
    const abort = new AbortController();
    const aborted = a.run((self) =>
      erpc.call(self, b.name, "ways:never", [], { signal: abort.signal })
    );
    await waitFor(() => core.actorCount > before, { what: "the call" });
    abort.abort(new Error("no longer"));
    await expect(aborted).rejects.toThrow("no longer");
    const one = puppet(a);
    const calling = inside(one, (self) => {
      return erpc.call(self, b.name, "ways:never", [], {
        timeoutMs: Infinity,
      });
    });
    calling.catch(() => {});
    await roundTrip(a, b);
    await a.run((self) => self.sendExit(one.pid, reasons.kill));
    await expect(calling).rejects.toThrow(KilledError);
    await waitFor(() => core.actorCount === before, {
      what: "the calls to be gone",
    });
    await roundTrip(a, b);
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("rejects for a connection that is lost or cannot be made", async () => {
    const { a, b, cluster } = await two();
    offer(b);
    const lost = { class: "erpc", reason: atom("noconnection") };
    expect(await failure(a.erpc("nobody@test", "a:b"))).toMatchObject(lost);
    const error = failure(a.erpc(b.name, "ways:never"));
    await callOn(b);
    cluster.cutAll();
    expect(await error).toMatchObject(lost);
    const { node } = await lone();
    expect(await failure(node.erpc(b.name, "ways:never"))).toMatchObject(lost);
  });

  test("rejects for terms that cannot be sent, on either side", async () => {
    const { a, b } = await two();
    offer(b);
    await expect(a.erpc(b.name, "ways:later", [() => {}])).rejects
      .toThrow(EncodeError);
    expect(await failure(a.erpc(b.name, "ways:unsendable")))
      .toMatchObject({ class: "exit", isSignal: true });
    const isEmpty = { links: 0, monitors: 0, watchers: 0 };
    await waitFor(async () => {
      expect(await holdings(a, b)).toEqual(isEmpty);
      return true;
    }, { what: "nothing to be left" });
  });

  test("refuses arguments that are no call", async () => {
    const { node } = await lone();
    for (const called of ["add", ":add", "math:", "a:b:c", "a::b", 7]) {
      await expect(node.erpc(node.name, called as string)).rejects
        .toThrow(UsageError);
    }
    await expect(node.erpc(node.name, "a:b", "x" as unknown as [])).rejects
      .toThrow("expected an array of arguments for a:b");
    const errors: unknown[] = [];
    const before = node.stats().actors;
    const server = node.spawn(
      handler(null, (state: null, _: string, self: Self<string>) => {
        erpc.call(self, self.node, "a:b").catch((error: unknown) => {
          errors.push(error);
        });
        return state;
      }),
    );
    node.send(server, "call");
    await waitFor(() => errors.length > 0, { what: "the refusal" });
    expect(errors[0]).toBeInstanceOf(UsageError);
    await waitFor(() => node.stats().actors === before + 1, {
      what: "the waiting actor to end",
    });
    await expect(node.call("nobody", 1)).rejects.toThrow(CallError);
  });
});

describe("erpc.cast", () => {
  test("has a function called without a result", async () => {
    const { a, b, cluster } = await two();
    const got: unknown[] = [];
    b.exportFunction("note:it/2", (...args: unknown[]) => got.push(args));
    a.exportFunction("note:it/1", (value: unknown) => got.push(value));
    b.exportFunction("note:fails/0", () => {
      throw new Error("unheard");
    });
    const one = puppet(a);
    await inside(one, (self) => {
      erpc.cast(self, b.name, "note:it", [1, atom("x")]);
      erpc.cast(self, a.name, "note:it", [2]);
      erpc.cast(self, b.name, "note:nothing");
      erpc.cast(self, a.name, "note:nothing");
      erpc.cast(self, "nobody@test", "note:it");
      expect(() => erpc.cast(self, b.name, "note:it", [() => {}]))
        .toThrow(EncodeError);
      expect(() => erpc.cast(self, b.name, "note")).toThrow(UsageError);
    });
    await waitFor(() => got.length === 2, { what: "both casts" });
    expect(got).toContainEqual([1, atom("x")]);
    expect(got).toContainEqual(2);
    expect(await contents(one)).toEqual([]);
    expect((await coreOf(a)).spawns.size).toBe(0);
    // A function that fails is a crash of the actor that ran it.
    await inside(one, (self) => erpc.cast(self, b.name, "note:fails"));
    await waitFor(() => crashReports(cluster.records).length === 1, {
      what: "the report",
    });
    expect(crashReports(cluster.records)[0]).toContain("unheard");
  });
});
