/**
 * Every public function that takes options refuses unknown names and values of
 * the wrong kind, and names the right one. One table over all of them; the
 * last tests keep it complete.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  asyncHandler,
  createLog,
  erpc,
  global,
  pg2,
  type RunningNode,
  type Self,
  start,
  UsageError,
} from "../../runtime/mod.ts";
import { decode, encode } from "../../runtime/etf.ts";
import { Agent } from "../../std/agent/mod.ts";
import {
  Applications,
  runApplications,
  stopOnTermination,
} from "../../std/application/mod.ts";
import { DynamicSupervisor } from "../../std/dynamic_supervisor/mod.ts";
import { GenEvent } from "../../std/gen_event/mod.ts";
import {
  genServer,
  initial,
  multiCall,
  stop as stopServer,
} from "../../std/gen_server/mod.ts";
import { genStatem } from "../../std/gen_statem/mod.ts";
import { lines, logger, Logging, logTape } from "../../std/logger/mod.ts";
import { PartitionSupervisor } from "../../std/partition_supervisor/mod.ts";
import { start as startActor, stop } from "../../std/proc_lib/mod.ts";
import { PubSub } from "../../std/pubsub/mod.ts";
import { Registry } from "../../std/registry/mod.ts";
import { call as rpcCall, multicall } from "../../std/rpc/mod.ts";
import { checkChildSpecs, Supervisor } from "../../std/supervisor/mod.ts";
import { Task, TaskSupervisor } from "../../std/task/mod.ts";
import { simulate, testCluster } from "../../std/testing/mod.ts";
import { sleep } from "../../std/timer/mod.ts";

/** Options of any kind: each case is given wrong ones. */
type Wrong = Readonly<Record<string, unknown>>;

type Case = {
  readonly what: string;
  /** Options that take any value. */
  readonly any?: readonly string[];
  /** Calls the function with these options, which it must refuse. */
  readonly try: (
    options: never,
    self: Self<unknown>,
    node: RunningNode,
  ) => unknown;
};

const park = async (self: Self<unknown>) => void await self.receive();
const Idle = genServer({ name: "Idle", init: () => null });
const Switch = genStatem({
  init: () => ({ state: "off", data: null }),
  states: { off: () => ({}) },
} as never);
const spec = { id: 1, start: (self: Self<never>) => self.spawnLink(park) };
const named = { name: "a@127.0.0.1", cookie: "c", epmdPort: false } as const;

/** With options that other functions of the same actor need. */
function having(needed: object, options: object): never {
  return { ...needed, ...options } as never;
}

