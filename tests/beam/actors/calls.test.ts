/**
 * Calls between a BEAM node and a node of ours: OTP's to an actor, in every
 * form of reply tag, and ours to a gen_server.
 */
import { beforeAll, expect, test } from "vitest";
import { atom, CallError, Pid, reasons, tuple } from "../../../runtime/mod.ts";
import { introduce, matrix } from "../../helpers/beam_nodes.ts";
import { contents, inside } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { counter, echoServer } from "../std/servers.ts";
import { nothingIsLeft, pair, world } from "../world.ts";

const TARGET = "{counter, 'ts@127.0.0.1'}";
const NOTHING = "beam_driver:contents()";

matrix("calls from a BEAM node to ours", () => {
  const nodes = world();
  beforeAll(() => {
    nodes.ours.node.spawn(counter, { name: "counter" });
    nodes.ours.node.spawn(echoServer, { name: "echo_server" });
  });

  /** What an expression gives in a fresh process there, which is left clean. */
  async function there(expression: string): Promise<string> {
    const session = nodes.them.session();
    const value = await session(expression);
    expect(await session(NOTHING)).toBe("[]");
    return value;
  }

  test("a call by name and by pid is answered, and a cast taken", async () => {
    await there(`gen_server:cast(${TARGET}, reset)`);
    expect(await there(`gen_server:call(${TARGET}, {add, 2})`)).toBe("2");
    expect(await there(`gen_server:call(${TARGET}, {add, 3}, infinity)`))
      .toBe("5");
    await there(`gen_server:abcast(['ts@127.0.0.1'], counter, reset)`);
    expect(await there(`gen_server:call(${TARGET}, {add, 1})`)).toBe("1");
    const term = '{1,-2.5,<<"x">>,[a|b],#{k => {}},<<1:3>>}';
    expect(await there(`gen_server:call(${TARGET}, {echo, ${term}})`))
      .toBe(term);
    expect(
      await there(
        `gen_server:call({echo_server, 'ts@127.0.0.1'}, [self()]) =:= [self()]`,
      ),
    ).toBe("true");
    const session = nodes.them.session();
    const server = {
      node: nodes.ours.node,
      pid: nodes.ours.node.spawn(echoServer),
    };
    await introduce(session, server);
    expect(await session("gen_server:call(Ours, by_pid)")).toBe("by_pid");
  });

  test("a call of many servers is answered, for each form of its tag", async () => {
    await there(`gen_server:cast(${TARGET}, reset)`);
    const nodesThere = "['a@127.0.0.1', 'ts@127.0.0.1']";
    expect(
      await there(
        `gen_server:multi_call(${nodesThere}, counter, {add, 1}, 2000)`,
      ),
    ).toBe("{[{'ts@127.0.0.1',1}],['a@127.0.0.1']}");
    expect(
      await there(`gen_server:multi_call(${nodesThere}, nobody, {add, 1})`),
    ).toBe("{[],['a@127.0.0.1','ts@127.0.0.1']}");
    // Plain references, and what OTP 26 and 27 make of a call of many.
    for (
      const tag of [
        "make_ref()",
        "{make_ref(), node()}",
        "[alias | alias([reply])]",
        "[[alias | alias([reply])] | make_ref()]",
        "[[alias | alias([reply])], more]",
        "any_term",
        "<<>>",
        "[]",
      ]
    ) {
      expect(
        await there(
          `Tag = ${tag},
           ${TARGET} ! {'$gen_call', {self(), Tag}, {echo, yes}},
           beam_driver:next() =:= {Tag, yes}`,
        ),
      ).toBe("true");
    }
  });

  test("requests that are sent first and collected later", async () => {
    expect(
      await there(
        `Id = gen_server:send_request(${TARGET}, {echo, 1}),
         gen_server:receive_response(Id, 5000)`,
      ),
    ).toBe("{reply,1}");
    expect(
      await there(
        `Ids = lists:foldl(fun(N, Acc) ->
           gen_server:send_request(${TARGET}, {echo, N}, N, Acc)
         end, gen_server:reqids_new(), lists:seq(1, 50)),
         Collect = fun Collect(Left, Got) ->
           case gen_server:receive_response(Left, 5000, true) of
             no_request -> Got;
             {{reply, R}, N, Rest} -> Collect(Rest, [R - N | Got])
           end
         end, lists:usort(Collect(Ids, []))`,
      ),
    ).toBe("[0]");
  });

  test("a reply that comes too late is nowhere", async () => {
    const session = nodes.them.session();
    await expect(session(`gen_server:call(${TARGET}, {late, 60}, 20)`))
      .rejects.toThrow(/timeout/);
    expect(await session(`gen_server:call(${TARGET}, {late, 100})`))
      .toBe("late");
    expect(await session(NOTHING)).toBe("[]");
  });

  test("another process may answer, there or here", async () => {
    expect(
      await there(
        `Other = spawn(fun() ->
           {'$gen_call', From, _} = beam_driver:next(),
           gen_server:reply(From, {by, self()})
         end),
         gen_server:call(${TARGET}, {forward, Other}) =:= {by, Other}`,
      ),
    ).toBe("true");
    const session = nodes.them.session();
    await introduce(session, {
      node: nodes.ours.node,
      pid: nodes.ours.node.spawn(echoServer),
    });
    const request = "{forward, Ours}";
    expect(
      await session(`gen_server:call(${TARGET}, ${request}) =:= ${request}`),
    )
      .toBe("true");
  });

  test("a server that is not there or ends is told as an exit", async () => {
    const none = "{nobody, 'ts@127.0.0.1'}";
    await expect(nodes.them.run(`gen_server:call(${none}, hello)`)).rejects
      .toThrow("error exit {noproc,{gen_server,call,[{nobody,'ts@127.0.0.1'}");
    nodes.ours.node.spawn(counter, { name: "mortal" });
    const mortal = "{mortal, 'ts@127.0.0.1'}";
    await expect(
      nodes.them.run(`gen_server:call(${mortal}, {crash, {bad, <<"crash">>}})`),
    ).rejects.toThrow('error exit {{bad,<<"crash">>},{gen_server,call,');
    await nothingIsLeft(nodes);
  });

  test("other behaviours call in the same way", async () => {
    expect(await there(`gen_statem:call(${TARGET}, {echo, state})`))
      .toBe("state");
    expect(
      await there(
        `gen_statem:call(${TARGET}, {echo, state}, {clean_timeout, 900})`,
      ),
    ).toBe("state");
    await nothingIsLeft(nodes);
  });
});

