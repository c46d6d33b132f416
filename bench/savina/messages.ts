/**
 * Savina's benchmarks of plain messages: ping-pong, counting, the thread ring,
 * and many to many (`big`). Written from their descriptions in "Savina - An
 * Actor Benchmark Suite" (Imam, Sarkar, AGERE 2014); `bench_savina.erl` has the
 * same benchmarks. Each resolves with the count of its actors.
 */

import {
  handler,
  type Pid,
  reasons,
  type Self,
  stop,
} from "../../runtime/mod.ts";
import { BATCH, GO_ON } from "../inside/turns.ts";
import { indexFrom, nextSeed, type Owner, toldNumber } from "./owner.ts";

type Ping = { readonly type: "ping"; readonly from: Pid<Pong> };
type Pong = { readonly type: "pong"; readonly from: Pid<Ping> };

/** Two actors and one message between them; resolves with the pongs. */
export function pingPong(self: Owner, pings: number): Promise<number> {
  const pong = self.spawn(handler(null, (state, ping: Ping, pong) => {
    pong.send(ping.from, { type: "pong", from: pong.pid });
    return state;
  }));
  self.spawn(handler(
    (ping: Self<Pong>) => {
      ping.send(pong, { type: "ping", from: ping.pid });
      return 0;
    },
    (before, answer, ping) => {
      const pongs = before + 1;
      if (pongs < pings) {
        ping.send(answer.from, { type: "ping", from: ping.pid });
        return pongs;
      }
      ping.sendExit(pong, reasons.shutdown);
      ping.send(self.pid, pongs);
      return stop();
    },
  ));
  return toldNumber(self);
}

type Count =
  | { readonly type: "increment" }
  | { readonly type: "retrieve"; readonly by: Pid<number> };

/** One actor sends, another counts; resolves with its count. */
export function counting(self: Owner, messages: number): Promise<number> {
  const counter = self.spawn(handler(0, (total, message: Count, counter) => {
    if (message.type === "increment") return total + 1;
    counter.send(message.by, total);
    return stop();
  }));
  const sender = self.spawn(
    handler(messages, (left, _go: typeof GO_ON, sender) => {
      const rest = Math.max(0, left - BATCH);
      for (let n = left; n > rest; n--) {
        sender.send(counter, { type: "increment" });
      }
      if (rest > 0) {
        sender.send(sender.pid, GO_ON);
        return rest;
      }
      sender.send(counter, { type: "retrieve", by: self.pid });
      return stop();
    }),
  );
  self.send(sender, GO_ON);
  return toldNumber(self);
}

type Token =
  | { readonly type: "token"; readonly left: number }
  /** The number of members that still run, and the hops of the others. */
  | { readonly type: "end"; readonly left: number; readonly hops: number }
  | { readonly type: "connect"; readonly next: Pid<Token> };

type Member = { next: Pid<Token> | null; hops: number };

/** A token goes around; resolves with the number of hops. */
export function threadRing(
  self: Owner,
  actors: number,
  hops: number,
): Promise<number> {
  const spawnMember = (next: Pid<Token> | null): Pid<Token> =>
    self.spawn(handler<Member, Token>(
      () => ({ next, hops: 0 }),
      (member, message, ring) => {
        if (message.type === "connect") {
          member.next = message.next;
          return member;
        }
        const next = member.next ?? ring.pid;
        if (message.type === "token" && message.left > 0) {
          member.hops++;
          ring.send(next, { type: "token", left: message.left - 1 });
          return member;
        }
        const isLast = message.type === "end" && message.left === 1;
        const sum = member.hops + (message.type === "end" ? message.hops : 0);
        const left = message.type === "end" ? message.left : actors;
        if (isLast) ring.send(self.pid, sum);
        else ring.send(next, { type: "end", left: left - 1, hops: sum });
        return stop();
      },
    ));
  const last = spawnMember(null);
  let first = last;
  for (let i = 1; i < actors; i++) first = spawnMember(first);
  self.send(last, { type: "connect", next: first });
  self.send(first, { type: "token", left: hops });
  return toldNumber(self);
}

type Neighbour =
  | { readonly type: "ping"; readonly from: Pid<Neighbour> }
  | { readonly type: "pong"; readonly from: Pid<Neighbour> }
  | { readonly type: "begin"; readonly all: readonly Pid<Neighbour>[] };

type Neighbourhood = {
  all: readonly Pid<Neighbour>[];
  seed: number;
  pongs: number;
};

function pingRandom(
  self: Self<Neighbour>,
  state: Neighbourhood,
): Neighbourhood {
  state.seed = nextSeed(state.seed);
  const to = state.all[indexFrom(state.seed, state.all.length)] ?? self.pid;
  self.send(to, { type: "ping", from: self.pid });
  return state;
}

/** Every actor pings others, one at a time; resolves with all pongs. */
export async function big(
  self: Owner,
  actors: number,
  pings: number,
): Promise<number> {
  const spawnOne = (seed: number) =>
    self.spawn(handler<Neighbourhood, Neighbour>(
      () => ({ all: [], seed, pongs: 0 }),
      (state, message, one) => {
        switch (message.type) {
          case "ping":
            one.send(message.from, { type: "pong", from: one.pid });
            return state;
          case "pong":
            if (++state.pongs < pings) return pingRandom(one, state);
            // It still answers the pings of the others.
            one.send(self.pid, state.pongs);
            return state;
          case "begin":
            state.all = message.all;
            return pingRandom(one, state);
          default:
            message satisfies never;
            return state;
        }
      },
    ));
  const all = Array.from({ length: actors }, (_, i) => spawnOne(i));
  for (const one of all) self.send(one, { type: "begin", all });
  let pongs = 0;
  for (let told = 0; told < actors; told++) pongs += await toldNumber(self);
  for (const one of all) self.sendExit(one, reasons.shutdown);
  return pongs;
}