const cases: readonly Case[] = [
  { what: "start", any: ["withoutFlags"], try: (o) => start(o) },
  { what: "start global", try: (o) => start({ global: o }) },
  {
    what: "start tls",
    any: ["cert", "key", "ca"],
    try: (o) => start({ ...named, tls: o }),
  },
  { what: "createLog", try: (o) => createLog(o) },
  { what: "encode", try: (o) => encode(1, o) },
  { what: "decode", try: (o) => decode(encode(1), o) },
  { what: "node.spawn", try: (o, _, node) => node.spawn(park, o) },
  { what: "node.run", try: (o, _, node) => node.run(() => 1, o) },
  { what: "node.call", try: (o, _, node) => node.call("x", 1, o) },
  { what: "node.erpc", try: (o, _, node) => node.erpc("a@x", "m:f", [], o) },
  { what: "node.ping", try: (o, _, node) => node.ping("a@x", o) },
  { what: "onNodeEvent", try: (o, _, n) => n.onNodeEvent(() => {}, o) },
  {
    what: "onConnectionEvent",
    try: (o, _, n) => n.onConnectionEvent(() => {}, o),
  },
  { what: "spawn", try: (o, self) => self.spawn(park, o) },
  { what: "spawnLink", try: (o, self) => self.spawnLink(park, o) },
  { what: "spawnMonitor", try: (o, self) => self.spawnMonitor(park, o) },
  {
    what: "spawnReady",
    try: (o, self) => self.spawnReady(asyncHandler(0, () => 0), o),
  },
  { what: "mailbox", try: (o, self) => self.spawn(park, { mailbox: o }) },
  { what: "spawnOn", try: (o, self) => self.spawnOn("a@x", "f", [], o) },
  { what: "receive", try: (o, self) => self.receive("x", o) },
  { what: "receive alone", try: (o, self) => self.receive(o) },
  {
    what: "receive undefined",
    try: (o, self) => self.receive(undefined as never, o),
  },
  { what: "call", try: (o, self) => self.call(self.pid, 1, o) },
  {
    what: "expectReply",
    try: (o, self) => self.expectReply(self.pid, () => {}, o),
  },
  { what: "trySend", try: (o, self) => self.trySend(self.pid, 1, o) },
  {
    what: "monitor",
    any: ["tag"],
    try: (o, self) => self.monitor(self.pid, o),
  },
  { what: "alias", try: (o, self) => self.alias(o) },
  {
    what: "demonitor",
    try: (o, self) => self.demonitor(self.makeRef(), o),
  },
  {
    what: "registerName",
    try: (o, self) => global.registerName(self, "x", self.pid, o),
  },
  {
    what: "unregisterName",
    try: (o, self) => global.unregisterName(self, "x", o),
  },
  {
    what: "setLock",
    try: (o, self) => global.setLock(self, { resource: 1, requester: 2 }, o),
  },
  {
    what: "delLock",
    try: (o, self) => global.delLock(self, { resource: 1, requester: 2 }, o),
  },
  {
    what: "trans",
    try: (o, self) =>
      global.trans(self, { resource: 1, requester: 2 }, () => 1, o),
  },
  { what: "sync", try: (o, self) => global.sync(self, o) },
  { what: "pg2", try: (o, self) => pg2.create(self as never, "g", o) },
  {
    what: "erpc.call",
    try: (o, self) => erpc.call(self, self.node, "m:f", [], o),
  },
  {
    what: "erpc.multicall",
    try: (o, self) => erpc.multicall(self, [], "m:f", [], o),
  },
  {
    what: "rpc.call",
    try: (o, self) => rpcCall(self, self.node, "m:f", [], o),
  },
  {
    what: "rpc.multicall",
    try: (o, self) => multicall(self, [], "m:f", [], o),
  },
  {
    what: "proc_lib.start",
    try: (o, self) => startActor(self, () => park as never, o),
  },
  {
    what: "proc_lib.stop",
    any: ["reason"],
    try: (o, self) => stop(self, self.spawn(park) as never, o),
  },
  {
    what: "genServer",
    any: ["init"],
    try: (o) => genServer(having({ init: () => 1 }, o)),
  },
  {
    what: "initial",
    any: ["continue"],
    try: (o) => initial(1, o),
  },
  {
    what: "GenServer.startLink",
    try: (o, self) => Idle.startLink(self, undefined, o),
  },
  { what: "GenServer.start", try: (o, self) => Idle.start(self, undefined, o) },
  {
    what: "GenServer.child",
    any: ["id"],
    try: (o) => Idle.child(undefined, o),
  },
  { what: "GenServer.at", try: (o, self) => Idle.at(self, self.pid, o) },
  {
    what: "a client's with",
    try: (o, self) => Idle.at(self, self.pid).with(o),
  },
  {
    what: "GenStatem.startLink",
    try: (o, self) => Switch.startLink(self as never, undefined as never, o),
  },
  {
    what: "multiCall",
    try: (o, self) => multiCall(self, [], "x", 1, o),
  },
  {
    what: "gen_server.stop",
    try: (o, self) => stopServer(self, "x", undefined, o),
  },
  { what: "Agent.start", try: (o, self) => Agent.start(self, () => 1, o) },
  { what: "Agent.at", try: (o, self) => Agent.at(self, self.pid, o) },
  { what: "GenEvent.start", try: (o, self) => GenEvent.start(self, o) },
  {
    what: "Supervisor.startLink",
    try: (o, self) => Supervisor.startLink(self, having({ children: [] }, o)),
  },
  {
    what: "Supervisor.child",
    any: ["id"],
    try: (o) => Supervisor.child({ children: [] }, o),
  },
  { what: "Supervisor.at", try: (o, self) => Supervisor.at(self, "x", o) },
  {
    what: "checkChildSpecs",
    try: (o) => checkChildSpecs([], o),
  },
  {
    what: "a child specification",
    any: ["id"],
    try: (o) => checkChildSpecs([having(spec, o)]),
  },
  {
    what: "DynamicSupervisor.start",
    try: (o, self) => DynamicSupervisor.start(self, o),
  },
  {
    what: "PartitionSupervisor.start",
    any: ["child"],
    try: (o, self) =>
      PartitionSupervisor.start(
        self,
        having({ partitions: 1, child: () => spec }, o),
      ),
  },
  {
    what: "TaskSupervisor.start",
    try: (o, self) => TaskSupervisor.start(self, o),
  },
  {
    what: "TaskSupervisor.startChild",
    try: (o, self) => TaskSupervisor.at("x").startChild(self, () => 1, o),
  },
  {
    what: "Task.await",
    try: (o, self) => Task.await(self, Task.async(self, () => 1), o),
  },
  { what: "Task.awaitMany", try: (o, self) => Task.awaitMany(self, [], o) },
  { what: "Task.yieldMany", try: (o, self) => Task.yieldMany(self, [], o) },
  {
    what: "Task.asyncStream",
    try: (o, self) => Task.asyncStream(self, [], () => 1, o),
  },
  {
    what: "PubSub.start",
    try: (o, self) => PubSub.start(self, having({ name: "p" }, o)),
  },
  {
    what: "broadcast",
    try: async (o, self) => (await aPubSub(self)).broadcast(self, "t", 1, o),
  },
  {
    what: "broadcastFrom",
    try: async (o, self) =>
      (await aPubSub(self)).broadcastFrom(self, "t", 1, o),
  },
  {
    what: "localBroadcast",
    try: async (o, self) =>
      (await aPubSub(self)).localBroadcast(self, "t", 1, o),
  },
  {
    what: "directBroadcast",
    try: async (o, self) =>
      (await aPubSub(self)).directBroadcast(self, self.node, "t", 1, o),
  },
  {
    what: "Registry.start",
    try: (o, self) => Registry.start(self, having({ keys: "unique" }, o)),
  },
  {
    what: "dispatchParallel",
    try: async (o, self) =>
      (await aRegistry(self)).dispatchParallel(self, 1, () => {}, o),
  },
  {
    what: "Registry.lock",
    try: async (o, self) => (await aRegistry(self)).lock(self, 1, () => 1, o),
  },
  {
    what: "Applications.startLink",
    try: (o, self) => Applications.startLink(self, o),
  },
  {
    what: "Applications.shutdown",
    try: async (o, self) =>
      (await Applications.startLink(self)).shutdown(self as never, o),
  },
  {
    what: "runApplications",
    try: (o, _, node) => runApplications(node, [], o),
  },
  {
    what: "stopOnTermination",
    try: (o, _, node) => stopOnTermination(node, null as never, o),
  },
  {
    what: "asyncHandler",
    try: (o) => asyncHandler(0, () => 0, o),
  },
  {
    what: "asyncHandler system",
    try: (o) => asyncHandler(0, () => 0, { system: o }),
  },
  { what: "testCluster", try: (o) => testCluster([], o) },
  { what: "simulate", try: (o) => simulate(o, async () => {}) },
  {
    what: "a simulated node",
    try: (o) =>
      simulate({ seed: 1 }, async (sim) => void await sim.start("a@sim", o))
        .catch((error) => {
          throw error.cause;
        }),
  },
  { what: "lines", try: (o) => lines(() => {}, o) },
  { what: "Logging", try: (o) => new Logging(o) },
  { what: "logTape", try: (o) => logTape(o) },
  { what: "logger", try: (o, self) => logger(self, o) },
  { what: "sleep", try: (o, self) => sleep(self, 0, o) },
  {
    what: "startWorker",
    any: ["module"],
    try: async (o) => {
      await using node = await start({
        name: "w@127.0.0.1",
        cookie: "c",
        epmdPort: false,
      });
      return await node.startWorker(o);
    },
  },
];

