/**
 * `global` and `pg` on five nodes of ours and two of the BEAM, in seven
 * processes that are killed and in a network that is cut. What each node must
 * say is known from what was done; all are asked by the names that Erlang's own
 * functions have.
 */
import { beforeAll, expect, test } from "vitest";
import { atom, Pid, printTerm } from "../../../runtime/mod.ts";
import { SeededRandom } from "../../../std/testing/random.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { isNightly } from "../../helpers/share.ts";
import { replayCommand, seedsOf } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { type Member, Mixed } from "./mixed.ts";

const names = ["n1", "n2", "n3", "n4", "n5"].map(atom);
const groups = ["g1", "g2", "g3"].map(atom);
const ROUNDS = isNightly ? 100 : 6;
const STEPS = 12;

/** Name or group, and node. */
type Key = `${string} ${string}`;

/** What there is to be known of a whole cluster. */
class Model {
  /** Node of the owner, by name. */
  readonly owners = new Map<symbol, string>();
  /** How often a node's actors are in a group. */
  readonly counts = new Map<Key, number>();

  count(group: symbol, node: string): number {
    return this.counts.get(keyOf(group, node)) ?? 0;
  }

  /** A node has ended with all that it had. */
  forget(node: string): void {
    for (const [name, owner] of this.owners) {
      if (owner === node) this.owners.delete(name);
    }
    for (const group of groups) this.counts.delete(keyOf(group, node));
  }
}

function keyOf(group: symbol, node: string): Key {
  return `${Symbol.keyFor(group)} ${node}`;
}

class Run {
  readonly #seven: Mixed;
  readonly #random: SeededRandom;
  readonly #model = new Model();
  /** What was done, for a failure. */
  readonly done: string[] = [];

  constructor(seven: Mixed, seed: number) {
    this.#seven = seven;
    this.#random = new SeededRandom(seed);
  }

  async round(): Promise<void> {
    for (let step = 0; step < STEPS; step++) await this.#step();
    await this.agree();
    if (this.#random.chance(0.5)) await this.#kill();
    else await this.#cut();
    await this.agree();
  }

  /** Takes everything back. */
  async finish(): Promise<void> {
    for (const name of names) await this.#end(name);
    for (const group of groups) {
      for (const at of this.#seven.all) {
        while (this.#model.count(group, at.name) > 0) {
          await this.#leave(group, at);
        }
      }
    }
    await this.agree();
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.below(all.length)]!;
  }

  #step(): Promise<void> {
    const at = this.#pick(this.#seven.all);
    const [name, group] = [this.#pick(names), this.#pick(groups)];
    switch (this.#random.below(6)) {
      case 0:
        return this.#end(name);
      case 1:
        return this.#unregister(name, at);
      case 2:
        return this.#join(group, at);
      case 3:
        return this.#leave(group, at);
      default:
        return this.#register(name, at);
    }
  }

  /** Nodes are told one after the other, so the answer is known. */
  async #register(name: symbol, at: Member): Promise<void> {
    const { owners } = this.#model;
    const isFree = !owners.has(name);
    if (isFree) owners.set(name, at.name);
    expect(await this.#act(at, "register", name))
      .toBe(atom(isFree ? "yes" : "no"));
  }

  async #unregister(name: symbol, at: Member): Promise<void> {
    this.#model.owners.delete(name);
    expect(await this.#act(at, "unregister", name)).toBe(atom("ok"));
  }

