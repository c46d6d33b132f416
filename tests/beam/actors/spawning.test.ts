/**
 * Spawn requests between a BEAM node and a node of ours, aliases, and group
 * leaders, in both directions.
 */
import { beforeAll, expect, test } from "vitest";
import {
  atom,
  Down,
  Exit,
  type Pid,
  type Ref,
  type Self,
  SpawnError,
  tuple,
} from "../../../runtime/mod.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { contents, inside, next, puppet } from "../../helpers/clusters.ts";
import { endThere, nothingIsLeft, pair, world } from "../world.ts";

const isPid = (message: unknown): message is Pid<unknown> =>
  typeof message === "object" && message !== null && "serial" in message;

matrix("spawn requests between a BEAM node and ours", () => {
  const nodes = world();
  beforeAll(() => {
    const { node } = nodes.ours;
    // Tells who it is and what it got, and ends as it is told.
    node.export(
      "ours:reporter",
      (to: Pid<unknown>, ...rest: unknown[]) => async (self: Self) => {
        self.send(to, tuple(self.pid, self.groupLeader, rest));
        self.exit(await self.receive());
      },
    );
    node.export("ours:quick", () => () => {});
    node.export(
      "ours:crasher",
      (reason: unknown) => (self: Self) => self.exit(reason),
    );
  });

  test("spawn there runs an export here, with its arguments", async () => {
    const { session } = await pair(nodes);
    expect(
      await session(
        `Child = spawn('ts@127.0.0.1', ours, reporter, [self(), <<"a">>, 2]),
         {Child, Leader, Rest} = beam_driver:next(),
         {node(Child), Leader =:= group_leader(), Rest}`,
      ),
    ).toBe("{'ts@127.0.0.1',true,[<<\"a\">>,2]}");
    expect(
      await session(
        `M = monitor(process, Child), Child ! {some, <<"reason">>},
         beam_driver:next() =:=
           {'DOWN', M, process, Child, {some, <<"reason">>}}`,
      ),
    ).toBe("true");
    await nothingIsLeft(nodes);
  });

  test("link and monitor are set before it runs", async () => {
    const { session } = await pair(nodes);
    expect(
      await session(
        `Linked = spawn_link('ts@127.0.0.1', ours, crasher, [oops]),
         beam_driver:next() =:= {'EXIT', Linked, oops}`,
      ),
    ).toBe("true");
    expect(
      await session(
        `{Watched, M1} = spawn_monitor('ts@127.0.0.1', ours, quick, []),
         beam_driver:next() =:= {'DOWN', M1, process, Watched, normal}`,
      ),
    ).toBe("true");
    expect(
      await session(
        `{Both, M2} = spawn_opt('ts@127.0.0.1', ours, crasher, [{a, b}],
           [monitor, link, {priority, high}, {min_heap_size, 500},
            {fullsweep_after, 10}, {message_queue_data, off_heap}]),
         lists:sort([beam_driver:next(), beam_driver:next()]) =:=
           lists:sort([{'DOWN', M2, process, Both, {a, b}},
                       {'EXIT', Both, {a, b}}])`,
      ),
    ).toBe("true");
    expect(await session("beam_driver:contents()")).toBe("[]");
    await nothingIsLeft(nodes);
  });

  test("requests that are answered later are answered first", async () => {
    const { session } = await pair(nodes);
    expect(
      await session(
        `R = spawn_request('ts@127.0.0.1', ours, crasher, [oops],
           [monitor, link, {reply_tag, mine}]),
         {mine, R, ok, P} = beam_driver:next(),
         lists:sort([beam_driver:next(), beam_driver:next()]) =:=
           lists:sort([{'DOWN', R, process, P, oops}, {'EXIT', P, oops}])`,
      ),
    ).toBe("true");
    expect(
      await session(
        `lists:foreach(fun(_) ->
           spawn_request('ts@127.0.0.1', ours, quick, [], [{reply, no}])
         end, lists:seq(1, 100))`,
      ),
    ).toBe("ok");
    expect(
      await session(
        `Rs = [spawn_request('ts@127.0.0.1', ours, quick, [], [])
           || _ <- lists:seq(1, 100)],
         lists:all(fun(Request) ->
           {spawn_reply, Request, ok, Made} = beam_driver:next(), is_pid(Made)
         end, Rs)`,
      ),
    ).toBe("true");
    expect(await session("beam_driver:contents()")).toBe("[]");
    await nothingIsLeft(nodes);
  });

  test("a wrong option is refused, and one that tunes a process is not", async () => {
    const { session } = await pair(nodes);
    const ask = (options: string) =>
      session(
        `[begin
            Asked = spawn_request('ts@127.0.0.1', ours, quick, [], [Option]),
            receive {spawn_reply, Asked, How, What} ->
              case is_pid(What) of true -> How; false -> {How, What} end
            end
          end || Option <- ${options}]`,
      );
    expect(
      await ask(
        `[{priority, low}, {message_queue_data, off_heap}, {min_heap_size, 500},
          {max_heap_size, #{size => 100000, kill => false}}, link]`,
      ),
    ).toBe("[ok,ok,ok,ok,ok]");
    expect(
      await ask(
        `[{priority, none}, {message_queue_data, 1}, {min_heap_size, -1},
          {max_heap_size, #{}}, {zork, 1}, zork]`,
      ),
    ).toBe(`[${Array(6).fill("{error,badopt}").join()}]`);
    await expect(
      session("spawn_opt('ts@127.0.0.1', ours, quick, [], [{priority, none}])"),
    ).rejects.toThrow("badarg");
    await session("receive {'EXIT', _, normal} -> ok end");
    expect(await session("beam_driver:contents()")).toBe("[]");
    await nothingIsLeft(nodes);
  });

  test("what is not exported, or no function at all, ends with undef", async () => {
    const { session } = await pair(nodes);
    expect(
      await session(
        `{P, M} = spawn_monitor('ts@127.0.0.1', nomod, nofun, [1, <<"x">>]),
         {'DOWN', M, process, P, Why} = beam_driver:next(), Why`,
      ),
    ).toBe('{undef,[{nomod,nofun,[1,<<"x">>],[]}]}');
    expect(
      await session(
        `{Q, N} = spawn_monitor('ts@127.0.0.1', fun() -> ok end),
         {'DOWN', N, process, Q, Reason} = beam_driver:next(),
         element(1, Reason)`,
      ),
    ).toMatch(/^undef|badfun$/);
    await nothingIsLeft(nodes);
  });

  test("a parent that ends notifies its linked child", async () => {
    const { session, actor } = await pair(nodes);
    await session(
      "spawn_link('ts@127.0.0.1', ours, reporter, [Ours]), ok",
    );
    const [child] = await next(
      actor,
      (m): m is Iterable<Pid<unknown>> => !isPid(m),
    );
    await inside(actor, (self) => self.monitor(child!));
    await endThere(session, "parent_gone");
    expect((await next(actor, isDown)).reason).toBe(atom("parent_gone"));
    await nothingIsLeft(nodes);
  });

  test("ours runs a function there, with link and monitor", async () => {
    const { actor } = await pair(nodes);
    const { node, name } = { node: nodes.them.name, name: "beam_driver:park" };
    const made = await inside(
      actor,
      (self) => self.spawnOn(node, name, [], { link: true, monitor: true }),
    );
    expect(made.pid.node).toBe(node);
    const reason = tuple(atom("told"), "to");
    await inside(
      actor,
      (self) => void self.send(made.pid, tuple(atom("exit"), reason)),
    );
    expect(await next(actor, isExit)).toEqual(new Exit(made.pid, reason));
    expect(await next(actor, isDown))
      .toEqual(new Down(made.ref!, made.pid, reason));
    await nothingIsLeft(nodes);
  });

  test("ours passes arguments, and is notified of errors", async () => {
    const { actor, session } = await pair(nodes);
    const sent = await inside(actor, async (self) => {
      await self.spawnOn(nodes.them.name, "erlang:send", [
        self.pid,
        tuple(atom("from"), "there"),
      ]);
      return self.receive();
    });
    expect(sent).toEqual(tuple(atom("from"), "there"));
    const { pid, ref } = await inside(
      actor,
      (self) =>
        self.spawnOn(nodes.them.name, "nomod:nofun", [1], { monitor: true }),
    );
    expect(await next(actor, isDown)).toEqual(
      new Down(
        ref!,
        pid,
        tuple(atom("undef"), [tuple(atom("nomod"), atom("nofun"), [1], [])]),
      ),
    );
    const elixir = await inside(
      actor,
      (self) => self.spawnOn(nodes.them.name, "Elixir.No.Such:fun", []),
    );
    expect(elixir.pid.node).toBe(nodes.them.name);
    const refusal = await inside(
      actor,
      (self) =>
        self.spawnOn(nodes.them.name, "no function").catch((e: unknown) => e),
    );
    expect(String(refusal)).toMatch(/module:function/);
    expect(await session("ok")).toBe("ok");
    await nothingIsLeft(nodes);
  });

  test("ours is notified of a lost connection", async () => {
    const { actor, session } = await pair(nodes);
    nodes.ours.node.disconnect(nodes.them.name);
    const outcome = await inside(
      actor,
      (self) =>
        self.spawnOn("nobody@127.0.0.1", "m:f").catch((e: unknown) => e),
    );
    expect(outcome).toBeInstanceOf(SpawnError);
    expect((outcome as SpawnError).reason).toBe("noconnection");
    expect(await session("ok")).toBe("ok");
  });
});

