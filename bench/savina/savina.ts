/**
 * Eight benchmarks of the Savina suite, with the default parameters of its
 * repository. A step is one whole run of a benchmark. The result of each run is
 * checked.
 */

import { type RunningNode, start } from "../../runtime/mod.ts";
import type { Bench, ErlangPeer, Row } from "../row.ts";
import { big, counting, pingPong, threadRing } from "./messages.ts";
import type { Owner } from "./owner.ts";
import { chameneos, dictionary, spawnDictionary } from "./sharing.ts";
import { forkJoinCreate, forkJoinThroughput } from "./spawns.ts";

/** More runs than fit into a second. */
const RUNS_MAX = 10_000;

const PINGS = 40_000;
const COUNTING_MESSAGES = 1_000_000;
const CREATED_ACTORS = 40_000;
const THROUGHPUT_ACTORS = 60;
const THROUGHPUT_MESSAGES = 10_000;
const RING_ACTORS = 100;
const RING_HOPS = 100_000;
const CREATURES = 100;
const MEETINGS = 200_000;
const BIG_ACTORS = 120;
const BIG_PINGS = 20_000;
const DICTIONARY_WORKERS = 20;
const DICTIONARY_MESSAGES = 10_000;
/** The number of keys in Savina's dictionary. */
const DICTIONARY_KEYS = 524_288;

const peer: ErlangPeer = {
  source: new URL("./bench_savina.erl", import.meta.url),
  distributed: false,
};

/** One run of a benchmark, ready to be repeated. */
type Prepared = {
  /** Units (messages, actors) in a run. */
  readonly units: number;
  readonly expected: number;
  readonly once: () => Promise<number>;
};

type Shape = Pick<Row, "unit" | "what"> & {
  readonly name: string;
  /** Runs before the timed part. */
  readonly prepare: (
    self: Owner,
    node: RunningNode,
    size: Bench["size"],
  ) => Prepared;
};

function savinaRow({ name, unit, what, prepare }: Shape): Row {
  const id = `savina/${name}`;
  return {
    id,
    unit,
    what,
    peer,
    run: async (bench) => {
      await using node = await start();
      return await node.run((self: Owner) => {
        const { units, expected, once } = prepare(self, node, bench.size);
        return bench.measure({
          maxCount: RUNS_MAX,
          unitsPerCount: units,
          run: async (count) => {
            for (let i = 0; i < count; i++) {
              const got = await once();
              if (got === expected) continue;
              throw new Error(`expected ${expected} of ${id}, got ${got}`);
            }
          },
        });
      });
    },
  };
}

export const savinaRows: readonly Row[] = [
  savinaRow({
    name: "ping-pong",
    unit: "messages/s",
    what: "40,000 pings and as many pongs between two handler actors.",
    prepare: (self, _node, size) => {
      const pings = size(PINGS);
      const once = () => pingPong(self, pings);
      return { units: 2 * pings, expected: pings, once };
    },
  }),
  savinaRow({
    name: "counting",
    unit: "messages/s",
    what: "One handler actor sends 1,000,000 messages, another counts.",
    prepare: (self, _node, size) => {
      const messages = size(COUNTING_MESSAGES);
      const once = () => counting(self, messages);
      return { units: messages, expected: messages, once };
    },
  }),
  savinaRow({
    name: "fork-join-create",
    unit: "actors/s",
    what: "40,000 handler actors that end at their first message.",
    prepare: (self, node, size) => {
      const actors = size(CREATED_ACTORS);
      const once = () => forkJoinCreate(self, node, actors);
      return { units: actors, expected: actors, once };
    },
  }),
  savinaRow({
    name: "fork-join-throughput",
    unit: "messages/s",
    what: "60 handler actors get 10,000 messages each, in turn.",
    prepare: (self, _node, size) => {
      const each = size(THROUGHPUT_MESSAGES);
      const all = THROUGHPUT_ACTORS * each;
      const once = () => forkJoinThroughput(self, THROUGHPUT_ACTORS, each);
      return { units: all, expected: all, once };
    },
  }),
  savinaRow({
    name: "thread-ring",
    unit: "hops/s",
    what: "A token makes 100,000 hops around 100 handler actors.",
    prepare: (self, _node, size) => {
      const hops = size(RING_HOPS);
      const once = () => threadRing(self, RING_ACTORS, hops);
      return { units: hops, expected: hops, once };
    },
  }),
  savinaRow({
    name: "chameneos",
    unit: "meetings/s",
    what: "100 handler actors meet 200,000 times, two at a time.",
    prepare: (self, _node, size) => {
      const meetings = size(MEETINGS);
      const once = () => chameneos(self, CREATURES, meetings);
      return { units: meetings, expected: 2 * meetings, once };
    },
  }),
  savinaRow({
    name: "big",
    unit: "messages/s",
    what: "120 handler actors send 20,000 pings each to random others.",
    prepare: (self, _node, size) => {
      const pings = size(BIG_PINGS);
      const all = BIG_ACTORS * pings;
      const once = () => big(self, BIG_ACTORS, pings);
      return { units: 2 * all, expected: all, once };
    },
  }),
  savinaRow({
    name: "concurrent-dictionary",
    unit: "requests/s",
    what: "20 handler actors read and write a map 10,000 times each.",
    prepare: (self, _node, size) => {
      const messages = size(DICTIONARY_MESSAGES);
      const keys = size(DICTIONARY_KEYS);
      const all = DICTIONARY_WORKERS * messages;
      const options = { keys, workers: DICTIONARY_WORKERS, messages };
      const server = spawnDictionary(self, keys);
      const once = () => dictionary(self, server, options);
      return { units: all, expected: all, once };
    },
  }),
];
