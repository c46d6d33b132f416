/**
 * Large and small messages on one connection. Between two actors all messages
 * arrive in the order of sending, in every way of sending, and no actor waits
 * behind the large messages of others.
 */

import { describe, expect, it } from "vitest";
import type { Destination, Pid, Self } from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";
import { isDown, isExit } from "../helpers/actors.ts";
import { seedsOf, simulateSeeds } from "../helpers/simulate.ts";
import {
  emptyTally,
  pause,
  type Place,
  Players,
  Receiver,
  Sender,
  type Tally,
  victim,
} from "./lanes.ts";

const KIB = 1024;
const SEEDS = 30;
const CUT_SEEDS = 15;
const STEPS = 14;
/** Small, so that senders have to wait and are refused in every run. */
const limits = { highMarkBytes: 512 * KIB, downAfterMs: 60_000 };

/** Starts two or three nodes with senders and a receiver on each. */
async function play(
  sim: Simulation,
  tally: Tally,
  isCertain: boolean,
): Promise<{ players: Players; names: readonly string[] }> {
  const players = new Players(sim, tally, isCertain);
  const names = ["a@sim", "b@sim", "c@sim"].slice(0, 2 + sim.below(2));
  const senders: Place[] = [];
  const receivers: Place[] = [];
  for (const [i, node] of names.entries()) {
    await sim.start(node, { exports: { victim }, limits });
    for (const peer of names.slice(0, i)) {
      expect(await sim.node(node).connect(peer)).toBe(true);
    }
    receivers.push({ name: `to ${node}`, node });
    for (let n = 0; n < 2; n++) senders.push({ name: `by ${node} ${n}`, node });
  }
  const elsewhere = (places: readonly Place[], node: string) =>
    places.filter((place) => place.node !== node);
  for (const { name, node } of receivers) {
    const receiver = new Receiver(players, sim, { name, node });
    const from = elsewhere(senders, node);
    sim.node(node).spawn((self: Self) => receiver.run(self, from), { name });
  }
  for (const { name, node } of senders) {
    const sender = new Sender(players, sim, { name, node }, STEPS);
    const to = elsewhere(receivers, node);
    sim.node(node).spawn((self: Self) => sender.run(self, to), { name });
  }
  const count = senders.length + receivers.length;
  await sim.until(() => players.ready === count, { what: "all to be ready" });
  if (isCertain) {
    await sim.until(() => players.finished === count, { what: "the end" });
  }
  return { players, names };
}

/** Nothing waits anywhere, and no actor is being sent to. */
async function expectEmpty(sim: Simulation): Promise<void> {
  await sim.until(
    () =>
      sim.nodes.flatMap((node) => node.connections())
        .every((info) =>
          info.waitingBytes === 0 && info.waitingLarge === 0 && !info.isBusy
        ),
    { what: "nothing to wait", withinMs: 1_000 },
  );
}

function report(title: string, count: number, tally: Tally): void {
  const seeds = seedsOf({ count });
  const { ways, told, refused, victims, overtakings, largeBytes } = tally;
  console.log(
    `${title}: seeds ${seeds[0]} to ${seeds.at(-1)}: ` +
      [...ways].map(([way, times]) => `${times} by ${way}`).join(", ") +
      `, ${Math.round(largeBytes / KIB / KIB)} MiB in large ones; ` +
      `${victims} victims, ${told} told to wait, ${refused} refused, ` +
      `${overtakings} overtook those of others`,
  );
}

describe("large and small messages of many actors", () => {
  it(
    "arrive in order between any two actors, in every way of sending",
    async () => {
      const tally = emptyTally();
      await simulateSeeds(
        { count: SEEDS, maxSteps: 1_000_000 },
        async (sim) => {
          const { players } = await play(sim, tally, true);
          expect(tally.faults).toEqual([]);
          for (
            const { sender, receiver, sent, seen } of players.pairs.values()
          ) {
            const numbers = sent.flatMap((way, n) =>
              way === "reply" ? [] : [n]
            );
            expect(`${receiver} of ${sender}: ${seen.join()}`)
              .toBe(`${receiver} of ${sender}: ${numbers.join()}`);
          }
          await expectEmpty(sim);
        },
      );
      report("lanes", SEEDS, tally);
      expect([...tally.ways.keys()].toSorted())
        .toEqual(["alias", "exit", "named", "pid", "reply"]);
      for (const count of [tally.told, tally.victims, tally.overtakings]) {
        expect(count).toBeGreaterThan(0);
      }
    },
    120_000,
  );

  it("come in order and never twice when connections are cut", async () => {
    const tally = emptyTally();
    let cuts = 0;
    let lost = 0;
    await simulateSeeds({ count: CUT_SEEDS }, async (sim) => {
      const { players, names } = await play(sim, tally, false);
      for (let i = 0; i < 4; i++) {
        await sim.advance(sim.below(12));
        const [a, b] = [names[0]!, names[1 + sim.below(names.length - 1)]!];
        cuts += sim.cut(a, b);
      }
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      expect(tally.faults).toEqual([]);
      for (const { sent, seen } of players.pairs.values()) {
        lost += sent.filter((way) => way !== "reply").length - seen.length;
      }
      await expectEmpty(sim);
    });
    report(`lanes with ${cuts} cuts, ${lost} lost`, CUT_SEEDS, tally);
    expect(cuts).toBeGreaterThan(CUT_SEEDS);
    expect(lost).toBeGreaterThan(0);
  }, 120_000);
});

