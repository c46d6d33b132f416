/**
 * What an actor of the first node does with one of the second, or with a
 * process of it: the shapes of all rows between two nodes on one machine, over
 * TCP on loopback. The payload is 16 bytes. `bench_process.erl` has the same.
 *
 * The owner, the actor that measures, is on the first node.
 */

import {
  type Behaviour,
  handler,
  type LogRecord,
  type Pid,
  type Self,
  stop,
} from "../../runtime/mod.ts";
import type { Extra, TimedPart } from "../row.ts";

export const FIRST = "first@127.0.0.1";
export const SECOND = "second@127.0.0.1";
/** Both nodes are loopback's own and gone within seconds. */
export const COOKIE = "bench";
const GO_ON = "go on";
const DONE = "done";
export type Report = typeof GO_ON | typeof DONE;

const PAYLOAD_BYTES = 16;
/**
 * Messages that the sender sends in one turn. Backpressure alone would let it
 * go on until the connection's buffers are full, and timers wait as long.
 */
const BATCH = 100;
export const ONE_WAY_MAX = 20_000_000;
export const ROUND_TRIPS_MAX = 1_000_000;

/** Counts messages and tells the owner at the end. */
export function counter(
  count: number,
  owner: Pid<Report>,
): Behaviour<Uint8Array> {
  return handler(0, (seen, _payload: Uint8Array, self) => {
    if (seen + 1 < count) return seen + 1;
    self.send(owner, DONE);
    return stop();
  });
}

/** Sends every message back to the owner. */
export function echo(owner: Pid<Uint8Array>): Behaviour<Uint8Array> {
  return handler(null, (state, payload: Uint8Array, self) => {
    self.send(owner, payload);
    return state;
  });
}

/** From the owner to what the second node spawns under the name `counts`. */
export function oneWay(self: Self<Report>, counts: string): TimedPart["run"] {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  return async (count) => {
    const { pid: to } = await self.spawnOn<Uint8Array>(
      SECOND,
      counts,
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

export type RoundTrips = {
  readonly run: TimedPart["run"];
  readonly extra: () => Extra;
};

/** To what the second node spawns under the name `echoes`, and back. */
export async function roundTrips(
  self: Self<Uint8Array>,
  echoes: string,
): Promise<RoundTrips> {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const latenciesUs = new Float64Array(ROUND_TRIPS_MAX);
  const { pid: to } = await self.spawnOn<Uint8Array>(
    SECOND,
    echoes,
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
export function log(record: LogRecord): void {
  if (record.level === "warning" || record.level === "error") {
    console.error(`${record.node} ${record.level}: ${record.message}`);
  }
}
