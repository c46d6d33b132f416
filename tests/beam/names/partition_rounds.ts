/**
 * Rounds of faults in the network of a mixed cluster. In each round actors get
 * names and join groups, and watch each other; links are cut, half cut or held
 * up; both sides go on; the network heals. Then:
 *
 * - each name has one owner, the same everywhere. It is the claimant whose node
 *   has the smallest name, as OTP's `random_exit_name` decides;
 * - each group has the same members everywhere;
 * - a link is there at both ends or at none, and each link and monitor of two
 *   nodes that were cut off from each other has fired exactly once.
 *
 * A round takes back what it has made, so its seed runs it alone as well.
 */
import { expect } from "vitest";
import { atom, Pid, printTerm } from "../../../runtime/mod.ts";
import { SeededRandom } from "../../../std/testing/random.ts";
import { waitFor } from "../../helpers/wait.ts";
import type { Kinds, Member, Mixed } from "./mixed.ts";

/** Ours on each runtime, and a BEAM node of each program. */
export const five: Kinds = {
  ...{ b1: "erl", h1: "node", h2: "deno" },
  ...{ h3: "bun", z1: "elixir" },
};

/** BEAM nodes do not end connections because others have lost one. */
export const overlapping: readonly string[] = [
  ...["-kernel", "prevent_overlapping_partitions", "false"],
];

const names = ["p1", "p2", "p3"].map(atom);
const groups = ["q1", "q2"].map(atom);
const WATCHES = 4;
/** What is done while the network is cut may wait for the other side. */
const FAULT_MS = 300;
const AGREE_MS = 60_000;

type Fault = {
  readonly type: "sides" | "link" | "half" | "held";
  readonly isApart: (a: string, b: string) => boolean;
};

/** An actor that is linked to and monitors an actor of another node. */
type Watch = {
  readonly at: Member;
  readonly on: Member;
  readonly watcher: Pid;
  readonly target: Pid;
};

export class Round {
  readonly #mixed: Mixed;
  readonly #random: SeededRandom;
  readonly #isOverlapping: boolean;
  /** Nodes that were told that a name is theirs. */
  readonly #claims = new Map<symbol, Set<string>>();
  readonly #joined = new Map<symbol, Set<string>>();
  readonly #watches: Watch[] = [];
  /** What was done, for a failure. */
  readonly done: string[] = [];

  constructor(mixed: Mixed, seed: number, isOverlapping: boolean) {
    this.#mixed = mixed;
    this.#random = new SeededRandom(seed);
    this.#isOverlapping = isOverlapping;
  }

  async run(): Promise<void> {
    const { all } = this.#mixed;
    for (const name of names) {
      if (this.#random.chance(0.5)) await this.#register(name, this.#pick(all));
    }
    for (const group of groups) await this.#join(group, this.#pick(all));
    for (let i = 0; i < WATCHES; i++) await this.#watch();
    const fault = this.#fault();
    await this.#begin(fault);
    const doing = this.#during(fault);
    await soonest(doing, FAULT_MS);
    this.done.push("heal");
    this.#mixed.network.heal();
    await doing;
    await this.#mixed.meet();
    await this.#expectNames();
    await this.#expectGroups();
    await this.#expectWatches(fault);
    await this.#finish();
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.below(all.length)]!;
  }

