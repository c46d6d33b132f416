/**
 * A random schedule of groups in a simulated cluster, those of `pg` or of `pg2`:
 * actors join, leave and end, groups are created and deleted, links stall, break
 * and are cut off, nodes crash and come back, scopes are killed. Throws for what
 * must never be, at any moment and at the end.
 *
 * It knows no test runner, so that mutants of the runtime can be run by it.
 */

import {
  Down,
  type GroupJoin,
  handler,
  pg,
  pg2,
  Pg2Error,
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

/** What of the two is put to the test, in the same words. */
type Api = {
  readonly name: "pg" | "pg2";
  start(node: RunningNode): void;
  members(node: RunningNode, group: unknown): readonly Pid[];
  localMembers(node: RunningNode, group: unknown): readonly Pid[];
  groups(node: RunningNode): readonly unknown[];
  /** Returns whom it has taken in or out, which it does at once. */
  join(node: RunningNode, group: unknown, pids: readonly Pid[]): boolean;
  leave(node: RunningNode, group: unknown, pids: readonly Pid[]): boolean;
};

const ofPg: Api = {
  name: "pg",
  start: (node) => void pg.start(node),
  members: (node, group) => pg.members(node, group),
  localMembers: (node, group) => pg.localMembers(node, group),
  groups: (node) => pg.whichGroups(node),
  join: (node, group, pids) => {
    pg.join(node, group, pids);
    return true;
  },
  leave: (node, group, pids) => pg.leave(node, group, pids),
};

/** Nobody waits for other nodes: one that crashes would not go on. */
function change(changing: Promise<void>): void {
  changing.catch((error) => {
    check(error instanceof Pg2Error, () => String(error));
  });
}

const ofPg2: Api = {
  name: "pg2",
  start: (node) => pg2.start(node),
  members: (node, group) =>
    pg2.whichGroups(node).includes(group) ? pg2.getMembers(node, group) : [],
  localMembers: (node, group) =>
    pg2.whichGroups(node).includes(group)
      ? pg2.getLocalMembers(node, group)
      : [],
  groups: (node) => pg2.whichGroups(node),
  join: (node, group, pids) => {
    for (const pid of pids) change(pg2.join(node, group, pid));
    return pg2.whichGroups(node).includes(group);
  },
  leave: (node, group, pids) => {
    const before = ofPg2.localMembers(node, group).length;
    for (const pid of pids) change(pg2.leave(node, group, pid));
    return ofPg2.localMembers(node, group).length < before;
  },
};

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
  readonly api: Api;
  readonly #tally: GroupTally;

  constructor(node: RunningNode, api: Api, tally: GroupTally) {
    this.node = node;
    this.api = api;
    this.#tally = tally;
    api.start(node);
    this.#scope = this.scope;
    if (api.name !== "pg") return;
    node.spawn((self: Self<unknown>) => this.#listen(self));
  }

  get scope(): Pid {
    return this.node.whereis(this.api.name) as Pid;
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
    const { api, node, scope } = this;
    if (scope !== this.#scope) this.mine = GROUPS.map(() => []);
    this.#scope = scope;
    this.mine = this.mine.map((pids, i) => {
      // Of `pg2`, the group may have been deleted meanwhile.
      const isGone = api.name === "pg2" &&
        this.#tally["delete"] !== undefined &&
        api.localMembers(node, GROUPS[i]).length === 0;
      return isGone ? [] : pids.filter((pid) => node.isAlive(pid));
    });
  }

  view(): View {
    return GROUPS.map((group) => this.api.members(this.node, group));
  }

  /** What holds at every moment. */
  checkNow(): void {
    this.refresh();
    const { node } = this;
    const local = GROUPS.map((group) => this.api.localMembers(node, group));
    check(
      shown(local) === shown(this.mine),
      () => `${node.name} has ${shown(local)} and not ${shown(this.mine)}`,
    );
    const known = new Set([node.name, ...node.nodes()]);
    for (const pid of this.view().flat()) {
      check(known.has(pid.node), () => `${node.name} sees a phantom: ${pid}`);
    }
    if (this.api.name !== "pg") return;
    const full = GROUPS.filter((group) => pg.members(node, group).length > 0);
    check(
      pg.whichGroups(node).length === full.length,
      () => `${node.name} has an empty group`,
    );
  }

  checkTold(): void {
    if (this.api.name !== "pg") return;
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
  readonly #api: Api;
  readonly #sim: Simulation;
  readonly #tally: GroupTally;
  readonly #names: readonly string[];
  readonly #places = new Map<string, Place>();
  #paused: string | null = null;

  constructor(sim: Simulation, tally: GroupTally) {
    this.#sim = sim;
    this.#tally = tally;
    this.#names = NAMES.slice(0, this.#pick([2, 3, 3, 4]));
    this.#api = this.#pick([ofPg, ofPg, ofPg2]);
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
    if (this.#api.name === "pg2") await this.#deleteApart();
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#sim.below(from.length)] as T;
  }

  async #start(name: string): Promise<void> {
    const node = await this.#sim.start(name, { limits: LIMITS });
    const place = new Place(node, this.#api, this.#tally);
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
        if (place === undefined) return;
        if (this.#api.name === "pg2" && sim.below(3) === 0) this.#found(place);
        return this.#change(place, op);
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

  /** Groups of `pg2` come and go by hand. */
  #found({ node }: Place): void {
    const group = this.#pick(GROUPS);
    const op = this.#sim.below(3) === 0 ? "delete" : "create";
    this.#tally[op] = (this.#tally[op] ?? 0) + 1;
    change(pg2[op](node, group));
  }

  #change(place: Place, op: "join" | "leave"): void {
    place.refresh();
    const { api } = place;
    const at = this.#sim.below(GROUPS.length);
    const mine = place.mine[at] as Pid[];
    const pids = Array.from(
      { length: 1 + this.#sim.below(3) },
      () => this.#pick(place.actors),
    );
    if (op === "join") {
      if (!api.join(place.node, GROUPS[at], pids)) return;
      mine.push(...pids.filter((pid) => place.node.isAlive(pid)));
      return;
    }
    const left = pids.filter((pid) => {
      const i = mine.indexOf(pid);
      if (i >= 0) mine.splice(i, 1);
      return i >= 0;
    });
    const hasLeft = api.leave(place.node, GROUPS[at], pids);
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
      check(
        this.#groupsOn(place) === this.#groupsOn(places[0] as Place),
        () => `${place.node.name} has the groups ${this.#groupsOn(place)}`,
      );
    }
  }

  #groupsOn({ node, api }: Place): string {
    return api.groups(node).map(String).sort().join();
  }

  /** What one side of a partition deletes stays deleted on both. */
  async #deleteApart(): Promise<void> {
    const [one, ...others] = this.#names.map((name) =>
      this.#places.get(name) as Place
    );
    if (one === undefined) return;
    const [group] = GROUPS;
    change(pg2.create(one.node, group));
    await this.#calm();
    for (const place of [one, ...others]) {
      change(pg2.join(place.node, group, this.#pick(place.actors)));
    }
    await this.#steps(this.#sim.below(60));
    const names = others.map(({ node }) => node.name);
    this.#sim.partition([one.node.name], names);
    change(pg2.delete(one.node, group));
    const isNew = this.#sim.below(2) === 0;
    const anew = this.#pick(one.actors);
    if (isNew) {
      change(pg2.create(one.node, group));
      change(pg2.join(one.node, group, anew));
    }
    await this.#sim.advance(this.#sim.below(4_000));
    await this.#calm();
    for (const { node, api } of [one, ...others]) {
      const members = shown([api.members(node, group)]);
      const wanted = shown([isNew && one.node.isAlive(anew) ? [anew] : []]);
      check(
        api.groups(node).includes(group) === isNew && members === wanted,
        () => `${node.name} has ${members} in a group that was deleted`,
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
