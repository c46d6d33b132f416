/**
 * Actors that send each other messages of every size by every way there is, and
 * note what they have sent and what has come, to be compared.
 *
 * Pids and aliases cross the wire before they are used, as they would between
 * processes: the notes are shared, addresses are not.
 */

import {
  BusyError,
  Call,
  CallError,
  type Destination,
  Down,
  Exit,
  type Pid,
  reasons,
  type Ref,
  type Self,
} from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";

/** Things sent from one sender to one receiver, in the order of sending. */
export type Pair = {
  readonly sender: string;
  readonly receiver: string;
  /** How each was sent; its place is its number. */
  readonly sent: string[];
  /** Numbers of those that came through the mailbox. */
  readonly seen: number[];
};

/** What a run did, to see that the schedules are not all of one kind. */
export type Tally = {
  readonly ways: Map<string, number>;
  largeBytes: number;
  refused: number;
  /** Answers to `send` that were false. */
  told: number;
  victims: number;
  /** Messages that came before others which were sent earlier by another. */
  overtakings: number;
  /** Violations. */
  readonly faults: string[];
};

export function emptyTally(): Tally {
  return {
    ways: new Map(),
    largeBytes: 0,
    refused: 0,
    told: 0,
    victims: 0,
    overtakings: 0,
    faults: [],
  };
}

/** The part of messages and reasons that identifies them. */
type Numbered = {
  readonly by: string;
  readonly n: number;
  readonly data: unknown;
};
type Hello = {
  readonly hello: string;
  readonly pid: Pid<unknown>;
  /** Only of receivers. */
  readonly alias: Ref | null;
};

const isNumbered = (term: unknown): term is Numbered =>
  typeof term === "object" && term !== null && "by" in term && "n" in term;
const isHello = (term: unknown): term is Hello =>
  typeof term === "object" && term !== null && "hello" in term;

const KIB = 1024;

/** Mostly small, and one in four from 100 KiB to 1 MiB. */
function dataOf(sim: Simulation, tally: Tally): unknown {
  const kind = sim.below(8);
  if (kind < 5) return "x".repeat(sim.below(200));
  if (kind === 5) return new Uint8Array(10 * KIB);
  const bytes = 100 * KIB + sim.below(924 * KIB);
  tally.largeBytes += bytes;
  return kind === 6 ? new Uint8Array(bytes) : "y".repeat(bytes);
}

export class Players {
  readonly pairs: Map<string, Pair> = new Map();
  /** The actors that know all of their partners. */
  ready = 0;
  /** Receivers and senders that are done. */
  finished = 0;
  readonly tally: Tally;
  /** Whether all that is sent arrives, because no connection is cut. */
  readonly isCertain: boolean;
  readonly #sim: Simulation;
  /** Numbers of all messages, which show what overtakes what. */
  #clock = 0;
  readonly #sentAt = new Map<string, number>();
  readonly #latest = new Map<string, number>();

  constructor(sim: Simulation, tally: Tally, isCertain: boolean) {
    this.#sim = sim;
    this.tally = tally;
    this.isCertain = isCertain;
  }

