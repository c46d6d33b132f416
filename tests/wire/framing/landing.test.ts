/**
 * Fragments that are written to their place while they arrive, in any chunks: the
 * payloads and the errors are the same as without.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import {
  FRAGMENT_BYTES,
  FRAGMENT_MARK,
  FragmentReader,
  fragmentsOf,
} from "../../../runtime/wire/framing/fragments.ts";
import { checkProperty } from "../cbor/pair.ts";

type Bytes = Uint8Array<ArrayBuffer>;

function payloadOf(bytes: number, seed: number): Bytes {
  const payload = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    payload[i] = Math.imul(i + 1, 0x9e37_79b1 ^ seed) >>> 24;
  }
  payload[0] = 0;
  return payload;
}

function framed(chunks: readonly Uint8Array[]): Bytes {
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const frame = new Uint8Array(4 + bytes);
  new DataView(frame.buffer).setUint32(0, bytes);
  let at = 4;
  for (const chunk of chunks) {
    frame.set(chunk, at);
    at += chunk.length;
  }
  return frame;
}

/** The head of a fragment, with any values. */
function headOf(number: number, size: number): Bytes {
  const head = new Uint8Array(9);
  const view = new DataView(head.buffer);
  head[0] = FRAGMENT_MARK;
  view.setUint32(1, number);
  view.setUint32(5, size);
  return head;
}

/** Cuts a stream into chunks of these sizes, over and over. */
function* chunksOf(stream: Bytes, sizes: readonly number[]): Generator<Bytes> {
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = sizes[i % sizes.length]!;
    // A chunk with memory of its own, as a socket returns it.
    yield stream.slice(at, at + size);
    at += size;
  }
}

type Read = {
  readonly others: number[];
  readonly payloads: Uint8Array[];
  /** Sum of the lengths of frames. */
  bytes: number;
  landed: number;
};

/** Reads a stream the way a connection does. */
function read(
  stream: Bytes,
  sizes: readonly number[],
  payloadBytesMax: number,
): Read {
  const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 1 << 20 });
  const reader = new FragmentReader(payloadBytesMax);
  const seen: Read = { others: [], payloads: [], bytes: 0, landed: 0 };
  parser.land = (start, length) => {
    const place = reader.land(start, length);
    if (place !== null) seen.landed++;
    return place;
  };
  for (const chunk of chunksOf(stream, sizes)) {
    parser.push(chunk);
    for (let frame = parser.next(); frame; frame = parser.next()) {
      seen.bytes += parser.length;
      if (frame[0] !== FRAGMENT_MARK) seen.others.push(frame.length);
      else {
        const payload = reader.read(frame);
        if (payload !== null) seen.payloads.push(payload);
      }
    }
  }
  return seen;
}

describe("fragments that land", () => {
  it("are the payload, for any chunks of the stream", () => {
    const sizes = fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 2 * FRAGMENT_BYTES }),
      ),
      { minLength: 1, maxLength: 6 },
    ).filter((all) => all.some((size) => size > 1_000));
    const payloads = fc.array(
      fc.integer({ min: FRAGMENT_BYTES + 10, max: 3 * FRAGMENT_BYTES }),
      { minLength: 1, maxLength: 3 },
    );
    let landed = 0;
    checkProperty(
      fc.property(payloads, sizes, (lengths, cuts) => {
        const sent = lengths.map(payloadOf);
        const lists = sent.map((payload, i) =>
          fragmentsOf([payload], payload.length, i)
        );
        // In turns, with other frames and ticks in between.
        const frames: Bytes[] = [];
        for (let i = 0; lists.some((list) => i < list.length); i++) {
          for (const list of lists) {
            if (i < list.length) frames.push(framed(list[i]!));
          }
          frames.push(framed([new Uint8Array(i)]));
        }
        const stream = new Uint8Array(
          frames.reduce((sum, { length }) => sum + length, 0),
        );
        let at = 0;
        for (const frame of frames) {
          stream.set(frame, at);
          at += frame.length;
        }
        const seen = read(stream, cuts, 3 * FRAGMENT_BYTES);
        landed += seen.landed;
        expect(seen.bytes).toBe(stream.length - 4 * frames.length);
        expect(seen.others).toEqual(seen.others.map((_, i) => i));
        expect(seen.payloads).toHaveLength(sent.length);
        for (const payload of sent) {
          expect(seen.payloads.some((got) =>
            got.length === payload.length &&
            got.every((byte, i) => byte === payload[i])
          )).toBe(true);
        }
      }),
      30,
    );
    expect(landed).toBeGreaterThan(10);
  });

  it("are refused before they land when they are malformed", () => {
    const body = new Uint8Array(200);
    const half = [100];
    const cases: [Bytes, RegExp][] = [
      [framed([headOf(1, 1_000), body]), /at most 500 bytes, got one of 1000/],
      [framed([headOf(1, 100), body]), /payload of 100 bytes, got 200/],
      [
        framed([headOf(1, 500), headOf(2, 100), body]),
        /expected a signal in fragments, got a fragment/,
      ],
    ];
    for (const [stream, complaint] of cases) {
      expect(() => read(stream, half, 500)).toThrow(complaint);
      expect(() => read(stream, [stream.length], 500)).toThrow(complaint);
    }
  });

  it("do not land when only the head has arrived", () => {
    const reader = new FragmentReader(500);
    expect(() => reader.read(headOf(1, 500))).toThrow("incomplete");
    // The first byte behind the head is not known yet.
    expect(reader.land(headOf(1, 500), 100)).toBeNull();
    expect(() => reader.read(headOf(1, 500))).toThrow("incomplete");
  });

  it("leave other frames alone", () => {
    const reader = new FragmentReader(500);
    expect(reader.land(new Uint8Array(100), 200)).toBeNull();
  });
});
