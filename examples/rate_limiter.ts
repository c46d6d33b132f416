/**
 * A rate limiter: a server that gives tokens to keys. Each key has a limit of
 * tokens at once and of tokens per second.
 *
 * ```text
 * node examples/rate_limiter.ts
 * ```
 *
 * What to copy from it: a call that is answered later (`noReply`), a queue with
 * a limit, and a timer that runs only while a key is not full.
 */

import { type ReplyTo, start } from "../runtime/mod.ts";
import { genServer, noReply, type Server } from "../std/gen_server/mod.ts";

export type LimiterOptions = {
  /** Tokens that a key has when it has been idle. */
  readonly burst: number;
  /** Tokens that a key gets back in a second. */
  readonly perSecond: number;
  /** How many may wait for a key; others are refused. Default 100. */
  readonly waitersMax?: number;
};

type Bucket = { tokens: number; readonly waiting: ReplyTo[] };

type State = {
  readonly options: Required<LimiterOptions>;
  /** Keys that are not full. A full key needs no entry. */
  readonly buckets: Map<string, Bucket>;
};

const TICK = "tick";

export const RateLimiter = genServer({
  name: "RateLimiter",
  init: (_self, options: LimiterOptions): State => ({
    options: { waitersMax: 100, ...options },
    buckets: new Map(),
  }),
  calls: {
    /** Whether there was a token. */
    take: (server, key: string): boolean => takeFrom(server, key) !== null,
    /** True once there is a token, false when too many wait already. */
    wait: (server, key: string): boolean | typeof noReply => {
      const bucket = takeFrom(server, key);
      if (bucket !== null) return true;
      const { waiting } = server.state.buckets.get(key)!;
      if (waiting.length >= server.state.options.waitersMax) return false;
      waiting.push(server.from);
      return noReply;
    },
    /** Keys that are kept in mind. */
    size: ({ state }): number => state.buckets.size,
  },
  info: (server, message) => {
    if (message === TICK) refill(server);
  },
});

function takeFrom(server: Server<State>, key: string): Bucket | null {
  const { buckets, options } = server.state;
  let bucket = buckets.get(key);
  if (bucket === undefined) {
    if (buckets.size === 0) tickLater(server);
    bucket = { tokens: options.burst, waiting: [] };
    buckets.set(key, bucket);
  }
  if (bucket.tokens < 1) return null;
  bucket.tokens--;
  return bucket;
}

/** One tick is the time in which a key gets one token. */
function tickLater({ self, state }: Server<State>): void {
  self.sendAfter(1_000 / state.options.perSecond, self.pid, TICK);
}

function refill(server: Server<State>): void {
  const { buckets, options } = server.state;
  for (const [key, bucket] of buckets) {
    const next = bucket.waiting.shift();
    // The reply to a caller that has timed out is dropped.
    if (next !== undefined) server.reply(next, true);
    else if (++bucket.tokens >= options.burst) buckets.delete(key);
  }
  if (buckets.size > 0) tickLater(server);
}

if (import.meta.main) {
  await using node = await start();
  await node.run(async (self) => {
    const limiter = await RateLimiter.startLink(self, {
      burst: 3,
      perSecond: 50,
    });
    for (let i = 1; i <= 5; i++) {
      const isAllowed = await limiter.take("ada");
      console.log(`request ${i} of ada: ${isAllowed ? "yes" : "too many"}`);
    }
    console.log(
      `request 1 of bob: ${await limiter.take("bob") ? "yes" : "no"}`,
    );
    console.log(`ada waits for her turn: ${await limiter.wait("ada")}`);
  });
}
