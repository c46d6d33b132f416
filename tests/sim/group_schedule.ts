/**
 * A random schedule of groups in a simulated cluster: actors join, leave and
 * end, links stall, break and are cut off, nodes crash and come back, scopes
 * are killed. Throws for what must never be, at any moment and at the end.
 *
 * It knows no test runner, so that mutants of the runtime can be run by it.
 */

import {
  Down,
  type GroupJoin,
  handler,
  pg,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  stop,
} from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing.ts";

/** What was done and seen, so that a test can tell that it was put to one. */
export type GroupTally = Record<string, number>;

export const GROUPS: readonly unknown[] = ["red", Symbol.for("blue"), 7];
const NAMES = ["a@sim", "b@sim", "c@sim", "d@sim"];
export const LIMITS = {
  suspectAfterMs: 1_000,
  downAfterMs: 2_000,
  setupTimeoutMs: 500,
};
/** Rounds until all nodes have found each other again. */
const MAX_ROUNDS = 10;

/** Who is in which group, by the group's place in `GROUPS`. */
export type View = readonly (readonly Pid[])[];

export function check(isSo: boolean, what: () => string): void {
  if (!isSo) throw new Error(what());
}

export function shown(view: View): string {
  return view.map((pids) =>
    pids.map((pid) => `${pid.node}/${pid.id}.${pid.serial}.${pid.creation}`)
      .sort().join(" ")
  ).join(" | ");
}

/** Ends when it is sent anything. */
const mortal = () => handler(0, (_: number, __: string) => stop());

/** One node, and what must be true of it. */
class Place {
  readonly node: RunningNode;
  readonly actors: Pid<string>[] = [];
  /** Members of this node, as often as they have joined. */
  mine: Pid[][] = GROUPS.map(() => []);
  #scope: Pid;
  /** What its monitor makes of the events. */
  told: Map<Pid, number>[] = GROUPS.map(() => new Map());
  readonly #tally: GroupTally;

  constructor(node: RunningNode, tally: GroupTally) {
    this.node = node;
    this.#tally = tally;
    this.#scope = pg.start(node);
    node.spawn((self: Self<unknown>) => this.#listen(self));
  }

  async #listen(self: Self<unknown>): Promise<void> {
    for (;;) {
      const { groups, ref } = pg.monitorScope(self);
      this.told = GROUPS.map(() => new Map());
      for (const { group, members } of groups) this.#note(group, members, 1);
      for (;;) {
        const event = await self.receive();
        if (event instanceof Down) break;
        const { type, group, pids } = event as GroupJoin;
        this.#tally[type] = (this.#tally[type] ?? 0) + 1;
        check((event as GroupJoin).ref === ref, () => "an event of another");
        this.#note(group, pids, type === "groupjoin" ? 1 : -1);
      }
    }
  }

  #note(group: unknown, pids: readonly Pid[], by: number): void {
    const counts = this.told[GROUPS.indexOf(group)];
    for (const pid of pids) {
      const count = (counts?.get(pid) ?? 0) + by;
      check(count >= 0, () => `${pid} has left more often than joined`);
      if (count === 0) counts?.delete(pid);
      else counts?.set(pid, count);
    }
  }

  /** What is said of the dead and of a scope before this one is forgotten. */
  refresh(): void {
    const scope = pg.start(this.node);
    if (scope !== this.#scope) this.mine = GROUPS.map(() => []);
    this.#scope = scope;
    this.mine = this.mine.map((pids) =>
      pids.filter((pid) => this.node.isAlive(pid))
    );
  }

  get scope(): Pid {
    return this.#scope;
  }

  view(): View {
    return GROUPS.map((group) => pg.members(this.node, group));
  }

  /** What holds at every moment. */
  checkNow(): void {
    this.refresh();
    const { node } = this;
    const local = GROUPS.map((group) => pg.localMembers(node, group));
    check(
      shown(local) === shown(this.mine),
      () => `${node.name} has ${shown(local)} and not ${shown(this.mine)}`,
    );
    const known = new Set([node.name, ...node.nodes()]);
    for (const pid of this.view().flat()) {
      check(known.has(pid.node), () => `${node.name} sees a phantom: ${pid}`);
    }
    const full = GROUPS.filter((group) => pg.members(node, group).length > 0);
    check(
      pg.whichGroups(node).length === full.length,
      () => `${node.name} has an empty group`,
    );
  }

  checkTold(): void {
    const told = this.told.map((counts) =>
      [...counts].flatMap(([pid, count]) => new Array<Pid>(count).fill(pid))
    );
    check(
      shown(told) === shown(this.view()),
      () =>
        `${this.node.name} was told of ${shown(told)} and not of ${
          shown(this.view())
        }`,
    );
  }
}

const OPS = [
  ...["join", "join", "join", "join", "leave", "leave", "leave", "end"],
  ...["end", "steps", "steps", "advance", "cut", "stall", "partition"],
  ...["heal", "crash", "restart", "connect", "disconnect", "kill", "pause"],
] as const;

class Schedule {
  readonly #sim: Simulation;
  readonly #tally: GroupTally;
  readonly #names: readonly string[];
  readonly #places = new Map<string, Place>();
  #paused: string | null = null;

  constructor(sim: Simulation, tally: GroupTally) {
    this.#sim = sim;
    this.#tally = tally;
    this.#names = NAMES.slice(0, this.#pick([2, 3, 3, 4]));
  }

