/**
 * The kernel of a node of ours and a BEAM node: pings, remote calls both ways,
 * what is printed and logged there with a group leader here, and `sys`.
 */
import { beforeAll, beforeEach, expect, test } from "vitest";
import {
  atom,
  erpc,
  ErpcError,
  ExitError,
  handler,
  type Self,
  sys,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { coreOf, crashReports, park } from "../../helpers/actors.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { contents, inside, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { nothingIsLeft, pair, world } from "../world.ts";

const TS = "'ts@127.0.0.1'";

/** The value of an expression, or class and reason of what it raises. */
const caught = (expression: string) =>
  `try ${expression} of V -> {ok, V}
   catch C:R -> {C, case R of {exception, E, S} -> {exception, E, S}; _ -> R end}
   end`;

matrix("a BEAM node that asks ours", () => {
  const nodes = world();
  const run = (expression: string) => nodes.them.run(expression);
  beforeAll(() => {
    const { node } = nodes.ours;
    node.exportFunction("math_ts:add/2", (a: number, b: number) => a + b);
    node.exportFunction("math_ts:later/1", (term: unknown) => {
      return Promise.resolve(term);
    });
    node.exportFunction("math_ts:fail/1", (text: string) => {
      throw new RangeError(text);
    });
    node.exportFunction("math_ts:throws/1", (term: unknown) => {
      throw term;
    });
    node.exportFunction("math_ts:exits/1", (term: unknown) => {
      throw new ExitError(term);
    });
    node.exportFunction("math_ts:never/0", () => new Promise(() => {}));
    node.exportFunction("math_ts:bad/0", () => () => {});
  });

  test("pings it", async () => {
    expect(await run(`net_adm:ping(${TS})`)).toBe("pong");
    expect(await run("nodes()")).toBe(`[${TS}]`);
    expect(await run("net_adm:ping('nobody@127.0.0.1')")).toBe("pang");
    expect(await run(`gen_server:call({net_kernel, ${TS}}, whatever)`))
      .toBe("{error,notsup}");
  });

  test("calls functions by erpc, in every way that they end", async () => {
    const call = (name: string, ...args: string[]) =>
      run(caught(`erpc:call(${TS}, math_ts, ${name}, [${args.join()}])`));
    expect(await call("add", "1", "2")).toBe("{ok,3}");
    expect(await call("later", '[{a,<<"b">>}]')).toBe('{ok,[{a,<<"b">>}]}');
    expect(await call("throws", "ball")).toBe("{throw,ball}");
    expect(await call("exits", "{the,reason}"))
      .toBe("{exit,{exception,{the,reason}}}");
    expect(await call("fail", '<<"no">>')).toMatch(
      /^\{error,\{exception,\{js_error,<<"RangeError">>,<<"no">>,.*\},\[\{math_ts,fail,1,\[\]\}\]\}\}$/,
    );
    expect(await call("nothing", "1"))
      .toBe("{error,{exception,undef,[{math_ts,nothing,[1],[]}]}}");
    expect(await call("add", "1"))
      .toBe("{error,{exception,undef,[{math_ts,add,[1],[]}]}}");
    expect(await call("bad")).toMatch(/^\{exit,\{signal,/);
    expect(crashReports(nodes.ours.logs.records)).toEqual([]);
    await nothingIsLeft(nodes);
  });

  test("gives up a call in time, and is notified when the called function is killed", async () => {
    const session = nodes.them.session();
    expect(
      await session(
        `{'EXIT', {{erpc, timeout}, _}} =
           (catch erpc:call(${TS}, math_ts, never, [], 50)),
         beam_driver:contents()`,
      ),
    ).toBe("[]");
    const core = await coreOf(nodes.ours.node);
    const calls = () =>
      [...core.actors()].filter(({ label }) => label === "erpc:execute_call");
    await session(
      `Id = erpc:send_request(${TS}, math_ts, never, []), ok`,
    );
    await waitFor(() => calls().length === 2, { what: "the call" });
    await nodes.ours.node.run((self) => {
      for (const { pid } of calls()) self.sendExit(pid, atom("enough"));
    });
    expect(await session(caught("erpc:receive_response(Id)")))
      .toBe("{exit,{signal,enough}}");
    await nothingIsLeft(nodes);
  });

  test("calls many at once, casts, and calls what it has in hand", async () => {
    expect(await run(`erpc:multicall([node(), ${TS}], erlang, node, [])`))
      .toBe(`[{ok,'a@127.0.0.1'},{ok,${TS}}]`);
    expect(await run(`erpc:call(${TS}, fun erlang:node/0)`)).toBe(TS);
    expect(await run(`rpc:multicall([${TS}], math_ts, add, [1, 2])`))
      .toBe("{[3],[]}");
    const got: unknown[] = [];
    nodes.ours.node.exportFunction("note:it/1", (term: unknown) => {
      got.push(term);
    });
    await run(`erpc:cast(${TS}, note, it, [erpc])`);
    await run(`rpc:cast(${TS}, note, it, [rpc])`);
    await run(`gen_server:cast({rex, ${TS}}, {cast, note, it, [rex], user})`);
    await run(`spawn(${TS}, note, it, [spawned])`);
    await waitFor(() => got.length === 4, { what: "the casts" });
    expect(got.map((name) => Symbol.keyFor(name as symbol)).toSorted())
      .toEqual(["erpc", "rex", "rpc", "spawned"]);
    expect(
      await run(
        `erlang:spawn(${TS}, erlang, halt, []), rpc:call(${TS}, erlang, halt, [])`,
      ),
    ).toBe("{badrpc,{'EXIT',{undef,[{erlang,halt,[],[]}]}}}");
  });

  test("calls functions by rpc, old and new", async () => {
    const call = (how: string, name: string, ...args: string[]) =>
      run(`rpc:${how}(${TS}, math_ts, ${name}, [${args.join()}])`);
    for (const how of ["call", "block_call"]) {
      expect(await call(how, "add", "1", "2")).toBe("3");
      expect(await call(how, "throws", "ball")).toBe("ball");
      expect(await call(how, "exits", "why")).toBe("{badrpc,{'EXIT',why}}");
      expect(await call(how, "nothing"))
        .toBe("{badrpc,{'EXIT',{undef,[{math_ts,nothing,[],[]}]}}}");
      expect(await call(how, "fail", '<<"no">>'))
        .toMatch(/^\{badrpc,\{'EXIT',\{\{js_error,<<"RangeError">>,/);
    }
    expect(
      await run(
        `{rex, ${TS}} ! {self(), {call, math_ts, add, [1, 2], user}},
         beam_driver:next()`,
      ),
    ).toBe("{rex,3}");
    expect(
      await run(
        `{rex, ${TS}} ! {self(), features_request}, beam_driver:next()`,
      ),
    ).toBe(`{features_reply,${TS},[erpc]}`);
    nodes.ours.node.spawn(park, { name: "parked" });
    expect(await run(`rpc:sbcast([${TS}], parked, hello)`))
      .toBe(`{[${TS}],[]}`);
    expect(await run(`rpc:sbcast([${TS}], nobody, hello)`))
      .toBe(`{[],[${TS}]}`);
    await nothingIsLeft(nodes);
  });

  test("spawns functions, whose end it is told", async () => {
    const down = (name: string, ...args: string[]) =>
      run(
        `{P, M} = spawn_monitor(${TS}, math_ts, ${name}, [${args.join()}]),
         {'DOWN', M, process, P, Why} = beam_driver:next(), Why`,
      );
    expect(await down("add", "1", "2")).toBe("normal");
    expect(await down("exits", "why")).toBe("why");
    expect(await down("throws", "{a,1}"))
      .toBe("{{nocatch,{a,1}},[{math_ts,throws,1,[]}]}");
    expect(await down("fail", '<<"no">>')).toMatch(
      /^\{\{js_error,<<"RangeError">>,<<"no">>,.*\},\[\{math_ts,fail,1,\[\]\}\]\}$/,
    );
    expect(await down("nothing", "1"))
      .toBe("{undef,[{math_ts,nothing,[1],[]}]}");
  });

  test("asks actors by sys", async () => {
    const { node } = nodes.ours;
    node.spawn(
      handler(1, (total, n: number) => total + n),
      { name: "server" },
    );
    const server = `{server, ${TS}}`;
    expect(await run(`${server} ! 2, sys:get_state(${server})`)).toBe("3");
    expect(
      await run(
        `ok = sys:suspend(${server}), ${server} ! 2,
         3 = sys:get_state(${server}),
         {status, _, {module, hornbeam}, [[], suspended, _, [], _]} =
           sys:get_status(${server}),
         ok = sys:resume(${server}),
         sys:get_state(${server})`,
      ),
    ).toBe("5");
    expect(await run(`sys:statistics(${server}, get)`))
      .toBe("{ok,no_statistics}");
    expect(await run(`sys:no_debug(${server})`)).toBe("ok");
    expect(
      await run(`catch sys:replace_state(${server}, fun(S) -> S end)`),
    ).toMatch(/^\{'EXIT',\{notsup,/);
    expect(await run(`gen_server:stop(${server}, {shutdown, x}, 5000)`))
      .toBe("ok");
    expect(node.whereis("server")).toBeNull();
    expect(await run(`catch gen_server:stop(${server})`))
      .toBe("{'EXIT',noproc}");
    await nothingIsLeft(nodes);
  });
});

matrix("a node of ours that asks a BEAM node", () => {
  let printed = "";
  const nodes = world({
    ours: { output: (text) => void (printed += text) },
  });
  beforeEach(() => {
    printed = "";
  });
  const there = "a@127.0.0.1";

  /** What a call rejects with. */
  async function failure(
    called: string,
    args: unknown[] = [],
    options = {},
  ): Promise<ErpcError> {
    const error = await nodes.ours.node.erpc(there, called, args, options)
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ErpcError);
    return error as ErpcError;
  }

  test("pings it", async () => {
    expect(await nodes.ours.node.ping(there)).toBe("pong");
    expect(await nodes.ours.node.ping("nobody@127.0.0.1")).toBe("pang");
  });

  test("calls functions, in every way that they end", async () => {
    const { node } = nodes.ours;
    expect(await node.erpc(there, "erlang:node")).toBe(atom(there));
    expect(await node.erpc(there, "lists:reverse", [[1, 2, 3]]))
      .toEqual([3, 2, 1]);
    expect(await node.erpc(there, "erlang:self")).toMatchObject({
      node: there,
    });
    expect(await failure("erlang:throw", [tuple(1)]))
      .toMatchObject({ class: "throw", reason: tuple(1) });
    expect(await failure("erlang:exit", [atom("why")]))
      .toMatchObject({ class: "exit", reason: atom("why"), isSignal: false });
    const error = await failure("erlang:error", [atom("bad")]);
    expect(error).toMatchObject({ class: "error", reason: atom("bad") });
    expect(error.remoteStack).toHaveLength(1);
    expect(await failure("nomod:nofun", [1])).toMatchObject({
      class: "error",
      reason: atom("undef"),
      remoteStack: [tuple(atom("nomod"), atom("nofun"), [1], [])],
    });
    expect(await failure("timer:sleep", [5_000], { timeoutMs: 20 }))
      .toMatchObject({ class: "erpc", reason: atom("timeout") });
    await nothingIsLeft(nodes);
  });

  test("casts, and leaves nothing in its mailbox", async () => {
    const { actor, session } = await pair(nodes);
    const theirs = await inside(actor, async (self) => {
      const pid = await erpc.call(self, there, "erlang:whereis", [
        atom("init"),
      ]);
      erpc.cast(self, there, "erlang:send", [self.pid, atom("cast")]);
      erpc.cast(self, there, "nomod:nofun", []);
      return pid;
    });
    expect(theirs).toMatchObject({ node: there });
    expect(await inside(actor, (self) => self.receive())).toBe(atom("cast"));
    expect(await session("ok")).toBe("ok");
    expect(await contents(actor)).toEqual([]);
  });

  test("shows what the called function prints", async () => {
    const { node } = nodes.ours;
    const ok = atom("ok");
    expect(await node.erpc(there, "io:format", ["~p ~ts~n", [[1, "x"], "ü"]]))
      .toBe(ok);
    expect(await node.erpc(there, "io:put_chars", ["plain\n"])).toBe(ok);
    expect(await node.erpc(there, "io:write", [tuple(1, atom("a b"))])).toBe(
      ok,
    );
    expect(await node.erpc(there, "io:nl")).toBe(ok);
    expect(printed).toBe("[1,<<\"x\">>] ü\nplain\n{1,'a b'}\n");
    printed = "";
    expect(await node.erpc(there, "io:get_line", ["line> "])).toBe(atom("eof"));
    expect(await node.erpc(there, "io:read", [atom("term>")]))
      .toBe(atom("eof"));
    expect(printed).toBe("line> term>");
    expect(await node.erpc(there, "io:columns"))
      .toEqual(tuple(atom("error"), atom("enotsup")));
    expect(await node.erpc(there, "io:getopts")).toHaveLength(2);
    expect(await node.erpc(there, "io:rows"))
      .toEqual(tuple(atom("error"), atom("enotsup")));
    const error = await failure("io:format", ["~s", []]);
    expect(error).toMatchObject({ class: "error", reason: atom("badarg") });
  });

  test("shows what a process prints whose group leader is here", async () => {
    const { session } = await pair(nodes);
    const user = puppet(nodes.ours.node);
    expect(await inside(user, (self) => self.groupLeader))
      .toBe(nodes.ours.node.whereis("user"));
    await session(
      `group_leader(erpc:call(${TS}, erlang, whereis, [user]), self())`,
    );
    expect(await session('io:format("~s: ~w~n", [hello, {1, "a"}])'))
      .toBe("ok");
    expect(await session('io:fwrite("~10.3f|~-6w|~n", [math:pi(), ab])'))
      .toBe("ok");
    expect(
      await session(
        'io:put_chars(user, ""), io:put_chars([1087, <<208,185>>, $\\n])',
      ),
    ).toBe("ok");
    expect(printed).toBe("hello: {1,[97]}\n     3.142|ab    |\nпй\n");
    // The node is not exact, but what goes through it is.
    printed = "";
    expect(await session('io:format("~p ~w~n", [1.0, {2.0, 1}])')).toBe("ok");
    expect(
      await session(
        `group_leader() ! {io_request, self(), {1.0, 2}, {put_chars, "x"}},
         beam_driver:next()`,
      ),
    ).toBe("{io_reply,{1.0,2},ok}");
    expect(printed).toBe("1.0 {2.0,1}\nx");
    const tags =
      "[1, 1.0, {1.0}, [alias | 1.0], <<1.0/float>>, #{1.0 => -0.0}]";
    expect(
      await session(
        `[Tag || Tag <- ${tags}, begin
            {net_kernel, ${TS}} ! {'$gen_call', {self(), Tag}, {is_auth, node()}},
            beam_driver:next() =/= {Tag, yes}
          end]`,
      ),
    ).toBe("[]");
  });

  test("logs what such a process logs", async () => {
    const { session } = await pair(nodes);
    const { records } = nodes.ours.logs;
    await session("logger:set_primary_config(level, info)");
    await session(
      `group_leader(erpc:call(${TS}, erlang, whereis, [user]), self())`,
    );
    await session('logger:error("bad ~p", [{1, "a"}], #{domain => [x]})');
    await session("logger:warning(#{what => happened})");
    await session('logger:notice("note")');
    const logged = () =>
      records.filter(({ category }) => category === "logger");
    await waitFor(() => logged().length === 3, { what: "the log" });
    expect(logged().map(({ level, message }) => [level, message])).toEqual([
      ["error", 'bad {1,"a"}'],
      ["warning", "#{what => happened}"],
      ["info", "note"],
    ]);
    expect(logged()[0]?.fields).toMatchObject({
      level: "error",
      from: there,
    });
    await session("logger:set_primary_config(level, critical)");
  });

  test("asks its servers by sys", async () => {
    const session = nodes.them.session();
    await session(
      "{ok, S} = gen_server:start({local, there}, beam_driver, [1], []), S",
    );
    const target = { name: "there", node: there };
    await nodes.ours.node.run(async (self: Self<unknown>) => {
      self.cast(target, 2);
      expect(await sys.getState(self, target))
        .toEqual([tuple(atom("cast"), 2), 1]);
      await sys.suspend(self, target);
      expect(await sys.getStatus(self, target)).toMatchObject({
        items: [atom("status"), {}, tuple(atom("module"), atom("gen_server")), [
          {},
          atom("suspended"),
          {},
          {},
          {},
        ]],
      });
      await sys.resume(self, target);
      const ref = self.monitor(target);
      await sys.terminate(self, target, atom("shutdown"));
      expect(await self.receive())
        .toMatchObject({ ref, reason: atom("shutdown") });
    });
    await nothingIsLeft(nodes);
  });

  test("hears when it dies", async () => {
    const { node } = nodes.ours;
    const sleeping = failure("timer:sleep", [60_000], { timeoutMs: Infinity });
    await waitFor(
      async () =>
        Number(
          await nodes.them.run(
            "length([P || P <- processes(), " +
              "{current_function, {timer, sleep, 1}} =:= " +
              "process_info(P, current_function)])",
          ),
        ) > 0,
      { what: "the call to arrive" },
    );
    nodes.them.process.kill("SIGKILL");
    expect(await sleeping)
      .toMatchObject({ class: "erpc", reason: atom("noconnection") });
    expect(await failure("erlang:node"))
      .toMatchObject({ class: "erpc", reason: atom("noconnection") });
    expect(await node.ping(there)).toBe("pang");
    await nothingIsLeft(nodes);
  });
});

matrix("an Elixir node and ours", () => {
  let printed = "";
  const nodes = world({
    beam: { program: "elixir" },
    ours: { output: (text) => void (printed += text) },
  });
  const there = "a@127.0.0.1";

  test("what it prints in a call from here comes out here", async () => {
    const { node } = nodes.ours;
    expect(await node.erpc(there, "Elixir.IO:puts", ["Grüße"]))
      .toBe(atom("ok"));
    const term = tuple(atom("ok"), ["x", { a: 1 }]);
    expect(await node.erpc(there, "Elixir.IO:inspect", [term])).toEqual(term);
    expect(await node.erpc(there, "Elixir.IO:gets", ["name? "]))
      .toBe(atom("eof"));
    expect(printed).toBe('Grüße\n{:ok, ["x", %{a: 1}]}\nname? ');
  });

  test("it calls functions and servers here", async () => {
    const { node } = nodes.ours;
    node.exportFunction("math_ts:add/2", (a: number, b: number) => a + b);
    node.exportFunction("Elixir.Greeter:hello", (name: string) => {
      return `hello ${name}`;
    });
    node.spawn(handler(1, (total, n: number) => total + n), { name: "sum" });
    // In a call from here, so that it asks the node that asks it.
    const run = async (code: string) => {
      const inspected = `inspect((fn -> ${code} end).())`;
      const evaluated = await node.erpc(there, "Elixir.Code:eval_string", [
        inspected,
      ]);
      return (evaluated as Tuple).items[0];
    };
    expect(await run(`Node.ping(:"ts@127.0.0.1")`)).toBe(":pong");
    expect(await run(`:erpc.call(:"ts@127.0.0.1", :math_ts, :add, [1, 2])`))
      .toBe("3");
    expect(await run(`:rpc.call(:"ts@127.0.0.1", Greeter, :hello, ["you"])`))
      .toBe('"hello you"');
    expect(await run(`:sys.get_state({:sum, :"ts@127.0.0.1"})`)).toBe("1");
    expect(await run(`GenServer.stop({:sum, :"ts@127.0.0.1"})`)).toBe(":ok");
    expect(
      await run(
        `pid = Node.spawn(:"ts@127.0.0.1", :math_ts, :add, [1, 2]); node(pid)`,
      ),
    ).toBe(':"ts@127.0.0.1"');
  });
});
