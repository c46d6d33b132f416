/**
 * Nodes that end and come back: by force, unseen by the other, with the same
 * name and a new incarnation, to which nothing of the old one may get.
 */
import { beforeAll, expect, onTestFinished, test } from "vitest";
import {
  atom,
  type CallError,
  Down,
  Exit,
  Pid,
  reasons,
  type Ref,
  type StartOptions,
} from "../../../runtime/mod.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import {
  type BeamNode,
  introduce,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { contents, inside, next, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, type Logged } from "../../net/peers/raw_peer.ts";
import { Cuttable } from "./cuttable.ts";
import { pair } from "../world.ts";

const THEIR_NAME = "a@127.0.0.1";
const OUR_NAME = "ts@127.0.0.1";

matrix("restarts of a BEAM node and of ours", () => {
  let epmdPort: number;
  let them: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    them = await startBeam(THEIR_NAME, { epmdPort });
  });

  async function start(options: StartOptions = {}): Promise<Logged> {
    const ours = await startOurs(OUR_NAME, epmdPort, options);
    onTestFinished(() => ours.node.stop());
    return ours;
  }

  /**
   * Resolves when the BEAM node has seen the end of our node of the previous
   * test. Until then it sends to that one's connection.
   */
  async function theySeeNoNode(): Promise<void> {
    await waitFor(async () => await them.run("nodes()") === "[]", {
      what: "the end of our node there",
    });
  }

  /** Kills the BEAM node as `kill -9` does, and starts it again. */
  async function restartThem(): Promise<void> {
    await them.stop();
    them = await startBeam(THEIR_NAME, { epmdPort });
  }

  /** The pid of a process that has the same numbers after a restart. */
  async function wellKnown(ours: Logged): Promise<Pid<unknown>> {
    const actor = puppet(ours.node, { name: "asks" });
    await them.run(`{asks, '${OUR_NAME}'} ! whereis(kernel_safe_sup)`);
    const pid = await inside(actor, (self) => self.receive());
    await inside(actor, (self) => self.unregister("asks"));
    return pid as Pid<unknown>;
  }

  test("a node that is killed is down at once, for all peers", async () => {
    const ours = await start();
    const events = eventsOf(ours.node);
    const one = await pair({ them, ours });
    const ref = await inside(one.actor, (self) => {
      self.link(one.theirs);
      return self.monitor(one.theirs);
    });
    const calling = ours.node.call({ name: "init", node: THEIR_NAME }, 0, {
      timeoutMs: Infinity,
    }).catch((error: unknown) => (error as CallError).reason);
    await one.settle();
    await restartThem();
    expect(await next(one.actor, isDown))
      .toEqual(new Down(ref, one.theirs, reasons.noconnection));
    expect(await next(one.actor, isExit))
      .toEqual(new Exit(one.theirs, reasons.noconnection));
    expect(await calling).toBe(reasons.noconnection);
    expect(events).toEqual([`+${THEIR_NAME}`, `-${THEIR_NAME}`]);
    expect(ours.node.nodes()).toEqual([]);
  });

  test("a signal to the old incarnation of theirs reaches no process", async () => {
    await theySeeNoNode();
    const ours = await start();
    const old = await wellKnown(ours);
    const actor = puppet(ours.node, { trapExits: true });
    await restartThem();
    await waitFor(() => ours.node.nodes().length === 0, {
      what: "the nodedown",
    });
    const tracer = them.session();
    await tracer(
      `Known = whereis(kernel_safe_sup),
       erlang:trace(Known, true, ['receive'])`,
    );
    // The first of these connects, and finds another incarnation.
    await inside(actor, (self) => {
      self.send(old, "for the old incarnation");
      self.sendExit(old, reasons.kill);
      self.link(old);
      self.unlink(old);
      self.link(old);
      self.monitor(old);
    });
    expect((await next(actor, isExit)).from).toBe(old);
    expect(await next(actor, isDown))
      .toMatchObject({ target: old, reason: reasons.noproc });
    const current = await wellKnown(ours);
    expect(current.toString()).toBe(old.toString());
    expect(current.creation).not.toBe(old.creation);
    expect(current).not.toBe(old);
    await inside(actor, async (self) => {
      self.send(old, "for the old incarnation, connected");
      self.sendExit(old, reasons.kill);
      self.link(old);
      self.monitor(old);
      await self.call(old, 0).then(
        () => expect.unreachable(),
        (error: unknown) =>
          expect((error as CallError).reason).toBe(reasons.noproc),
      );
      self.send(current, "for the current one");
    });
    expect(await next(actor, isExit)).toEqual(new Exit(old, reasons.noproc));
    expect(await next(actor, isDown))
      .toMatchObject({ target: old, reason: reasons.noproc });
    expect(
      await tracer(
        "beam_driver:next() =:= " +
          "{trace, Known, 'receive', <<\"for the current one\">>}",
      ),
    ).toBe("true");
    expect(await tracer("beam_driver:contents()")).toBe("[]");
    expect(ours.node.nodes()).toEqual([THEIR_NAME]);
    expect(ours.logs.complaints).toEqual([]);
  });

  test("a signal to the old incarnation of ours reaches no actor", async () => {
    await theySeeNoNode();
    const first = await start();
    const session = them.session();
    const before = puppet(first.node, { trapExits: true });
    await introduce(session, before);
    await session("process_flag(trap_exit, true), Old = Ours");
    const alias = await inside(before, (self) => self.alias());
    await session("register(holder, self())");
    await inside(
      before,
      (self) => void self.send({ name: "holder", node: THEIR_NAME }, alias),
    );
    await session("Alias = beam_driver:next(), ok");
    await first.node.stop();
    await theySeeNoNode();
    const second = await start();
    // An actor with the numbers of the old one.
    let after = puppet(second.node, { trapExits: true });
    for (let i = 0; after.pid.id < before.pid.id && i < 1_000; i++) {
      after = puppet(second.node, { trapExits: true });
    }
    expect([after.pid.id, after.pid.serial])
      .toEqual([before.pid.id, before.pid.serial]);
    const own = await inside(after, (self): Ref => self.alias());
    expect(own.creation).not.toBe(alias.creation);
    await session("Old ! dead, exit(Old, dead), exit(Old, kill), Alias ! dead");
    await session("M = monitor(process, Old), link(Old)");
    expect(
      await session(
        `lists:sort([beam_driver:next(), beam_driver:next()]) =:=
           lists:sort([{'DOWN', M, process, Old, noproc}, {'EXIT', Old, noproc}])`,
      ),
    ).toBe("true");
    await expect(session("gen_server:call(Old, hello)"))
      .rejects.toThrow("{noproc,");
    await introduceAgain();
    expect(await session("New =/= Old")).toBe("true");
    await session(
      "unlink(Old), demonitor(M), group_leader(Old, New), New ! end_",
    );
    expect(await next(after, (m): m is symbol => m === atom("end_")))
      .toBe(atom("end_"));
    expect(await contents(after)).toEqual([]);
    expect(second.node.nodes()).toEqual([THEIR_NAME]);
    expect(second.logs.complaints).toEqual([]);
    await session("unregister(holder)");

    async function introduceAgain(): Promise<void> {
      await inside(
        after,
        (self) =>
          void self.send({ name: "holder", node: THEIR_NAME }, self.pid),
      );
      await session("New = beam_driver:next(), ok");
    }
  });

  test("theirs comes back before its end was seen here: alive", async () => {
    const port = await them.run(
      "hd([P || S <- erlang:ports(), {ok, {{0,0,0,0}, P}} <- [inet:sockname(S)]])",
    );
    const way = await Cuttable.open(() => Number(port));
    const ours = await start({
      peers: { [THEIR_NAME]: `127.0.0.1:${way.port}` },
    });
    const events = eventsOf(ours.node);
    expect(await ours.node.connect(THEIR_NAME)).toBe(true);
    const { actor, theirs } = await pair({ them, ours });
    const ref = await inside(actor, (self) => self.monitor(theirs));
    await restartThem();
    // We believe in the old one; it has closed, and that did not reach us.
    await waitFor(() => way.isFarClosed, { what: "its end" });
    expect(ours.node.nodes()).toEqual([THEIR_NAME]);
    expect(events).toEqual([`+${THEIR_NAME}`]);
    expect(await them.run(`net_kernel:connect_node('${OUR_NAME}')`)).toBe(
      "true",
    );
    expect(await next(actor, isDown))
      .toEqual(new Down(ref, theirs, reasons.noconnection));
    expect(events).toEqual([
      `+${THEIR_NAME}`,
      `-${THEIR_NAME}`,
      `+${THEIR_NAME}`,
    ]);
    const again = await pair({ them, ours });
    await again.settle();
    expect(again.theirs.creation).not.toBe(theirs.creation);
    expect(ours.logs.complaints).toEqual([]);
  });

  test.each(["the same incarnation", "a new one"])(
    "ours comes back before its end was seen there: alive, %s",
    async (which) => {
      const port = await them.run(
        "hd([P || S <- erlang:ports(), {ok, {{0,0,0,0}, P}} <- [inet:sockname(S)]])",
      );
      const way = await Cuttable.open(() => Number(port));
      const options = { peers: { [THEIR_NAME]: `127.0.0.1:${way.port}` } };
      let ours = await start(options);
      expect(await ours.node.connect(THEIR_NAME)).toBe(true);
      const { session, actor } = await pair({ them, ours });
      await session(
        "net_kernel:monitor_nodes(true), M = monitor(process, Ours), ok",
      );
      way.cutNear();
      await waitFor(() => ours.node.nodes().length === 0, { what: "our end" });
      expect(await session("nodes()")).toBe(`['${OUR_NAME}']`);
      if (which === "a new one") {
        await ours.node.stop();
        ours = await start(options);
      }
      expect(await ours.node.connect(THEIR_NAME)).toBe(true);
      expect(await session("[beam_driver:next() || _ <- [a, b, c]]"))
        .toMatch(
          /\{nodedown,'ts@127\.0\.0\.1'\}.*\{nodeup,'ts@127\.0\.0\.1'\}/,
        );
      const again = await pair({ them, ours });
      await again.settle();
      // Only the same incarnation still has the actor, which nothing tells.
      const waitMs = which === "a new one" ? 10_000 : 100;
      expect(
        await session(
          `N = monitor(process, Ours),
           receive {'DOWN', N, _, _, Why} -> Why after ${waitMs} -> lives end`,
        ),
      ).toBe(which === "a new one" ? "noproc" : "lives");
      await session("net_kernel:monitor_nodes(false)");
      expect(ours.logs.complaints).toEqual([]);
      expect(actor.pid).toBeInstanceOf(Pid);
    },
  );
});