matrix("aliases and group leaders between a BEAM node and ours", () => {
  const nodes = world();

  test("an alias there can be written to from here until it ends", async () => {
    const { session, actor, settle } = await pair(nodes);
    await session("A = alias(), Ours ! A");
    const alias = await inside(actor, (self) => self.receive()) as Ref;
    await inside(
      actor,
      (self) => void self.send(alias, [atom("via"), "alias"]),
    );
    expect(await session("beam_driver:next()")).toBe('[via,<<"alias">>]');
    await session("unalias(A)");
    await inside(actor, (self) => void self.send(alias, atom("late")));
    await settle();
    expect(await session("beam_driver:contents()")).toBe("[]");
    await session("Once = alias([reply]), Ours ! Once");
    const once = await inside(actor, (self) => self.receive()) as Ref;
    await inside(actor, (self) => {
      self.send(once, 1);
      self.send(once, 2);
    });
    await settle();
    expect(await session("beam_driver:contents()")).toBe("[1]");
  });

  test("a monitor's alias there ends with the first reply", async () => {
    const { session, actor, settle } = await pair(nodes);
    await session(
      "M = monitor(process, Ours, [{alias, reply_demonitor}]), Ours ! M",
    );
    const alias = await inside(actor, (self) => self.receive()) as Ref;
    await inside(actor, (self) => {
      self.send(alias, 1);
      self.send(alias, 2);
    });
    await settle();
    expect(await session("beam_driver:contents()")).toBe("[1]");
    await nothingIsLeft(nodes);
  });

  test("an alias here can be written to from there until it ends", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    const alias = await inside(actor, (self) => {
      const made = self.alias();
      self.send(theirs, made);
      return made;
    });
    await session('A = beam_driver:next(), A ! {via, <<"alias">>}');
    await settle();
    expect(await contents(actor)).toEqual([tuple(atom("via"), "alias")]);
    await inside(actor, (self) => self.unalias(alias));
    await session("A ! late");
    await settle();
    expect(await contents(actor)).toEqual([]);
    await inside(
      actor,
      (self) => void self.send(theirs, self.alias({ once: true })),
    );
    await session("Once = beam_driver:next(), Once ! 1, Once ! 2");
    await settle();
    expect(await contents(actor)).toEqual([1]);
  });

  test("a monitor's alias here ends with the first reply", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    await inside(actor, (self) => {
      const alias = self.monitor(theirs, { alias: "replyDemonitor" });
      self.send(theirs, alias);
    });
    await session("A = beam_driver:next(), A ! 1, A ! 2");
    await settle();
    expect(await contents(actor)).toEqual([1]);
    await endThere(session, "unseen");
    await nothingIsLeft(nodes);
    expect(await contents(actor)).toEqual([]);
  });

  test("each side can set the group leader of the other", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    await session("group_leader(self(), Ours)");
    await settle();
    expect(await inside(actor, (self) => self.groupLeader)).toBe(theirs);
    const leader = puppet(nodes.ours.node);
    await inside(actor, (self) => {
      self.send(theirs, leader.pid);
      self.setGroupLeader(theirs, leader.pid);
    });
    await settle();
    expect(await session("group_leader() =:= beam_driver:next()")).toBe("true");
    // Inherited by what is spawned from there, wherever.
    const child = await inside(
      actor,
      (self) => self.spawnOn(nodes.them.name, "beam_driver:park", []),
    );
    await inside(actor, (self) => void self.send(theirs, child.pid));
    expect(
      await session(
        `process_info(beam_driver:next(), group_leader) =:=
           {group_leader, self()}`,
      ),
    ).toBe("true");
    expect(nodes.ours.logs.complaints).toEqual([]);
  });
});
