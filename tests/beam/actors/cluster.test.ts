/**
 * Nodes of ours in a cluster of BEAM nodes: joins, departures, and what OTP's
 * own cluster services make of a member that runs none of them.
 */
import { beforeAll, expect, onTestFinished, test } from "vitest";
import {
  atom,
  Cast,
  handler,
  type StartOptions,
} from "../../../runtime/mod.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { inside } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, type Logged } from "../../net/peers/raw_peer.ts";
import { pair } from "../world.ts";

matrix("nodes of ours in a cluster of two BEAM nodes", () => {
  let epmdPort: number;
  let a: BeamNode;
  let b: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    [a, b] = await Promise.all([
      startBeam("a@127.0.0.1", { epmdPort }),
      startBeam("b@127.0.0.1", { epmdPort }),
    ]);
    expect(await a.run("net_kernel:connect_node('b@127.0.0.1')")).toBe("true");
    await a.run("global:sync()");
  });

  let count = 0;
  async function start(
    letter = "m",
    options: StartOptions = {},
  ): Promise<Logged> {
    const name = `${letter}${++count}@127.0.0.1`;
    const ours = await startOurs(name, epmdPort, {
      global: false,
      ...options,
    });
    onTestFinished(() => ours.node.stop());
    return ours;
  }

  /** The two are connected as if no other node had been there. */
  async function areWhole(): Promise<void> {
    expect(
      await a.run("lists:member('b@127.0.0.1', nodes())"),
    ).toBe("true");
    expect(await a.run("element(3, sys:get_state(global_name_server))"))
      .toMatch(/'b@127\.0\.0\.1' => \d+/);
    expect(await b.run("element(3, sys:get_state(global_name_server))"))
      .toMatch(/'a@127\.0\.0\.1' => \d+/);
    for (const beam of [a, b]) {
      expect(await beam.run("ets:tab2list(global_locks)")).toBe("[]");
    }
  }

  const isSeenBy = (name: string, beam: BeamNode) =>
    waitFor(
      async () => await beam.run(`lists:member('${name}', nodes())`) === "true",
      { what: `${beam.name} to see ${name}` },
    );

  test.each(["smaller", "greater"])(
    "ours joins and leaves, with a %s name: the two stay together",
    async (which) => {
      const ours = await start(which === "smaller" ? "A" : "z");
      const { name } = ours.node;
      const events = eventsOf(ours.node);
      const sessions = [a.session(), b.session()];
      for (const session of sessions) {
        await session("net_kernel:monitor_nodes(true)");
      }
      expect(await ours.node.connect(a.name)).toBe(true);
      expect(await ours.node.connect(b.name)).toBe(true);
      await isSeenBy(name, a);
      await isSeenBy(name, b);
      expect([...ours.node.nodes()].sort()).toEqual([a.name, b.name]);
      // Names and locks are kept by the two, and ours is no hindrance.
      expect(
        await a.run(
          `Pid = spawn(fun() -> receive stop -> ok end end),
           yes = global:register_name(a_name, Pid),
           true = global:set_lock({lock, self()}),
           true = global:del_lock({lock, self()}),
           {Pid =:= global:whereis_name(a_name), global:trans({t, self()},
              fun() -> inside end)}`,
        ),
      ).toBe("{true,inside}");
      expect(
        await b.run("global:send(a_name, stop), ok"),
      ).toBe("ok");
      await areWhole();
      // One link goes: only ours is alone at that end, the others stay.
      ours.node.disconnect(a.name);
      expect(await sessions[0]!("[beam_driver:next(), beam_driver:next()]"))
        .toBe(`[{nodeup,'${name}'},{nodedown,'${name}'}]`);
      await isSeenBy(name, b);
      await areWhole();
      expect(await ours.node.connect(a.name)).toBe(true);
      await ours.node.stop();
      expect(
        await sessions[1]!("[beam_driver:next(), beam_driver:next()]"),
      ).toBe(`[{nodeup,'${name}'},{nodedown,'${name}'}]`);
      await areWhole();
      expect(events.slice(0, 4)).toEqual([
        `+${a.name}`,
        `+${b.name}`,
        `-${a.name}`,
        `+${a.name}`,
      ]);
      for (const session of sessions) {
        await session("net_kernel:monitor_nodes(false)");
        expect(
          await session(
            "[N || {nodedown, N} <- beam_driver:contents()," +
              " N =:= 'a@127.0.0.1' orelse N =:= 'b@127.0.0.1']",
          ),
        ).toBe("[]");
      }
      expect(ours.logs.complaints).toEqual([]);
    },
  );

  test("who has met one of theirs is not made known to the other", async () => {
    const ours = await start();
    const hidden = await start("h", { hidden: true });
    for (const { node } of [ours, hidden]) {
      expect(await node.connect(a.name)).toBe(true);
    }
    await isSeenBy(ours.node.name, a);
    // By then `global` has begun to handle the new node.
    for (const beam of [a, b, a]) {
      await beam.run("sys:get_state(global_name_server), ok");
    }
    expect(await b.run("nodes(connected)")).toBe("['a@127.0.0.1']");
    expect(ours.node.nodes()).toEqual([a.name]);
    expect(
      await a.run(`{lists:member('${hidden.node.name}', nodes()),
      nodes(hidden)}`),
    ).toBe(`{false,['${hidden.node.name}']}`);
    await areWhole();
  });

  test("nodes of ours and theirs, all with all", async () => {
    const ours = await Promise.all(["c", "x"].map((letter) => start(letter)));
    const [first, second] = ours as [Logged, Logged];
    // All at once: four nodes, six connections, from both sides.
    const all = [a.name, b.name, first.node.name, second.node.name];
    await Promise.all([
      ...ours.flatMap(({ node }) => all.map((name) => node.connect(name))),
      ...[a, b].map((beam) =>
        beam.run(
          `[net_kernel:connect_node(N) || N <- ['${all.join("','")}']]`,
        )
      ),
    ]);
    for (const { node } of ours) {
      expect([...node.nodes()].sort())
        .toEqual(all.filter((name) => name !== node.name).sort());
      for (const beam of [a, b]) await isSeenBy(node.name, beam);
    }
    const heard: unknown[] = [];
    for (const { node } of ours) {
      node.spawn(
        handler(0, (n: number, message: unknown) => {
          heard.push(message instanceof Cast ? message.request : message);
          return n;
        }),
        { name: "listener" },
      );
    }
    await a.run("gen_server:abcast(listener, from_a)");
    await b.run("[{listener, N} ! from_b || N <- nodes()]");
    first.node.send(
      { name: "listener", node: second.node.name },
      atom("from_c"),
    );
    await waitFor(() => heard.length === 5, { what: "all messages" });
    expect(heard.map(String).sort()).toEqual([
      "Symbol(from_a)",
      "Symbol(from_a)",
      "Symbol(from_b)",
      "Symbol(from_b)",
      "Symbol(from_c)",
    ]);
    // What goes round, from theirs by both of ours, is what it was.
    const { session, actor, theirs } = await pair({ them: a, ours: first });
    second.node.spawn(async (self) => {
      for await (const message of self) self.send(theirs, message);
    }, { name: "returns" });
    await session(
      `Terms = {Ours, make_ref(), hd(erlang:ports()), fun(X) -> X end, <<1:3>>,
         [a | b], fun lists:map/2, #{1 => 2.5}}, Ours ! Terms`,
    );
    await inside(actor, async (self) => {
      const terms = await self.receive();
      self.send({ name: "returns", node: second.node.name }, terms);
    });
    expect(await session("beam_driver:next() =:= Terms")).toBe("true");
    await areWhole();
    for (const { logs } of ours) expect(logs.complaints).toEqual([]);
  });

  test("storms of joins leave the two together", async () => {
    const crowd = await Promise.all(
      Array.from({ length: 6 }, (_, i) => start(i % 2 === 0 ? "B" : "y")),
    );
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        crowd.flatMap(({ node }) => [
          node.connect(a.name),
          node.connect(b.name),
          a.run(`net_kernel:connect_node('${node.name}')`),
        ]),
      );
      for (const { node } of crowd) {
        expect([...node.nodes()].sort()).toEqual([a.name, b.name]);
        node.disconnect(round % 2 === 0 ? a.name : b.name);
      }
      await areWhole();
    }
    for (const { logs } of crowd) expect(logs.complaints).toEqual([]);
  });
});