  async run(): Promise<void> {
    for (const name of this.#names) await this.#start(name);
    if (this.#sim.below(3) > 0) await this.#meet();
    for (let left = 12 + this.#sim.below(24); left > 0; left--) {
      const op = this.#pick(OPS);
      this.#tally[op] = (this.#tally[op] ?? 0) + 1;
      await this.#do(op);
      for (const place of this.#places.values()) place.checkNow();
    }
    await this.#calm();
    this.#judge();
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#sim.below(from.length)] as T;
  }

  async #start(name: string): Promise<void> {
    const node = await this.#sim.start(name, { limits: LIMITS });
    const place = new Place(node, this.#tally);
    for (let i = 0; i < 2; i++) place.actors.push(node.spawn(mortal()));
    this.#places.set(name, place);
  }

  async #do(op: (typeof OPS)[number]): Promise<void> {
    const sim = this.#sim;
    const [a, b] = [this.#pick(this.#names), this.#pick(this.#names)];
    const place = this.#places.get(a);
    switch (op) {
      case "join":
      case "leave":
        return place === undefined ? undefined : this.#change(place, op);
      case "end":
        if (place === undefined) return;
        place.node.send(this.#pick(place.actors), "end");
        place.actors.push(place.node.spawn(mortal()));
        return;
      case "kill":
        if (place === undefined || sim.below(3) > 0) return;
        place.node.spawn((self) => self.sendExit(place.scope, reasons.kill));
        return;
      case "steps":
        return await this.#steps(sim.below(40));
      case "advance":
        return await sim.advance(1 + sim.below(5) ** 5);
      case "heal":
        return sim.heal();
      case "crash":
        if (place === undefined || sim.below(2) > 0) return;
        this.#resume(a);
        sim.crash(a);
        this.#places.delete(a);
        return;
      case "restart":
        return place === undefined ? await this.#start(a) : undefined;
      case "pause":
        if (this.#paused !== null) return this.#resume(this.#paused);
        if (place === undefined) return;
        this.#paused = a;
        return sim.pause(a);
      case "partition":
        return sim.partition(
          this.#names.filter((name) => name <= a),
          this.#names.filter((name) => name > a),
        );
      case "cut":
      case "stall":
      case "connect":
      case "disconnect":
        return this.#touch(op, a, b);
      default:
        op satisfies never;
    }
  }

  #touch(
    op: "cut" | "stall" | "connect" | "disconnect",
    a: string,
    b: string,
  ): void {
    if (a === b) return;
    if (op === "cut") this.#sim.cut(a, b);
    else if (op === "stall") this.#sim.stall(a, b);
    else if (op === "disconnect") this.#places.get(a)?.node.disconnect(b);
    else void this.#places.get(a)?.node.tryConnect(b);
  }

  #change(place: Place, op: "join" | "leave"): void {
    place.refresh();
    const at = this.#sim.below(GROUPS.length);
    const mine = place.mine[at] as Pid[];
    const pids = Array.from(
      { length: 1 + this.#sim.below(3) },
      () => this.#pick(place.actors),
    );
    if (op === "join") {
      pg.join(place.node, GROUPS[at], pids);
      mine.push(...pids.filter((pid) => place.node.isAlive(pid)));
      return;
    }
    const left = pids.filter((pid) => {
      const i = mine.indexOf(pid);
      if (i >= 0) mine.splice(i, 1);
      return i >= 0;
    });
    const hasLeft = pg.leave(place.node, GROUPS[at], pids);
    check(hasLeft === left.length > 0, () => `leave said ${hasLeft}`);
  }

  #steps(count: number): Promise<void> {
    let left = count;
    return this.#sim.until(() => left-- <= 0 || this.#sim.isQuiet, {
      what: "some steps to be taken",
    });
  }

  #resume(name: string): void {
    if (this.#paused !== name) return;
    this.#paused = null;
    this.#sim.resume(name);
  }

  /** All nodes run and are connected, and nothing is under way. */
  async #calm(): Promise<void> {
    if (this.#paused !== null) this.#resume(this.#paused);
    this.#sim.heal();
    for (const name of this.#names) {
      if (!this.#places.has(name)) await this.#start(name);
    }
    let rounds = 0;
    do await this.#meet(); while (!this.#isWhole && ++rounds < MAX_ROUNDS);
    check(this.#isWhole, () => "the nodes did not find each other");
  }

  get #isWhole(): boolean {
    const others = this.#names.length - 1;
    return [...this.#places.values()].every(({ node }) =>
      node.nodes().length === others
    );
  }

  async #meet(): Promise<void> {
    for (const [i, name] of this.#names.entries()) {
      for (const peer of this.#names.slice(0, i)) {
        await this.#sim.node(name).tryConnect(peer);
      }
    }
    const quiet = { what: "the cluster to be quiet" };
    await this.#sim.until(() => this.#sim.isQuiet, quiet);
    // Half a connection is only noticed by its silence.
    if (!this.#isWhole) await this.#sim.advance(3_000);
    await this.#sim.until(() => this.#sim.isQuiet, quiet);
  }

  #judge(): void {
    const places = [...this.#places.values()];
    for (const place of places) place.refresh();
    const all = GROUPS.map((_, i) => places.flatMap(({ mine }) => mine[i]!));
    for (const place of places) {
      place.checkNow();
      place.checkTold();
      const view = shown(place.view());
      check(
        view === shown(all),
        () => `${place.node.name} sees ${view} and not ${shown(all)}`,
      );
    }
  }
}

/** Throws for the first thing that is wrong. */
export async function groupSchedule(
  sim: Simulation,
  tally: GroupTally = {},
): Promise<void> {
  await new Schedule(sim, tally).run();
}
