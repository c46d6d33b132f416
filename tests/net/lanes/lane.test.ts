/**
 * The lane of large messages: signals between the same two actors keep their
 * order, senders take turns, and the counts are right.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  MonitorTarget,
  Signal,
} from "../../../runtime/core/host/signal.ts";
import { Pid, Ref } from "../../../runtime/core/terms/terms.ts";
import { Lane, partiesOf } from "../../../runtime/net/lanes/lane.ts";
import {
  FRAGMENT_BYTES,
  FRAGMENT_MARK,
  FragmentReader,
  OPEN_PAYLOADS_MAX,
  WINDOW_BYTES_MIN,
} from "../../../runtime/wire/framing/fragments.ts";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import { checkProperty } from "../../wire/cbor/pair.ts";

const LENGTH_BYTES = 4;
const pid = (id: number, node = "a@lane"): Pid => new Pid(node, id, 0, 7, null);

/** A payload: a head of three numbers, and further bytes. */
const HEAD_BYTES = 12;

type Sent = { readonly from: number; readonly to: number; readonly n: number };

/** Half of a payload is in a chunk of its own, as with attached binaries. */
function payloadOf({ from, to, n }: Sent, bytes: number) {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, from);
  view.setUint32(4, to);
  view.setUint32(8, n);
  return [head, new Uint8Array(bytes - HEAD_BYTES).fill(from)];
}

/** Adds to a lane and takes from it, and knows which frames to expect. */
class Bench {
  readonly lane: Lane;
  /** Signals that wait, by sender. */
  readonly waiting: Map<number, Sent[]> = new Map();
  /** Senders of the frames that were taken. */
  readonly frames: number[] = [];
  /** Signals that are complete. */
  readonly done: Sent[] = [];
  /** Most payloads that were open at a time. */
  mostOpen = 0;
  addedBytes = 0;
  takenBytes = 0;
  readonly #pids: Pid[] = [];
  readonly #parser = new FrameParser({
    headerBytes: 4,
    maxFrameBytes: FRAGMENT_BYTES + 9,
  });
  readonly #reader = new FragmentReader(2 ** 24);
  readonly #open = new Map<number, number>();
  #count = 0;

  constructor(isCut = true) {
    this.lane = new Lane(isCut, () => 0);
  }

  pid(i: number): Pid {
    return this.#pids[i] ??= pid(i);
  }

  /** `to` 0: only the peer knows the receiver. */
  add(from: number, to: number, bytes: number): void {
    const sent = { from, to, n: this.#count++ };
    const before = this.lane.bytes;
    this.lane.add(
      { from: this.pid(from), to: to === 0 ? null : this.pid(to) },
      payloadOf(sent, bytes),
      bytes,
    );
    expect(this.lane.bytes - before).toBeGreaterThanOrEqual(bytes);
    this.addedBytes += this.lane.bytes - before;
    const waiting = this.waiting.get(from);
    if (waiting === undefined) this.waiting.set(from, [sent]);
    else waiting.push(sent);
  }

  isBehind(from: number, to: number): boolean {
    return this.lane.isBehind(
      this.pid(from),
      to === 0 ? null : this.pid(to),
    );
  }

  /** The expected result of `isBehind`. */
  isFollower(from: number, to: number): boolean {
    return (this.waiting.get(from) ?? [])
      .some((sent) => to === 0 || sent.to === 0 || sent.to === to);
  }

  /** Takes a frame; false when there was none. */
  take(): boolean {
    const before = this.lane.bytes;
    const chunks = this.lane.take();
    if (chunks === null) return false;
    let bytes = 0;
    for (const chunk of chunks) {
      bytes += chunk.length;
      this.#parser.push(chunk);
    }
    expect(before - this.lane.bytes).toBe(bytes - LENGTH_BYTES);
    this.takenBytes += bytes - LENGTH_BYTES;
    const frame = this.#parser.next();
    expect(frame).toHaveLength(bytes - LENGTH_BYTES);
    this.#receive(frame!);
    return true;
  }

  #receive(frame: Uint8Array): void {
    const isFragment = frame[0] === FRAGMENT_MARK;
    const payload = isFragment ? this.#reader.read(frame) : frame;
    if (isFragment) {
      this.lane.acknowledged(frame.length);
      const number = new DataView(frame.buffer, frame.byteOffset).getUint32(1);
      // The first fragment begins with the head, which names the sender.
      const from = this.#open.get(number) ?? frame[9 + 3]!;
      this.frames.push(from);
      if (payload === null) this.#open.set(number, from);
      else this.#open.delete(number);
      this.mostOpen = Math.max(this.mostOpen, this.#open.size);
    }
    if (payload === null) return;
    const view = new DataView(payload.buffer, payload.byteOffset);
    const sent = {
      from: view.getUint32(0),
      to: view.getUint32(4),
      n: view.getUint32(8),
    };
    if (!isFragment) this.frames.push(sent.from);
    expect(payload.subarray(HEAD_BYTES).every((byte) => byte === sent.from))
      .toBe(true);
    this.done.push(sent);
    // All signals of one sender are in order, for all receivers.
    const waiting = this.waiting.get(sent.from)!;
    expect(sent).toEqual(waiting.shift());
    if (waiting.length === 0) this.waiting.delete(sent.from);
  }

  get waitingCount(): number {
    let count = 0;
    for (const sent of this.waiting.values()) count += sent.length;
    return count;
  }
}

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: HEAD_BYTES, max: 2_000 }) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: FRAGMENT_BYTES, max: 4 * FRAGMENT_BYTES }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[0, 1, 9, 10].map((more) => FRAGMENT_BYTES + more),
    ),
  },
);

