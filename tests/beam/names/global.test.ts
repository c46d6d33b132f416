/**
 * `global` with BEAM nodes as members: one name space, locks that hold on both
 * kinds, and names of two partitions that meet.
 */
import {
  afterAll,
  beforeAll,
  beforeEach,
  expect,
  onTestFinished,
  test,
} from "vitest";
import {
  atom,
  Call,
  global,
  type Pid,
  type Resolver,
  type RunningNode,
  type Self,
  type StartOptions,
  Tuple,
} from "../../../runtime/mod.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { inside, next, type Puppet, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

/** A process that waits until it is told to end. */
const PARKED = "spawn(fun P() -> receive stop -> ok; _ -> P() end end)";

const sync = (node: RunningNode) =>
  node.run((self: Self) => global.sync(self, { timeoutMs: 10_000 }));

/** What a node's actor makes of a name; the actor lives on. */
async function give(
  node: RunningNode,
  name: unknown,
  resolver: Resolver = "randomExit",
): Promise<{ readonly actor: Puppet; readonly isDone: boolean }> {
  const actor = puppet(node);
  const isDone = await inside(
    actor,
    (self) => global.registerName(self, name, self.pid, { resolver }),
  );
  return { actor, isDone };
}

matrix("global with two BEAM nodes", () => {
  let epmdPort: number;
  let a: BeamNode;
  let b: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    [a, b] = await Promise.all([
      startBeam("k@127.0.0.1", { epmdPort }),
      startBeam("l@127.0.0.1", { epmdPort }),
    ]);
    expect(await a.run("net_kernel:connect_node('l@127.0.0.1')")).toBe("true");
    await a.run("global:sync()");
  });

  beforeEach(areTwo);
  afterAll(areTwo);

  let count = 0;
  async function start(
    letter = "m",
    options: StartOptions = {},
  ): Promise<RunningNode> {
    const name = `${letter}${++count}@127.0.0.1`;
    const { node } = await startOurs(name, epmdPort, options);
    onTestFinished(() => node.stop());
    return node;
  }

  /** The two are together, with nothing left of others. */
  async function areTwo(): Promise<void> {
    const left = "{ets:tab2list(global_locks), nodes()}";
    for (const [beam, other] of [[a, b], [b, a]] as const) {
      await waitFor(
        async () => await beam.run(left) === `{[],['${other.name}']}`,
        { what: "nothing to be left" },
      );
    }
  }

  /** Starts a node that has met one of them and is one of all. */
  async function join(letter = "m"): Promise<RunningNode> {
    const node = await start(letter);
    expect(await node.connect(a.name)).toBe(true);
    await waitFor(() => node.nodes().length === 2, { what: "both to be met" });
    await sync(node);
    for (const beam of [a, b]) {
      expect(await beam.run("global:sync()")).toBe("ok");
    }
    return node;
  }

  const whereis = (beam: BeamNode, name: string) =>
    beam.run(`case global:whereis_name(${name}) of
        P when is_pid(P) -> node(P); U -> U end`);

  test.each(["B", "z"])("%s… joins both by one", async (letter) => {
    const node = await join(letter);
    const known = "lists:sort(gen_server:call(global_name_server, get_known))";
    for (const [beam, other] of [[a, b], [b, a]] as const) {
      expect(await beam.run(known)).toContain(`'${node.name}'`);
      expect(await beam.run(known)).toContain(`'${other.name}'`);
    }
    const [theirs, ours] = await Promise.all(
      ["P1", "P2"].map((name) =>
        a.run(`{element(1, gen_server:multi_call(['${node.name}'],
        global_name_server, ${
          name === "P1" ? "get_protocol_version" : "get_known"
        }))}`)
      ),
    );
    expect(theirs).toContain(",8}");
    expect(ours).toContain(`'${b.name}'`);
  });

  test("names given by either are names for all", async () => {
    const node = await join();
    // Theirs.
    expect(await a.run(`global:register_name({db, 1}, ${PARKED})`)).toBe("yes");
    const name = new Tuple([atom("db"), 1]);
    expect(global.whereisName(node, name)?.node).toBe(a.name);
    expect((await give(node, name)).isDone).toBe(false);
    expect(global.registeredNames(node)).toEqual([name]);
    // Ours.
    const { actor, isDone } = await give(node, atom("ours"));
    expect(isDone).toBe(true);
    for (const beam of [a, b]) {
      expect(await whereis(beam, "ours")).toBe(`'${node.name}'`);
      expect(await beam.run(`global:register_name(ours, ${PARKED})`)).toBe(
        "no",
      );
    }
    // Messages both ways.
    await b.run("global:send(ours, {hello, 1})");
    const hello = await next(actor, (m): m is Tuple => m instanceof Tuple);
    expect(hello.items).toEqual([atom("hello"), 1]);
    await inside(actor, (self) => void global.send(self, name, atom("stop")));
    await waitFor(() => global.whereisName(node, name) === null, {
      what: "theirs to end",
    });
    // Taken back, given anew, and gone with its owner.
    await inside(actor, (self) => global.unregisterName(self, atom("ours")));
    expect(await whereis(b, "ours")).toBe("undefined");
    expect(await b.run(`global:register_name(ours, ${PARKED})`)).toBe("yes");
    await inside(
      actor,
      (self) => global.reRegisterName(self, atom("ours"), self.pid),
    );
    expect(await whereis(a, "ours")).toBe(`'${node.name}'`);
    await inside(actor, (self) => self.exit("over")).catch(() => {});
    for (const beam of [a, b]) {
      await waitFor(async () => await whereis(beam, "ours") === "undefined", {
        what: "the name to be free",
      });
    }
    expect(global.registeredNames(node)).toEqual([]);
  });

  test("a server of ours is called by its global name, and theirs by us", async () => {
    const node = await join();
    const server = node.spawn(async (self: Self<unknown>) => {
      for await (const message of self) {
        if (message instanceof Call) self.reply(message.from, message.request);
      }
    });
    await node.run((self: Self) =>
      global.registerName(self, atom("server"), server as Pid)
    );
    expect(await b.run("gen_server:call({global, server}, {ask, 7})"))
      .toBe("{ask,7}");
    const there = b.session();
    expect(await there("global:register_name(theirs, self())")).toBe("yes");
    const answer = node.call({ via: global, name: atom("theirs") }, "q");
    await there(`receive {'$gen_call', From, Q} ->
        gen_server:reply(From, {got, Q}) end`);
    expect((await answer as Tuple).items).toEqual([atom("got"), "q"]);
    await there("global:unregister_name(theirs)");
    await expect(node.call({ via: global, name: atom("theirs") }, "q")).rejects
      .toThrow("noproc");
  });

  test("locks of either kind keep the other out", async () => {
    const node = await join();
    const lock = { resource: atom("r"), requester: "ours" };
    const once = { retries: 0 };
    const holder = a.session();
    expect(await holder("global:set_lock({r, self()})")).toBe("true");
    const taker = puppet(node);
    const take = (options: { retries?: number; timeoutMs?: number }) =>
      inside(taker, (self) => global.setLock(self, lock, options));
    expect(await take(once)).toBe(false);
    const waiting = take({});
    await holder("global:del_lock({r, self()})");
    expect(await waiting).toBe(true);
    // Ours, on all nodes.
    for (const beam of [a, b]) {
      expect(await beam.run("global:set_lock({r, x}, [node()], 0)"))
        .toBe("false");
    }
    expect(
      await b.run("global:trans({r, self()}, fun() -> 1 end, [node()], 0)"),
    ).toBe("aborted");
    // A requester's lock is shared, and each holder counts.
    const same = `{r, <<"ours">>}`;
    expect(
      await a.run(`{global:set_lock(${same}, [node()], 0),
        global:del_lock(${same}, [node()])}`),
    ).toBe("{true,true}");
    const trans = "global:trans({r, self()}, fun() -> inside end)";
    const waits = b.run(trans, 15_000);
    await inside(taker, (self) => self.exit("over")).catch(() => {});
    expect(await waits).toBe("inside");
    const result = await node.run((self: Self) =>
      global.trans(self, lock, () => "done", { retries: 3 })
    );
    expect(result).toEqual({ ok: true, value: "done" });
  });

  test.each([
    ["smaller", "B"],
    ["greater", "z"],
  ])("a clash with a %s node of ours is decided once", async (_, letter) => {
    const node = await start(letter);
    const decided: unknown[] = [];
    const mine = await give(node, atom("fun"), (name, one, other) => {
      decided.push([name, one.node, other.node]);
      return other;
    });
    const dies = await give(node, atom("exit"));
    const told = await give(node, atom("notify"), "randomNotify");
    const both = await give(node, atom("all"), "notifyAll");
    for (const actor of [mine, dies, told, both]) {
      expect(actor.isDone).toBe(true);
    }
    await a.run(
      `[yes = global:register_name(N, ${PARKED}, M) || {N, M} <- [
         {'fun', fun(_, P, _) -> P end},
         {exit, fun global:random_exit_name/3},
         {notify, fun global:random_notify_name/3},
         {all, fun global:notify_all_name/3}]]`,
    );
    expect(await node.connect(b.name)).toBe(true);
    await waitFor(() => node.nodes().length === 2, { what: "both to be met" });
    await sync(node);
    await a.run("global:sync()");
    await b.run("global:sync()");
    const names = ["'fun'", "exit", "notify", "all"];
    // The first method of the smaller node decides: here ours, there theirs.
    const isSmaller = letter === "B";
    const owner = isSmaller ? node.name : b.name;
    if (isSmaller) expect(decided).toEqual([[atom("fun"), a.name, node.name]]);
    else expect(decided).toEqual([]);
    const seen = await Promise.all(
      names.map((name) => whereis(b, name)),
    );
    expect(await Promise.all(names.map((name) => whereis(a, name))))
      .toEqual(seen);
    const here = ["fun", "exit", "notify", "all"].map((name) => {
      const pid = global.whereisName(node, atom(name));
      return pid === null ? "undefined" : `'${pid.node}'`;
    });
    expect(here).toEqual(seen);
    const winner = isSmaller ? node.name : a.name;
    expect(seen.slice(1)).toEqual([`'${winner}'`, `'${winner}'`, "undefined"]);
    expect(owner).toBeDefined();
    expect(node.isAlive(dies.actor.pid)).toBe(isSmaller);
    const note = await next(both.actor, (m): m is Tuple => m instanceof Tuple);
    expect(note.items.slice(0, 2))
      .toEqual([atom("global_name_conflict"), atom("all")]);
    if (!isSmaller) {
      const lost = await next(
        told.actor,
        (m): m is Tuple => m instanceof Tuple,
      );
      expect(lost.items).toEqual([
        atom("global_name_conflict"),
        atom("notify"),
      ]);
    }
    await a.run(`[begin P = global:whereis_name(N),
       global:unregister_name(N), is_pid(P) andalso (P ! stop) end
       || N <- global:registered_names()]`);
  });

  test(
    "two nodes of ours and two of theirs become one from both ends",
    async () => {
      const [c, x] = await Promise.all([start("c"), start("x")]);
      await c.connect(x.name);
      await sync(c);
      expect((await give(c, "first")).isDone).toBe(true);
      expect(global.whereisName(x, "first")?.node).toBe(c.name);
      await a.run(`global:register_name(second, ${PARKED})`);
      await Promise.all([c.connect(a.name), x.connect(b.name)]);
      await waitFor(
        () => [c, x].every((node) => node.nodes().length === 3),
        { what: "all to meet" },
      );
      await Promise.all([sync(c), sync(x), a.run("global:sync()")]);
      for (const node of [c, x]) {
        expect(global.whereisName(node, "first")?.node).toBe(c.name);
        expect(global.whereisName(node, atom("second"))?.node).toBe(a.name);
      }
      expect(await whereis(b, `<<"first">>`)).toBe(`'${c.name}'`);
      // All nodes at once, and exactly one of them gets the name.
      const results = await Promise.all([
        ...[c, x].map(async (node) =>
          (await give(node, atom("one"))).isDone ? "yes" : "no"
        ),
        ...[a, b].map((beam) =>
          beam.run(`global:register_name(one, ${PARKED})`, 20_000)
        ),
      ]);
      expect(results.filter((result) => result === "yes")).toHaveLength(1);
      await a.run(`[begin P = global:whereis_name(N),
       global:unregister_name(N), is_pid(P) andalso (P ! stop) end
       || N <- global:registered_names()]`);
    },
  );

  test("who leaves with disconnect leaves the others together", async () => {
    const node = await join();
    const left = await node.run((self: Self) => global.disconnect(self));
    expect([...left].sort()).toEqual([a.name, b.name]);
    await waitFor(() => node.nodes().length === 0, { what: "the end" });
    await areTwo();
  });
});
