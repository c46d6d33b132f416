/**
 * Names and groups on five nodes in as many processes, all connected to each
 * other. The owner is on the first.
 */

import { global, pg, type Pid, type Self } from "../../runtime/mod.ts";
import { Latencies } from "../inside/latencies.ts";
import { DONE, inBatches, type Report } from "../inside/turns.ts";
import { FIRST } from "../pair/behaviours.ts";
import { partnerNode, type PartnerNodes, withNodes } from "../pair/nodes.ts";
import type {
  Bench,
  ErlangPeer,
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
 * millisecond, and a few hundred rounds are not enough for their compilers.
 */
const WARM_ROUNDS = 1_000;
const LOOKUPS_MAX = 50_000_000;
/** Few, because each kills a process, which has to be replaced. */
const FAILOVERS = 10;

const peer: ErlangPeer = {
  source: new URL("./bench_names.erl", import.meta.url),
  distributed: true,
};

/** A partner whose node has the others' global names when it is ready. */
async function namesPartner(argument: PartnerArgument): Promise<PartnerHalf> {
  const partner = await partnerNode(argument, { exports: behaviours });
  await partner.node.run((self) => global.sync(self));
  return partner;
}

type Measure = (
  self: Self<Report>,
  partners: PartnerNodes,
  bench: Bench,
) => TimedPart | Promise<TimedPart>;

function onFiveNodes(prepare: Measure): Row["run"] {
  return (bench) => {
    const nodes = { names: OTHERS, exports: behaviours };
    return withNodes<Report>(bench, nodes, async (self, partners, node) => {
      await global.sync(self);
      partners.addPeer(FIRST, node.port);
      const part = await prepare(self, partners, bench);
      // Without the fifth, which some rows kill.
      const meters = partners.all.slice(0, -1);
      return await bench.measure({ ...part, meters });
    });
  };
}

async function spawnThere(
  self: Self<Report>,
  node: string,
  name: keyof typeof behaviours,
): Promise<Pid<Report>> {
  return (await self.spawnOn<Report>(node, name, [self.pid])).pid;
}

const byOne: Measure = (self, _partners, bench) => ({
  maxCount: CHANGES_MAX,
  firstCount: bench.size(WARM_ROUNDS),
  run: (rounds) => giveAndTake(self, rounds, "one"),
});

const byMany: Measure = (self, _partners, bench) => ({
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

const joins: Measure = async (self, _partners, bench) => {
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

/** The latency is the time from the kill to the new owner's report. */
const failovers: Measure = (self, partners) => {
  const latencies = new Latencies(FAILOVERS);
  const survivors = [FIRST, ...OTHERS.slice(0, -1)];
  const once = async (): Promise<void> => {
    if (!(FIFTH in partners.peers)) await partners.start(FIFTH);
    await spawnThere(self, FIFTH, "owner");
    await self.receive();
    const waiting: Pid<Report>[] = [];
    for (const node of survivors) {
      waiting.push(await spawnThere(self, node, "standby"));
      await self.receive();
    }
    const before = performance.now();
    const killed = partners.kill(FIFTH);
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
    what: "An actor registers a global name for itself and unregisters it.",
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
    partner: namesPartner,
    peer,
    run: onFiveNodes(measure),
  }),
);
