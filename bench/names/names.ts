/**
 * Names and groups on five nodes in as many processes, which all know each
 * other. The owner is on the first.
 */

import { global, pg, type Pid, type Self } from "../../runtime/mod.ts";
import { Latencies } from "../inside/latencies.ts";
import { DONE, inBatches, type Report } from "../inside/turns.ts";
import { FIRST, startNode } from "../pair/behaviours.ts";
import type {
  Bench,
  ErlangPeer,
  Figures,
  Partner,
  PartnerArgument,
  PartnerHalf,
  Row,
  TimedPart,
} from "../row.ts";
import { behaviours, giveAndTake, GROUP, mustBe, NAME } from "./behaviours.ts";

const OTHERS = ["second", "third", "fourth", "fifth"].map((part) =>
  `${part}@127.0.0.1`
);
const FIFTH = OTHERS.at(-1)!;
const CALLERS = 100;
const CHANGES_MAX = 100_000;
/**
 * Rounds of the first run. A round keeps five processes busy for less than a
 * millisecond, and their compilers want to see more than a few hundred.
 */
const WARM_ROUNDS = 1_000;
const LOOKUPS_MAX = 50_000_000;
/** Each needs a process of its own. */
const FAILOVERS = 10;

const peer: ErlangPeer = {
  source: new URL("./bench_names.erl", import.meta.url),
  distributed: true,
};

type Peers = Readonly<Record<string, string>>;

/** A node that knows the others' names when it says hello. */
async function another(argument: PartnerArgument): Promise<PartnerHalf> {
  const name = String(argument["name"]);
  const peers = argument["peers"] as Peers;
  const connect = Object.keys(peers);
  const node = await startNode({ name, peers, connect, exports: behaviours });
  await node.run((self) => global.sync(self));
  return { hello: { port: node.port }, stop: () => node.stop() };
}

