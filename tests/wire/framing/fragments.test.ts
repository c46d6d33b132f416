/**
 * Payloads in fragments: a payload is assembled as it was split, with any number
 * of payloads at the same time, and malformed fragments end the connection.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteQueue } from "../../../runtime/wire/shared/byte_queue.ts";
import { internPid } from "../../../runtime/core/terms/terms.ts";
import { Lane } from "../../../runtime/net/lanes/lane.ts";
import { BeamCodec } from "../../../runtime/wire/beam/beam_codec.ts";
import {
  DecodeError,
  EncodeError,
} from "../../../runtime/wire/shared/errors.ts";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";
import {
  acknowledgement,
  ACKNOWLEDGEMENT_MARK,
  FRAGMENT_BYTES,
  FRAGMENT_MARK,
  FragmentReader,
  fragmentsOf,
  OPEN_PAYLOADS_MAX,
  readAcknowledgement,
  split,
} from "../../../runtime/wire/framing/fragments.ts";
import {
  checkProperty,
  collector,
  framesOf,
  Pair,
  type PairOptions,
  strongTable,
} from "../cbor/pair.ts";

const HEAD_BYTES = 9;
/** Of a frame with a fragment. */
const FRAME_BYTES_MAX = FRAGMENT_BYTES + HEAD_BYTES;

type Bytes = Uint8Array<ArrayBuffer>;

/** Pseudo-random bytes without the mark. */
function payloadOf(bytes: number, seed: number): Bytes {
  const payload = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    payload[i] = Math.imul(i + 1, 0x9e37_79b1 ^ seed) >>> 24;
  }
  if (bytes > 0) payload[0] = 0;
  return payload;
}

/** Cuts at these places, which may coincide or lie outside. */
function cut(payload: Bytes, places: readonly number[]): Bytes[] {
  const inside = places.filter((place) => place < payload.length);
  const ends = [...inside.toSorted((a, b) => a - b), payload.length];
  let start = 0;
  return ends.map((end) => {
    const chunk = payload.subarray(start, end);
    start = end;
    return chunk;
  });
}