  async #register(name: symbol, at: Member): Promise<void> {
    this.done.push(`register ${printTerm(name)} on ${at.part}`);
    const answer = await this.#mixed.act(at, "register", name);
    if (answer !== atom("yes")) return;
    this.done.push(`${printTerm(name)} is of ${at.part}`);
    const claims = this.#claims.get(name) ?? new Set();
    this.#claims.set(name, claims.add(at.name));
  }

  async #join(group: symbol, at: Member): Promise<void> {
    this.done.push(`join ${printTerm(group)} on ${at.part}`);
    const joined = this.#joined.get(group) ?? new Set();
    if (joined.has(at.name)) return;
    this.#joined.set(group, joined.add(at.name));
    await this.#mixed.act(at, "join", group);
  }

  async #watch(): Promise<void> {
    const { all } = this.#mixed;
    const on = this.#pick(all);
    const at = this.#pick(all.filter((one) => one !== on));
    this.done.push(`watch ${on.part} from ${at.part}`);
    const target = await this.#ask(on, "target", []) as Pid;
    const watcher = await this.#ask(at, "watch", [target]) as Pid;
    this.#watches.push({ at, on, watcher, target });
    // The link has arrived, else a cut would leave nothing to break.
    await waitFor(() => this.#isLinked({ at, on, watcher, target }), {
      what: `a link from ${at.part} to ${on.part}`,
    });
  }

  #ask(of: Member, name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#mixed.ask(of, `links_ts:${name}`, args);
  }

  async #isLinked({ at, on, watcher, target }: Watch): Promise<boolean> {
    const there = await this.#ask(on, "linked", [target, watcher]);
    return there === true &&
      await this.#ask(at, "linked", [watcher, target]) === true;
  }

  #fault(): Fault {
    const { all } = this.#mixed;
    const types = ["sides", "sides", "link", "half", "held"] as const;
    // Without its prevention OTP says itself that overlapping partitions leave
    // `global` in disagreement.
    const type = this.#isOverlapping ? "sides" : this.#pick(types);
    if (type === "sides") {
      const size = 1 + this.#random.below(all.length - 1);
      const side = new Set<string>();
      while (side.size < size) side.add(this.#pick(all).part);
      this.done.push(`cut ${[...side].join(" ")}`);
      const isOf = (part: string): boolean => side.has(part);
      return { type, isApart: (a, b) => isOf(a) !== isOf(b) };
    }
    const one = this.#pick(all);
    const other = this.#pick(all.filter((found) => found !== one));
    this.done.push(`${type} ${one.part} ${other.part}`);
    const both = [one.part, other.part];
    return { type, isApart: (a, b) => both.includes(a) && both.includes(b) };
  }

  async #begin({ type, isApart }: Fault): Promise<void> {
    const { network, all } = this.#mixed;
    const isOurs = (a: string, b: string): boolean =>
      a !== b && a !== "asker" && b !== "asker" && isApart(a, b);
    if (type === "held") return network.hold(isOurs);
    network.cut(isOurs, type === "half" ? "dialler" : "both");
    await waitFor(async () => {
      const seen = await this.#seen();
      return all.every((one) =>
        all.every((other) => {
          if (!isOurs(one.part, other.part)) return true;
          const isUp = seen.get(one)!.includes(other.name);
          // Of a half cut only one of the two is told.
          const isUpThere = seen.get(other)!.includes(one.name);
          return type === "half" ? !isUp || !isUpThere : !isUp;
        })
      );
    }, { what: "the sides to part", timeoutMs: 20_000 });
  }

  async #seen(): Promise<Map<Member, readonly string[]>> {
    const { all } = this.#mixed;
    const nodes = await Promise.all(all.map((one) => this.#mixed.nodesOf(one)));
    return new Map(all.map((one, i) => [one, nodes[i]!]));
  }

  /** Both sides go on. */
  async #during({ isApart }: Fault): Promise<void> {
    const { all } = this.#mixed;
    for (const name of names) {
      const first = this.#pick(all);
      const apart = all.filter(({ part }) =>
        part !== first.part && isApart(first.part, part)
      );
      const second = apart.length > 0 ? this.#pick(apart) : null;
      await this.#register(name, first);
      if (second !== null) await this.#register(name, second);
    }
    for (const group of groups) await this.#join(group, this.#pick(all));
  }

  async #expectNames(): Promise<void> {
    const { all } = this.#mixed;
    for (const name of names) {
      const claims = [...this.#claims.get(name) ?? []].sort();
      const owner = await this.#sameOnAll(async (one) => {
        const pid = await this.#mixed.ask(one, "global:whereis_name", [name]);
        return pid instanceof Pid ? pid : null;
      }, `the owner of ${printTerm(name)}, claimed by ${claims}`);
      const keeper = claims[0] ?? null;
      expect([name, owner?.node ?? null]).toEqual([name, keeper]);
      if (owner === null) continue;
      const there = all.find((one) => one.name === owner.node)!;
      const alive = this.#mixed.ask(there, "erlang:is_process_alive", [owner]);
      expect([name, await alive]).toEqual([name, true]);
    }
  }

  async #expectGroups(): Promise<void> {
    for (const group of groups) {
      const expected = [...this.#joined.get(group) ?? []].sort();
      await waitFor(async () => {
        const seen = await Promise.all(
          this.#mixed.all.map((one) =>
            this.#mixed.ask(one, "pg:get_members", [group])
          ),
        );
        return seen.every((members) => {
          const nodes = (members as Pid[]).map(({ node }) => node).sort();
          return printTerm(nodes) === printTerm(expected);
        });
      }, {
        what: `${printTerm(group)} with members on ${expected}`,
        timeoutMs: AGREE_MS,
      });
    }
  }

  /** What is the same on all nodes, once it is. */
  async #sameOnAll(
    see: (one: Member) => Promise<Pid | null>,
    what: string,
  ): Promise<Pid | null> {
    const found = await waitFor(async () => {
      const seen = await Promise.all(this.#mixed.all.map(see));
      const texts = new Set(seen.map((pid) => inFull(pid)));
      if (texts.size > 1) throw new Error(`got ${[...texts].join(", ")}`);
      return { pid: seen[0] ?? null };
    }, { what, timeoutMs: AGREE_MS });
    return found.pid;
  }

  async #told(watch: Watch): Promise<string> {
    const { at, on, watcher, target } = watch;
    const here = await this.#ask(at, "told", [watcher]);
    const there = await this.#ask(on, "told", [target]);
    const linked = [
      await this.#ask(at, "linked", [watcher, target]),
      await this.#ask(on, "linked", [target, watcher]),
    ];
    return JSON.stringify([here, there, linked]);
  }

  async #expectWatches({ type, isApart }: Fault): Promise<void> {
    const broken = "[[1,1],[1,0],[false,false]]";
    const intact = "[[0,0],[0,0],[true,true]]";
    for (const watch of this.#watches) {
      const { at, on } = watch;
      const mustBreak = type !== "held" && isApart(at.part, on.part);
      const what = `both ends of the link from ${at.part} to ${on.part}`;
      const state = await waitFor(async () => {
        const told = await this.#told(watch);
        if (told === broken || (told === intact && !mustBreak)) return told;
        throw new Error(`got ${told}`);
      }, { what, timeoutMs: AGREE_MS });
      await this.#ask(on, "stop", [watch.target]);
      // What has fired once does not fire again when its target ends.
      const told = "[1,1]";
      await waitFor(async () => {
        const here = await this.#ask(at, "told", [watch.watcher]);
        return JSON.stringify(here) === told;
      }, { what: `one exit and one down from ${on.part}, it was ${state}` });
    }
  }

  /** Takes everything back. */
  async #finish(): Promise<void> {
    const { all } = this.#mixed;
    for (const { at, watcher } of this.#watches) {
      expect(await this.#ask(at, "told", [watcher])).toEqual([1, 1]);
      await this.#ask(at, "stop", [watcher]);
    }
    for (const name of names) {
      await Promise.all(all.map((one) => this.#mixed.act(one, "stop", name)));
      await this.#sameOnAll(async (one) => {
        const pid = await this.#mixed.ask(one, "global:whereis_name", [name]);
        if (pid instanceof Pid) throw new Error(`${pid} has it`);
        return null;
      }, `${printTerm(name)} to be free`);
    }
    for (const [group, joined] of this.#joined) {
      for (const one of all.filter(({ name }) => joined.has(name))) {
        await this.#mixed.act(one, "leave", group);
      }
    }
  }
}

/** Resolves when the promise is done, or after so long. */
async function soonest(doing: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([doing.catch(() => {}), late]);
  clearTimeout(timer);
}

function inFull(pid: Pid | null): string {
  if (pid === null) return "nobody";
  const { node, id, serial, creation } = pid;
  return `${node} ${id} ${serial} ${creation}`;
}
