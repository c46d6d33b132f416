/**
 * Two nodes in two processes of the same runtime on one machine, over TCP on
 * loopback. The payload is 16 bytes. `bench_process.erl` has the same shapes.
 *
 * The owner, the actor that measures, is in the first process; what it talks
 * to is spawned in the second one, which offers both behaviours by name.
 */

import {
  handler,
  type LogRecord,
  type Pid,
  type RunningNode,
  type Self,
  start,
  stop,
} from "../../runtime/mod.ts";
import type { Extra, PartnerHalf, Row, TimedPart } from "../row.ts";

const FIRST = "first@127.0.0.1";
const SECOND = "second@127.0.0.1";
/** Both nodes are loopback's own and gone within seconds. */
const COOKIE = "bench";
const GO_ON = "go on";
const DONE = "done";
type Report = typeof GO_ON | typeof DONE;

const PAYLOAD_BYTES = 16;
/**
 * Messages that the sender sends in one turn. Backpressure alone would let it
 * go on until the connection's buffers are full, and timers wait as long.
 */
const BATCH = 100;
const ONE_WAY_MAX = 20_000_000;
const ROUND_TRIPS_MAX = 1_000_000;

/** Counts messages and tells the owner at the end. */
function counter(count: number, owner: Pid<Report>) {
  return handler(0, (seen, _payload: Uint8Array, self) => {
    if (seen + 1 < count) return seen + 1;
    self.send(owner, DONE);
    return stop();
  });
}

/** Sends every message back to the owner. */
function echo(owner: Pid<Uint8Array>) {
  return handler(null, (state, payload: Uint8Array, self) => {
    self.send(owner, payload);
    return state;
  });
}

async function second(): Promise<PartnerHalf> {
  const node = await start({
    name: SECOND,
    cookie: COOKIE,
    epmdPort: false,
    exports: { counter, echo },
    log,
  });
  return { hello: { port: node.port }, stop: () => node.stop() };
}

function oneWay(self: Self<Report>): TimedPart["run"] {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return async (count) => {
    const { pid: to } = await self.spawnOn<Uint8Array>(
      SECOND,
      "counter",
      [count, self.pid],
    );
    for (let sent = 0; sent < count;) {
      const end = Math.min(count, sent + BATCH);
      for (; sent < end; sent++) {
        if (!self.send(to, payload)) await self.ready(to);
      }
      self.send(self.pid, GO_ON);
      await self.receive();
    }
    await self.receive();
  };
}

type RoundTrips = {
  readonly run: TimedPart["run"];
  readonly extra: () => Extra;
};

async function roundTrips(self: Self<Uint8Array>): Promise<RoundTrips> {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const latenciesUs = new Float64Array(ROUND_TRIPS_MAX);
  const { pid: to } = await self.spawnOn<Uint8Array>(
    SECOND,
    "echo",
    [self.pid],
  );
  let done = 0;
  return {
    run: async (count) => {
      let before = performance.now();
      for (let i = 0; i < count; i++) {
        self.send(to, payload);
        await self.receive();
        const now = performance.now();
        latenciesUs[i] = (now - before) * 1_000;
        before = now;
      }
      done = count;
    },
    extra: () => percentiles(latenciesUs.subarray(0, done)),
  };
}

function percentiles(latenciesUs: Float64Array): Extra {
  latenciesUs.sort();
  const at = (share: number) =>
    latenciesUs[Math.ceil(share * latenciesUs.length) - 1] ?? 0;
  return { latencyUsP50: at(0.5), latencyUsP99: at(0.99) };
}

/** What goes well is not worth a line between the figures. */
function log(record: LogRecord): void {
  if (record.level === "warning" || record.level === "error") {
    console.error(`${record.node} ${record.level}: ${record.message}`);
  }
}

/** The first node, connected to the second. */
function first(secondPort: unknown): Promise<RunningNode> {
  return start({
    name: FIRST,
    cookie: COOKIE,
    epmdPort: false,
    peers: { [SECOND]: `127.0.0.1:${secondPort}` },
    connect: [SECOND],
    log,
  });
}

const peer: Row["peer"] = {
  source: new URL("./bench_process.erl", import.meta.url),
  distributed: true,
};

export const processRows: readonly Row[] = [
  {
    id: "process/one-way-16B",
    unit: "messages/s",
    what: "An actor sends 16 bytes a message, one on another node counts.",
    peer,
    partner: second,
    run: async (bench) => {
      const partner = await bench.startPartner();
      try {
        await using node = await first(partner.hello["port"]);
        return await node.run((self: Self<Report>) =>
          bench.measure({
            maxCount: ONE_WAY_MAX,
            meters: [partner],
            run: oneWay(self),
          })
        );
      } finally {
        await partner.stop();
      }
    },
  },
  {
    id: "process/round-trip-16B",
    unit: "round trips/s",
    what: "16 bytes go to an actor on another node and back, one at a time.",
    peer,
    partner: second,
    run: async (bench) => {
      const partner = await bench.startPartner();
      try {
        await using node = await first(partner.hello["port"]);
        return await node.run(async (self: Self<Uint8Array>) =>
          bench.measure({
            maxCount: ROUND_TRIPS_MAX,
            meters: [partner],
            ...await roundTrips(self),
          })
        );
      } finally {
        await partner.stop();
      }
    },
  },
];
