/**
 * Monitors between a BEAM node and a node of ours, by pid and by name, in both
 * directions.
 */
import { expect, test } from "vitest";
import { atom, Down, reasons, type Ref, tuple } from "../../../runtime/mod.ts";
import { isDown } from "../../helpers/actors.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { contents, inside, next, puppet } from "../../helpers/clusters.ts";
import { end, endThere, nothingIsLeft, pair, world } from "../world.ts";

/** The reason in the DOWN message of monitor `M` about this one. */
const down = (about: string): string =>
  `(fun() ->
     {'DOWN', M, process, ${about}, Why} = beam_driver:next(),
     Why
   end)()`;

matrix("monitors between a BEAM node and ours", () => {
  const nodes = world();

  test("one set there, by pid, tells of the end with the reason", async () => {
    const { session, actor, settle } = await pair(nodes);
    await session("M = monitor(process, Ours)");
    await settle();
    await end(actor, tuple(atom("why"), [1, "two"]));
    expect(await session(down("Ours"))).toBe('{why,[1,<<"two">>]}');
    await nothingIsLeft(nodes);
  });

  test("one set here, by pid, tells of the end with the reason", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    const ref = await inside(actor, (self) => self.monitor(theirs));
    await settle();
    await endThere(session, '{why, [1, <<"two">>]}');
    expect(await next(actor, isDown))
      .toEqual(new Down(ref, theirs, tuple(atom("why"), [1, "two"])));
    await nothingIsLeft(nodes);
  });

  test("of the dead they tell noproc, both ways", async () => {
    const { session, actor, theirs } = await pair(nodes);
    await end(actor, atom("gone"));
    await session("M = monitor(process, Ours)");
    expect(await session(down("Ours"))).toBe("noproc");
    await endThere(session, "gone");
    const other = puppet(nodes.ours.node);
    const ref = await inside(other, (self) => self.monitor(theirs));
    expect(await next(other, isDown))
      .toEqual(new Down(ref, theirs, reasons.noproc));
    await nothingIsLeft(nodes);
  });

  test("names that no actor holds are answered, both ways", async () => {
    const { session, actor } = await pair(nodes);
    for (const name of ["nobody", "'with space'", "''", "true", "undefined"]) {
      const target = `{${name}, 'ts@127.0.0.1'}`;
      await session(`monitor(process, ${target})`);
      expect(await session(down(target).replace("M,", "_,"))).toBe("noproc");
    }
    for (const name of ["nobody", "with space", "true", "undefined"]) {
      const target = { name, node: nodes.them.name };
      const ref = await inside(actor, (self) => self.monitor(target));
      expect(await next(actor, isDown))
        .toEqual(new Down(ref, target, reasons.noproc));
    }
    await nothingIsLeft(nodes);
  });

  test("one set there by name tells of its holder's end", async () => {
    const { session, settle } = await pair(nodes);
    const target = "{'named here', 'ts@127.0.0.1'}";
    const named = puppet(nodes.ours.node, { name: "named here" });
    await session(`M = monitor(process, ${target})`);
    await settle();
    // Another actor holds the name later.
    await inside(named, (self) => self.unregister("named here"));
    await end(puppet(nodes.ours.node, { name: "named here" }), atom("later"));
    await end(named, atom("first"));
    expect(await session(down(target))).toBe("first");
    await settle();
    expect(await session("beam_driver:contents()")).toBe("[]");
    await nothingIsLeft(nodes);
  });

  test("one set here by name tells of its holder's end", async () => {
    const { session, actor, settle } = await pair(nodes);
    await session("register(named_there, self())");
    const target = { name: "named_there", node: nodes.them.name };
    const ref = await inside(actor, (self) => self.monitor(target));
    await settle();
    await session("unregister(named_there)");
    await endThere(session, "first");
    expect(await next(actor, isDown))
      .toEqual(new Down(ref, target, atom("first")));
    await nothingIsLeft(nodes);
  });

  test("ended there, they tell nothing, and nothing is kept here", async () => {
    const { session, actor, settle } = await pair(nodes);
    const named = puppet(nodes.ours.node, { name: "watched" });
    await session(
      `lists:foreach(fun(_) ->
         demonitor(monitor(process, Ours)),
         demonitor(monitor(process, {watched, 'ts@127.0.0.1'}))
       end, lists:seq(1, 100))`,
    );
    await settle();
    await nothingIsLeft(nodes);
    await end(actor, atom("unseen"));
    await end(named, atom("unseen"));
    // A signal of the ended actor would come before this.
    await session("M = monitor(process, Ours)");
    expect(await session(down("Ours"))).toBe("noproc");
    expect(await session("beam_driver:contents()")).toBe("[]");
  });

  test("ended here, they tell nothing", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    await session("register(watched, self())");
    const target = { name: "watched", node: nodes.them.name };
    await inside(actor, (self) => {
      for (let i = 0; i < 100; i++) {
        expect(self.demonitor(self.monitor(theirs))).toBe(true);
        expect(self.demonitor(self.monitor(target))).toBe(true);
      }
    });
    await settle();
    // The one that is left is of the driver, which waits for an answer.
    expect(await session("process_info(self(), monitored_by)"))
      .toMatch(/^\{monitored_by,\[<0\.\d+\.\d+>\]\}$/);
    await endThere(session, "unseen");
    const probe = await inside(actor, (self) => self.monitor(theirs));
    expect(await next(actor, isDown))
      .toEqual(new Down(probe, theirs, reasons.noproc));
    expect(await contents(actor)).toEqual([]);
    await nothingIsLeft(nodes);
  });

  test("each monitor of the same one tells, both ways", async () => {
    const one = await pair(nodes);
    const refs = await inside(one.actor, (self) => {
      const made: Ref[] = [];
      for (let i = 0; i < 20; i++) made.push(self.monitor(one.theirs));
      return made;
    });
    await one.settle();
    await endThere(one.session, "once");
    const told = new Set<Ref>();
    for (const _ of refs) {
      const { ref, reason } = await next(one.actor, isDown);
      expect(reason).toBe(atom("once"));
      told.add(ref);
    }
    expect(told).toEqual(new Set(refs));
    const other = await pair(nodes);
    await other.session(
      "Ms = [monitor(process, Ours) || _ <- [a, b, c, d]], ok",
    );
    await other.settle();
    await end(other.actor, atom("once"));
    expect(
      await other.session(
        `lists:sort([begin
           {'DOWN', M, process, Ours, once} = beam_driver:next(), M
         end || _ <- Ms]) =:= lists:sort(Ms)`,
      ),
    ).toBe("true");
    await nothingIsLeft(nodes);
  });

  test("a tag and a lost connection are told, both ways", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    await session("M = monitor(process, Ours, [{tag, {mine, 1}}])");
    const ref = await inside(actor, (self) => self.monitor(theirs, { tag: 7 }));
    await settle();
    nodes.ours.node.disconnect(nodes.them.name);
    expect(await next(actor, isDown))
      .toEqual(new Down(ref, theirs, reasons.noconnection, 7));
    expect(
      await session(
        "beam_driver:next() =:= " +
          "{{mine, 1}, M, process, Ours, noconnection}",
      ),
    ).toBe("true");
    await nothingIsLeft(nodes);
    expect(nodes.ours.logs.complaints).toEqual([]);
  });
});
