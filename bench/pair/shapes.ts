/**
 * The exchanges between two nodes, over any carrier: one way, round trips, many
 * to many, and round trips beside a stream of large messages. The rows between
 * processes, with the BEAM and between workers are made of these. The owner,
 * the actor that measures, is on the first node.
 */

import { BusyError, type Pid, type Self } from "../../runtime/mod.ts";
import { Latencies } from "../inside/latencies.ts";
import { letOthersRun, type Report } from "../inside/turns.ts";
import type { Row, TimedPart } from "../row.ts";
import {
  behaviours,
  type Message,
  type Payload,
  payloadOf,
  sendRounds,
} from "./behaviours.ts";

const ONE_WAY_MAX = 20_000_000;
export const ROUND_TRIPS_MAX = 1_000_000;
/** Number of actors on each side that send to all actors on the other. */
export const CROWD = 16;
const ROUNDS_MAX = 100_000;
/**
 * Limits round trips beside a stream, where a few fast ones in the warm-up
 * would predict too many.
 */
export const BESIDE_BLOBS_MAX = 1_000;
/** A number of messages that no stream reaches. */
export const FOREVER: number = 2 ** 50;

/** The other node. */
export type Far = {
  readonly node: string;
  /** Prefix of the names that it exports. */
  readonly prefix: "" | "bench_process:";
};

/** Spawns a behaviour that a node exports. */
export async function spawnFar(
  self: Self<Message>,
  far: Far,
  name: keyof typeof behaviours,
  args: readonly unknown[],
): Promise<Pid<Payload>> {
  const remote = await self.spawnOn<Payload>(far.node, far.prefix + name, args);
  return remote.pid;
}

/** Prepares the timed part, in the owner. */
export type Prepare = (
  self: Self<Message>,
  far: Far,
  bytes: number,
) => TimedPart | Promise<TimedPart>;

export type ShapeName = "one-way" | "round-trip" | "many-to-many";

/** A shape. A suite has a row of it for each size. */
export type Shape = Pick<Row, "unit"> & {
  readonly name: ShapeName;
  /** The description of a row with messages of that size. */
  readonly what: (size: string) => string;
  readonly prepare: Prepare;
};

const oneWay: Prepare = (self, far, bytes) => {
  const payload = payloadOf(bytes);
  return {
    maxCount: ONE_WAY_MAX,
    run: async (count) => {
      const to = await spawnFar(self, far, "counter", [count, self.pid]);
      await sendRounds(self, count, [to], payload);
      await self.receive();
    },
  };
};

/** Sends as soon as the connection has room. */
async function sendWhenReady(
  self: Self<Message>,
  to: Pid<Payload>,
  payload: Payload,
): Promise<void> {
  for (;;) {
    try {
      self.send(to, payload);
      return;
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      await self.ready(to);
    }
  }
}

const roundTrips: Prepare = async (self, far, bytes) => {
  const payload = payloadOf(bytes);
  const latencies = new Latencies(ROUND_TRIPS_MAX);
  const to = await spawnFar(self, far, "echo", [self.pid]);
  return {
    maxCount: ROUND_TRIPS_MAX,
    run: async (count) => {
      latencies.clear();
      let before = performance.now();
      for (let i = 0; i < count; i++) {
        await sendWhenReady(self, to, payload);
        await self.receive();
        const now = performance.now();
        latencies.add(now - before);
        before = now;
      }
    },
    extra: () => latencies.figures(),
  };
};

/** Calls `make` once for each actor of a side. */
function times<T>(make: () => T): T[] {
  return Array.from({ length: CROWD }, make);
}

const manyToMany: Prepare = (self, far, bytes) => ({
  maxCount: ROUNDS_MAX,
  unitsPerCount: 2 * CROWD * CROWD,
  run: async (rounds) => {
    const share = CROWD * rounds;
    const here = times(() =>
      self.spawn(behaviours.counter(share, self.pid as Pid<Report>))
    );
    const there = await Promise.all(
      times(() => spawnFar(self, far, "counter", [share, self.pid])),
    );
    times(() => self.spawn(behaviours.sender(rounds, there, bytes)));
    await Promise.all(
      times(() => spawnFar(self, far, "sender", [rounds, here, bytes])),
    );
    for (let told = 0; told < 2 * CROWD; told++) await self.receive();
  },
});

export const oneWayShape: Shape = {
  name: "one-way",
  unit: "messages/s",
  what: (size) => `An actor sends messages of ${size}, one elsewhere counts.`,
  prepare: oneWay,
};

export const roundTripShape: Shape = {
  name: "round-trip",
  unit: "round trips/s",
  what: (size) => `${size} go to an actor elsewhere and back, one at a time.`,
  prepare: roundTrips,
};

export const manyToManyShape: Shape = {
  name: "many-to-many",
  unit: "messages/s",
  what: (size) =>
    `${CROWD} actors on either side send ${size} to all on the other.`,
  prepare: manyToMany,
};

type Size = {
  /** As ids have it. */
  readonly name: string;
  /** As sentences have it. */
  readonly title: string;
  readonly bytes: number;
};

export const sizes: readonly Size[] = [
  { name: "16B", title: "16 bytes", bytes: 16 },
  { name: "100B", title: "100 bytes", bytes: 100 },
  { name: "1KiB", title: "1 KiB", bytes: 1_024 },
  { name: "64KiB", title: "64 KiB", bytes: 65_536 },
];

/**
 * Round trips of a small message while another actor streams large ones to the
 * same node for as long as the row takes.
 */
export async function besideBlobs(
  self: Self<Message>,
  far: Far,
  sizes: { readonly small: number; readonly blob: number },
): Promise<TimedPart> {
  const blob = payloadOf(sizes.blob);
  const sink = await spawnFar(self, far, "counter", [FOREVER, self.pid]);
  let sent = 0;
  self.spawn(async (stream: Self<Report>) => {
    for (;; sent++) {
      stream.send(sink, blob);
      await stream.ready(sink);
      await letOthersRun(stream);
    }
  });
  const part = await roundTrips(self, far, sizes.small);
  let startedAt = 0;
  let before = 0;
  return {
    ...part,
    // A blob may take longer than a round trip.
    firstCount: 1,
    maxCount: BESIDE_BLOBS_MAX,
    run: (count) => {
      startedAt = performance.now();
      before = sent;
      return part.run(count);
    },
    extra: async () => {
      const elapsedMs = performance.now() - startedAt;
      const blobMbs = (sent - before) * sizes.blob / 1_000 / elapsedMs;
      return { ...await part.extra?.(), blobMbs };
    },
  };
}
