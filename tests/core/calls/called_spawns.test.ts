/**
 * Spawn requests of BEAM nodes, which name a function: there is always an
 * actor, and the reply comes before anything that it does.
 */
import { describe, expect, test } from "vitest";
import { receiveSignal } from "../../../runtime/core/node/inbound.ts";
import type { Node } from "../../../runtime/core/node/node.ts";
import type { NodeOptions } from "../../../runtime/core/node/options.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import { serveErpc } from "../../../runtime/kernel/rpc/serve.ts";
import {
  atom,
  ExitError,
  Pid,
  reasons,
  Ref,
  type Self,
  tuple,
} from "../../../runtime/mod.ts";
import { type FakeHost, fakeNode } from "../../helpers/fake_host.ts";

type Asked = {
  readonly host: FakeHost;
  readonly node: Node;
  /** Asks for a child, and gives its reply and the reason of its end. */
  readonly spawn: (behaviour: string, ...args: unknown[]) => Promise<unknown>;
  readonly told: Signal[];
};

const parent = new Pid("b@fake", 3, 0, 9, null);
const leader = new Pid("c@fake", 4, 0, 9, null);

function asked(options: Partial<NodeOptions> = {}): Asked {
  const { host, node } = fakeNode(options);
  // What is offered is run by the kernel.
  serveErpc(node);
  const told: Signal[] = [];
  node.remote = {
    send: () => true,
    signal: (_, signal) => told.push(signal) > 0,
    ready: () => Promise.resolve(),
    way: () => ({ isUp: true, hasRoom: true }),
    nodes: () => [],
  };
  const spawn = async (behaviour: string, ...args: unknown[]) => {
    receiveSignal(node, {
      type: "spawnRequest",
      ref: new Ref("b@fake", 9, [told.length]),
      from: parent,
      groupLeader: leader,
      behaviour,
      args,
      flags: { link: false, monitor: true },
      isCall: true,
    });
    await host.settleAsync();
    const [reply, down, ...more] = told.splice(0);
    expect(reply).toMatchObject({
      type: "spawnReply",
      flags: { link: false, monitor: true },
    });
    expect((reply as { result: unknown }).result).toBeInstanceOf(Pid);
    expect(more).toEqual([]);
    expect(down?.type).toBe("down");
    return (down as { reason?: unknown }).reason;
  };
  return { host, node, spawn, told };
}

/** Tells what it is, by the way it ends. */
const tells = (...args: unknown[]) => (self: Self) =>
  self.exit([self.groupLeader, args]);

describe("a spawn request for a function", () => {
  test("runs an export of that name, in module hornbeam one without", async () => {
    const { spawn } = asked({
      exports: { "m:f": tells, plain: tells, "hornbeam:plain": tells },
    });
    expect(await spawn("m:f", 1, 2)).toEqual([leader, [1, 2]]);
    expect(await spawn("hornbeam:plain")).toEqual([leader, []]);
    const { spawn: other } = asked({ exports: { plain: tells } });
    expect(await other("hornbeam:plain", "x")).toEqual([leader, ["x"]]);
  });

  test("runs a function that is offered", async () => {
    const got: unknown[] = [];
    const { spawn, node } = asked({
      functions: {
        "m:f/2": (...args: unknown[]) => got.push(args),
        "m:later": () => Promise.resolve(1),
        "m:exits": () => {
          throw new ExitError("why");
        },
      },
    });
    expect(await spawn("m:f", 1, 2)).toBe(reasons.normal);
    expect(got).toEqual([[1, 2]]);
    expect(await spawn("m:later", 1, 2, 3)).toBe(reasons.normal);
    expect(await spawn("m:exits")).toBe("why");
    expect(node.crashes).toBe(0);
  });

  test("whose function fails ends as a process does, and is reported", async () => {
    const error = new Error("bad");
    const { spawn, node, host } = asked({
      functions: {
        "m:rejects": () => Promise.reject(error),
        "m:throws/1": (ball: unknown) => {
          throw ball;
        },
      },
    });
    const at = (name: string, arity: number) => [
      tuple(atom("m"), atom(name), arity, []),
    ];
    expect(await spawn("m:rejects")).toEqual(tuple(error, at("rejects", 0)));
    expect(await spawn("m:throws", error))
      .toEqual(tuple(error, at("throws", 1)));
    for (const ball of [atom("ball"), tuple(1, "b"), undefined]) {
      expect(await spawn("m:throws", ball))
        .toEqual(tuple(tuple(atom("nocatch"), ball), at("throws", 1)));
    }
    expect(node.crashes).toBe(5);
    // What was thrown is what the log shows.
    expect(host.records.map(({ fields }) => fields?.["error"]))
      .toEqual([error, error, atom("ball"), tuple(1, "b"), undefined]);
  });

  test("with a wrong option gets no actor", async () => {
    const { host, node, told } = asked({ functions: { "m:f": () => 1 } });
    const ref = new Ref("b@fake", 9, [1]);
    const before = node.actorCount;
    receiveSignal(node, {
      type: "spawnRequest",
      ref,
      from: parent,
      groupLeader: leader,
      behaviour: "m:f",
      args: [],
      flags: { link: false, monitor: false },
      isCall: true,
      isBadOption: true,
    });
    await host.settleAsync();
    expect(told).toEqual([{
      type: "spawnReply",
      ref,
      to: parent,
      flags: { link: false, monitor: false },
      result: "badopt",
    }]);
    expect(node.actorCount).toBe(before);
  });

  test("ends with undef where there is none, which is no crash", async () => {
    const { spawn, node, host } = asked({
      functions: { "m:f/2": () => 1 },
      exports: { plain: tells },
    });
    const undef = (module: string, name: string, args: unknown[]) =>
      tuple(atom("undef"), [tuple(atom(module), atom(name), args, [])]);
    expect(await spawn("m:f", 1)).toEqual(undef("m", "f", [1]));
    expect(await spawn("m:g")).toEqual(undef("m", "g", []));
    expect(await spawn("other:plain")).toEqual(undef("other", "plain", []));
    expect(await spawn("Elixir.A.B:c:d")).toEqual(
      undef("Elixir.A.B", "c:d", []),
    );
    expect(await spawn("hornbeam:toString"))
      .toEqual(undef("hornbeam", "toString", []));
    expect(node.crashes).toBe(0);
    expect(host.records).toEqual([]);
  });

  test("ends with badarg where the export refuses the arguments", async () => {
    const { spawn, node, host } = asked({
      exports: {
        "m:throws": () => {
          throw new Error("bad");
        },
        "m:nothing": () => undefined as never,
      },
    });
    for (const name of ["throws", "nothing"]) {
      expect(await spawn(`m:${name}`, 1)).toEqual(
        tuple(atom("badarg"), [tuple(atom("m"), atom(name), [1], [])]),
      );
    }
    expect(node.crashes).toBe(0);
    expect(host.records.map(({ level }) => level))
      .toEqual(["warning", "warning"]);
  });
});