/** One buffer, as a frame that has come over a wire. */
function join(pieces: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The frames of a payload, as they arrive. */
function framesFor(payload: Bytes, number: number, places: number[] = []) {
  return fragmentsOf(cut(payload, places), payload.length, number).map(join);
}

/** A fragment with any head. */
function fragment(number: number, size: number, bytes: number): Bytes {
  const frame = new Uint8Array(HEAD_BYTES + bytes);
  const view = new DataView(frame.buffer);
  frame[0] = FRAGMENT_MARK;
  view.setUint32(1, number);
  view.setUint32(5, size);
  return frame;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Sizes around all limits, and any others. */
const size = fc.oneof(
  fc.constantFrom(
    ...[1, 2, 3].flatMap((n) =>
      [-1, 0, 1, HEAD_BYTES, HEAD_BYTES + 1].map((d) => n * FRAGMENT_BYTES + d)
    ),
  ),
  fc.integer({ min: 1, max: 5 * FRAGMENT_BYTES }),
);

const places = fc.array(
  fc.oneof(
    fc.nat({ max: 5 * FRAGMENT_BYTES }),
    fc.constantFrom(0, 1, FRAGMENT_BYTES, 2 * FRAGMENT_BYTES),
  ),
  { maxLength: 8 },
);

describe("split", () => {
  it("cuts full parts, in order, without copying", () => {
    checkProperty(
      fc.property(size, places, fc.nat(), (bytes, at, seed) => {
        const payload = payloadOf(bytes, seed);
        const parts = split(cut(payload, at));
        const sizes = parts.map((part) => join(part).length);
        expect(sizes.slice(0, -1).every((s) => s === FRAGMENT_BYTES)).toBe(
          true,
        );
        expect(sizes.at(-1)).toBeLessThanOrEqual(FRAGMENT_BYTES);
        expect(sizes.at(-1)).toBeGreaterThan(0);
        expect(areEqual(join(parts.flat()), payload)).toBe(true);
        for (const piece of parts.flat()) {
          expect(piece.buffer).toBe(payload.buffer);
        }
      }),
      50,
    );
  });

  it("keeps a part for a payload of nothing", () => {
    expect(split([])).toEqual([[]]);
    expect(split([new Uint8Array(0)])).toEqual([[]]);
  });
});

describe("fragmentsOf", () => {
  it("leaves a payload whole that fits into a fragment's frame", () => {
    for (const bytes of [0, 1, FRAGMENT_BYTES, FRAME_BYTES_MAX]) {
      const chunks = [new Uint8Array(bytes)];
      const [frame, ...others] = fragmentsOf(chunks, bytes, 1);
      expect(frame).toBe(chunks);
      expect(others).toEqual([]);
    }
    const bytes = FRAME_BYTES_MAX + 1;
    expect(fragmentsOf([new Uint8Array(bytes)], bytes, 1)).toHaveLength(2);
  });

  it("makes no frame that is longer than the payload may be", () => {
    checkProperty(
      fc.property(size, places, (bytes, at) => {
        const limit = Math.max(bytes, 1);
        for (const frame of framesFor(payloadOf(bytes, 1), 7, at)) {
          expect(frame.length).toBeLessThanOrEqual(
            Math.min(limit, FRAME_BYTES_MAX),
          );
        }
      }),
      50,
    );
  });

  it("marks each with number and size", () => {
    const bytes = 3 * FRAGMENT_BYTES;
    const frames = framesFor(payloadOf(bytes, 5), 0xfedc_ba98);
    expect(frames).toHaveLength(3);
    for (const frame of frames) {
      expect([...frame.subarray(0, HEAD_BYTES)])
        .toEqual([0xf7, 0xfe, 0xdc, 0xba, 0x98, 0, 3, 0, 0]);
    }
  });
});

describe("a FragmentReader", () => {
  it("assembles the fragments of fragmentsOf", () => {
    checkProperty(
      fc.property(size, places, fc.nat(), (bytes, at, seed) => {
        fc.pre(bytes > FRAME_BYTES_MAX);
        const payload = payloadOf(bytes, seed);
        const reader = new FragmentReader(bytes);
        const frames = framesFor(payload, seed, at);
        const last = frames.pop()!;
        for (const frame of frames) expect(reader.read(frame)).toBeNull();
        expect(areEqual(reader.read(last)!, payload)).toBe(true);
      }),
      50,
    );
  });

  it("keeps payloads apart that come interleaved", () => {
    const payloads = fc.array(
      fc.integer({ min: FRAME_BYTES_MAX + 1, max: 4 * FRAGMENT_BYTES }),
      { minLength: 2, maxLength: OPEN_PAYLOADS_MAX },
    );
    const order = fc.infiniteStream(fc.nat({ max: 1_000 }));
    checkProperty(
      fc.property(payloads, order, (sizes, picks) => {
        const reader = new FragmentReader(4 * FRAGMENT_BYTES);
        let open = sizes.map((bytes, i) => {
          const payload = payloadOf(bytes, i);
          return { payload, frames: framesFor(payload, i * 1_000_003) };
        });
        while (open.length > 0) {
          const { payload, frames } = open[picks.next().value % open.length]!;
          const read = reader.read(frames.shift()!);
          expect(read !== null).toBe(frames.length === 0);
          if (read === null) continue;
          expect(areEqual(read, payload)).toBe(true);
          open = open.filter((one) => one.frames.length > 0);
        }
      }),
      25,
    );
  });

  it("shares no memory with frames, and puts all of it into one buffer", () => {
    const payload = payloadOf(3 * FRAGMENT_BYTES + 1, 3);
    const reader = new FragmentReader(payload.length);
    let read: Uint8Array | null = null;
    const buffers = new Set<ArrayBufferLike>();
    for (const frame of framesFor(payload, 1)) {
      read = reader.read(frame);
      buffers.add(frame.buffer);
      // The owner of the memory uses it for the next bytes.
      frame.fill(0xee);
    }
    expect(areEqual(read!, payload)).toBe(true);
    expect(buffers).not.toContain(read!.buffer);
    expect(read!.byteOffset).toBe(0);
    expect(read!.buffer.byteLength).toBe(payload.length);
  });

  it("reads frames that lie within a larger buffer", () => {
    const payload = payloadOf(FRAGMENT_BYTES + 100, 9);
    const reader = new FragmentReader(payload.length);
    const read = framesFor(payload, 1).map((frame) => {
      const chunk = new Uint8Array(frame.length + 10).fill(0xee);
      chunk.set(frame, 5);
      return reader.read(chunk.subarray(5, 5 + frame.length));
    });
    expect(read[0]).toBeNull();
    expect(areEqual(read[1]!, payload)).toBe(true);
  });

  it("takes a payload of the limit and none above it", () => {
    const reader = new FragmentReader(1_000);
    expect(reader.read(fragment(1, 1_000, 999))).toBeNull();
    expect(reader.read(fragment(1, 1_000, 1))).toHaveLength(1_000);
    expect(() => reader.read(fragment(2, 1_001, 1))).toThrow(
      "expected a payload of at most 1000 bytes, got one of 1001",
    );
    expect(() => reader.read(fragment(2, 0xffff_ffff, 1))).toThrow(DecodeError);
  });

  it("has eight payloads open and not more", () => {
    const reader = new FragmentReader(1_000);
    for (let number = 0; number < 8; number++) {
      expect(reader.read(fragment(number, 20, 10))).toBeNull();
    }
    expect(() => reader.read(fragment(8, 20, 10))).toThrow(
      "expected at most 8 payloads in fragments at a time",
    );
    expect(reader.read(fragment(3, 20, 10))).toHaveLength(20);
    // One is complete, so there is room, and its number is free again.
    expect(reader.read(fragment(3, 20, 10))).toBeNull();
    expect(() => reader.read(fragment(8, 20, 10))).toThrow(DecodeError);
  });

  it("refuses another size than announced, and more bytes than that", () => {
    const begun = () => {
      const reader = new FragmentReader(1_000);
      expect(reader.read(fragment(1, 100, 60))).toBeNull();
      return reader;
    };
    expect(() => begun().read(fragment(1, 101, 10))).toThrow(
      "expected the rest of a payload of 100 bytes, got one of 101",
    );
    expect(() => begun().read(fragment(1, 99, 10))).toThrow(DecodeError);
    expect(() => begun().read(fragment(1, 100, 41))).toThrow(
      "expected a payload of 100 bytes, got 101",
    );
    expect(() => new FragmentReader(1_000).read(fragment(1, 100, 101)))
      .toThrow(DecodeError);
    expect(() => new FragmentReader(1_000).read(fragment(1, 0, 1)))
      .toThrow(DecodeError);
  });

  it("refuses a frame without a head or without bytes behind it", () => {
    for (let bytes = 0; bytes <= HEAD_BYTES; bytes++) {
      const reader = new FragmentReader(1_000);
      const frame = fragment(1, 100, 10).subarray(0, bytes);
      expect(() => reader.read(frame)).toThrow("a fragment is incomplete");
    }
  });

  it("refuses fragments of fragments, which could take memory without a limit", () => {
    const inner = fragment(1, 100, 50);
    const outer = fragment(1, inner.length, inner.length);
    outer.set(inner, HEAD_BYTES);
    expect(() => new FragmentReader(1_000).read(outer)).toThrow(
      "expected a signal in fragments, got a fragment",
    );
  });
});

describe("an acknowledgement", () => {
  it("is a frame of its own that says how many bytes", () => {
    for (const bytes of [0, 1, 262_144, 0xffff_ffff]) {
      const frame = acknowledgement(bytes);
      expect([...frame.subarray(0, 5)])
        .toEqual([0, 0, 0, 5, ACKNOWLEDGEMENT_MARK]);
      const chunk = new Uint8Array(20);
      chunk.set(frame, 3);
      expect(readAcknowledgement(chunk.subarray(7, 12))).toBe(bytes);
    }
  });

  it("of another length is refused", () => {
    for (const bytes of [1, 4, 6, 100]) {
      expect(() => readAcknowledgement(new Uint8Array(bytes))).toThrow(
        `expected an acknowledgement of 5 bytes, got ${bytes}`,
      );
    }
  });
});

/** What alpha sends as large frames, in the frames of a connection. */
function cutFrames(pair: Pair, messages: readonly unknown[]): Uint8Array[][] {
  const all: Uint8Array[][] = [];
  pair.queue.onLargeFrame = (payload, bytes) =>
    all.push(fragmentsOf(payload, bytes, all.length).map(join)) > 0;
  for (const message of messages) pair.send(message);
  return all;
}

const pairWith = (options: PairOptions = {}) =>
  new Pair({ queue: new ByteQueue(), ...options });

describe("a codec", () => {
  it("reads signals in fragments between others", () => {
    const pair = pairWith();
    const large = [
      { kind: "blob", data: payloadOf(300_000, 1), key: { deep: [1, 2] } },
      { kind: "text", data: "ä".repeat(100_000), key: { deep: [3, 4] } },
    ];
    const [blob = [], text = []] = cutFrames(pair, large);
    expect([blob.length, text.length]).toEqual([5, 4]);
    const small = [{ kind: "a", n: 1 }, { kind: "b", n: 2 }, {
      kind: "c",
      n: 3,
    }];
    pair.queue.onLargeFrame = null;
    const small0 = small.map((message) => {
      pair.send(message);
      return framesOf(pair.queue);
    });
    const sink = collector();
    const frames = [
      ...[blob[0]!, text[0]!, ...small0[0]!, text[1]!, blob[1]!, blob[2]!],
      ...[...small0[1]!, text[2]!, text[3]!, ...small0[2]!, blob[3]!, blob[4]!],
    ];
    for (const frame of frames) pair.beta.decode(frame, sink);
    expect(sink.delivered.map((one) => "message" in one ? one.message : one))
      .toEqual([small[0], small[1], large[1], small[2], large[0]]);
  });

  it("refuses all frames after a malformed fragment", () => {
    const pair = pairWith({ limits: { payloadBytes: 100_000 } });
    pair.send("fine");
    const [fine] = framesOf(pair.queue);
    const [[first = new Uint8Array()] = []] = cutFrames(pair, [
      "x".repeat(200_000),
    ]);
    const sink = collector();
    pair.beta.decode(fine!, sink);
    expect(() => pair.beta.decode(first, sink)).toThrow(
      /at most 100000 bytes, got one of 2000\d\d/,
    );
    expect(() => pair.beta.decode(fine!, sink)).toThrow(DecodeError);
    expect(sink.delivered).toHaveLength(1);
  });
});

/** A codec that writes to a BEAM node, with a lane, and one that reads. */
function beamLine(maxFrameBytes: number) {
  const pids = strongTable();
  const [a, b] = [
    { node: "a@h", creation: 11 },
    { node: "b@h", creation: 12 },
  ];
  const chosen = BASE_FLAGS | flag.fragments | flag.distHdrAtomCache;
  const common = { pids, chosen, maxFrameBytes };
  const writer = new BeamCodec({ ...common, self: a, peer: b });
  const reader = new BeamCodec({ ...common, self: b, peer: a });
  const out = new ByteQueue({ maxFrameBytes });
  const lane = new Lane(false, () => 0);
  const pid = (of: typeof a, id: number) =>
    internPid(pids, of.node, id, 0, of.creation);
  const [from, to] = [pid(a, 1), pid(b, 2)];
  out.onLargeFrame = (payload, bytes) => {
    lane.add({ from, to }, payload, bytes);
    return true;
  };
  return {
    ...{ out, lane },
    send: (message: unknown) =>
      writer.encodeSend(from, to, message, out, lane.isBehind(from, to)),
    /** What arrives of the queue and then of the lane, and all sizes. */
    receive: () => {
      const parser = new FrameParser({ headerBytes: 4, maxFrameBytes });
      for (const chunk of out.take()) parser.push(chunk);
      for (let next = lane.take(); next !== null; next = lane.take()) {
        for (const chunk of next) parser.push(chunk);
      }
      const sink = collector();
      const sizes: number[] = [];
      for (let next = parser.next(); next !== null; next = parser.next()) {
        sizes.push(next.length);
        reader.decode(next, sink);
      }
      const got = sink.delivered.map((one) =>
        "message" in one ? one.message : one
      );
      return { got, sizes };
    },
  };
}

describe("a codec towards a BEAM node", () => {
  const long = (letter: string) => letter.repeat(200_000);

  it("sends messages behind a large one in the same lane", () => {
    const { send, receive, lane } = beamLine(1_000_000);
    const messages = ["first", long("a"), "second", long("b"), "third"];
    for (const message of messages) send(message);
    // A fragment each, and the two small ones.
    expect(lane.length).toBe(2 * 4 + 2);
    const { got, sizes } = receive();
    expect(got).toEqual(messages);
    expect(Math.max(...sizes)).toBeLessThan(FRAGMENT_BYTES + 200);
    expect(lane).toMatchObject({ bytes: 0, length: 0 });
  });

  it("still has a lane when it has refused its first message", () => {
    const { send, receive, lane } = beamLine(300_000);
    // With its head it is too long by a few bytes.
    expect(() => send("x".repeat(299_990))).toThrow(EncodeError);
    // The first message holds the atoms of later ones, so none overtakes it.
    send(long("a"));
    expect(lane.length).toBe(0);
    send(long("b"));
    expect(lane.length).toBe(4);
    expect(receive().got).toEqual([long("a"), long("b")]);
  });
});