/** The processes of a row: those that started first tell those that follow. */
class Crew {
  readonly #partners = new Map<string, Partner>();
  readonly #bench: Bench;
  readonly #peers: Record<string, string> = {};

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  get partners(): readonly Partner[] {
    return [...this.#partners.values()];
  }

  get peers(): Peers {
    return this.#peers;
  }

  /** A node of which those that follow are told. */
  tell(name: string, port: number): void {
    this.#peers[name] = `127.0.0.1:${port}`;
  }

  async add(name: string): Promise<Partner> {
    const argument = { name, peers: { ...this.#peers } };
    const partner = await this.#bench.startPartner(argument);
    this.#partners.set(name, partner);
    this.tell(name, Number(partner.hello["port"]));
    return partner;
  }

  /** It is gone at once, without a word to anybody. */
  async kill(name: string): Promise<void> {
    delete this.#peers[name];
    await this.#partners.get(name)?.kill();
    this.#partners.delete(name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.partners.map((partner) => partner.stop()));
  }
}

type Measure = (
  self: Self<Report>,
  crew: Crew,
  bench: Bench,
) => TimedPart | Promise<TimedPart>;

function onFiveNodes(prepare: Measure): Row["run"] {
  return async (bench: Bench): Promise<Figures> => {
    const crew = new Crew(bench);
    try {
      for (const name of OTHERS) await crew.add(name);
      const { peers } = crew;
      await using node = await startNode({
        name: FIRST,
        peers,
        connect: OTHERS,
        exports: behaviours,
      });
      return await node.run(async (self: Self<Report>) => {
        await global.sync(self);
        crew.tell(FIRST, node.port);
        const part = await prepare(self, crew, bench);
        // Not in all rows they live to the end.
        const meters = crew.partners.slice(0, -1);
        return await bench.measure({ ...part, meters });
      });
    } finally {
      await crew.stop();
    }
  };
}

async function spawnThere(
  self: Self<Report>,
  node: string,
  name: keyof typeof behaviours,
): Promise<Pid<Report>> {
  return (await self.spawnOn<Report>(node, name, [self.pid])).pid;
}

const byOne: Measure = (self, _crew, bench) => ({
  maxCount: CHANGES_MAX,
  firstCount: bench.size(WARM_ROUNDS),
  run: (rounds) => giveAndTake(self, rounds, "one"),
});

const byMany: Measure = (self, _crew, bench) => ({
  maxCount: CHANGES_MAX / CALLERS,
  firstCount: bench.size(WARM_ROUNDS) / CALLERS,
  unitsPerCount: CALLERS,
  run: async (rounds) => {
    for (let i = 0; i < CALLERS; i++) {
      self.spawn(async (caller: Self<Report>) => {
        await giveAndTake(caller, rounds, `caller ${i}`);
        caller.send(self.pid, DONE);
      });
    }
    for (let told = 0; told < CALLERS; told++) await self.receive();
  },
});

const joins: Measure = async (self, _crew, bench) => {
  await spawnThere(self, FIFTH, "watcher");
  await self.receive();
  return {
    maxCount: CHANGES_MAX,
    firstCount: bench.size(WARM_ROUNDS),
    run: async (rounds) => {
      for (let round = 0; round < rounds; round++) {
        pg.join(self, GROUP, self.pid as Pid);
        await self.receive();
        pg.leave(self, GROUP, self.pid as Pid);
      }
    },
  };
};

const lookups: Measure = async (self) => {
  await spawnThere(self, FIFTH, "owner");
  await self.receive();
  return {
    maxCount: LOOKUPS_MAX,
    run: (count) =>
      inBatches(self, count, () => {
        mustBe(global.whereisName(self, NAME) !== null);
      }),
  };
};

/** Only the time from the kill to the new owner's word is a latency. */
const failovers: Measure = (self, crew) => {
  const latencies = new Latencies(FAILOVERS);
  const survivors = [FIRST, ...OTHERS.slice(0, -1)];
  const once = async (): Promise<void> => {
    if (!(FIFTH in crew.peers)) await crew.add(FIFTH);
    await spawnThere(self, FIFTH, "owner");
    await self.receive();
    const waiting: Pid<Report>[] = [];
    for (const node of survivors) {
      waiting.push(await spawnThere(self, node, "standby"));
      await self.receive();
    }
    const before = performance.now();
    const killed = crew.kill(FIFTH);
    await self.receive();
    latencies.add(performance.now() - before);
    await killed;
    for (const pid of waiting) {
      const ref = self.monitor(pid);
      self.send(pid, DONE);
      await self.receive(ref);
    }
    while (global.whereisName(self, NAME) !== null) await global.sync(self);
  };
  return {
    maxCount: 1,
    exactCount: FAILOVERS,
    run: async (count) => {
      latencies.clear();
      for (let i = 0; i < count; i++) await once();
    },
    extra: () => latencies.figures(),
  };
};

type Shape = Pick<Row, "unit" | "what"> & { readonly measure: Measure };

const shapes: Readonly<Record<string, Shape>> = {
  "global-register-1": {
    unit: "registrations/s",
    what: "An actor gives a global name to itself and takes it back.",
    measure: byOne,
  },
  "global-register-100": {
    unit: "registrations/s",
    what: "As before, by 100 actors of one node at once.",
    measure: byMany,
  },
  "pg-join-5th": {
    unit: "joins/s",
    what: "An actor joins a group until the fifth node has seen it.",
    measure: joins,
  },
  "whereis": {
    unit: "look-ups/s",
    what: "The owner of a global name, on another node, is looked up.",
    measure: lookups,
  },
  "failover": {
    unit: "rounds/s",
    what: "The process of a name's owner is killed, and another takes it.",
    measure: failovers,
  },
};

export const namesRows: readonly Row[] = Object.entries(shapes).map(
  ([name, { unit, what, measure }]): Row => ({
    id: `names/${name}`,
    unit,
    what,
    partner: another,
    peer,
    run: onFiveNodes(measure),
  }),
);
