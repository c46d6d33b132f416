/**
 * `pg2` with BEAM nodes that run OTP 23's. OTP has none any more, so these run
 * a small server of our own that follows it (`tests/fixtures/beam_pg2.erl`).
 */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { atom, pg2, type Pid, reasons } from "../../../runtime/mod.ts";
import { park } from "../../helpers/actors.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { inside, puppet } from "../../helpers/clusters.ts";
import { root } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { world } from "../world.ts";

const source = join(root, "tests/fixtures/beam_pg2.erl");

matrix("pg2 on BEAM nodes and ours", () => {
  const nodes = world();
  let b: BeamNode;
  let second: Logged;

  const load = async (beam: BeamNode): Promise<void> => {
    expect(
      await beam.run(
        `{ok, M, Code} = compile:file("${source}", [binary, report]),
         {module, M} = code:load_binary(M, "beam_pg2.erl", Code),
         {ok, _} = M:start(), M`,
        15_000,
      ),
    ).toBe("beam_pg2");
  };

  /** Two of theirs and two of ours, all connected. */
  beforeAll(async () => {
    const { epmdPort } = nodes;
    [b, second] = await Promise.all([
      startBeam("b@127.0.0.1", { epmdPort }),
      startOurs("us@127.0.0.1", epmdPort),
    ]);
    const beams = [nodes.them, b];
    await Promise.all(beams.map(load));
    for (const { node } of [nodes.ours, second]) {
      pg2.start(node);
      for (const beam of beams) {
        expect(await node.connect(beam.name)).toBe(true);
      }
    }
    expect(await second.node.connect(nodes.ours.node.name)).toBe(true);
    await nodes.them.run("net_kernel:connect_node('b@127.0.0.1')");
  });

  /** Both of theirs and both of ours see these members, by their nodes. */
  async function allSee(
    group: string,
    members: readonly string[] | null,
  ): Promise<void> {
    const wanted = members === null
      ? `{error,{no_such_group,${group}}}`
      : `[${[...members].sort().map((name) => `'${name}'`).join(",")}]`;
    const ask = `case beam_pg2:get_members(${group}) of
      L when is_list(L) -> lists:sort([node(P) || P <- L]); E -> E end`;
    for (const beam of [nodes.them, b]) {
      await waitFor(async () => await beam.run(ask) === wanted, {
        what: `${beam.name} to see ${wanted}`,
      });
    }
    for (const { node } of [nodes.ours, second]) {
      const seen = () => {
        if (!pg2.whichGroups(node).includes(atom(group))) return null;
        return pg2.getMembers(node, atom(group)).map((pid) => pid.node).sort();
      };
      await waitFor(
        () =>
          JSON.stringify(seen()) ===
            JSON.stringify(members === null ? null : [...members].sort()),
        { what: `${node.name} to see ${wanted}, not ${seen()}` },
      );
    }
  }

  test("created, joined, left and deleted from either side", async () => {
    const { them, ours: { node } } = nodes;
    const g = atom("g");
    expect(await them.run("beam_pg2:create(g)")).toBe("ok");
    await allSee("g", []);
    const session = them.session();
    await session("P = spawn(fun beam_driver:park/0)");
    expect(await session("beam_pg2:join(g, P), beam_pg2:join(g, P)")).toBe(
      "ok",
    );
    await allSee("g", [them.name, them.name]);
    const own = node.spawn(park);
    await pg2.join(node, g, own);
    await pg2.join(node, g, own);
    await allSee("g", [them.name, them.name, node.name, node.name]);
    expect(pg2.getLocalMembers(node, g)).toEqual([own, own]);
    await session("beam_pg2:leave(g, P)");
    await pg2.leave(node, g, own);
    await allSee("g", [them.name, node.name]);
    await session("exit(P, kill)");
    await allSee("g", [node.name]);
    await pg2.delete(node, g);
    await allSee("g", null);
    expect(await session("beam_pg2:join(g, self())"))
      .toBe("{error,{no_such_group,g}}");
    await pg2.create(node, g);
    await allSee("g", []);
    expect(await session("beam_pg2:delete(g)")).toBe("ok");
    await allSee("g", null);
  });

  test("an actor is joined by another node than its own", async () => {
    const { them, ours: { node } } = nodes;
    const h = atom("h");
    await pg2.create(node, h);
    const actor = puppet(second.node);
    const session = them.session();
    await session("P = spawn(fun beam_driver:park/0)");
    const theirs = await node.run<Pid, Pid>(async (self) => {
      await session(`{reg, '${node.name}'} ! P`);
      return await self.receive();
    }, { name: "reg" });
    // One of ours by the other one, one of theirs by one of ours.
    await pg2.join(node, h, actor.pid);
    await pg2.join(second.node, h, theirs);
    await allSee("h", [second.node.name, them.name]);
    // And one of ours by one of theirs.
    const taking = b.session();
    await taking("register(takes, self())");
    await inside(actor, (self) => {
      self.send({ name: "takes", node: b.name }, self.pid);
    });
    expect(await taking("Q = beam_driver:next(), beam_pg2:join(h, Q)"))
      .toBe("ok");
    await allSee("h", [second.node.name, second.node.name, them.name]);
    await taking("beam_pg2:leave(h, Q)");
    await pg2.leave(node, h, theirs);
    await allSee("h", [second.node.name]);
    void inside(actor, (self) => self.exit(reasons.normal)).catch(() => {});
    await allSee("h", []);
    await pg2.delete(node, h);
    await allSee("h", null);
  });

  test("what each has is there when they meet again", async () => {
    const { them, ours: { node } } = nodes;
    const i = atom("i");
    await pg2.create(node, i);
    const own = node.spawn(park);
    await pg2.join(node, i, own);
    const session = them.session();
    await session("P = spawn(fun beam_driver:park/0), beam_pg2:join(i, P)");
    await allSee("i", [node.name, them.name]);
    // Of the one that is alone with us, nothing is heard meanwhile.
    for (const ourNode of [node, second.node]) {
      for (const beam of [them, b]) ourNode.disconnect(beam.name);
    }
    await waitFor(() => pg2.getMembers(node, i).length === 1, { what: "loss" });
    await waitFor(
      async () => await b.run("length(beam_pg2:get_members(i))") === "1",
      { what: "their loss" },
    );
    await pg2.join(node, i, own);
    await session("beam_pg2:join(i, P), beam_pg2:create(new)");
    for (const ourNode of [node, second.node]) {
      for (const beam of [them, b]) await ourNode.connect(beam.name);
    }
    await allSee("i", [node.name, node.name, them.name, them.name]);
    await allSee("new", []);
    await session("beam_pg2:delete(i), beam_pg2:delete(new), exit(P, kill)");
    await allSee("i", null);
    await allSee("new", null);
  });

  test("erpc reads it, and garbage has no effect", async () => {
    const { them, ours: { node } } = nodes;
    await them.run("beam_pg2:create(kept)");
    const ask = (call: string) => them.run(`rpc:call('${node.name}', ${call})`);
    expect(await ask("pg2, which_groups, []")).toBe("[kept]");
    expect(await ask("pg2, get_members, [kept]")).toBe("[]");
    expect(await ask("pg2, get_members, [none]"))
      .toBe("{error,{no_such_group,none}}");
    for (
      const message of [
        "garbage",
        "{new_pg2, 1}",
        "{groups, self(), [{kept, 2}]}",
        "{'$gen_cast', {exchange, node(), [[kept, 1]]}}",
        "{'$gen_cast', {exchange, node(), [{other, []}]}}",
        "{'$gen_cast', {exchange, 1, []}}",
      ]
    ) await them.run(`{pg2, '${node.name}'} ! ${message}`);
    expect(await them.run(`gen_server:call({pg2, '${node.name}'}, what)`))
      .toBe("{error,notsup}");
    expect(pg2.whichGroups(node)).toEqual([atom("kept")]);
    await them.run("beam_pg2:delete(kept)");
  });
});
