/**
 * Links and exit signals between a BEAM node and a node of ours, in both
 * directions.
 */
import { expect, test } from "vitest";
import { atom, Exit, reasons, tuple } from "../../../runtime/mod.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import {
  contents,
  holdings,
  inside,
  next,
  puppet,
} from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { end, endThere, nothingIsLeft, pair, world } from "../world.ts";

/** A reason with something of everything, as both sides write it. */
const reason = tuple(atom("why"), 1.5, "text", { k: [1, 2] }, null);
const REASON_THERE = '{why,1.5,<<"text">>,#{k => [1,2]},nil}';

/** The number of links of the session's process. */
const LINKS_THERE = "length(element(2, process_info(self(), links)))";

matrix("links and exits between a BEAM node and ours", () => {
  const nodes = world();

  test("a link set there tells us of the end, with the whole reason", async () => {
    const { session, actor, theirs } = await pair(nodes);
    expect(await session("link(Ours)")).toBe("true");
    await endThere(session, REASON_THERE);
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, reason));
    await nothingIsLeft(nodes);
  });

  test("a link set here tells them of the end, with the whole reason", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    await inside(actor, (self) => self.link(theirs));
    await settle();
    await end(actor, reason);
    expect(await session("{'EXIT', Ours, Why} = beam_driver:next(), Why"))
      .toBe(REASON_THERE);
    await nothingIsLeft(nodes);
  });

  test("who does not trap exits ends with the same reason", async () => {
    const first = await pair(nodes, { there: false });
    await inside(first.actor, (self) => self.link(first.theirs));
    await first.settle();
    const ending = expect(first.session("beam_driver:next()")).rejects
      .toThrow(/exit (broken|noproc)/);
    await end(first.actor, atom("broken"));
    await ending;
    const second = await pair(nodes, { here: false });
    await second.session("link(Ours)");
    await second.settle();
    const watcher = puppet(nodes.ours.node);
    await inside(watcher, (self) => self.monitor(second.actor.pid));
    await endThere(second.session, "broken");
    expect(await next(watcher, isDown))
      .toMatchObject({ reason: atom("broken") });
    await nothingIsLeft(nodes);
  });

  test("normal exits are trapped as such and end no other actor", async () => {
    const first = await pair(nodes, { there: false });
    await first.session("link(Ours)");
    await first.settle();
    await end(first.actor, reasons.normal);
    expect(
      await first.session(
        `beam_driver:until(fun() -> ${LINKS_THERE} == 0 end)`,
      ),
    ).toBe("true");
    expect(await first.session("beam_driver:contents()")).toBe("[]");
    const second = await pair(nodes);
    await second.session("link(Ours)");
    await endThere(second.session, "normal");
    expect(await next(second.actor, isExit))
      .toEqual(new Exit(second.theirs, reasons.normal));
  });

  test("an exit signal needs no link, and kill cannot be trapped", async () => {
    const { session, actor, theirs } = await pair(nodes);
    await session(`exit(Ours, ${REASON_THERE})`);
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, reason));
    await inside(actor, (self) => self.sendExit(theirs, reason));
    expect(await session("{'EXIT', Ours, Why} = beam_driver:next(), Why"))
      .toBe(REASON_THERE);
    const killed = await pair(nodes);
    await session("link(Ours)");
    await killed.session("link(Ours)");
    await killed.session("exit(Ours, kill)");
    expect(
      await killed.session("{'EXIT', Ours, Why} = beam_driver:next(), Why"),
    ).toBe("killed");
    await inside(actor, (self) => self.sendExit(theirs, reasons.kill));
    expect(await next(actor, isExit))
      .toEqual(new Exit(theirs, atom("killed")));
    await expect(session("ok")).rejects.toThrow("exit noproc");
    await nothingIsLeft(nodes);
  });

  test("an exit signal with reason normal does nothing to others", async () => {
    const { session, actor, theirs, settle } = await pair(nodes, {
      here: false,
      there: false,
    });
    await session("exit(Ours, normal)");
    await inside(actor, (self) => self.sendExit(theirs, reasons.normal));
    await settle();
    expect(await session("ok")).toBe("ok");
    expect(await contents(actor)).toEqual([]);
  });

  test("a link to an ended actor is answered with noproc, both ways", async () => {
    const { session, actor, theirs } = await pair(nodes);
    await end(actor, atom("gone"));
    await session("link(Ours)");
    expect(await session("{'EXIT', Ours, Why} = beam_driver:next(), Why"))
      .toBe("noproc");
    await endThere(session, "gone");
    const other = puppet(nodes.ours.node, { trapExits: true });
    await inside(other, (self) => self.link(theirs));
    expect(await next(other, isExit)).toEqual(new Exit(theirs, reasons.noproc));
    await nothingIsLeft(nodes);
  });

  test("an unlink there is acknowledged, and no exit comes any more", async () => {
    const { session, actor, settle } = await pair(nodes);
    await session("link(Ours), unlink(Ours), link(Ours), unlink(Ours)");
    await settle();
    await end(actor, atom("unseen"));
    // Only after the acknowledgement the entry is gone from its table.
    expect(await session(`beam_driver:until(fun() -> ${LINKS_THERE} == 0 end)`))
      .toBe("true");
    expect(await session("beam_driver:contents()")).toBe("[]");
    await nothingIsLeft(nodes);
  });

  test("an unlink here is acknowledged, and no exit comes any more", async () => {
    const { session, actor, theirs } = await pair(nodes);
    await inside(actor, (self) => {
      for (let i = 0; i < 3; i++) {
        self.link(theirs);
        self.unlink(theirs);
      }
    });
    await nothingIsLeft(nodes);
    expect(await session(LINKS_THERE)).toBe("0");
    await endThere(session, "unseen");
    await inside(actor, (self) => self.link(theirs));
    // The first thing that comes is the answer to this link.
    expect(await contents(actor)).toEqual([]);
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, reasons.noproc));
  });

  test("links that both set, and unlinks that cross, leave nothing", async () => {
    const { session, actor, theirs, settle } = await pair(nodes);
    for (let round = 0; round < 50; round++) {
      await Promise.all([
        session("link(Ours), unlink(Ours)"),
        inside(actor, (self) => {
          self.link(theirs);
          self.unlink(theirs);
        }),
      ]);
    }
    await nothingIsLeft(nodes);
    expect(await session(`beam_driver:until(fun() -> ${LINKS_THERE} == 0 end)`))
      .toBe("true");
    await Promise.all([
      session("link(Ours)"),
      inside(actor, (self) => self.link(theirs)),
    ]);
    await settle();
    await endThere(session, "once");
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, atom("once")));
    expect(await contents(actor)).toEqual([]);
  });

  test("a trace token on signals changes nothing", async () => {
    const { session, actor, theirs } = await pair(nodes);
    const traced = (what: string) =>
      session(
        `seq_trace:set_token(label, {any, term}),
         seq_trace:set_token(serial, {1, 2}), ${what}, seq_trace:set_token([])`,
      );
    await traced("Ours ! message");
    expect(await inside(actor, (self) => self.receive())).toBe(atom("message"));
    await inside(actor, (self) => self.register("by_name"));
    await traced("{by_name, node(Ours)} ! named");
    expect(await inside(actor, (self) => self.receive())).toBe(atom("named"));
    await traced("exit(Ours, traced)");
    expect(await next(actor, isExit)).toEqual(new Exit(theirs, atom("traced")));
    await session("link(Ours), process_flag(trap_exit, false)");
    await expect(traced("exit(self(), with_token)")).rejects.toThrow(": exit ");
    expect(await next(actor, isExit))
      .toEqual(new Exit(theirs, atom("with_token")));
    await nothingIsLeft(nodes);
  });

  test("one end reaches a thousand links there and here", async () => {
    const { session, actor } = await pair(nodes);
    await session(
      `Linked = [spawn(fun() -> link(Ours), beam_driver:park() end)
         || _ <- lists:seq(1, 1000)], ok`,
    );
    await waitFor(
      async () => (await holdings(nodes.ours.node)).links === 1_000,
      { what: "the links" },
    );
    await end(actor, atom("all"));
    expect(
      await session(
        `beam_driver:until(fun() ->
           not lists:any(fun erlang:is_process_alive/1, Linked) end)`,
      ),
    ).toBe("true");
    await nothingIsLeft(nodes);
    expect(nodes.ours.logs.complaints).toEqual([]);
  });
});
