import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  frame,
  FrameError,
  FrameParser,
} from "../../../runtime/wire/framing/frames.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** All frames that the parser returns for one chunk, as plain arrays. */
function take(parser: FrameParser, chunk: Uint8Array): number[][] {
  parser.push(chunk);
  const frames: number[][] = [];
  for (let next = parser.next(); next !== null; next = parser.next()) {
    frames.push([...next]);
  }
  return frames;
}

describe("frame", () => {
  test("puts the length in front", () => {
    expect(frame(bytes(7, 8), 2)).toEqual(bytes(0, 2, 7, 8));
    expect(frame(bytes(7, 8), 4)).toEqual(bytes(0, 0, 0, 2, 7, 8));
    expect(frame(bytes(), 4)).toEqual(bytes(0, 0, 0, 0));
  });

  test("refuses a payload that is too long for a 2-byte length", () => {
    expect(() => frame(new Uint8Array(65_536), 2)).toThrow(FrameError);
  });
});

describe("FrameParser", () => {
  test("needs bytes first", () => {
    const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 10 });
    expect(parser.next()).toBeNull();
    parser.push(bytes());
    expect(parser.next()).toBeNull();
  });

  test("gives many frames of one chunk without copying", () => {
    const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 10 });
    const chunk = join([
      frame(bytes(1), 4),
      frame(bytes(), 4),
      frame(bytes(2, 3), 4),
    ]);
    parser.push(chunk);
    const first = parser.next()!;
    expect(first).toEqual(bytes(1));
    expect(first.buffer).toBe(chunk.buffer);
    expect(parser.next()).toEqual(bytes());
    expect(parser.next()).toEqual(bytes(2, 3));
    expect(parser.next()).toBeNull();
  });

  test("shows where a frame lies", () => {
    const parser = new FrameParser({ headerBytes: 2, maxFrameBytes: 10 });
    const chunk = join([frame(bytes(1), 2), frame(bytes(2, 3), 2)]);
    parser.push(chunk);
    expect(parser.advance()).toBe(true);
    expect(parser.advance()).toBe(true);
    expect(parser.bytes).toBe(chunk);
    expect([parser.start, parser.end]).toEqual([5, 7]);
    expect(parser.advance()).toBe(false);
  });

  test("goes from 2-byte to 4-byte lengths within a chunk", () => {
    const parser = new FrameParser({ headerBytes: 2, maxFrameBytes: 10 });
    const stream = join([
      frame(bytes(1), 2),
      frame(bytes(2), 2),
      frame(bytes(3), 4),
      frame(bytes(4), 4),
    ]);
    // Byte by byte and as a whole: the switch comes after the second frame.
    for (const size of [1, 3, stream.length]) {
      const parser = new FrameParser({ headerBytes: 2, maxFrameBytes: 10 });
      const frames: number[] = [];
      for (let at = 0; at < stream.length; at += size) {
        parser.push(stream.subarray(at, at + size));
        for (let next = parser.next(); next !== null; next = parser.next()) {
          frames.push(next[0]!);
          if (frames.length === 2) parser.switchTo(4);
        }
      }
      expect(frames).toEqual([1, 2, 3, 4]);
    }
    expect(parser.next()).toBeNull();
  });

  test("takes chunks that were pushed before the frames were taken", () => {
    const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 10 });
    const stream = join([frame(bytes(1, 2, 3), 4), frame(bytes(4), 4)]);
    for (const byte of stream) parser.push(bytes(byte));
    expect(parser.next()).toEqual(bytes(1, 2, 3));
    expect(parser.next()).toEqual(bytes(4));
    expect(parser.next()).toBeNull();
  });

  test("accepts the longest frame and refuses all bytes after a longer one", () => {
    for (const cut of [0, 2, 4]) {
      const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 3 });
      expect(take(parser, frame(bytes(1, 2, 3), 4))).toEqual([[1, 2, 3]]);
      const long = frame(bytes(1, 2, 3, 4), 4);
      expect(take(parser, long.subarray(0, cut === 4 ? 3 : cut))).toEqual([]);
      parser.push(long.subarray(cut === 4 ? 3 : cut));
      const error = (() => {
        try {
          return parser.next();
        } catch (error) {
          return error;
        }
      })();
      expect(error).toBeInstanceOf(FrameError);
      expect(error).toMatchObject({ announcedBytes: 4, limitBytes: 3 });
      expect(String(error)).toContain("at most 3 bytes, got");
      parser.push(frame(bytes(1), 4));
      expect(() => parser.next()).toThrow(FrameError);
    }
  });

  test("refuses 4 GiB - 1 before it allocates anything", () => {
    const parser = new FrameParser({
      headerBytes: 4,
      maxFrameBytes: 67_108_864,
    });
    parser.push(bytes(0xff, 0xff, 0xff, 0xff));
    expect(() => parser.next()).toThrow("announces 4294967295");
  });

  test("allocates in step with what arrives, not with announcements", () => {
    const length = 67_108_864;
    const parsers = Array.from({ length: 200 }, () => {
      const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: length });
      parser.push(bytes(0x04, 0, 0, 0, 1));
      expect(parser.next()).toBeNull();
      return parser;
    });
    // 200 times 64 MiB would not fit into memory, so this is the proof.
    expect(parsers).toHaveLength(200);
  });

  test("puts a long frame together from its chunks", () => {
    const payload = new Uint8Array(1_000_000).map((_, i) => i % 251);
    const stream = join([frame(payload, 4), frame(bytes(9), 4)]);
    const parser = new FrameParser({
      headerBytes: 4,
      maxFrameBytes: 1_000_000,
    });
    const frames: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += 65_000) {
      parser.push(stream.subarray(at, at + 65_000));
      for (let next = parser.next(); next !== null; next = parser.next()) {
        frames.push(next);
      }
    }
    expect(frames).toHaveLength(2);
    expect(frames[0]!.every((byte, i) => byte === payload[i])).toBe(true);
    expect(frames[0]!.length).toBe(payload.length);
    expect(frames[1]).toEqual(bytes(9));
  });

  test("gives the same frames for any chunks of the stream", () => {
    fc.assert(fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
      fc.constantFrom(2 as const, 4 as const),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (payloads, headerBytes, sizes) => {
        const stream = join(payloads.map((one) => frame(one, headerBytes)));
        const parser = new FrameParser({ headerBytes, maxFrameBytes: 40 });
        const frames: number[][] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length]!;
          frames.push(...take(parser, stream.slice(at, at + size)));
          at += size;
        }
        expect(frames).toEqual(payloads.map((one) => [...one]));
      },
    ));
  });
});