/** Steps that add a signal or, `takes` times as many, take a frame. */
function steps(senders: number, takes: number) {
  const from = fc.integer({ min: 1, max: senders });
  const to = fc.nat({ max: 4 });
  const add = fc.record({ from, to, bytes });
  return fc.array(
    fc.oneof(
      { weight: 2, arbitrary: add },
      { weight: 2 * takes, arbitrary: fc.constant(null) },
    ),
    { minLength: 5, maxLength: 120, size: "max" },
  );
}

/** The pairs of actors for which `isBehind` is wrong. */
function misjudged(bench: Bench, senders: number): string[] {
  const wrong: string[] = [];
  for (let from = 1; from <= senders; from++) {
    for (let to = 0; to <= 4; to++) {
      const is = bench.isBehind(from, to);
      if (is !== bench.isFollower(from, to)) wrong.push(`${from}>${to}: ${is}`);
    }
  }
  return wrong;
}

/**
 * Runs the steps on a lane, then empties it, and checks the invariants after
 * each step.
 */
function run(
  plan: readonly ({ from: number; to: number; bytes: number } | null)[],
  senders: number,
  isCut: boolean,
): Bench {
  const bench = new Bench(isCut);
  const check = () => {
    expect(bench.lane.length).toBe(bench.waitingCount);
    expect(bench.lane.bytes).toBe(bench.addedBytes - bench.takenBytes);
    expect(bench.lane.bytes > 0).toBe(bench.lane.length > 0);
  };
  for (const step of plan) {
    if (step === null) bench.take();
    else bench.add(step.from, step.to, step.bytes);
    check();
    expect(misjudged(bench, senders)).toEqual([]);
  }
  const most = 6 * plan.length + 1;
  let took = 0;
  while (bench.take()) expect(++took).toBeLessThan(most);
  expect(bench.lane).toMatchObject({ bytes: 0, length: 0 });
  expect(bench.takenBytes).toBe(bench.addedBytes);
  expect(bench.waitingCount).toBe(0);
  expect(misjudged(bench, senders)).toEqual([]);
  return bench;
}