let pubSubs = 0;
const aPubSub = (self: Self<unknown>) =>
  PubSub.start(self, { name: `p${pubSubs++}` });
const aRegistry = (self: Self<unknown>) =>
  Registry.start<number, number>(self, { keys: "unique" });

/** The places of the tables that were met. */
const met = new Set<string>();

async function refusal(
  { try: attempt, what }: Case,
  options: Wrong,
  self: Self<unknown>,
  node: RunningNode,
): Promise<string> {
  let error: unknown;
  try {
    await attempt(options as never, self, node);
  } catch (thrown) {
    error = thrown;
  }
  expect(error, `${what} with ${Object.keys(options)}`).toBeInstanceOf(
    UsageError,
  );
  return (error as UsageError).message;
}

describe("options", () => {
  it.each(cases)("of $what are checked", async (tried) => {
    await using node = await start();
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const text = await refusal(tried, { qqqqqqqqqqqq: 1 }, self, node);
      const parts =
        /^expected an option of (.+), got "q+"; the options are (.+)$/
          .exec(text);
      expect(parts, text).not.toBeNull();
      const [, place = "", list = ""] = parts ?? [];
      met.add(place);
      for (const name of list.split(", ")) {
        const misspelt = await refusal(tried, { [`${name}_`]: 1 }, self, node);
        expect(misspelt).toBe(
          `expected an option of ${place}, got "${name}_"; did you mean ` +
            `${name}?`,
        );
        if (tried.any?.includes(name)) continue;
        const wrong = { [name]: Symbol("wrong") };
        expect(await refusal(tried, wrong, self, node))
          .toContain(`expected ${name} of ${place} to be `);
      }
    });
  });

  it("of a text that is almost right say which is meant", async () => {
    await expect(start({ binaries: "byte" as never })).rejects.toThrow(
      'expected binaries of start to be "text" or "bytes", got "byte"; did ' +
        'you mean "bytes"?',
    );
    await using node = await start();
    expect(() => node.spawn(park, { mailbox: { policy: "refuze" as never } }))
      .toThrow('did you mean "refuse"?');
  });
});

