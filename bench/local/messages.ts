/**
 * Messages between actors of one node: there and back, one way, and around.
 *
 * A message is a fresh object of one number, because Erlang makes and copies a
 * tuple for each of its messages as well.
 */

import {
  handler,
  type Pid,
  reasons,
  type Self,
  stop,
} from "../../runtime/mod.ts";
import { BATCH, DONE, GO_ON, type Report } from "../inside/turns.ts";
import type { Row, TimedPart } from "../row.ts";
import { plainRow } from "./owner.ts";

export type Ball = { readonly n: number };

export const ONE_WAY_MAX = 20_000_000;
const RING_SIZE = 1_000;

function handlerPingPong(self: Self<Report>): TimedPart["run"] {
  return async (count) => {
    self.spawn(handler(
      (ping: Self<Ball>) => {
        const pong = ping.spawn(
          handler(null, (state, ball: Ball, pong) => {
            pong.send(ping.pid, { n: ball.n });
            return state;
          }),
        );
        ping.send(pong, { n: count });
        return pong;
      },
      (pong, ball: Ball, ping) => {
        if (ball.n === 1) {
          ping.sendExit(pong, reasons.shutdown);
          ping.send(self.pid, DONE);
          return stop();
        }
        ping.send(pong, { n: ball.n - 1 });
        return pong;
      },
    ));
    await self.receive();
  };
}

function receivePingPong(self: Self<Ball>): TimedPart["run"] {
  return async (count) => {
    const pong = self.spawn(async (pong: Self<Ball>) => {
      for (;;) {
        const ball = await pong.receive();
        if (ball.n === 0) return;
        pong.send(self.pid, { n: ball.n });
      }
    });
    for (let n = count; n > 0; n--) {
      self.send(pong, { n });
      await self.receive();
    }
    self.send(pong, { n: 0 });
  };
}

export function handlerOneWay(self: Self<Report>): TimedPart["run"] {
  return async (count) => {
    const receiver = self.spawn(handler(0, (seen, _ball: Ball, receiver) => {
      if (seen + 1 < count) return seen + 1;
      receiver.send(self.pid, DONE);
      return stop();
    }));
    const sender = self.spawn(
      handler(count, (left, _go: typeof GO_ON, sender) => {
        const rest = Math.max(0, left - BATCH);
        for (let n = left; n > rest; n--) sender.send(receiver, { n });
        if (rest === 0) return stop();
        sender.send(sender.pid, GO_ON);
        return rest;
      }),
    );
    self.send(sender, GO_ON);
    await self.receive();
  };
}

export function receiveOneWay(self: Self<Report>): TimedPart["run"] {
  return async (count) => {
    const receiver = self.spawn(async (receiver: Self<Ball>) => {
      for (let seen = 0; seen < count; seen++) await receiver.receive();
      receiver.send(self.pid, DONE);
    });
    self.spawn(async (sender: Self<typeof GO_ON>) => {
      for (let n = count; n > 0;) {
        const rest = Math.max(0, n - BATCH);
        for (; n > rest; n--) sender.send(receiver, { n });
        sender.send(sender.pid, GO_ON);
        await sender.receive();
      }
    });
    await self.receive();
  };
}

function ring(self: Self<number>): TimedPart["run"] {
  const spawnMember = (next: Pid<number> | null): Pid<number> =>
    self.spawn(handler(next, (next, hops: number, member) => {
      member.send(hops === 0 ? self.pid : next ?? first, hops - 1);
      return next;
    }));
  let first = spawnMember(null);
  for (let i = 1; i < RING_SIZE; i++) first = spawnMember(first);
  return async (count) => {
    self.send(first, count);
    await self.receive();
  };
}

export const messageRows: readonly Row[] = [
  plainRow({
    name: "handler-ping-pong",
    unit: "messages/s",
    what: "Two handler actors, one message between them.",
    maxCount: 50_000_000,
    unitsPerCount: 2,
    prepare: handlerPingPong,
  }),
  plainRow({
    name: "handler-one-way",
    unit: "messages/s",
    what: "One handler actor sends, another counts.",
    maxCount: ONE_WAY_MAX,
    prepare: handlerOneWay,
  }),
  plainRow({
    name: "receive-ping-pong",
    unit: "messages/s",
    what: "Two function actors that await receive(), one message between them.",
    maxCount: 20_000_000,
    unitsPerCount: 2,
    prepare: receivePingPong,
  }),
  plainRow({
    name: "receive-one-way",
    unit: "messages/s",
    what: "One function actor sends, another awaits receive() and counts.",
    maxCount: ONE_WAY_MAX,
    prepare: receiveOneWay,
  }),
  plainRow({
    name: "ring-1000",
    unit: "hops/s",
    what: "A token goes around a ring of 1,000 handler actors.",
    maxCount: 50_000_000,
    prepare: ring,
  }),
];
