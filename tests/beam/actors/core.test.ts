/**
 * The core of what a BEAM node and a node of ours do with each other, on every
 * runtime in every run. The other files of this folder have the rest, which
 * runs on Node.js, and nightly on all three.
 */
import { describe, expect, test } from "vitest";
import {
  atom,
  type CallError,
  Down,
  Exit,
  type Pid,
  reasons,
  type Self,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { flag } from "../../../runtime/wire/handshake/flags.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { startBeam, startOurs } from "../../helpers/beam_nodes.ts";
import { contents, inside, next } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { counter } from "../std/servers.ts";
import { end, endThere, nothingIsLeft, pair, world } from "../world.ts";

if (!hasBeam()) {
  console.log(
    "tests against real BEAM nodes are left out, because there is no erl on " +
      "PATH; on Debian: apt-get install erlang-base elixir",
  );
}

describe.skipIf(!hasBeam())("a BEAM node and a node of ours", () => {
  const nodes = world({
    ours: {
      exact: true,
      exports: {
        "ours:reporter": (to: Pid<unknown>, what: unknown) => (self: Self) => {
          self.send(to, tuple(self.pid, what));
          self.exit(what);
        },
      },
    },
  });

  test("connect from either side, ping, and part", async () => {
    const { them, ours } = nodes;
    const { name } = ours.node;
    expect(await them.run(`net_adm:ping('${name}')`)).toBe("pong");
    expect(await them.run(`{nodes(), node()}`))
      .toBe("{['ts@127.0.0.1'],'a@127.0.0.1'}");
    expect(ours.node.nodes()).toEqual([them.name]);
    const netKernel = { name: "net_kernel", node: them.name };
    expect(await ours.node.call(netKernel, tuple(atom("is_auth"), atom(name))))
      .toBe(atom("yes"));
    ours.node.disconnect(them.name);
    await waitFor(async () => await them.run("nodes()") === "[]", {
      what: "the end",
    });
    expect(await ours.node.connect(them.name)).toBe(true);
    expect(await them.run(`net_adm:ping('${name}')`)).toBe("pong");
    expect(await them.run("net_adm:ping('nobody@127.0.0.1')")).toBe("pang");
  });

  test("send terms of all kinds there and back unchanged", async () => {
    const { session, actor, theirs } = await pair(nodes);
    const ours = nodes.ours.node.spawn(async (self) => {
      for await (const message of self) {
        const [to, term] = message as Tuple;
        self.send(to as Pid<unknown>, term);
      }
    });
    await inside(actor, (self) => void self.send(theirs, ours));
    const terms = `[1, -1, 1.0, -0.0, 1.5, 1 bsl 64, -(1 bsl 3000), atom, 'ä b',
      true, nil, undefined, <<"text">>, <<255>>, <<1:3>>, <<>>, "list", [],
      [a | b], {}, {1, {2}}, #{}, #{a => 1}, #{<<"b">> => #{{} => []}},
      self(), make_ref(), fun lists:map/2, fun(X) -> X end, hd(erlang:ports()),
      lists:duplicate(1000, {a, b}), binary:copy(<<"x">>, 200000)]`;
    expect(
      await session(
        `Echo = beam_driver:next(),
         Terms = ${terms},
         [T || T <- Terms, begin Echo ! {self(), T}, beam_driver:next() =/= T end]`,
      ),
    ).toBe("[]");
  });

  test("call each other's servers", async () => {
    const { session, actor, settle } = await pair(nodes);
    nodes.ours.node.spawn(counter, { name: "counter" });
    const target = "{counter, 'ts@127.0.0.1'}";
    expect(await session(`gen_server:call(${target}, {add, 2})`)).toBe("2");
    expect(await session(`gen_server:call(${target}, {add, 3})`)).toBe("5");
    await session(`gen_server:cast(${target}, reset)`);
    expect(
      await session(`gen_server:multi_call([node(Ours)], counter, {add, 1})`),
    )
      .toBe("{[{'ts@127.0.0.1',1}],[]}");
    await expect(session(`gen_server:call(${target}, {late, 400}, 10)`))
      .rejects.toThrow("timeout");
    await expect(session("gen_server:call({nobody, node(Ours)}, x)"))
      .rejects.toThrow("noproc");
    await session(
      "{ok, S} = gen_server:start({local, there}, beam_driver, [], []), ok",
    );
    const there = { name: "there", node: nodes.them.name };
    expect(
      await inside(actor, async (self) => [
        await self.call(there, tuple(atom("echo"), "hello")),
        await self.call(there, tuple(atom("late"), 400), { timeoutMs: 20 })
          .catch((error: unknown) => (error as CallError).reason),
        // When it returns, the late reply has come and was dropped.
        await self.call(there, tuple(atom("late"), 450)),
        await self.call({ ...there, name: "nobody" }, 0)
          .catch((error: unknown) => (error as CallError).reason),
      ]),
    ).toEqual(["hello", "timeout", atom("late"), reasons.noproc]);
    await settle();
    expect(await contents(actor)).toEqual([]);
    expect(await session("beam_driver:contents()")).toBe("[]");
    await session("gen_server:stop(S)");
    await nothingIsLeft(nodes);
  });

  test("link, monitor and end each other", async () => {
    const first = await pair(nodes);
    await first.session("link(Ours), M = monitor(process, Ours), ok");
    await first.settle();
    await end(first.actor, tuple(atom("why"), "text"));
    expect(
      await first.session(
        `lists:sort([beam_driver:next(), beam_driver:next()]) =:=
           lists:sort([{'EXIT', Ours, {why, <<"text">>}},
                       {'DOWN', M, process, Ours, {why, <<"text">>}}])`,
      ),
    ).toBe("true");
    const second = await pair(nodes);
    const ref = await inside(second.actor, (self) => {
      self.link(second.theirs);
      return self.monitor(second.theirs);
    });
    await second.settle();
    await endThere(second.session, '{why, <<"text">>}');
    const reason = tuple(atom("why"), "text");
    expect(await next(second.actor, isExit))
      .toEqual(new Exit(second.theirs, reason));
    expect(await next(second.actor, isDown))
      .toEqual(new Down(ref, second.theirs, reason));
    const third = await pair(nodes);
    await third.session("link(Ours), unlink(Ours), exit(Ours, {sent, 1})");
    expect(await next(third.actor, isExit))
      .toEqual(new Exit(third.theirs, tuple(atom("sent"), 1)));
    await inside(
      third.actor,
      (self) => self.sendExit(third.theirs, reasons.kill),
    );
    const fourth = await pair(nodes);
    const again = await inside(
      fourth.actor,
      (self) => self.monitor(third.theirs),
    );
    expect(await next(fourth.actor, isDown))
      .toEqual(new Down(again, third.theirs, reasons.noproc));
    await nothingIsLeft(nodes);
  });

  test("spawn at each other", async () => {
    const { session, actor } = await pair(nodes);
    expect(
      await session(
        `{P, M} = spawn_opt('ts@127.0.0.1', ours, reporter, [self(), hi],
           [link, monitor]),
         {P, hi} = beam_driver:next(),
         lists:sort([beam_driver:next(), beam_driver:next()]) =:=
           lists:sort([{'EXIT', P, hi}, {'DOWN', M, process, P, hi}])`,
      ),
    ).toBe("true");
    const { pid, ref } = await inside(
      actor,
      (self) =>
        self.spawnOn(nodes.them.name, "erlang:exit", [tuple(atom("hi"), 1)], {
          link: true,
          monitor: true,
        }),
    );
    const reason = tuple(atom("hi"), 1);
    expect(await next(actor, isExit)).toEqual(new Exit(pid, reason));
    expect(await next(actor, isDown)).toEqual(new Down(ref!, pid, reason));
    await nothingIsLeft(nodes);
  });

  test("exchange large messages, in fragments and in one piece", async () => {
    for (const withoutFlags of [0n, flag.fragments | flag.distHdrAtomCache]) {
      const ours = await startOurs("large@127.0.0.1", nodes.epmdPort, {
        withoutFlags,
      });
      const { session, actor, theirs } = await pair({ ...nodes, ours });
      for (const bytes of [200_000, 20_000_000]) {
        const data = new Uint8Array(bytes).map((_, i) => i * 31 >> 3);
        await inside(actor, (self) => void self.send(theirs, data));
        await session(
          "put(data, beam_driver:next()), Ours ! small, Ours ! get(data), ok",
        );
        expect(await inside(actor, (self) => self.receive()))
          .toBe(atom("small"));
        const back = await inside(actor, (self) => self.receive());
        expect(Buffer.compare(back as Uint8Array, data)).toBe(0);
      }
      await ours.node.stop();
    }
  });

  test("outlive each other's exit, and do not take a restarted node for the old one", async () => {
    const { epmdPort, ours } = nodes;
    // Global may introduce the other BEAM node, since both know ours.
    const ofOurs = "nodes(connected) -- ['a@127.0.0.1']";
    const mortal = await startBeam("mortal@127.0.0.1", { epmdPort });
    const { actor, theirs } = await pair({ them: mortal, ours });
    await inside(actor, (self) => self.link(theirs));
    await mortal.stop();
    expect(await next(actor, isExit))
      .toEqual(new Exit(theirs, reasons.noconnection));
    const again = await startBeam("mortal@127.0.0.1", { epmdPort });
    await inside(actor, (self) => {
      self.send(theirs, "for the old incarnation");
      self.monitor(theirs);
    });
    expect((await next(actor, isDown)).reason).toBe(reasons.noproc);
    expect(await again.run(ofOurs)).toBe("['ts@127.0.0.1']");
    const other = await startOurs("other@127.0.0.1", epmdPort);
    const { session, settle } = await pair({ them: again, ours: other });
    await session(
      "monitor_node('other@127.0.0.1', true), M = monitor(process, Ours)",
    );
    await settle();
    await other.node.stop();
    expect(
      await session("lists:sort([beam_driver:next(), beam_driver:next()])"),
    ).toMatch(/^\[\{nodedown,.*\},\{'DOWN',.*,shutdown\}\]$/);
    expect(await again.run(ofOurs)).toBe("['ts@127.0.0.1']");
    await again.stop();
    expect(ours.logs.complaints).toEqual([]);
  });
});