/** The messages between nodes in the tests below. */
type Ask = { readonly from: Pid<unknown> };
type Watch = { readonly watch: Pid; readonly link: Pid };
const isAsk = (message: unknown): message is Ask =>
  typeof message === "object" && message !== null && "from" in message &&
  "asks" in message;
const isWatch = (message: unknown): message is Watch =>
  typeof message === "object" && message !== null && "watch" in message;

function whatIs(message: unknown): string {
  if (isDown(message)) return `down ${String(message.reason)}`;
  if (isExit(message)) return `exit ${String(message.reason)}`;
  const text = String(message);
  return text.length > 100 ? "large" : text;
}

/** Notes each message, and does as it says. */
const sinkOf = (got: string[], name: string) => async (self: Self) => {
  self.trapExits = true;
  for await (const message of self) {
    if (isAsk(message)) self.send(message.from, self.pid);
    else if (isWatch(message)) {
      self.monitor(message.watch);
      self.link(message.link);
    } else got.push(`${name} ${whatIs(message)}`);
  }
};

const mortal = async (self: Self): Promise<void> =>
  self.exit(await self.receive());

describe("a large message on its way", () => {
  const long = "y".repeat(KIB * KIB);
  const sink = { name: "sink", node: "b@sim" };
  const other = { name: "other", node: "b@sim" };

  /** Nothing gets from a to b once the large message is sent. */
  async function stalled(sim: Simulation, way: "pid" | "name") {
    const got: string[] = [];
    const a = await sim.start("a@sim");
    const b = await sim.start("b@sim");
    for (const name of ["sink", "other"]) b.spawn(sinkOf(got, name), { name });
    const [watch, link] = [a.spawn(mortal), a.spawn(mortal)];
    expect(await a.connect("b@sim")).toBe(true);
    a.send(sink, { watch, link });
    await sim.until(() => sim.isQuiet, { what: "the link and the monitor" });
    let isSent = false;
    a.spawn(async (self: Self) => {
      const to: Destination<unknown>[] = [sink, other];
      for (const [i, place] of [sink, other].entries()) {
        if (way === "name") break;
        self.send(place, { asks: true, from: self.pid });
        to[i] = await self.receive() as Pid<unknown>;
      }
      sim.stall("a@sim", "b@sim");
      self.send(to[0]!, long);
      self.send(to[0]!, "second");
      self.send(to[1]!, "elsewhere");
      isSent = true;
      await pause(self, 1_000);
    });
    await sim.until(() => isSent, { what: "the large message" });
    a.spawn((self: Self) => void self.send(sink, "small"));
    a.send(watch, "watched");
    a.send(link, "linked");
    await sim.until(() => sim.isQuiet, { what: "all to be sent" });
    return { a, got };
  }

  it("is overtaken by all messages that are not between the same two actors", async () => {
    await simulateSeeds({ count: 15 }, async (sim) => {
      const { a, got } = await stalled(sim, "pid");
      expect(got).toEqual([]);
      const [info] = a.connections();
      expect(info).toMatchObject({ waitingLarge: 2 });
      expect(info?.waitingBytes).toBeGreaterThan(KIB * KIB);
      // The network had room for less than a tenth of it.
      expect(info?.sentBytes).toBeLessThan(KIB * KIB / 5);
      sim.heal();
      await sim.until(() => got.length === 6, { what: "everything" });
      expect(got.slice(0, 4).toSorted()).toEqual([
        "other elsewhere",
        "sink down watched",
        "sink exit linked",
        "sink small",
      ]);
      expect(got.slice(4)).toEqual(["sink large", "sink second"]);
      await expectEmpty(sim);
    });
  });

  it("to a name is overtaken by nothing else of its sender", async () => {
    await simulateSeeds({ count: 15 }, async (sim) => {
      const { got } = await stalled(sim, "name");
      sim.heal();
      await sim.until(() => got.length === 6, { what: "everything" });
      expect(got.slice(0, 3).toSorted())
        .toEqual(["sink down watched", "sink exit linked", "sink small"]);
      expect(got[3]).toBe("sink large");
      expect(got.slice(4).toSorted())
        .toEqual(["other elsewhere", "sink second"]);
      await expectEmpty(sim);
    });
  });
});
