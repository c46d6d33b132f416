/**
 * Long mailboxes: bursts of messages, and replies that arrive behind a million
 * other messages. Each row first measures the same without the long mailbox,
 * and reports how much slower it is with it (`slowdown`).
 */

import {
  type Call,
  handler,
  type Pid,
  reasons,
  type Ref,
  type Self,
} from "../../runtime/mod.ts";
import { DONE, inBatches, type Report } from "../inside/turns.ts";
import type { Figures, Row, TimedPart } from "../row.ts";
import {
  type Ball,
  handlerOneWay,
  ONE_WAY_MAX,
  receiveOneWay,
} from "./messages.ts";
import { type Owner, ownerRow, type Prepare, withSlowdown } from "./owner.ts";

const BURST_SIZE = 100_000;
const BURSTS_MAX = 1_000;
const QUEUE_SIZE = 1_000_000;
const ANSWERS_MAX = 5_000_000;

function spawnHandlerCounter(self: Self<Report>, size: number): Pid<Ball> {
  return self.spawn(handler(0, (seen, _ball: Ball, counter) => {
    if (seen + 1 < size) return seen + 1;
    counter.send(self.pid, DONE);
    return 0;
  }));
}

function spawnFunctionCounter(self: Self<Report>, size: number): Pid<Ball> {
  return self.spawn(async (counter: Self<Ball>) => {
    for (;;) {
      for (let seen = 0; seen < size; seen++) await counter.receive();
      counter.send(self.pid, DONE);
    }
  });
}

/** Sends each burst in one turn, so that the counter takes none meanwhile. */
function bursts(
  self: Self<Report>,
  size: number,
  spawnCounter: typeof spawnHandlerCounter,
): TimedPart["run"] {
  return async (count) => {
    const counter = spawnCounter(self, size);
    for (let i = 0; i < count; i++) {
      for (let n = size; n > 0; n--) self.send(counter, { n });
      await self.receive();
    }
    self.sendExit(counter, reasons.shutdown);
  };
}

function burstRow(options: {
  readonly name: string;
  readonly what: string;
  readonly oneWay: Prepare<Report>;
  readonly spawnCounter: typeof spawnHandlerCounter;
}): Row {
  const { oneWay, spawnCounter } = options;
  return ownerRow<Report>({
    ...options,
    unit: "messages/s",
    measure: async ({ self, node, bench }) => {
      const size = bench.size(BURST_SIZE);
      const steady = await bench.measure({
        maxCount: ONE_WAY_MAX,
        run: oneWay(self, node),
      });
      const burst = await bench.measure({
        maxCount: BURSTS_MAX,
        unitsPerCount: size,
        run: bursts(self, size, spawnCounter),
      });
      return withSlowdown(burst, steady);
    },
  });
}

type Question = { readonly from: Pid<Answer>; readonly ref: Ref };
type Answer = { readonly ref: Ref };
/** The messages in the mailbox of the actor that asks. */
type Mixed = Ball | Answer;

function byRef(self: Self<Mixed>): TimedPart["run"] {
  const other = self.spawn(handler(null, (state, question: Question, other) => {
    other.send(question.from, { ref: question.ref });
    return state;
  }));
  return async (count) => {
    for (let i = 0; i < count; i++) {
      const ref = self.makeRef();
      self.send(other, { from: self.pid, ref });
      await self.receive(ref);
    }
  };
}

function calls(self: Self<Mixed>): TimedPart["run"] {
  const server = self.spawn(handler(null, (state, call: Call, server) => {
    server.reply(call.from, call.request);
    return state;
  }));
  return async (count) => {
    for (let i = 0; i < count; i++) await self.call(server, i);
  };
}

async function behindMany(
  { self, node, bench }: Owner<Mixed>,
  prepare: Prepare<Mixed>,
): Promise<Figures> {
  const part = {
    maxCount: ANSWERS_MAX,
    showsGc: true,
    run: prepare(self, node),
  };
  const empty = await bench.measure(part);
  await fillMailbox(self, bench.size(QUEUE_SIZE));
  return withSlowdown(await bench.measure(part), empty);
}

async function fillMailbox(
  self: Self<Mixed>,
  count: number,
): Promise<void> {
  const ref = self.makeRef();
  self.spawn(async (filler) => {
    await inBatches(filler, count, (n) => filler.send(self.pid, { n }));
    filler.send(self.pid, { ref });
  });
  await self.receive(ref);
}

export const mailboxRows: readonly Row[] = [
  burstRow({
    name: "burst-100k",
    what: "A handler actor has 100,000 messages at once, and counts them.",
    oneWay: handlerOneWay,
    spawnCounter: spawnHandlerCounter,
  }),
  burstRow({
    name: "receive-burst-100k",
    what: "A function actor has 100,000 messages at once, and counts them.",
    oneWay: receiveOneWay,
    spawnCounter: spawnFunctionCounter,
  }),
  ownerRow<Mixed>({
    name: "ref-behind-1m",
    unit: "round trips/s",
    what: "receive(ref) waits for answers behind 1,000,000 messages.",
    measure: (owner) => behindMany(owner, byRef),
  }),
  ownerRow<Mixed>({
    name: "call-behind-1m",
    unit: "calls/s",
    what: "call() waits for replies while 1,000,000 messages are queued.",
    measure: (owner) => behindMany(owner, calls),
  }),
];
