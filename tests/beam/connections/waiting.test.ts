/**
 * What is sent before it is known that the peer is a BEAM node: it is written
 * anew when that turns out, and arrives as if the connection had been up.
 */
import { beforeAll, expect, onTestFinished, test } from "vitest";
import {
  atom,
  BitString,
  Down,
  Exit,
  ExternalFun,
  Float,
  ImproperList,
  reasons,
  type Ref,
  SpawnError,
  type StartOptions,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import {
  type BeamNode,
  type Evaluator,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { inside, next, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { pair } from "../world.ts";

const THEIR_NAME = "a@127.0.0.1";
const inbox = { name: "inbox", node: THEIR_NAME };

matrix("what waits until the peer turns out to be a BEAM node", () => {
  let epmdPort: number;
  let them: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    them = await startBeam(THEIR_NAME, { epmdPort });
  });

  let count = 0;
  async function start(options: StartOptions = {}): Promise<Logged> {
    const name = `w${++count}@127.0.0.1`;
    const ours = await startOurs(name, epmdPort, options);
    onTestFinished(() => ours.node.stop());
    return ours;
  }

  /** A session that holds the name `inbox` until the test ends. */
  async function holder(): Promise<Evaluator> {
    const session = them.session();
    await session("register(inbox, self()), process_flag(trap_exit, true)");
    onTestFinished(async () => void await session("unregister(inbox)"));
    return session;
  }

  const terms: readonly (readonly [unknown, string])[] = [
    [0, "0"],
    [-1.5, "-1.5"],
    [new Float(2), "2.0"],
    [-0, "-0.0"],
    [2 ** 53 - 1, "9007199254740991"],
    [2n ** 70n, "1180591620717411303424"],
    [-(2n ** 2100n), "-(1 bsl 2100)"],
    ["text", '<<"text">>'],
    ["", "<<>>"],
    [new Uint8Array([1, 255]), "<<1,255>>"],
    [new Uint8Array(70_000), "<<0:560000>>"],
    [new BitString(new Uint8Array([160]), 3), "<<5:3>>"],
    [atom("an_atom"), "an_atom"],
    [true, "true"],
    [null, "nil"],
    [undefined, "undefined"],
    [[1, [2, []]], "[1,[2,[]]]"],
    [new ImproperList([1, 2], atom("t")), "[1,2|t]"],
    [tuple(), "{}"],
    [tuple(1, tuple(2)), "{1,{2}}"],
    [{ a: 1, b: { c: [] } }, "#{a => 1,b => #{c => []}}"],
    [
      new Map<unknown, unknown>([["k", 1], [2, "v"]]),
      '#{<<"k">> => 1,2 => <<"v">>}',
    ],
    [new ExternalFun("lists", "map", 2), "fun lists:map/2"],
  ];

  test("terms of all kinds arrive the same, waiting or not", async () => {
    const session = await holder();
    const { node, logs } = await start();
    for (const isUp of [false, true]) {
      if (isUp) await node.connect(THEIR_NAME);
      else expect(node.nodes()).toEqual([]);
      node.spawn((self) => {
        for (const [value] of terms) self.send(inbox, value);
      });
      for (const [, text] of terms) {
        expect(
          await session(`beam_driver:next() =:= ${text}`),
          `${isUp} ${text}`,
        )
          .toBe("true");
      }
    }
    expect(logs.complaints).toEqual([]);
  });

  test("pids, refs and funs of any node arrive unchanged", async () => {
    const session = await holder();
    const { node, logs } = await start();
    const keeper = puppet(node, { name: "keeper" });
    await session(
      `Kept = {self(), make_ref(), hd(erlang:ports()), fun lists:map/2,
               fun(X) -> X + 1.0 end},
       {keeper, '${node.name}'} ! Kept`,
    );
    const kept = await inside(keeper, (self) => self.receive());
    node.disconnect(THEIR_NAME);
    await waitFor(() => node.nodes().length === 0, { what: "the end" });
    const own = await inside(keeper, (self): Ref => {
      const ref = self.makeRef();
      self.send(inbox, tuple(kept, ref, self.pid));
      return ref;
    });
    expect(
      await session(
        `{Back, Ref, Pid} = beam_driver:next(),
         {Back =:= Kept, (element(5, Back))(41), is_reference(Ref), node(Pid)}`,
      ),
    ).toBe(`{true,42.0,true,'${node.name}'}`);
    // What it made of our ref and pid is what they are here.
    await session("Pid ! {Ref, Pid}");
    const [ref, pid] = await inside(keeper, (self) => self.receive()) as Tuple;
    expect(ref).toBe(own);
    expect(pid).toBe(keeper.pid);
    expect(logs.complaints).toEqual([]);
  });

  test("signals of all kinds wait, in order with messages", async () => {
    const session = await holder();
    const { node, logs } = await start();
    const actor = puppet(node, { trapExits: true });
    const outcome = await inside(actor, async (self) => {
      self.send(inbox, 1);
      const ref = self.monitor({ ...inbox, name: "nobody" });
      self.send(inbox, self.pid);
      const calling = self.call({ name: "server", node: THEIR_NAME }, {
        question: 1,
      }).catch((error: unknown) => error);
      const spawning = self.spawnOn(THEIR_NAME, "erlang:send", [
        self.pid,
        "spawned",
      ], { monitor: true });
      self.send(inbox, 2);
      return { ref, answer: await calling, spawned: await spawning };
    });
    expect(outcome.answer).toMatchObject({ reason: reasons.noproc });
    expect(await inside(actor, (self) => self.receive((m) => m === "spawned")))
      .toBe("spawned");
    const first = await next(actor, isDown);
    const second = await next(actor, isDown);
    expect([first, second].map(({ reason }) => reason))
      .toEqual([reasons.noproc, reasons.normal]);
    expect(first).toBeInstanceOf(Down);
    expect(
      await session(
        `1 = beam_driver:next(), Pid = beam_driver:next(),
         2 = beam_driver:next(), node(Pid)`,
      ),
    ).toBe(`'${node.name}'`);
    expect(logs.complaints).toEqual([]);
  });

  test("links and exits to a known pid wait", async () => {
    const session = await holder();
    const ours = await start();
    const { node } = ours;
    const { actor, theirs, session: other } = await pair({ them, ours });
    node.disconnect(THEIR_NAME);
    await waitFor(() => node.nodes().length === 0, { what: "the end" });
    await inside(actor, (self) => {
      self.link(theirs);
      self.sendExit(theirs, tuple(atom("why"), { a: [1] }));
      self.send(theirs, "between");
      self.unlink(theirs);
      self.link(theirs);
    });
    expect(
      await other(
        `{'EXIT', Ours, {why, #{a := [1]}}} = beam_driver:next(),
         beam_driver:next()`,
      ),
    ).toBe('<<"between">>');
    await other("process_flag(trap_exit, false)");
    await expect(other("exit(over)")).rejects.toThrow("error exit over");
    await expect(other("exit(self(), over)")).rejects.toThrow("exit over");
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, atom("over")));
    expect(await session("beam_driver:contents()")).toBe("[]");
    expect(ours.logs.complaints).toEqual([]);
  });

  test("a message that a BEAM node cannot be sent is reported and delays no other", async () => {
    const session = await holder();
    const { node, logs } = await start();
    const actor = puppet(node);
    // A behaviour without a module is one of nodes of ours only.
    const refusal = await inside(
      actor,
      (self) =>
        self.spawnOn(THEIR_NAME, "behaviour").catch((error: unknown) => error),
    );
    expect(refusal).toBeInstanceOf(SpawnError);
    expect((refusal as SpawnError).reason).toBe("badarg");
    expect(logs.complaints.join()).toMatch(
      /could not be sent to a@127\.0\.0\.1/,
    );
    node.disconnect(THEIR_NAME);
    await waitFor(() => node.nodes().length === 0, { what: "the end" });
    await inside(actor, (self) => {
      self.send(inbox, 1);
      self.send(inbox, new Error("no term"));
      self.send(inbox, 2);
    });
    expect(await session("beam_driver:next()")).toBe("1");
    const rest = await session("beam_driver:next()");
    expect(rest === "2" ? rest : await session("beam_driver:next()")).toBe("2");
  });

  test("a reason that it cannot be sent is told in words", async () => {
    const session = await holder();
    const ours = await start();
    const { node } = ours;
    const { actor, theirs, session: other } = await pair({ them, ours });
    node.disconnect(THEIR_NAME);
    await waitFor(() => node.nodes().length === 0, { what: "the end" });
    await inside(actor, (self) => {
      self.link(theirs);
      self.exit(tuple(new Set([1]), new WeakMap()));
    }).catch(() => {});
    expect(await other("{'EXIT', Ours, Why} = beam_driver:next(), Why"))
      .toMatch(/^<<"cannot encode reason.*WeakMap/);
    expect(await session("ok")).toBe("ok");
  });

  test("many at once: nothing is lost, doubled or out of order", async () => {
    const session = await holder();
    const { node, logs } = await start();
    const n = 5_000;
    node.spawn((self) => {
      for (let i = 1; i <= n; i++) self.send(inbox, i);
    });
    expect(
      await session(
        `[beam_driver:next() || _ <- lists:seq(1, ${n})] =:= lists:seq(1, ${n})`,
      ),
    ).toBe("true");
    expect(logs.complaints).toEqual([]);
  });
});
