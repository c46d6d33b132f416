/** Frames in chunks, as a reader of length-prefixed frames sees them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteQueue } from "../../../runtime/wire/shared/byte_queue.ts";
import { EncodeError } from "../../../runtime/wire/shared/errors.ts";
import { checkProperty, framesOf } from "./pair.ts";

function put(queue: ByteQueue, bytes: number, fill: number): void {
  const at = queue.reserve(bytes);
  queue.buffer.fill(fill, at, at + bytes);
}

describe("a ByteQueue", () => {
  it("gathers small signals into one frame", () => {
    const queue = new ByteQueue();
    put(queue, 2, 1);
    put(queue, 3, 2);
    expect(queue.length).toBe(9);
    const chunks = queue.take();
    expect(chunks).toEqual([Uint8Array.of(0, 0, 0, 5, 1, 1, 2, 2, 2)]);
    expect(queue.length).toBe(0);
    expect(queue.take()).toEqual([]);
  });

  it("opens another frame after endFrame, when full and when taken", () => {
    const queue = new ByteQueue({ frameBytes: 10 });
    put(queue, 4, 1);
    queue.endFrame();
    put(queue, 9, 2);
    put(queue, 9, 3);
    put(queue, 1, 4);
    const sizes = () => framesOf(queue).map((frame) => frame.length);
    expect(sizes()).toEqual([4, 18, 1]);
    put(queue, 1, 5);
    expect(sizes()).toEqual([1]);
  });

  it("never writes to chunks that were taken", () => {
    const queue = new ByteQueue({ chunkBytes: 64 });
    const taken: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < 100; i++) {
      put(queue, 1 + (i % 20), i);
      if (i % 3 === 0) {
        for (const chunk of queue.take()) taken.push([chunk, chunk.slice()]);
      }
    }
    queue.take();
    for (const [chunk, copy] of taken) expect(chunk).toEqual(copy);
  });

  it("keeps order and bytes for all sizes", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("put"),
        size: fc.integer({ min: 1, max: 90 }),
      }),
      fc.record({
        kind: fc.constantFrom("large", "end", "take"),
        size: fc.integer({ min: 0, max: 200 }),
      }),
    );
    checkProperty(
      fc.property(fc.array(step), (steps) => {
        const queue = new ByteQueue({ chunkBytes: 100, frameBytes: 40 });
        const written: number[] = [];
        const read: number[] = [];
        const drain = () => {
          const length = queue.length;
          const frames = framesOf(queue);
          const sizes = frames.reduce((sum, next) => sum + 4 + next.length, 0);
          expect(sizes).toBe(length);
          for (const frame of frames) read.push(...frame);
        };
        steps.forEach(({ kind, size }, i) => {
          if (kind === "put") put(queue, size, i & 255);
          if (kind === "large") {
            queue.largeFrame([
              new Uint8Array(size).fill(i),
              new Uint8Array(3).fill(i),
            ]);
          }
          if (kind === "end") queue.endFrame();
          if (kind === "take") drain();
          const count = kind === "put" ? size : kind === "large" ? size + 3 : 0;
          written.push(...new Array<number>(count).fill(i & 255));
        });
        drain();
        expect(read).toEqual(written);
      }),
      300,
    );
  });

  it("refuses a frame above its limit and stays as it was", () => {
    const queue = new ByteQueue({ maxFrameBytes: 10 });
    put(queue, 6, 1);
    expect(() => queue.reserve(11)).toThrow(EncodeError);
    expect(() => queue.largeFrame([new Uint8Array(11)])).toThrow(EncodeError);
    put(queue, 4, 1);
    put(queue, 1, 2);
    expect(framesOf(queue).map((frame) => frame.length)).toEqual([10, 1]);
  });

  it("can hand large frames to a lane of their own", () => {
    const lane: number[] = [];
    const queue = new ByteQueue();
    queue.onLargeFrame = (payload, bytes) =>
      lane.push(payload.length, bytes) > 0;
    put(queue, 1, 1);
    queue.largeFrame([new Uint8Array(5), new Uint8Array(6)]);
    put(queue, 1, 1);
    expect(lane).toEqual([2, 11]);
    expect(framesOf(queue).map((frame) => frame.length)).toEqual([2]);
  });
});
