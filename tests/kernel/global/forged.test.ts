/**
 * Messages of `global` from a node that was never joined: none of them changes
 * names, locks or members, ends a connection or makes a new one.
 */
import { describe, expect, it } from "vitest";
import {
  atom,
  Call,
  Cast,
  ExternalFun,
  global,
  type Pid,
  type RunningNode,
  type Self,
} from "../../../runtime/mod.ts";
import {
  atoms,
  SERVER_NAME,
  write,
} from "../../../runtime/kernel/global/protocol/terms.ts";
import { nameAtom } from "../../../runtime/core/terms/atom_names.ts";
import { Tuple } from "../../../runtime/core/terms/terms.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { join, owner, park, register } from "./cluster.ts";

type World = {
  readonly x: RunningNode;
  readonly y: RunningNode;
  readonly forger: RunningNode;
  /** An actor of the forger. */
  readonly pid: Pid;
};

const lock = { resource: atom("global"), requester: atom("me") };
const resolver = new ExternalFun("global", "random_exit_name", 3);
const term = (...items: readonly unknown[]) => new Tuple(items);
const insert = (name: unknown, pid: Pid) =>
  term(atoms.insert, term(name, pid, resolver));
const remove = (name: unknown) => term(atoms.delete, name);
/** `new_nodes`, without the lock under which a member would send it. */
const news = (
  { name }: RunningNode,
  ops: readonly unknown[],
  nodes: readonly unknown[],
) => term(atoms.newNodes, nameAtom(name), ops, [], nodes, [term(atoms.vsn, 8)]);

/** By what it would do; each makes its message. */
const casts: readonly [string, (world: World) => unknown][] = [
  [
    "takes a name away as news of a join",
    ({ forger }) => news(forger, [remove("n")], []),
  ],
  [
    "gives a name as news of a join",
    ({ forger, pid }) => news(forger, [insert("m", pid)], []),
  ],
  [
    "makes an unknown node a member",
    ({ forger }) => news(forger, [], [term(atom("ghost@sim"), 8)]),
  ],
  [
    "answers a join that was not asked for",
    ({ forger, pid }) =>
      write.exchange(forger.name, [["m", pid, null]] as never, 7),
  ],
  [
    "decides a join that was not asked for",
    ({ forger }) =>
      term(atoms.resolved, nameAtom(forger.name), [remove("n")], [], [], [], 7),
  ],
  [
    "ends a join of others",
    ({ forger }) => write.cancelConnect(forger.name, 7),
  ],
  [
    "has a node connect elsewhere",
    ({ forger }) => term(atoms.meet, nameAtom(forger.name), atom("ghost@sim")),
  ],
  [
    "reports a loss",
    ({ forger, y }) =>
      term(atoms.lost, nameAtom(forger.name), nameAtom(y.name)),
  ],
  ["is no message of the protocol", () => term(atom("take_over"), 1)],
  ["is no tuple", () => ["global", null]],
];

const calls: readonly [string, (world: World) => unknown][] = [
  ["takes a name away", () => term(atoms.unregister, "n")],
  ["gives a name", ({ pid }) => term(atoms.register, "m", pid, resolver)],
  ["gives a name anew", ({ pid }) => term(atoms.register, "n", pid, resolver)],
  ["makes many changes", () => term(atoms.ops, [remove("n")])],
  ["locks the names", () => write.setLock(lock as never)],
  ["is no request", () => term(atom("stop"))],
];

async function world(
  body: (made: World & { readonly heard: unknown[] }) => Promise<void>,
): Promise<void> {
  await simulateSeeds({ count: 2 }, async (sim) => {
    const [x, y] = [await sim.start("x@sim"), await sim.start("y@sim")];
    await join(sim, [x, y]);
    expect(await register(x, "n", x.spawn(park) as Pid)).toBe(true);
    const forger = await sim.start("f@sim", { global: false });
    const heard: unknown[] = [];
    const pid = forger.spawn(async (self: Self<unknown>) => {
      for (;;) heard.push(await self.receive());
    }, { name: SERVER_NAME }) as Pid;
    await forger.connect(x.name);
    await sim.advance(100);
    await body({ x, y, forger, pid, heard });
    // Neither at once, nor after the timers that it may have set.
    for (const ms of [100, 2_000]) {
      await sim.advance(ms);
      for (const node of [x, y]) {
        expect(owner(node, "n")).toBe(x.name);
        expect(owner(node, "m")).toBe(null);
        const { known, locks } = global.inspect(node);
        expect(known).toEqual(node === x ? [y.name] : [x.name]);
        expect(locks).toEqual([]);
      }
      expect([...x.nodes()].toSorted()).toEqual([forger.name, y.name]);
      expect(y.nodes()).not.toContain("ghost@sim");
    }
    // The server serves its members.
    expect(await register(y, "after", y.spawn(park) as Pid)).toBe(true);
    expect(owner(x, "after")).toBe(y.name);
  });
}

describe("a node that was never joined", () => {
  it.each(casts)("has no effect when it %s", async (_, make) => {
    await world(async (made) => {
      const { x, forger } = made;
      for (const message of [make(made), new Cast(make(made))]) {
        forger.send({ name: SERVER_NAME, node: x.name }, message as never);
      }
      await Promise.resolve();
    });
  });

  it.each(calls)("is refused when it %s", async (_, make) => {
    await world(async (made) => {
      const { x, forger } = made;
      const from = { pid: made.pid, tag: 1 };
      forger.send(
        { name: SERVER_NAME, node: x.name },
        new Call(from as never, make(made)) as never,
      );
      await Promise.resolve();
    });
  });

  it("is not answered at a node that is not connected", async () => {
    await world(async ({ x, forger, pid }) => {
      const ghost = Object.assign(
        Object.create(Object.getPrototypeOf(pid)),
        pid,
        {
          node: "ghost@sim",
        },
      ) as Pid;
      forger.send(
        { name: SERVER_NAME, node: x.name },
        term(atoms.whereis, "n", ghost) as never,
      );
      await Promise.resolve();
    });
  });
});