describe("no options", () => {
  it.each([[5], ["x"], [null], [true]])("are %j", async (value) => {
    await using node = await start();
    expect(() => node.spawn(park, value as never)).toThrow(
      "expected the options of spawn as an object",
    );
    await expect(start(value as never)).rejects.toThrow(UsageError);
  });

  it("follow a first argument of receive that is no pattern", async () => {
    await using node = await start();
    await node.run(async (self: Self<unknown>) => {
      const waits = self.receive(7 as never, { timeoutMs: 1 });
      await expect(waits).rejects.toThrow("before its options, got 7");
      expect(await self.receive(undefined as never, { timeoutMs: 1 }))
        .toBeUndefined();
    });
  });

  it("make something that is no behaviour one", async () => {
    await using node = await start();
    for (const wrong of [undefined, null, {}, "f", Idle]) {
      expect(() => node.spawn(wrong as never)).toThrow(
        "expected spawn to be given a function or a handler",
      );
    }
  });
});

describe("the table", () => {
  const sources = ["runtime", "std"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => readFileSync(join(folder, path), "utf8"))
  ).map((text) => text.replaceAll(/^ *\*.*$/gm, ""));

  it("meets each table of options", () => {
    const places = sources.flatMap((text) =>
      [...text.matchAll(/new OptionTable(?:<[^;(]*>)?\(\s*"([^"]+)"/g)]
        .map(([, place]) => place)
    );
    expect(places.length).toBeGreaterThan(45);
    // These are met under the names of the functions that use them.
    const renamed = ["a log handler", "the worker", "Task.await"];
    const unmet = places.filter((place) =>
      !met.has(place ?? "") && !renamed.includes(place ?? "")
    );
    expect(unmet).toEqual([]);
  });

  it("has a table for each public type of options", () => {
    const all = sources.join("\n");
    const faces = ["runtime/mod.ts", "runtime/etf.ts"].map((path) =>
      readFileSync(path, "utf8")
    ).join("\n");
    const ofStd = readdirSync("std", { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.startsWith("internal"))
      .map((path) => readFileSync(join("std", path), "utf8")).join("\n");
    const types = new Set([
      ...[...faces.matchAll(/\b(\w+Options),/g)].map(([, name]) => name ?? ""),
      ...[...ofStd.matchAll(/export type (\w+Options)\b/g)]
        .map(([, name]) => name ?? ""),
    ]);
    expect(types.size).toBeGreaterThan(40);
    // Another name for a type that has a table.
    const same = /^(?:GenEvent|Server|TaskSupervisor|NamedStart)Options$/;
    const without = [...types].filter((name) =>
      !same.test(name) &&
      !new RegExp(`OptionTable<[^;(]*\\b${name}\\b`).test(all)
    );
    expect(without).toEqual([]);
  });
});
