/**
 * The functions that every node answers by erpc and rpc, and the option that
 * turns them off.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  atom,
  ErpcError,
  type Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
  type Tuple,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { lone, obedient, park } from "../../helpers/actors.ts";
import { inside, puppet, two } from "../../helpers/clusters.ts";
import { root } from "../../helpers/processes.ts";

/** A call from one node to another of a function of the module `erlang`. */
function asking(from: RunningNode, to: RunningNode) {
  return (name: string, ...args: unknown[]) =>
    from.erpc(to.name, `erlang:${name}`, args);
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ErpcError);
  return (error as ErpcError).reason;
}

const badarg = atom("badarg");
const text = (term: unknown) => String.fromCodePoint(...term as number[]);

describe("every node", () => {
  test("tells its name and its nodes", async () => {
    const { a, b } = await two();
    const ask = asking(a, b);
    const [ownName, other] = [atom(b.name), atom(a.name)];
    expect(await ask("node")).toBe(ownName);
    expect(await ask("nodes")).toEqual([other]);
    const cases: [which: unknown, nodes: unknown[]][] = [
      [atom("visible"), [other]],
      [atom("connected"), [other]],
      [atom("hidden"), []],
      [atom("this"), [ownName]],
      [atom("known"), [ownName, other]],
      [[atom("this"), atom("visible"), atom("known")], [ownName, other]],
      [[], []],
    ];
    for (const [which, nodes] of cases) {
      expect(await ask("nodes", which)).toEqual(nodes);
    }
    for (const bad of [atom("all"), "visible", [1]]) {
      // With the arguments: the caller sees which of them are wrong.
      expect(await ask("nodes", bad).catch((error: unknown) => error))
        .toMatchObject({
          class: "error",
          reason: badarg,
          remoteStack: [tuple(atom("erlang"), atom("nodes"), [bad], [])],
        });
    }
  });

  test("tells names, actors, and whether an actor is live", async () => {
    const { a, b } = await two();
    const ask = asking(a, b);
    const pid = b.spawn(park, { name: "somebody" });
    expect(await ask("whereis", atom("somebody"))).toBe(pid);
    expect(await ask("whereis", atom("nobody"))).toBeUndefined();
    expect(await reasonOf(ask("whereis", "somebody"))).toBe(badarg);
    expect(await ask("registered"))
      .toEqual(b.registered().map((name) => atom(name)));
    expect(await ask("processes")).toContain(pid);
    expect(await ask("is_process_alive", pid)).toBe(true);
    await b.run((self) => self.sendExit(pid as Pid, atom("kill")));
    expect(await ask("is_process_alive", pid)).toBe(false);
    for (const bad of [a.whereis("rex"), 1, atom("somebody")]) {
      expect(await reasonOf(ask("is_process_alive", bad))).toBe(badarg);
      expect(await reasonOf(ask("process_info", bad))).toBe(badarg);
    }
  });

  test("tells what it knows of an actor", async () => {
    const { a, b } = await two();
    const ask = asking(a, b);
    const one = puppet(b, { name: "somebody", trapExits: true });
    const [peer, parent] = await inside(one, (self) => {
      self.monitor({ name: "rex", node: self.node });
      const child = self.spawnLink(obedient) as Pid;
      return [child, self.pid];
    });
    const pid = one.pid as Pid;
    const fn = tuple(atom("hornbeam"), atom("obedient"), 1);
    const expected: [item: string, value: unknown][] = [
      ["registered_name", atom("somebody")],
      ["current_function", fn],
      ["initial_call", fn],
      ["status", atom("waiting")],
      ["message_queue_len", 0],
      ["links", [peer]],
      ["dictionary", []],
      ["trap_exit", true],
      ["error_handler", atom("error_handler")],
      ["priority", atom("normal")],
      ["group_leader", b.whereis("user")],
      ["total_heap_size", 0],
      ["heap_size", 0],
      ["stack_size", 0],
      ["reductions", b.info(pid)!.reductions],
      ["garbage_collection", []],
      ["suspending", []],
    ];
    expect(await ask("process_info", pid)).toEqual(
      expected.map(([item, value]) => tuple(atom(item), value)),
    );
    const items = ["links", "monitors", "parent"];
    expect(await ask("process_info", pid, items.map((item) => atom(item))))
      .toEqual([
        tuple(atom("links"), [peer]),
        tuple(atom("monitors"), [
          tuple(atom("process"), tuple(atom("rex"), atom(b.name))),
        ]),
        tuple(atom("parent"), undefined),
      ]);
    const item = (of: Pid, name: string) => ask("process_info", of, atom(name));
    expect(await item(peer!, "parent")).toEqual(tuple(atom("parent"), parent));
    const harmless: [item: string, value: unknown][] = [
      ["memory", 0],
      ["current_location", tuple(...fn.items, [])],
      ["current_stacktrace", []],
      ["backtrace", ""],
      ["binary", []],
      ["async_dist", false],
      ["catchlevel", 0],
      ["fullsweep_after", 65_535],
      ["garbage_collection_info", []],
      ["last_calls", false],
      ["max_heap_size", { size: 0, kill: true, error_logger: true }],
      ["message_queue_data", atom("on_heap")],
      ["min_bin_vheap_size", 46_422],
      ["min_heap_size", 233],
      ["sequential_trace_token", []],
      ["trace", 0],
    ];
    for (const [name, value] of harmless) {
      expect(await item(pid, name)).toEqual(tuple(atom(name), value));
    }
    // A missing name is told in two ways, as on a BEAM node.
    expect(await item(peer!, "registered_name")).toEqual([]);
    expect(await ask("process_info", peer, [atom("registered_name")]))
      .toEqual([tuple(atom("registered_name"), [])]);
    expect((await ask("process_info", peer) as Tuple[])[0]?.items[0])
      .toBe(atom("current_function"));
    expect(await reasonOf(item(pid, "weather"))).toBe(badarg);
    // The messages in its mailbox are not told.
    expect(await reasonOf(item(pid, "messages"))).toBe(badarg);
    await b.run((self) => self.sendExit(pid, atom("kill")));
    expect(await ask("process_info", pid)).toBeUndefined();
    expect(await item(pid, "links")).toBeUndefined();
  });

  test("tells its system", async () => {
    const { a, b } = await two();
    const ask = asking(a, b);
    const info = (key: string) => ask("system_info", atom(key));
    const { version } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    ) as { version: string };
    expect(text(await info("machine"))).toBe("Hornbeam");
    expect(text(await info("version"))).toBe(version);
    expect(text(await info("otp_release"))).toMatch(/^\d+$/);
    expect(text(await info("system_version"))).toContain("Hornbeam");
    expect(await info("process_count")).toBe(b.stats().actors + 1);
    expect(await info("process_limit")).toBe(2 ** 28);
    expect(await info("creation")).toBe(b.pid.creation);
    for (const key of ["schedulers", "schedulers_online"]) {
      expect(await info(key)).toBe(1);
    }
    expect(await info("wordsize")).toBe(8);
    expect(await ask("system_info", tuple(atom("wordsize"), atom("internal"))))
      .toBe(8);
    expect(await reasonOf(info("weather"))).toBe(badarg);
    const times = [await ask("monotonic_time"), await ask("monotonic_time")];
    expect(times[1]).toBeGreaterThanOrEqual(times[0] as number);
  });

  test("calls no other function, and prefers its own", async () => {
    const { a, b } = await two();
    const ask = asking(a, b);
    for (const [name, ...args] of [["halt"], ["nodes", 1, 2], ["apply", 1]]) {
      expect(await reasonOf(ask(name as string, ...args))).toBe(atom("undef"));
    }
    b.exportFunction("erlang:node", () => "mine");
    expect(await ask("node")).toBe("mine");
    // BEAM nodes call a fun by it.
    expect(await ask("apply", atom("erlang"), atom("node"), [])).toBe("mine");
    expect(await reasonOf(ask("apply", atom("erlang"), atom("halt"), [])))
      .toBe(atom("undef"));
  });

  test("tells none of this with `inspectable: false`", async () => {
    const { node } = await lone({
      inspectable: false,
      functions: { "m:f/0": () => 1 },
    });
    expect(await reasonOf(node.erpc(node.name, "erlang:node")))
      .toBe(atom("undef"));
    expect(await node.erpc(node.name, "m:f")).toBe(1);
    expect(await node.ping(node.name)).toBe("pong");
  });
});

