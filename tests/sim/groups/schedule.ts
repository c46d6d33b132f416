/**
 * A random schedule of groups in a simulated cluster, those of `pg` or of
 * `pg2`: actors join, leave and end, groups are created and deleted, links
 * stall, break and are cut off, nodes crash and come back, scopes are killed.
 * Throws for each violation, at any moment and at the end.
 *
 * It knows no test runner, so that mutants of the runtime can be run by it.
 */

import { handler, pg2, type Pid, reasons, stop } from "../../../runtime/mod.ts";
import type { Simulation } from "../../../std/testing/mod.ts";
import {
  type Api,
  change,
  check,
  groupNames,
  type GroupTally,
  ofPg,
  ofPg2,
  Place,
  shown,
} from "./place.ts";

const nodeNames = ["a@sim", "b@sim", "c@sim", "d@sim"];
const limits = {
  suspectAfterMs: 1_000,
  downAfterMs: 2_000,
  setupTimeoutMs: 500,
};
/** Rounds until all nodes have found each other again. */
const MAX_ROUNDS = 10;

/** Ends at the first message. */
const mortal = () => handler(0, (_: number, __: string) => stop());

const operations = [
  ...["join", "join", "join", "join", "leave", "leave", "leave", "end"],
  ...["end", "steps", "steps", "advance", "cut", "stall", "partition"],
  ...["heal", "crash", "restart", "connect", "connect", "disconnect", "kill"],
  ...["pause", "hold", "lag"],
] as const;

/** A message that is passed on waits only for busy actors. */
const HEARSAY_MS = 1_000;

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
    this.#names = nodeNames.slice(0, this.#pick([2, 2, 2, 3, 3, 4]));
    this.#api = this.#pick([ofPg, ofPg, ofPg2]);
  }

  async run(): Promise<void> {
    for (const name of this.#names) await this.#start(name);
    if (this.#sim.below(3) > 0) await this.#meet();
    for (let left = 6 + this.#sim.below(16); left > 0; left--) {
      const op = this.#pick(operations);
      this.#tally[op] = (this.#tally[op] ?? 0) + 1;
      await this.#do(op);
      this.#checkNow();
    }
    await this.#calm();
    this.#judge();
    if (this.#api.name === "pg2") await this.#deleteApart();
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#sim.below(from.length)] as T;
  }

  async #start(name: string): Promise<void> {
    const node = await this.#sim.start(name, {
      limits: limits,
      global: false,
    });
    const place = new Place(node, this.#api, this.#tally);
    for (let i = 0; i < 2; i++) place.actors.push(node.spawn(mortal()));
    this.#places.set(name, place);
  }

  async #do(op: (typeof operations)[number]): Promise<void> {
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
      case "hold":
        place?.hold(sim.below(2) === 0);
        return;
      case "lag":
        return place === undefined || a === b
          ? undefined
          : await this.#lag(place, b);
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

  /** A scope receives a message of a peer when it may not hold any more. */
  async #lag(place: Place, peer: string): Promise<void> {
    const { name } = place.node;
    const other = this.#places.get(peer);
    if (other !== undefined) this.#change(other, "join");
    place.node.disconnect(peer);
    await this.#steps(this.#sim.below(20));
    this.#touch("connect", name, peer);
    await this.#steps(this.#sim.below(30));
    place.hold(true);
    await this.#steps(this.#sim.below(20));
    this.#touch(this.#pick(["cut", "disconnect"]), peer, name);
    await this.#steps(this.#sim.below(10));
    if (this.#places.get(peer) === other) other?.leaveAll();
    if (this.#sim.below(2) === 0) this.#touch("connect", peer, name);
    await this.#steps(this.#sim.below(40));
    place.hold(false);
    await this.#steps(this.#sim.below(10));
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
    const group = this.#pick(groupNames);
    const op = this.#sim.below(3) === 0 ? "delete" : "create";
    this.#tally[op] = (this.#tally[op] ?? 0) + 1;
    change(pg2[op](node, group));
  }

  #change(place: Place, op: "join" | "leave"): void {
    place.refresh();
    const { api } = place;
    const at = this.#sim.below(groupNames.length);
    const mine = place.mine[at] as Pid[];
    const pids = Array.from(
      { length: 1 + this.#sim.below(3) },
      () => this.#pick(place.actors),
    );
    if (op === "join") {
      if (!api.join(place.node, groupNames[at], pids)) return;
      mine.push(...pids.filter((pid) => place.node.isAlive(pid)));
      return;
    }
    const left = pids.filter((pid) => {
      const i = mine.indexOf(pid);
      if (i >= 0) mine.splice(i, 1);
      return i >= 0;
    });
    const hasLeft = api.leave(place.node, groupNames[at], pids);
    check(hasLeft === left.length > 0, () => `leave said ${hasLeft}`);
  }

  async #steps(count: number): Promise<void> {
    let left = count;
    await this.#sim.until(() => left-- <= 0 || this.#sim.isQuiet, {
      what: "some steps to be taken",
    });
    this.#checkNow();
  }

  #checkNow(): void {
    for (const place of this.#places.values()) place.checkNow();
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
    for (const place of this.#places.values()) place.hold(false);
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
    const all = groupNames.map((_, i) =>
      places.flatMap(({ mine }) => mine[i]!)
    );
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
    const [group] = groupNames;
    change(pg2.create(one.node, group));
    await this.#calm();
    for (const place of [one, ...others]) {
      change(pg2.join(place.node, group, this.#pick(place.actors)));
    }
    await this.#sim.advance(this.#sim.below(20));
    if (others.length > 1 && this.#sim.below(2) === 0) {
      return await this.#deleteByHearsay([one, ...others]);
    }
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

  /** A node learns of a deletion only from a third, since the first is gone. */
  async #deleteByHearsay(places: readonly Place[]): Promise<void> {
    const [one, other, third] = places as [Place, Place, Place];
    await this.#calm();
    this.#sim.partition([one.node.name], [other.node.name]);
    this.#sim.cut(one.node.name, other.node.name);
    change(pg2.delete(one.node, groupNames[0]));
    await this.#deletionIsHeard(third);
    this.#sim.crash(one.node.name);
    this.#places.delete(one.node.name);
    this.#sim.heal();
    await this.#deletionIsHeard(other);
    await this.#deletionIsHeard(third);
  }

  async #deletionIsHeard({ node, api }: Place): Promise<void> {
    const isHeard = () => !api.groups(node).includes(groupNames[0]);
    const end = this.#sim.timeMs + HEARSAY_MS;
    await this.#sim.until(() => isHeard() || this.#sim.timeMs >= end, {
      what: "a deletion to be learnt of",
    });
    check(
      isHeard(),
      () => `${node.name} has not heard that a group was deleted`,
    );
  }
}

export type { GroupTally };

/** Throws for the first violation. */
export async function groupSchedule(
  sim: Simulation,
  tally: GroupTally = {},
): Promise<void> {
  await new Schedule(sim, tally).run();
}