  pair(sender: string, receiver: string): Pair {
    const key = `${sender}>${receiver}`;
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      pair = { sender, receiver, sent: [], seen: [] };
      this.pairs.set(key, pair);
    }
    return pair;
  }

  /** Notes what is about to be sent, and returns it. */
  next(sender: string, receiver: string, way: string): Numbered {
    const { sent } = this.pair(sender, receiver);
    const n = sent.length;
    sent.push(way);
    this.tally.ways.set(way, (this.tally.ways.get(way) ?? 0) + 1);
    this.#sentAt.set(`${sender}>${receiver}:${n}`, this.#clock++);
    return { by: sender, n, data: dataOf(this.#sim, this.tally) };
  }

  /** Notes what has come. */
  came(receiver: string, { by, n }: Numbered): void {
    const { seen } = this.pair(by, receiver);
    const last = seen.at(-1) ?? -1;
    if (n <= last) this.fault(`${receiver} got ${n} of ${by} after ${last}`);
    seen.push(n);
    const at = this.#sentAt.get(`${by}>${receiver}:${n}`) ?? 0;
    const latest = this.#latest.get(receiver) ?? -1;
    if (at < latest) this.tally.overtakings++;
    else this.#latest.set(receiver, at);
  }

  /** Expects all to have come that `by` sent before number `n`. */
  expectAllBefore(receiver: string, by: string, n: number, what: string): void {
    const { sent, seen } = this.pair(by, receiver);
    const wanted = sent.slice(0, n).filter((way) => way !== "reply").length;
    const got = seen.filter((one) => one < n).length;
    if (got === wanted) return;
    this.fault(
      `${receiver} got ${what} of ${by} after ${got} of ${wanted} messages`,
    );
  }

  fault(what: string): void {
    this.tally.faults.push(what);
  }
}

/** Where an actor is: its name, registered on its node. */
export type Place = { readonly name: string; readonly node: string };

/** A pause of an actor, which leaves its mailbox alone. */
export async function pause(
  self: Self<unknown>,
  timeoutMs: number,
): Promise<void> {
  await self.receive((message) => message === "never", { timeoutMs });
}

/** Sends, and tries again when it is refused. */
async function surely(
  self: Self<unknown>,
  to: Destination<never>,
  tally: Tally,
  send: () => boolean,
): Promise<void> {
  for (;;) {
    try {
      if (!send()) tally.told++;
      return;
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      tally.refused++;
      await self.ready(to);
    }
  }
}

/** An actor to be killed; it says when it is there. */
export const victim = (name: string, parent: Pid<unknown>) =>
async (
  self: Self<unknown>,
): Promise<void> => {
  self.register(name);
  self.send(parent, { victim: self.pid });
  for (;;) await self.receive();
};

/** The addresses that a sender has of a receiver. */
type Known = { readonly place: Place; readonly hello: Hello };

/** Sends to all receivers in turn, at random, and then ends. */
export class Sender {
  readonly #players: Players;
  readonly #sim: Simulation;
  readonly #own: Place;
  readonly #steps: number;
  readonly #known: Known[] = [];
  #victims = 0;

  constructor(
    players: Players,
    sim: Simulation,
    own: Place,
    steps: number,
  ) {
    this.#players = players;
    this.#sim = sim;
    this.#own = own;
    this.#steps = steps;
  }

  async run(
    self: Self<unknown>,
    receivers: readonly Place[],
  ): Promise<void> {
    for (const place of receivers) {
      const hello = { hello: this.#own.name, pid: self.pid, alias: null };
      self.send(place, hello);
    }
    while (this.#known.length < receivers.length) {
      const hello = await self.receive(isHello);
      const place = receivers.find(({ name }) => name === hello.hello)!;
      this.#known.push({ place, hello });
    }
    this.#players.ready++;
    for (let step = 0; step < this.#steps; step++) {
      await this.#act(self);
      const call = await self.receive((m): m is Call => m instanceof Call, {
        timeoutMs: this.#sim.below(3),
      });
      if (call !== undefined) await this.#reply(self, call);
    }
    this.#players.finished++;
    self.exit({ over: this.#own.name, data: dataOf(this.#sim, this.#tally) });
  }

  get #tally(): Tally {
    return this.#players.tally;
  }

  async #act(self: Self<unknown>): Promise<void> {
    const known = this.#known[this.#sim.below(this.#known.length)]!;
    const ways = ["pid", "pid", "named", "alias", "exit", "victim"] as const;
    const way = ways[this.#sim.below(ways.length)]!;
    const { place, hello } = known;
    switch (way) {
      case "pid":
        return await this.#send(self, place, hello.pid, way);
      case "named":
        return await this.#send(self, place, place, way);
      case "alias":
        return await this.#send(self, place, hello.alias as Ref, way);
      case "exit":
        self.sendExit(
          hello.pid,
          this.#players.next(this.#own.name, place.name, way),
        );
        return;
      case "victim":
        // Nothing is certain of it when connections come and go.
        if (this.#players.isCertain) await this.#kill(self, place.node);
        return;
      default:
        way satisfies never;
    }
  }

  async #send(
    self: Self<unknown>,
    { name }: Place,
    to: Destination<unknown>,
    way: string,
  ): Promise<void> {
    const message = this.#players.next(this.#own.name, name, way);
    await surely(self, to, this.#tally, () => self.send(to, message));
  }

  async #reply(self: Self<unknown>, call: Call): Promise<void> {
    const { asker } = call.request as { asker: string };
    const reply = this.#players.next(this.#own.name, asker, "reply");
    const { from } = call;
    await surely(self, from.pid, this.#tally, () => self.reply(from, reply));
  }

  /** An actor that is killed before it is monitored is `noproc`. */
  async #kill(self: Self<unknown>, node: string): Promise<void> {
    const name = `victim ${this.#own.name} ${this.#victims++}`;
    const { pid } = await self.spawnOn(node, "victim", [name, self.pid]);
    await self.receive((m): m is { victim: Pid } =>
      typeof m === "object" && m !== null && "victim" in m
    );
    self.sendExit(pid, { reason: dataOf(this.#sim, this.#tally) });
    const ref = self.monitor(this.#sim.below(2) === 0 ? pid : { name, node });
    const down = await self.receive((m): m is Down =>
      m instanceof Down && m.ref === ref
    );
    this.#tally.victims++;
    if (down.reason !== reasons.noproc) {
      this.#players.fault(`a monitor of ${this.#own.name} overtook an exit`);
    }
  }
}

/** Notes all that comes of its senders, until all of them have ended. */
export class Receiver {
  readonly #players: Players;
  readonly #sim: Simulation;
  readonly #own: Place;
  /** The sender's name by pid. */
  readonly #senders = new Map<Pid, string>();
  readonly #refs = new Map<Ref, string>();
  /** Exits that have not been noticed yet. */
  #expected = 0;

  constructor(players: Players, sim: Simulation, own: Place) {
    this.#players = players;
    this.#sim = sim;
    this.#own = own;
  }

  async run(self: Self<unknown>, senders: readonly Place[]): Promise<void> {
    self.trapExits = true;
    const alias = self.alias();
    for (const place of senders) {
      self.send(place, { hello: this.#own.name, pid: self.pid, alias });
    }
    for (let i = 0; i < senders.length; i++) {
      const { hello, pid } = await self.receive(isHello);
      this.#senders.set(pid, hello);
      const place = senders.find(({ name }) => name === hello)!;
      self.link(pid);
      this.#refs.set(self.monitor(pid), hello);
      this.#refs.set(self.monitor(place), hello);
      this.#expected += 3;
    }
    this.#players.ready++;
    while (this.#expected > 0 || !this.#players.isCertain) {
      if (this.#sim.below(6) === 0) await this.#ask(self);
      else this.#take(await self.receive());
    }
    this.#players.finished++;
  }

  #take(message: unknown): void {
    const own = this.#own.name;
    if (isNumbered(message)) return this.#players.came(own, message);
    if (message instanceof Exit) {
      const by = this.#senders.get(message.from) ?? "nobody";
      if (isNumbered(message.reason)) {
        return this.#players.came(own, message.reason);
      }
      this.#ended(by, "the exit");
    } else if (message instanceof Down) {
      const by = this.#refs.get(message.ref) ?? "nobody";
      this.#ended(by, "the down");
    } else if (!isHello(message)) {
      this.#players.fault(`${own} got something else`);
    }
  }

  /** A link or monitor of a sender speaks. */
  #ended(by: string, what: string): void {
    this.#expected--;
    this.#expectAllBefore(by, Infinity, what);
  }

  /** Calls a sender: with the reply all has come that it sent before. */
  async #ask(self: Self<unknown>): Promise<void> {
    const all = [...this.#senders];
    const [pid, by] = all[this.#sim.below(all.length)]!;
    let reply: Numbered;
    try {
      reply = await self.call<Numbered>(pid, { asker: this.#own.name }, {
        timeoutMs: Infinity,
      });
    } catch (error) {
      // It has ended meanwhile, or has no time for it.
      if (!(error instanceof CallError)) throw error;
      return;
    }
    for (;;) {
      const message = await self.receive({ timeoutMs: 0 });
      if (message === undefined) break;
      this.#take(message);
    }
    this.#expectAllBefore(by, reply.n, "a reply");
  }

  #expectAllBefore(by: string, n: number, what: string): void {
    if (!this.#players.isCertain) return;
    this.#players.expectAllBefore(this.#own.name, by, n, what);
  }
}
