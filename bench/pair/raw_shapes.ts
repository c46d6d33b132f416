/**
 * The shapes of two nodes, without nodes: messages over any link between two
 * threads or processes, without actors, terms and addresses. This is the least
 * cost that a program can have.
 *
 * The first message of the first side is an order for the other side.
 */

import { Latencies } from "../inside/latencies.ts";
import type { TimedPart } from "../row.ts";
import { payloadOf } from "./behaviours.ts";
import { CROWD, ROUND_TRIPS_MAX, type ShapeName } from "./shapes.ts";

const MESSAGES_MAX = 20_000_000;
/** Different objects, because a clone recognizes an object it has seen. */
const POOL = 100;
const done = new Uint8Array(1);

/** One end of a link that carries messages. */
export interface RawLink {
  /** Called with each message. */
  onMessage: (payload: Uint8Array) => void;
  /** Returns false when it is time to await `ready`. */
  send(payload: Uint8Array): boolean;
  ready(): Promise<void>;
}

type Order =
  /** Sends every message back. */
  | { readonly type: "echo" }
  /** Reports when `count` messages have come, and takes the next order. */
  | { readonly type: "count"; readonly count: number }
  /** As `count`, and sends as many messages of that size meanwhile. */
  | { readonly type: "both"; readonly count: number; readonly bytes: number };

export function say(link: RawLink, order: Order): void {
  link.send(new TextEncoder().encode(JSON.stringify(order)));
}

/** The other side: carries out one order after the other. */
export function obey(link: RawLink): void {
  link.onMessage = (text) => {
    const order = JSON.parse(new TextDecoder().decode(text)) as Order;
    if (order.type === "echo") {
      link.onMessage = (payload) => void link.send(payload);
      return;
    }
    const tasks = [received(link, order.count)];
    if (order.type === "both") {
      tasks.push(sendMany(link, order.count, order.bytes));
    }
    void Promise.all(tasks).then(() => {
      obey(link);
      link.send(done);
    });
  };
}

async function sendMany(
  link: RawLink,
  count: number,
  bytes: number,
): Promise<void> {
  const pool = Array.from({ length: POOL }, () => payloadOf(bytes));
  for (let sent = 0; sent < count;) {
    const end = Math.min(POOL, count - sent);
    for (let i = 0; i < end; i++, sent++) {
      if (!link.send(pool[i] as Uint8Array)) await link.ready();
    }
  }
}

/** Resolves when `count` messages have come. */
function received(link: RawLink, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  link.onMessage = () => {
    if (--left === 0) resolve();
  };
  return promise;
}

function oneWay(link: RawLink, bytes: number): TimedPart {
  return {
    maxCount: MESSAGES_MAX,
    run: async (count) => {
      const counted = received(link, 1);
      say(link, { type: "count", count });
      await sendMany(link, count, bytes);
      await counted;
    },
  };
}

function roundTrips(link: RawLink, bytes: number): TimedPart {
  const payload = payloadOf(bytes);
  const latencies = new Latencies(ROUND_TRIPS_MAX);
  say(link, { type: "echo" });
  return {
    maxCount: ROUND_TRIPS_MAX,
    run: (count) =>
      new Promise((resolve) => {
        latencies.clear();
        let left = count;
        let before = performance.now();
        link.onMessage = () => {
          const now = performance.now();
          latencies.add(now - before);
          before = now;
          if (--left === 0) resolve();
          else link.send(payload);
        };
        link.send(payload);
      }),
    extra: () => latencies.figures(),
  };
}

/** As many messages as the actors of either side would send. */
function manyToMany(link: RawLink, bytes: number): TimedPart {
  const units = 2 * CROWD * CROWD;
  return {
    maxCount: Math.ceil(MESSAGES_MAX / units),
    unitsPerCount: units,
    run: async (rounds) => {
      const count = CROWD * CROWD * rounds;
      // One more: the report of the other side.
      const counted = received(link, count + 1);
      say(link, { type: "both", count, bytes });
      await sendMany(link, count, bytes);
      await counted;
    },
  };
}

/** The timed part of each shape, for messages of a size. */
export const rawParts: Readonly<
  Record<ShapeName, (link: RawLink, bytes: number) => TimedPart>
> = {
  "one-way": oneWay,
  "round-trip": roundTrips,
  "many-to-many": manyToMany,
};