describe("a lane", () => {
  it("keeps order and counts, for few senders", () => {
    checkProperty(
      fc.property(steps(3, 2), (plan) => {
        const bench = run(plan, 3, true);
        expect(bench.mostOpen).toBeLessThanOrEqual(3);
      }),
      25,
    );
  });

  it("keeps order and counts, and eight payloads open, for many", () => {
    checkProperty(
      fc.property(steps(20, 0.5), (plan) => {
        const bench = run(plan, 20, true);
        expect(bench.mostOpen).toBeLessThanOrEqual(OPEN_PAYLOADS_MAX);
      }),
      20,
    );
  });

  it("does not cut frames for a BEAM node", () => {
    checkProperty(
      fc.property(
        steps(12, 1).map((plan) =>
          plan.map((step) =>
            step && { ...step, bytes: Math.min(step.bytes, FRAGMENT_BYTES) }
          )
        ),
        (plan) => {
          const bench = run(plan, 12, false);
          expect(bench.frames).toHaveLength(bench.done.length);
        },
      ),
      20,
    );
  });

  it("gives each of its senders a fragment in each round", () => {
    for (let senders = 1; senders <= OPEN_PAYLOADS_MAX; senders++) {
      const bench = new Bench();
      for (let from = 1; from <= senders; from++) {
        bench.add(from, 9, 5 * FRAGMENT_BYTES - 50);
      }
      const all = Array.from({ length: senders }, (_, i) => i + 1);
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < senders; i++) bench.take();
        expect(bench.frames.splice(0).toSorted((a, b) => a - b)).toEqual(all);
      }
      expect(bench.done).toHaveLength(senders);
      expect(bench.take()).toBe(false);
    }
  });

  it("sends a short message of one sender beside a long one of another", () => {
    const bench = new Bench();
    bench.add(1, 9, 100 * FRAGMENT_BYTES);
    for (let i = 0; i < 20; i++) bench.take();
    bench.add(2, 9, 2 * FRAGMENT_BYTES - 50);
    for (let i = 0; i < 4; i++) bench.take();
    expect(bench.done.map(({ from }) => from)).toEqual([2]);
  });

  it("starves no sender while eight others never end", () => {
    const bench = new Bench();
    const frames = 5;
    const long = frames * FRAGMENT_BYTES - 50;
    const renew = (from: number) => bench.add(from, 30, long);
    for (let from = 1; from <= OPEN_PAYLOADS_MAX; from++) renew(from);
    const late = Array.from({ length: 12 }, (_, i) => 11 + i);
    for (const from of late) renew(from);
    let taken = 0;
    while (late.some((from) => !bench.done.some((one) => one.from === from))) {
      const before = bench.done.length;
      bench.take();
      // Each sender is done once before any sender is done three times.
      expect(++taken).toBeLessThanOrEqual(3 * 20 * frames);
      for (const { from } of bench.done.slice(before)) renew(from);
    }
    expect(bench.mostOpen).toBe(OPEN_PAYLOADS_MAX);
    expect(bench.lane.length).toBe(20);
  });

  describe("towards a peer that acknowledges", () => {
    const [from, to] = [pid(1), pid(2, "b@lane")];
    const taken = (lane: Lane, isLast = false): number => {
      let bytes = 0;
      for (let next = lane.take(isLast); next; next = lane.take(isLast)) {
        for (const chunk of next) bytes += chunk.length;
        bytes -= LENGTH_BYTES;
      }
      return bytes;
    };
    const filled = (isCut: boolean) => {
      const lane = new Lane(isCut, () => 0);
      const bytes = 3 * WINDOW_BYTES_MIN;
      lane.add({ from, to }, [new Uint8Array(bytes)], bytes);
      return lane;
    };

    it("gives a window of fragments without an acknowledgement", () => {
      const lane = filled(true);
      const all = lane.bytes;
      let sum = 0;
      for (let i = 0; lane.bytes > 0; i++) {
        const bytes = taken(lane);
        // The frame that fills the window may exceed it.
        expect(bytes).toBeLessThan(WINDOW_BYTES_MIN + FRAGMENT_BYTES + 9);
        if (lane.bytes > 0) {
          expect(bytes).toBeGreaterThanOrEqual(
            WINDOW_BYTES_MIN - FRAGMENT_BYTES,
          );
        }
        expect(taken(lane)).toBe(0);
        lane.acknowledged(bytes);
        sum += bytes;
        expect(i).toBeLessThan(4);
      }
      expect(sum).toBe(all);
    });

    it("goes on with as many bytes as were acknowledged", () => {
      const lane = filled(true);
      taken(lane);
      lane.acknowledged(FRAGMENT_BYTES + 9);
      expect(taken(lane)).toBe(FRAGMENT_BYTES + 9);
      // Acknowledging more than was sent does not widen the window.
      lane.acknowledged(100 * WINDOW_BYTES_MIN);
      expect(taken(lane)).toBeLessThan(WINDOW_BYTES_MIN + FRAGMENT_BYTES + 9);
    });

    it("gives all frames when the connection closes", () => {
      const lane = filled(true);
      const all = lane.bytes;
      expect(taken(lane) + taken(lane, true)).toBe(all);
      expect(lane).toMatchObject({ bytes: 0, length: 0 });
    });

    it("does not count whole frames, and has no window for a BEAM node", () => {
      const lane = new Lane(true, () => 0);
      lane.add(
        { from, to },
        [new Uint8Array(3 * WINDOW_BYTES_MIN)],
        3 * WINDOW_BYTES_MIN,
      );
      lane.add({ from: to, to: from }, [new Uint8Array(10)], 10);
      taken(lane);
      expect(lane.length).toBe(1);
      const beam = filled(false);
      expect(taken(beam)).toBe(3 * WINDOW_BYTES_MIN);
    });
  });

  // With one array the time was quadratic, and took minutes.
  it("takes very many signals behind a long one", () => {
    const lane = new Lane(true, () => 0);
    const [from, to] = [pid(1), pid(2, "b@lane")];
    lane.add({ from, to }, [new Uint8Array(2 ** 20)], 2 ** 20);
    const small = [new Uint8Array(20)];
    for (let i = 0; i < 400_000; i++) lane.add({ from, to }, small, 20);
    expect(lane.length).toBe(400_001);
    let frames = 0;
    while (lane.take(true) !== null) frames++;
    expect(frames).toBe(400_016);
    expect(lane).toMatchObject({ bytes: 0, length: 0 });
  });
});

