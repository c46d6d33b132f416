/**
 * What a connection is like when the node of ours offers less than it could:
 * other framings, older control messages, features that are missing.
 */
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  atom,
  Exit,
  reasons,
  type Ref,
  type Self,
  tuple,
} from "../../../runtime/mod.ts";
import { flag, type Flags } from "../../../runtime/wire/handshake/flags.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { contents, inside, next } from "../../helpers/clusters.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { counter } from "../std/servers.ts";
import { end, endThere, pair } from "../world.ts";

const fragments = flag.fragments;
const atomCache = flag.distHdrAtomCache;
const monitors = flag.distMonitor | flag.distMonitorName;

type Variant = {
  readonly what: string;
  readonly without?: Flags;
  readonly isHidden?: boolean;
};

/** Variants in which everything works. */
const whole: readonly Variant[] = [
  { what: "everything" },
  { what: "everything, hidden", isHidden: true },
  { what: "no fragments", without: fragments },
  { what: "no atom cache", without: atomCache },
  { what: "neither: pass-through", without: fragments | atomCache },
  { what: "no payloads of exits", without: flag.exitPayload },
  { what: "no senders of messages", without: flag.sendSender },
  {
    what: "as little as a hidden node from before these existed",
    without: fragments | atomCache | flag.exitPayload | flag.sendSender |
      flag.altactSig | flag.bigSeqtraceLabels | flag.unicodeIo |
      flag.smallAtomTags,
    isHidden: true,
  },
];