matrix("calls from a node of ours to a BEAM node", () => {
  const nodes = world();
  let server: Pid;
  const named = { name: "there", node: "a@127.0.0.1" };
  beforeAll(async () => {
    await nodes.ours.node.connect(nodes.them.name);
    await nodes.them.session("server")(
      "{ok, S} = gen_server:start({local, there}, beam_driver, [], []), S",
    );
  });

  test("are answered, by name and by pid, with any term", async () => {
    const { actor, session } = await pair(nodes);
    const pid = await inside(
      actor,
      (self) => self.call<Pid>(named, tuple(atom("echo"), self.pid)),
    );
    expect(pid).toBe(actor.pid);
    await session("Ours ! whereis(there)");
    server = await inside(actor, (self) => self.receive()) as Pid;
    expect(server).toBeInstanceOf(Pid);
    const term = tuple(atom("a"), [1, "two", { three: 3n ** 50n }], null);
    expect(
      await inside(
        actor,
        (self) => self.call(server, tuple(atom("echo"), term)),
      ),
    ).toEqual(term);
    const many = await inside(
      actor,
      (self) =>
        Promise.all(
          Array.from(
            { length: 100 },
            (_, i) => self.call(server, tuple(atom("echo"), i)),
          ),
        ),
    );
    expect(many).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await nodes.ours.node.call(named, tuple(atom("echo"), 1))).toBe(1);
    await nothingIsLeft(nodes);
  });

  test("a cast and a message arrive as such", async () => {
    const { actor } = await pair(nodes);
    const state = await inside(actor, (self) => {
      self.cast(named, tuple(atom("note"), 1));
      self.send(named, "a message");
      return self.call(named, atom("state"));
    });
    expect(state).toEqual([
      tuple(atom("info"), "a message"),
      tuple(atom("cast"), tuple(atom("note"), 1)),
    ]);
  });

  test("a reply that comes too late is nowhere", async () => {
    const { actor, settle } = await pair(nodes);
    const late = await inside(
      actor,
      (self) =>
        self.call(named, tuple(atom("late"), 60), { timeoutMs: 20 })
          .catch((error: unknown) => error),
    );
    expect(late).toBeInstanceOf(CallError);
    expect((late as CallError).reason).toBe("timeout");
    // Longer than the late one took, so that it has come by now.
    expect(
      await inside(actor, (self) => self.call(named, tuple(atom("late"), 80))),
    ).toBe(atom("late"));
    await settle();
    expect(await contents(actor)).toEqual([]);
    await nothingIsLeft(nodes);
  });

  test("a server that is not there or ends is told", async () => {
    const { actor, session } = await pair(nodes);
    const why = (request: unknown, to: { name: string; node: string }) =>
      inside(
        actor,
        (self) =>
          self.call(to, request).then(
            () => "no error",
            (error: unknown) => (error as CallError).reason,
          ),
      );
    expect(await why(0, { ...named, name: "nobody" })).toBe(reasons.noproc);
    const start = (name: string) =>
      session(
        `{ok, _} = gen_server:start({local, ${name}}, beam_driver, [], [])`,
      );
    const reason = tuple(atom("bad"), "crash");
    await start("crashes");
    expect(
      await why(tuple(atom("crash"), reason), { ...named, name: "crashes" }),
    ).toEqual(reason);
    await start("stops");
    const stops = { ...named, name: "stops" };
    expect(
      await inside(
        actor,
        (self) => self.call(stops, tuple(atom("stop"), reason, atom("last"))),
      ),
    ).toBe(atom("last"));
    const pending = why(atom("silence"), named);
    await waitFor(
      async () =>
        Number(
          await session(
            "length(element(2, process_info(whereis(there), monitored_by)))",
          ),
        ) > 0,
      { what: "the call to arrive" },
    );
    nodes.ours.node.disconnect(nodes.them.name);
    expect(await pending).toBe(reasons.noconnection);
    await nothingIsLeft(nodes);
  });

  test("a caller that ends leaves nothing behind", async () => {
    const { actor, session } = await pair(nodes);
    const calling = inside(actor, (self) => self.call(named, atom("silence")));
    calling.catch(() => {});
    const watchers =
      "length(element(2, process_info(whereis(there), monitored_by)))";
    await waitFor(async () => await session(watchers) === "1", {
      what: "the call's monitor",
    });
    nodes.ours.node.run((self) => self.sendExit(actor.pid, reasons.kill));
    await waitFor(async () => await session(watchers) === "0", {
      what: "the monitor to be gone",
    });
    await nothingIsLeft(nodes);
    expect(nodes.ours.logs.complaints).toEqual([]);
  });
});