describe("options of the kernel", () => {
  const cases: [options: object, message: string][] = [
    [{ functions: 1 }, "expected functions of start to be an object, got 1"],
    [
      { functions: null },
      "expected functions of start to be an object, got null",
    ],
    [{ functions: { add: () => 1 } }, 'expected "module:function" or'],
    [{ functions: { "m:f/x": () => 1 } }, 'got "m:f/x"'],
    [{ functions: { "m:f/256": () => 1 } }, 'got "m:f/256"'],
    [{ functions: { ":f": () => 1 } }, 'got ":f"'],
    [{ functions: { "m:f": 1 } }, 'expected a function to offer as "m:f"'],
    [
      { inspectable: "no" },
      "expected inspectable of start to be true or false",
    ],
    [{ output: "stdout" }, "expected output of start to be a function"],
  ];
  test.each(cases)("refuses case %#", async (options, message) => {
    const error = await start(options as StartOptions).then(
      async (node) => {
        await node.stop();
        return null;
      },
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
  });

  test("exportFunction refuses the same, and later ones replace", async () => {
    const { node } = await lone();
    expect(() => node.exportFunction("add", () => 1)).toThrow(UsageError);
    node.exportFunction("m:f", () => "any");
    node.exportFunction("m:f/1", () => "one");
    expect(await node.erpc(node.name, "m:f", [1])).toBe("one");
    expect(await node.erpc(node.name, "m:f", [1, 2])).toBe("any");
    node.exportFunction("m:f/1", () => "another");
    expect(await node.erpc(node.name, "m:f", [1])).toBe("another");
    expect(await node.run((self: Self) => self.registered())).toContain("rex");
  });
});
