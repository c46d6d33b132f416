/**
 * Process groups that BEAM nodes and nodes of ours have together, through OTP's
 * own `pg` there.
 */
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  atom,
  GroupJoin,
  GroupLeave,
  pg,
  type Pid,
  reasons,
  tuple,
} from "../../../runtime/mod.ts";
import { park } from "../../helpers/actors.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { type BeamNode, startBeam } from "../../helpers/beam_nodes.ts";
import { inside, puppet } from "../../helpers/clusters.ts";
import { itIfFull } from "../../helpers/share.ts";
import { waitFor } from "../../helpers/wait.ts";
import { world } from "../world.ts";

describe.skipIf(!hasBeam())("pg on a BEAM node and on one of ours", () => {
  const nodes = world();
  beforeAll(async () => {
    await nodes.them.run("{ok, _} = pg:start(pg), ok");
    pg.start(nodes.ours.node);
    expect(await nodes.ours.node.connect(nodes.them.name)).toBe(true);
  });

  /** Resolves when the expression has that value there. */
  const there = (expression: string, value: string, beam = nodes.them) =>
    waitFor(async () => await beam.run(expression) === value, {
      what: `${expression} to be ${value}`,
    });

  const here = (group: unknown, nodeNames: readonly string[]) =>
    waitFor(
      () => {
        const members = pg.members(nodes.ours.node, group);
        return members.map(({ node }) => node).sort().join() ===
          [...nodeNames].sort().join();
      },
      { what: `members of ${String(group)} on ${nodeNames.join()}` },
    );

  const members = (group: string) =>
    `lists:sort([node(P) || P <- pg:get_members(${group})])`;

  test("theirs is seen here, and ours there, as often as it joined", async () => {
    const { them, ours: { node } } = nodes;
    const session = them.session();
    await session(
      `P = spawn(fun beam_driver:park/0), pg:join(room, P),
       pg:join(room, [P, P])`,
    );
    await here(atom("room"), Array(3).fill(them.name));
    const own = node.spawn(park);
    pg.join(node, atom("room"), [own, own]);
    await there(
      members("room"),
      "['a@127.0.0.1','a@127.0.0.1','a@127.0.0.1','ts@127.0.0.1','ts@127.0.0.1']",
    );
    expect(await them.run("pg:which_groups()")).toBe("[room]");
    expect(await them.run("length(pg:get_local_members(room))")).toBe("3");
    expect(pg.localMembers(node, atom("room"))).toEqual([own, own]);
    pg.leave(node, atom("room"), own);
    await there("length(pg:get_members(room))", "4");
    await session("pg:leave(room, [P, P])");
    await here(atom("room"), [them.name, node.name]);
    await session("exit(P, kill)");
    await here(atom("room"), [node.name]);
    pg.leave(node, atom("room"), [own, own]);
    await there("pg:get_members(room)", "[]");
    await there("pg:which_groups()", "[]");
    expect(pg.whichGroups(node)).toEqual([]);
  });

  test("one that ends leaves all its groups there, as often as it joined", async () => {
    const { ours: { node } } = nodes;
    const [one, other] = [puppet(node), puppet(node)];
    pg.join(node, "g", [one.pid, one.pid, other.pid]);
    pg.join(node, tuple("h", 1), one.pid);
    await there(`length(pg:get_members(<<"g">>))`, "3");
    await there(`length(pg:get_members({<<"h">>, 1}))`, "1");
    void inside(one, (self) => self.exit(reasons.normal)).catch(() => {});
    await there(`length(pg:get_members(<<"g">>))`, "1");
    await there("pg:which_groups()", `[<<"g">>]`);
    void inside(other, (self) => self.exit(reasons.normal)).catch(() => {});
    await there("pg:which_groups()", "[]");
  });

  test("monitors on both sides tell what the other side does", async () => {
    const { them, ours: { node } } = nodes;
    const session = them.session();
    const own = node.spawn(park);
    expect(await session("{Ref, []} = pg:monitor(watched), ok")).toBe("ok");
    const watcher = puppet(node);
    const events: unknown[] = [];
    const { ref } = await inside(
      watcher,
      (self) => pg.monitor(self, atom("watched")),
    );
    await inside(watcher, (self) => void pg.monitorScope(self));
    pg.join(node, atom("watched"), [own, own]);
    expect(
      await session(
        `receive {Ref, join, watched, [X, X]} -> {join, node(X)} end`,
      ),
    ).toBe("{join,'ts@127.0.0.1'}");
    await session(
      "P = spawn(fun beam_driver:park/0), pg:join(watched, P), exit(P, kill)",
    );
    await inside(watcher, async (self) => {
      for (let i = 0; i < 3; i++) events.push(await self.receive(ref));
    });
    expect(events).toMatchObject([
      { type: "groupjoin", group: atom("watched"), pids: [own, own] },
      { type: "groupjoin", pids: [{ node: them.name }] },
      { type: "groupleave", pids: [{ node: them.name }] },
    ]);
    expect(events[0]).toBeInstanceOf(GroupJoin);
    expect(events[2]).toBeInstanceOf(GroupLeave);
    pg.leave(node, atom("watched"), [own, own]);
    expect(await session("receive {Ref, leave, watched, L} -> length(L) end"))
      .toBe("1");
  });

  test("erpc from there reads what is known here", async () => {
    const { them, ours: { node } } = nodes;
    const own = node.spawn(park);
    pg.join(node, atom("read"), own);
    const ask = (call: string) => them.run(`rpc:call('${node.name}', ${call})`);
    await there("length(pg:get_members(read))", "1");
    expect(await ask("pg, get_members, [read]"))
      .toBe(await them.run("pg:get_members(read)"));
    expect(await ask("pg, get_local_members, [pg, read]"))
      .toBe(await them.run("pg:get_members(read)"));
    expect(await ask("pg, which_groups, []")).toBe("[read]");
    expect(await ask("pg, which_groups, [nowhere]")).toBe("[]");
    pg.leave(node, atom("read"), own);
  });

  test("a lost connection takes members along, and they come back", async () => {
    const { them, ours: { node } } = nodes;
    const session = them.session();
    const own = node.spawn(park);
    pg.join(node, atom("lost"), own);
    await session(
      "P = spawn(fun beam_driver:park/0), pg:join(lost, [P, P])",
    );
    const both = [them.name, them.name, node.name];
    await here(atom("lost"), both);
    await there(
      members("lost"),
      "['a@127.0.0.1','a@127.0.0.1','ts@127.0.0.1']",
    );
    for (const isOurs of [true, false]) {
      if (isOurs) node.disconnect(them.name);
      else await them.run(`erlang:disconnect_node('${node.name}')`);
      await here(atom("lost"), [node.name]);
      await there(members("lost"), "['a@127.0.0.1','a@127.0.0.1']");
      // What happens meanwhile is seen afterwards.
      pg.join(node, atom("meanwhile"), own);
      await session("pg:leave(lost, P)");
      if (isOurs) expect(await node.connect(them.name)).toBe(true);
      else await them.run(`net_kernel:connect_node('${node.name}')`);
      await here(atom("lost"), [them.name, node.name]);
      await there(members("lost"), "['a@127.0.0.1','ts@127.0.0.1']");
      await there("length(pg:get_members(meanwhile))", "1");
      pg.leave(node, atom("meanwhile"), own);
      await session("pg:join(lost, P)");
      await here(atom("lost"), both);
    }
    await session("exit(P, kill)");
    pg.leave(node, atom("lost"), own);
    await there("pg:which_groups()", "[]");
  });

  itIfFull("scopes start, crash and stop on either side", async () => {
    const { them, ours: { node } } = nodes;
    const rooms = pg.scope("rooms");
    const own = node.spawn(park);
    rooms.start(node);
    rooms.join(node, "r", own);
    const session = them.session();
    await session(
      `P = spawn(fun beam_driver:park/0), {ok, _} = pg:start(rooms),
       pg:join(rooms, <<"r">>, P)`,
    );
    await there(`length(pg:get_members(rooms, <<"r">>))`, "2");
    const two = () => rooms.members(node, "r").length === 2;
    await waitFor(two, { what: "theirs" });
    // Theirs is killed: only ours is left, and what it had is gone with it.
    await session("exit(whereis(rooms), kill)");
    await waitFor(() => rooms.members(node, "r").length === 1, {
      what: "the end of their scope",
    });
    await session(
      `beam_driver:until(fun() -> whereis(rooms) =:= undefined end),
       {ok, _} = pg:start(rooms), pg:join(rooms, <<"r">>, P)`,
    );
    await waitFor(two, { what: "their new scope" });
    await there(`length(pg:get_members(rooms, <<"r">>))`, "2");
    // Ours is killed, and comes back without what it had.
    const before = rooms.start(node);
    await node.run((self) => self.sendExit(before, reasons.kill));
    expect(rooms.start(node)).not.toBe(before);
    await there(`length(pg:get_members(rooms, <<"r">>))`, "1");
    await waitFor(() => rooms.members(node, "r").length === 1, {
      what: "theirs again",
    });
    rooms.join(node, "r", own);
    await there(`length(pg:get_members(rooms, <<"r">>))`, "2");
    expect(rooms.stop(node)).toBe(true);
    await there(`length(pg:get_members(rooms, <<"r">>))`, "1");
    await session("exit(whereis(rooms), kill)");
  });

  itIfFull("kill -9 of a BEAM node, and its next incarnation", async () => {
    const { ours: { node }, epmdPort } = nodes;
    const start = async (): Promise<BeamNode> => {
      const beam = await startBeam("k@127.0.0.1", { epmdPort });
      onTestFinished(() => void beam.stop());
      await beam.run(
        `{ok, _} = pg:start(pg),
         pg:join(killed, [spawn(fun beam_driver:park/0) || _ <- [1, 2]])`,
      );
      await beam.run(`net_kernel:connect_node('${node.name}')`);
      return beam;
    };
    const own = node.spawn(park);
    pg.join(node, atom("killed"), own);
    const first = await start();
    await here(atom("killed"), [first.name, first.name, node.name]);
    const creation = pg.members(node, atom("killed"))
      .find((pid) => pid.node === first.name)?.creation;
    first.process.kill("SIGKILL");
    await here(atom("killed"), [node.name]);
    await there(members("killed"), "['ts@127.0.0.1']");
    const second = await start();
    await here(atom("killed"), [second.name, second.name, node.name]);
    for (const pid of pg.members(node, atom("killed"))) {
      expect(pid.node === node.name || pid.creation !== creation).toBe(true);
    }
    await there("length(pg:get_members(killed))", "3", second);
    await second.stop();
    await here(atom("killed"), [node.name]);
    pg.leave(node, atom("killed"), own);
  });

  test("a message that is not of a scope has no effect", async () => {
    const { them, ours: { node } } = nodes;
    const own = node.spawn(park);
    pg.join(node, atom("kept"), own);
    const bad = [
      "garbage",
      "{discover, self(), 2}",
      "{join, self(), kept, nobody}",
      "{leave, self(), [1], [kept]}",
      "{leave, whereis(pg), self(), [never, there]}",
      "{leave, whereis(pg), [self()], kept}",
      "{'$gen_cast', {sync, self(), nothing}}",
      "{'$gen_cast', {sync, self(), [{kept}]}}",
    ];
    for (const message of bad) {
      await them.run(`{pg, '${node.name}'} ! ${message}`);
    }
    // Of a process that is no scope, and has ended by now, nothing is left.
    await here(atom("kept"), [node.name]);
    await them.run("pg:join(kept, spawn(fun beam_driver:park/0))");
    await here(atom("kept"), [node.name, them.name]);
    expect(pg.whichGroups(node)).toEqual([atom("kept")]);
    await them.run("exit(hd(pg:get_local_members(kept)), kill)");
    pg.leave(node, atom("kept"), own);
  });

  test("a scope that does not answer delays no other scope", async () => {
    const { them, ours: { node } } = nodes;
    const own = node.spawn(park);
    await them.run("sys:suspend(pg)");
    for (let i = 0; i < 100; i++) pg.join(node, atom("busy"), own);
    expect(pg.members(node, atom("busy"))).toHaveLength(100);
    await them.run("sys:resume(pg)");
    await there("length(pg:get_members(busy))", "100");
    pg.leave(node, atom("busy"), Array<Pid>(100).fill(own));
    await there("pg:which_groups()", "[]");
  });
});
