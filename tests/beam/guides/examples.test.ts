/**
 * `examples/beam_peer.ts` and `examples/beam_client.ts` as their users start
 * them, with real BEAM nodes.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { hasBeam } from "../../helpers/beam.ts";
import {
  type BeamNode,
  startBeam,
  startEpmd,
} from "../../helpers/beam_nodes.ts";
import { COOKIE } from "../../net/peers/raw_peer.ts";
import { waitFor } from "../../helpers/wait.ts";
import { ends, hornbeam } from "../../cli/command.ts";

const TS = "'ts@127.0.0.1'";

describe.skipIf(!hasBeam())("examples/beam_peer.ts", () => {
  let them: BeamNode;
  beforeAll(async () => {
    const { port } = await startEpmd();
    const peer = hornbeam([
      ...["run", "examples/beam_peer.ts", "--name", "ts@127.0.0.1"],
      ...["--cookie", COOKIE, "--epmd-port", String(port)],
    ]);
    await peer.waitForLine(/^ready ts@127\.0\.0\.1$/, 20_000);
    them = await startBeam("a@127.0.0.1", { epmdPort: port });
  });

  test("echoes every term as it was, to pids and to aliases", async () => {
    const session = them.session();
    expect(
      await session(
        `Terms = [1, 1.0, -0.0, 1 bsl 70, <<255>>, "list", {#{1 => a, 1.0 => b}}],
         [T || T <- Terms, To <- [self(), alias()], begin
            {echo, ${TS}} ! {To, T}, beam_driver:next() =/= {echo, T}
          end]`,
      ),
    ).toBe("[]");
    await session(`{echo, ${TS}} ! {nobody, 1}, {echo, ${TS}} ! junk`);
    expect(await session(`{echo, ${TS}} ! {self(), 1}, beam_driver:next()`))
      .toBe("{echo,1}");
  });

  test("adds as Erlang does, exactly and in kind", async () => {
    const pairs = `[{1, 2}, {1.0, 2.5}, {1.0, 2}, {0.5, 0.5}, {-0.0, -0.0},
      {9007199254740991, 9007199254740991}, {1 bsl 70, 1}, {1 bsl 70, -1 bsl 70},
      {1 bsl 70, 1.5}, {-1, 1.0}, {1.0e22, 1}]`;
    expect(
      await them.run(
        `[{A, B, Sum} || {A, B} <- ${pairs},
           Sum <- [erpc:call(${TS}, math_ts, add, [A, B])], Sum =/= A + B]`,
      ),
    ).toBe("[]");
    expect(await them.run(`rpc:call(${TS}, math_ts, add, [1.0, 2.5])`))
      .toBe("3.5");
    for (const args of ["a, 2", "1, <<2>>", "[], 1"]) {
      expect(
        await them.run(`catch erpc:call(${TS}, math_ts, add, [${args}])`),
      ).toMatch(/^\{'EXIT',\{\{exception,\{js_error,<<"TypeError">>,/);
    }
    expect(await them.run(`catch erpc:call(${TS}, math_ts, fail, [{a, 1}])`))
      .toMatch(/^\{'EXIT',\{\{exception,\{js_error,<<"Error">>,/);
    expect(
      await them.run(
        `{P, M} = spawn_monitor(${TS}, math_ts, fail, [1]),
         {'DOWN', M, process, P, {{js_error, _, _, _}, Stack}} =
           beam_driver:next(), Stack`,
      ),
    ).toBe("[{math_ts,fail,1,[]}]");
  });

  test("gives global names, and its echo has one", async () => {
    const session = them.session();
    expect(await session(`net_kernel:connect_node(${TS}), global:sync()`))
      .toBe("ok");
    expect(
      await session(`global:send(ts_echo, {self(), 1}), beam_driver:next()`),
    )
      .toBe("{echo,1}");
    const call = (what: string, name: string) =>
      session(`erpc:call(${TS}, names_ts, ${what}, [${name}])`);
    for (const name of ["ours", '{<<"room">>, 7}', '"list"']) {
      const where = `case global:whereis_name(${name}) of
        undefined -> undefined; P -> node(P) end`;
      expect(await call("register", name)).toBe("yes");
      expect(await them.run(where)).toBe(TS);
      expect(await call("register", name)).toBe("no");
      expect(await session(`global:register_name(${name}, self())`)).toBe("no");
      expect(await call("unregister", name)).toBe("ok");
      expect(await them.run(where)).toBe("undefined");
      expect(await session(`global:register_name(${name}, self())`)).toBe(
        "yes",
      );
      expect(await call("register", name)).toBe("no");
      // Its owner is not the peer's to kill.
      expect(await call("stop", name)).toBe("false");
      expect(await session(`global:unregister_name(${name})`)).toBe("ok");
      expect(await call("register", name)).toBe("yes");
      expect(await call("stop", name)).toBe("true");
      await waitFor(async () => await them.run(where) === "undefined", {
        what: "the name to go with its owner",
      });
      expect(await call("stop", name)).toBe("false");
    }
  });

  test("puts actors into groups of pg, and its echo is in one", async () => {
    const session = them.session();
    await session("pg:start(pg)");
    const count = (group: string) =>
      session(
        `length([P || P <- pg:get_members(${group}), node(P) =:= ${TS}])`,
      );
    const become = (group: string, size: number) =>
      waitFor(async () => await count(group) === String(size), {
        what: `${size} members of ${group}`,
      });
    const call = (what: string, group: string) =>
      session(`erpc:call(${TS}, groups_ts, ${what}, [${group}])`);
    await become("ts_group", 1);
    for (const group of ["room", '{<<"room">>, 7}', "ts_group"]) {
      const before = Number(await count(group));
      expect(await call("join", group)).toBe("ok");
      expect(await call("join", group)).toBe("ok");
      await become(group, before + 2);
      const distinct = `length(lists:usort(pg:get_members(${group})))`;
      expect(await session(distinct)).toBe(String(before + 1));
      expect(await call("leave", group)).toBe("ok");
      await become(group, before + 1);
      expect(await call("leave", group)).toBe("ok");
      await become(group, before);
      expect(await call("leave", group)).toBe("not_joined");
    }
    await session("exit(whereis(pg), kill)");
  });

  test("counts in the same way, and is there again after every end", async () => {
    const counter = `{counter, ${TS}}`;
    const session = them.session();
    const add = (n: string) =>
      session(`gen_server:call(${counter}, {add, ${n}})`);
    expect(await add("2")).toBe("2");
    expect(await add("9007199254740991")).toBe("9007199254740993");
    expect(await add("-9007199254740991")).toBe("2");
    expect(await add("1.5")).toBe("3.5");
    expect(await add("0.5")).toBe("4.0");
    expect(await session(`gen_server:call(${counter}, value)`)).toBe("4.0");
    expect(
      await session(`gen_server:cast(${counter}, reset),
        gen_server:call(${counter}, value)`),
    ).toBe("0");
    for (let i = 0; i < 3; i++) {
      expect(
        await session(
          `{'EXIT', {Why, _}} = (catch gen_server:call(${counter}, crash)), Why`,
        ),
      ).toBe('{bad,<<"crash">>}');
      expect(
        await session(
          `Value = fun Again() ->
             try gen_server:call(${counter}, value)
             catch exit:{noproc, _} -> Again() end
           end, Value()`,
        ),
      ).toBe("0");
    }
    expect(await session("beam_driver:contents()")).toBe("[]");
  });
});

test.skipIf(!hasBeam())(
  "examples/beam_client.ts does what it says",
  async () => {
    const { port } = await startEpmd();
    const them = await startBeam("b@127.0.0.1", { epmdPort: port });
    const client = hornbeam([
      ...["run", "examples/beam_client.ts", "--name", "client@127.0.0.1"],
      ...["--cookie", COOKIE, "--epmd-port", String(port)],
      ...["--", "--to", them.name],
    ]);
    await ends(client, 0, 30_000);
    expect(client.stdout.map((line) => line.replace(/#PID<[\d.]+>/, "PID")))
      .toEqual([
        'ping b@127.0.0.1: "pong"',
        'erpc: ["TypeScript", "from", "hello"]',
        "gen_server call: b@127.0.0.1",
        "call of absent: noproc",
        "monitor of absent: noproc",
        "monitored PID: normal",
        'linked PID: {enough, "slept"}',
      ]);
  },
);