describe("a payload", () => {
  it("of two fragments is too small for a lane that cuts", () => {
    const [cutting, other] = [
      new Lane(true, () => 0),
      new Lane(false, () => 0),
    ];
    expect(cutting.isTooSmall(2 * FRAGMENT_BYTES)).toBe(true);
    expect(cutting.isTooSmall(2 * FRAGMENT_BYTES + 1)).toBe(false);
    expect(other.isTooSmall(1)).toBe(false);
  });
});

describe("the order of a signal", () => {
  const [here, leader] = [pid(1), pid(3)];
  const there = pid(2, "b@lane");
  const ref = new Ref("a@lane", 7, [1, 2, 3]);
  const parties = (signal: Signal) => {
    const { from, to } = partiesOf(signal);
    return [from, to];
  };

  it("is kept between sender and receiver, where both are known", () => {
    const reason = "over";
    const both = { from: here, to: there };
    for (
      const signal of [
        { type: "send", ...both, message: 1 },
        { type: "link", ...both },
        { type: "unlink", ...both, id: 1 },
        { type: "unlinkAck", ...both, id: 1 },
        { type: "linkExit", ...both, reason },
        { type: "exit", ...both, reason },
        { type: "monitor", from: here, target: there, ref },
        { type: "demonitor", from: here, target: there, ref },
        // The down message of an actor that had ended before.
        { type: "down", target: here, to: there, ref, reason },
        { type: "down", target: "name", from: here, to: there, ref, reason },
      ] satisfies Signal[]
    ) expect(parties(signal)).toEqual([here, there]);
  });

  it("is kept for all signals of the sender, for a name or an alias", () => {
    const flags = { link: false, monitor: false };
    const named: MonitorTarget = "name";
    const signals: Signal[] = [
      { type: "sendNamed", from: here, name: "name", message: 1 },
      { type: "sendAlias", from: here, alias: ref, message: 1 },
      { type: "monitor", from: here, target: named, ref },
      { type: "demonitor", from: here, target: named, ref },
      {
        type: "spawnRequest",
        ref,
        from: here,
        groupLeader: leader,
        behaviour: "b",
        args: [],
        flags,
      },
    ];
    for (const signal of signals) expect(parties(signal)).toEqual([here, null]);
  });

  it("has no actor as sender, where the node itself replies", () => {
    const flags = { link: false, monitor: false };
    const speakers = ([
      { type: "spawnReply", ref, to: there, flags, result: here },
      { type: "down", target: "name", to: there, ref, reason: "noproc" },
    ] satisfies Signal[]).map(parties);
    for (const [from, to] of speakers) {
      expect(to).toBe(there);
      expect(from).not.toBe(here);
    }
  });
});