  /** The owner is killed; each node learns by itself when its name is free. */
  async #end(name: symbol): Promise<void> {
    const owner = this.#seven.all.find((one) =>
      one.name === this.#model.owners.get(name)
    );
    if (owner === undefined) return;
    this.#model.owners.delete(name);
    expect(await this.#act(owner, "stop", name)).toBe(true);
    await waitFor(async () => {
      const found = await Promise.all(
        this.#seven.all.map((one) => this.#whereis(one, name)),
      );
      return found.every((pid) => pid === null);
    }, { what: `${printTerm(name)} to be free` });
  }

  async #join(group: symbol, at: Member): Promise<void> {
    const count = this.#model.count(group, at.name);
    this.#model.counts.set(keyOf(group, at.name), count + 1);
    expect(await this.#act(at, "join", group)).toBe(atom("ok"));
  }

  async #leave(group: symbol, at: Member): Promise<void> {
    const count = this.#model.count(group, at.name);
    this.#model.counts.set(keyOf(group, at.name), Math.max(count - 1, 0));
    expect(await this.#act(at, "leave", group))
      .toBe(atom(count > 0 ? "ok" : "not_joined"));
  }

  #act(
    at: Member,
    action: Parameters<Mixed["act"]>[1],
    term: symbol,
  ): Promise<unknown> {
    this.done.push(`${action} ${printTerm(term)} on ${at.part}`);
    return this.#seven.act(at, action, term);
  }

  /** A process is killed, and one of the same name comes in its place. */
  async #kill(): Promise<void> {
    const victim = this.#pick(this.#seven.all);
    this.done.push(`kill ${victim.part}`);
    await victim.kill();
    this.#model.forget(victim.name);
    const others = this.#seven.all.filter((one) => one !== victim);
    await waitFor(async () => {
      const seen = await Promise.all(
        others.map((one) => this.#seven.nodesOf(one)),
      );
      return seen.every((nodes) => !nodes.includes(victim.name));
    }, { what: `${victim.part} to be missed`, timeoutMs: 20_000 });
    await victim.start();
    await this.#seven.meet();
  }

  /** Two sides that change names and groups, and meet again. */
  async #cut(): Promise<void> {
    const { all, network } = this.#seven;
    const some = new Set(all.filter(() => this.#random.chance(0.4)));
    const sideOf = (one: Member): boolean => some.has(one);
    const parts = new Set([...some].map(({ part }) => part));
    this.done.push(`cut ${[...parts].join(" ")}`);
    const apart = (from: string, to: string): boolean =>
      from !== "asker" && to !== "asker" && parts.has(from) !== parts.has(to);
    network.cut(apart);
    await waitFor(async () => {
      const seen = await Promise.all(
        all.map((one) => this.#seven.nodesOf(one)),
      );
      return all.every((one, i) =>
        all.every((other) =>
          sideOf(one) === sideOf(other) || !seen[i]!.includes(other.name)
        )
      );
    }, { what: "the sides to part", timeoutMs: 20_000 });
    const given = new Set(this.#model.owners.keys());
    for (const name of names) {
      for (const side of [true, false]) {
        const there = all.filter((one) => sideOf(one) === side);
        if (there.length === 0 || this.#random.chance(0.5)) continue;
        const answer = await this.#act(this.#pick(there), "register", name);
        if (answer === atom("yes")) given.add(name);
        else expect(answer).toBe(atom("no"));
      }
    }
    for (const group of groups) await this.#join(group, this.#pick(all));
    this.done.push("heal");
    network.heal();
    await this.#seven.meet();
    await this.#adopt(given);
  }

  /** A clash leaves one of two owners, so every name still has an owner, which
   * has to be looked up.
   */
  async #adopt(given: ReadonlySet<symbol>): Promise<void> {
    const { owners } = this.#model;
    await this.#seesSame(async (one) => {
      const seen = new Map<symbol, Pid | null>();
      for (const name of names) seen.set(name, await this.#whereis(one, name));
      return seen;
    }, "the names of both sides");
    owners.clear();
    for (const name of names) {
      const pid = await this.#whereis(this.#seven.all[0]!, name);
      if (pid !== null) owners.set(name, pid.node);
    }
    expect(new Set(owners.keys())).toEqual(given);
  }

  /** Every node has every name and group as they must be. */
  async agree(): Promise<void> {
    const { owners } = this.#model;
    const pids = await this.#seesSame(async (one) => {
      const seen = new Map<symbol, Pid | null>();
      for (const name of names) {
        const pid = await this.#whereis(one, name);
        const owner = owners.get(name) ?? null;
        if ((pid?.node ?? null) !== owner) return null;
        seen.set(name, pid);
      }
      return seen;
    }, `names like ${printTerm([...owners])}`);
    for (const pid of pids.values()) {
      if (pid === null) continue;
      const owner = this.#seven.all.find(({ name }) => name === pid.node)!;
      expect(await this.#seven.ask(owner, "erlang:is_process_alive", [pid]))
        .toBe(true);
    }
    for (const group of groups) {
      await this.#seesSame(async (one) => {
        const members = await this.#seven.ask(one, "pg:get_members", [group]);
        const counts = new Map(this.#seven.all.map(({ name }) => [name, 0]));
        for (const { node } of members as Pid[]) {
          counts.set(node, counts.get(node)! + 1);
        }
        const isRight = this.#seven.all.every(({ name }) =>
          counts.get(name) === this.#model.count(group, name)
        );
        return isRight ? (members as Pid[]).map(String).sort() : null;
      }, `members of ${printTerm(group)}`);
    }
    for (const one of this.#seven.all.filter(({ isBeam }) => isBeam)) {
      const noLock = () =>
        this.#seven.ask(one, "ets:tab2list", [
          atom("global_locks"),
        ]);
      await waitFor(async () => printTerm(await noLock()) === "[]", {
        what: `no lock on ${one.part}`,
      });
    }
  }

  /** Resolves with what all see when it is one and the same, and not null. */
  #seesSame<T>(
    see: (one: Member) => Promise<T | null>,
    what: string,
  ): Promise<T> {
    return waitFor(async () => {
      const seen = await Promise.all(this.#seven.all.map(see));
      const texts = new Set(seen.map(inFull));
      return texts.size === 1 ? seen[0] : null;
    }, { what, timeoutMs: 60_000 });
  }

  async #whereis(one: Member, name: symbol): Promise<Pid | null> {
    const found = await this.#seven.ask(one, "global:whereis_name", [name]);
    return found instanceof Pid ? found : null;
  }
}

function inFull(seen: unknown): string {
  if (!(seen instanceof Map)) return JSON.stringify(seen);
  return [...seen].map(([name, pid]) => `${String(name)} ${pid}`).join();
}

matrix("five nodes of ours and two of the BEAM", () => {
  let seven: Mixed;
  beforeAll(async () => {
    seven = await Mixed.start();
    await seven.meet();
  }, 120_000);

  test.each(seedsOf({ count: 1 }))(
    "agree on names and groups, after nodes are killed or cut off (seed %i)",
    async (seed) => {
      const run = new Run(seven, seed);
      try {
        await run.agree();
        for (let round = 0; round < ROUNDS; round++) await run.round();
        await run.finish();
      } catch (error) {
        throw new Error(
          `${error instanceof Error ? error.message : error}\nafter: ${
            run.done.join(", ")
          }\nreplay: ${replayCommand(seed)}`,
          { cause: error },
        );
      }
    },
    isNightly ? 30 * 60_000 : 240_000,
  );
});
