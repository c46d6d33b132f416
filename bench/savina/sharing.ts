/**
 * Savina's benchmarks of one actor that many others use: chameneos that meet in
 * a mall, and a dictionary with readers and writers. Written from their
 * descriptions, as `messages.ts` is.
 */

import { handler, type Pid, type Self, stop } from "../../runtime/mod.ts";
import { indexFrom, nextSeed, type Owner, toldNumber } from "./owner.ts";

/** Blue, red, yellow. */
type Colour = 0 | 1 | 2;

/** The new colour of two that meet: the third one if theirs differ. */
export function complement(a: Colour, b: Colour): Colour {
  return a === b ? a : (3 - a - b) as Colour;
}

type Meet = {
  readonly type: "meet";
  readonly from: Pid<ToCreature>;
  readonly colour: Colour;
};
type ToMall = Meet | { readonly type: "faded"; readonly meetings: number };
type ToCreature =
  | Meet
  | { readonly type: "change"; readonly colour: Colour }
  | { readonly type: "closed" };

type Creature = { colour: Colour; meetings: number };

function spawnCreature(
  self: Owner,
  mall: Pid<ToMall>,
  colour: Colour,
): Pid<ToCreature> {
  const goAgain = (creature: Self<ToCreature>, colour: Colour) =>
    creature.send(mall, { type: "meet", from: creature.pid, colour });
  return self.spawn(handler<Creature, ToCreature>(
    (creature) => {
      goAgain(creature, colour);
      return { colour, meetings: 0 };
    },
    (state, message, creature) => {
      switch (message.type) {
        case "meet":
          state.colour = complement(state.colour, message.colour);
          creature.send(message.from, {
            type: "change",
            colour: state.colour,
          });
          break;
        case "change":
          state.colour = message.colour;
          break;
        case "closed":
          creature.send(mall, { type: "faded", meetings: state.meetings });
          return stop();
        default:
          message satisfies never;
      }
      state.meetings++;
      goAgain(creature, state.colour);
      return state;
    },
  ));
}

type Mall = {
  left: number;
  waiting: Meet | null;
  faded: number;
  meetings: number;
};

/**
 * Creatures ask a mall for a creature to meet until it closes. Resolves with
 * the sum of the meetings that they have counted, two for each.
 */
export function chameneos(
  self: Owner,
  creatures: number,
  meetings: number,
): Promise<number> {
  const mall = self.spawn(handler<Mall, ToMall>(
    () => ({ left: meetings, waiting: null, faded: 0, meetings: 0 }),
    (state, message, mall) => {
      if (message.type === "faded") {
        state.meetings += message.meetings;
        if (++state.faded < creatures) return state;
        mall.send(self.pid, state.meetings);
        return stop();
      }
      if (state.left === 0) {
        mall.send(message.from, { type: "closed" });
      } else if (state.waiting === null) {
        state.waiting = message;
      } else {
        mall.send(state.waiting.from, message);
        state.waiting = null;
        state.left--;
      }
      return state;
    },
  ));
  for (let i = 0; i < creatures; i++) {
    spawnCreature(self, mall, i % 3 as Colour);
  }
  return toldNumber(self);
}

type Access =
  & { readonly from: Pid<Value>; readonly key: number }
  & (
    | { readonly type: "read" }
    | { readonly type: "write"; readonly value: number }
  );
type Value = { readonly value: number };

/** An actor that holds a map in which the value of each key is the key. */
export function spawnDictionary(self: Owner, keys: number): Pid<Access> {
  // Here, and not at the first message, which is timed.
  const all = new Map<number, number>();
  for (let key = 0; key < keys; key++) all.set(key, key);
  return self.spawn(handler<Map<number, number>, Access>(
    () => all,
    (map, message, dictionary) => {
      if (message.type === "write") {
        map.set(message.key, message.value);
        dictionary.send(message.from, { value: message.value });
      } else {
        dictionary.send(message.from, { value: map.get(message.key) ?? -1 });
      }
      return map;
    },
  ));
}

type Asking = { seed: number; key: number; left: number; right: number };

const WRITES_PERCENT = 10;

/**
 * Workers read and write random keys, each waiting for the value before it goes
 * on; resolves with the values that were right. What is written is the key plus
 * a multiple of `keys`, so that a reader can tell.
 */
export async function dictionary(
  self: Owner,
  dictionary: Pid<Access>,
  options: {
    readonly keys: number;
    readonly workers: number;
    readonly messages: number;
  },
): Promise<number> {
  const { keys, workers, messages } = options;
  const ask = (worker: Self<Value>, state: Asking): Asking => {
    const chance = nextSeed(state.seed);
    const isWrite = indexFrom(chance, 100) < WRITES_PERCENT;
    state.seed = nextSeed(chance);
    const key = indexFrom(state.seed, keys);
    const from = worker.pid;
    if (isWrite) {
      const value = key + keys * state.left;
      worker.send(dictionary, { type: "write", from, key, value });
    } else {
      worker.send(dictionary, { type: "read", from, key });
    }
    state.key = key;
    return state;
  };
  for (let i = 0; i < workers; i++) {
    self.spawn(handler<Asking, Value>(
      (worker) => {
        const state = { seed: i, key: 0, left: messages, right: 0 };
        return ask(worker, state);
      },
      (state, { value }, worker) => {
        if (value % keys === state.key) state.right++;
        if (--state.left > 0) return ask(worker, state);
        worker.send(self.pid, state.right);
        return stop();
      },
    ));
  }
  let right = 0;
  for (let told = 0; told < workers; told++) right += await toldNumber(self);
  return right;
}