matrix("a connection with a BEAM node when we offer", () => {
  let them: BeamNode;
  let epmdPort: number;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    them = await startBeam("a@127.0.0.1", { epmdPort });
  });

  let count = 0;
  async function variant({ without, isHidden }: Variant): Promise<Logged> {
    const ours = await startOurs(`v${++count}@127.0.0.1`, epmdPort, {
      withoutFlags: without ?? 0n,
      hidden: isHidden ?? false,
      exports: {
        "ours:quit": (reason: unknown) => (self: Self) => self.exit(reason),
      },
    });
    ours.node.spawn(counter, { name: "counter" });
    onTestFinished(() => ours.node.stop());
    return ours;
  }

  describe.each(whole)("$what", (offer) => {
    test("everything works", async () => {
      const ours = await variant(offer);
      const { session, actor, theirs, settle } = await pair({ them, ours });
      const { name } = ours.node;
      expect(await session(`lists:member('${name}', nodes())`))
        .toBe(String(!offer.isHidden));
      expect(await session(`lists:member('${name}', nodes(connected))`))
        .toBe("true");
      expect(ours.node.nodes()).toEqual(offer.isHidden ? [] : [them.name]);

      // Messages, small and large, and atoms again and again.
      for (const bytes of [10, 70_000, 200_000]) {
        await session(
          `Ours ! {blob, self(), [blob, blob2], binary:copy(<<"x">>, ${bytes})}`,
        );
        const text = "x".repeat(bytes);
        const [blob, blob2] = [atom("blob"), atom("blob2")];
        expect(await inside(actor, (self) => self.receive()))
          .toEqual(tuple(blob, theirs, [blob, blob2], text));
        await inside(actor, (self) => void self.send(theirs, text));
        expect(
          await session(
            `beam_driver:next() =:= binary:copy(<<"x">>, ${bytes})`,
          ),
        ).toBe("true");
      }

      // Calls both ways.
      const target = `{counter, '${name}'}`;
      expect(await session(`gen_server:call(${target}, {echo, {a, "b"}})`))
        .toBe('{a,"b"}');
      await session(
        "{ok, Server} = gen_server:start(beam_driver, [], []), Ours ! Server",
      );
      expect(
        await inside(
          actor,
          async (self) =>
            self.call(await self.receive() as never, tuple(atom("echo"), 7)),
        ),
      ).toBe(7);

      // Monitors, links and ends with reasons, spawned ones too.
      await session("M = monitor(process, {nobody, node(Ours)})");
      expect(await session("element(5, beam_driver:next())")).toBe("noproc");
      await session("link(Ours), exit(Ours, {reason, 1})");
      expect(await next(actor, isExit))
        .toEqual(new Exit(theirs, tuple(atom("reason"), 1)));
      const spawned = `spawn_link('${name}', ours, quit, [{spawned, 2}])`;
      expect(
        await session(
          `Child = ${spawned}, {'EXIT', Child, Why} = beam_driver:next(), Why`,
        ),
      ).toBe("{spawned,2}");
      const ref = await inside(actor, (self) => {
        self.link(theirs);
        return self.monitor(theirs);
      });
      await settle();
      await endThere(session, "{theirs, 3}");
      expect(await next(actor, isDown))
        .toMatchObject({ ref, reason: tuple(atom("theirs"), 3) });
      expect(await next(actor, isExit))
        .toEqual(new Exit(theirs, tuple(atom("theirs"), 3)));
      const other = await pair({ them, ours });
      await other.session("M = monitor(process, Ours), link(Ours)");
      await other.settle();
      await end(other.actor, tuple(atom("ours"), 4));
      expect(
        await other.session(
          `lists:sort([beam_driver:next(), beam_driver:next()]) =:=
             lists:sort([{'DOWN', M, process, Ours, {ours, 4}},
                         {'EXIT', Ours, {ours, 4}}])`,
        ),
      ).toBe("true");
      const late = await pair({ them, ours });
      await inside(
        late.actor,
        (self) => self.sendExit(late.theirs, tuple(atom("sent"), 5)),
      );
      expect(
        await late.session(
          "beam_driver:next() =:= {'EXIT', Ours, {sent, 5}}",
        ),
      ).toBe("true");
      expect(ours.logs.complaints).toEqual([]);
    });
  });

  test("no spawning: refused at both ends, and the rest works", async () => {
    const ours = await variant({ what: "", without: flag.spawn });
    const { session, actor, settle } = await pair({ them, ours });
    const { name } = ours.node;
    expect(
      await session(
        `R = spawn_request('${name}', ours, quit, [x], []),
         beam_driver:next() =:= {spawn_reply, R, error, notsup}`,
      ),
    ).toBe("true");
    const refusal = await inside(
      actor,
      (self) => self.spawnOn(them.name, "m:f").catch((e: unknown) => String(e)),
    );
    expect(refusal).toMatch(/expected a node that accepts spawn requests/);
    await settle();
    expect(ours.logs.complaints).toEqual([]);
  });

  test("no aliases: calls from there are answered all the same", async () => {
    const ours = await variant({ what: "", without: flag.alias });
    const { session, settle } = await pair({ them, ours });
    const target = `{counter, '${ours.node.name}'}`;
    expect(await session(`gen_server:call(${target}, {echo, 1})`)).toBe("1");
    expect(
      await session(`gen_server:multi_call([node(Ours)], counter, {echo, 2})`),
    ).toBe(`{[{'${ours.node.name}',2}],[]}`);
    await settle();
    expect(ours.logs.complaints).toEqual([]);
  });

  test("no monitors: they fire when the connection is lost", async () => {
    const ours = await variant({ what: "", without: monitors });
    const { session, actor, theirs, settle } = await pair({ them, ours });
    await session("M = monitor(process, {nobody, node(Ours)}), ok");
    const ref = await inside(actor, (self): Ref => {
      self.demonitor(self.monitor(theirs));
      return self.monitor({ name: "nobody", node: them.name });
    });
    await settle();
    expect(await session("beam_driver:contents()")).toBe("[]");
    expect(await contents(actor)).toEqual([]);
    ours.node.disconnect(them.name);
    expect(await next(actor, isDown))
      .toMatchObject({ ref, reason: reasons.noconnection });
    expect(await session("element(5, beam_driver:next())"))
      .toBe("noconnection");
    expect(ours.logs.complaints).toEqual([]);
  });

  test("what is mandatory is not missing: else it refuses us", async () => {
    const ours = await variant({
      what: "",
      without: flag.mapTag | flag.mandatory25Digest,
    });
    expect(await ours.node.connect(them.name)).toBe(false);
    expect(ours.logs.complaints.join()).toMatch(/does not allow us/);
  });
});
