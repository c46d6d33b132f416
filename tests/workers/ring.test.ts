/**
 * The ring of shared memory, for any order of steps of its two ends. Both ends
 * are in one thread, so that the test can choose the order; `carrier.test.ts`
 * has tests across threads.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createRing,
  RingReader,
  RingWriter,
} from "../../runtime/platform/workers/ring.ts";

function ends(capacity: number): { writer: RingWriter; reader: RingReader } {
  const memory = createRing(capacity);
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

/** Bytes whose values depend on their place in the stream. */
function numbered(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (from + i) % 251);
}

describe("a ring", () => {
  test("gives back what was written, once", () => {
    const { writer, reader } = ends(16);
    expect(reader.read(100)).toBeNull();
    expect(writer.write(numbered(0, 5), 0)).toBe(5);
    expect([writer.length, reader.length]).toEqual([5, 5]);
    expect(reader.read(100)).toEqual(numbered(0, 5));
    expect(reader.read(100)).toBeNull();
  });

  test("takes what fits and the rest later, around its end", () => {
    const { writer, reader } = ends(16);
    writer.write(numbered(0, 10), 0);
    expect(reader.read(7)).toEqual(numbered(0, 7));
    const chunk = numbered(10, 40);
    expect(writer.write(chunk, 0)).toBe(13);
    expect(writer.write(chunk, 13)).toBe(0);
    expect(reader.read(100)).toEqual(numbered(7, 16));
    expect(writer.write(chunk, 13)).toBe(16);
    expect(reader.read(100)).toEqual(numbered(23, 16));
    expect(writer.write(chunk, 29)).toBe(11);
    expect(reader.read(100)).toEqual(numbered(39, 11));
  });

  test("hands out copies that later writes leave alone", () => {
    const { writer, reader } = ends(8);
    writer.write(numbered(0, 8), 0);
    const first = reader.read(8);
    writer.write(numbered(100, 8), 0);
    expect(first).toEqual(numbered(0, 8));
  });

  test("goes on when its positions wrap at 32 bits", () => {
    const memory = createRing(64);
    // The positions after nearly 2 GiB, and after nearly 4 GiB.
    for (const at of [2 ** 31 - 64, -64]) {
      const head = new Int32Array(memory, 0, 32);
      head[0] = at;
      head[16] = at;
      const writer = new RingWriter(memory);
      const reader = new RingReader(memory);
      for (let n = 0; n < 300; n += 30) {
        expect(writer.write(numbered(n, 30), 0)).toBe(30);
        expect(reader.length).toBe(30);
        expect(reader.read(100)).toEqual(numbered(n, 30));
      }
    }
  });

  test("ends after the written bytes, and cuts at once", () => {
    const gentle = ends(16);
    gentle.writer.write(numbered(0, 3), 0);
    gentle.writer.end();
    expect(gentle.reader.ending).toBeNull();
    expect(gentle.reader.read(100)).toEqual(numbered(0, 3));
    expect(gentle.reader.ending).toBe("ended");
    const rude = ends(16);
    rude.writer.write(numbered(0, 3), 0);
    rude.writer.cut();
    expect(rude.reader.ending).toBe("cut");
    rude.writer.end();
    expect(rude.reader.ending).toBe("cut");
  });

  test.each([0, 3, 100, 2 ** 31, 1.5])("has no capacity of %d", (capacity) => {
    expect(() => createRing(capacity)).toThrow(/power of two/);
  });
});

describe("sleep", () => {
  test("of a reader is refused while there are bytes or an end", () => {
    const { writer, reader } = ends(16);
    writer.write(numbered(0, 1), 0);
    expect(reader.sleep()).toBe(false);
    expect(writer.claimReader()).toBe(false);
    reader.read(1);
    writer.end();
    expect(reader.sleep()).toBe(false);
  });

  test("of a reader ends once, for a write or an end", () => {
    const { writer, reader } = ends(16);
    for (const act of [() => writer.write(numbered(0, 1), 0), writer.end]) {
      reader.read(100);
      expect(reader.sleep()).toBe(true);
      act.call(writer);
      expect(writer.claimReader()).toBe(true);
      expect(writer.claimReader()).toBe(false);
    }
  });

  test("of a writer ends once half of the ring is free", () => {
    const { writer, reader } = ends(16);
    writer.write(numbered(0, 16), 0);
    expect(writer.sleep()).toBe(true);
    reader.read(7);
    expect(reader.claimWriter()).toBe(false);
    reader.read(1);
    expect(reader.claimWriter()).toBe(true);
    expect(reader.claimWriter()).toBe(false);
  });

  test("of a writer is refused when there is room", () => {
    const { writer, reader } = ends(16);
    writer.write(numbered(0, 8), 0);
    expect(writer.sleep()).toBe(false);
    expect(reader.claimWriter()).toBe(false);
  });
});

test("any order of steps carries the stream and leaves no end asleep", () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant("write"), size: fc.nat(40) }),
    fc.record({
      act: fc.constant("read"),
      size: fc.integer({ min: 1, max: 40 }),
    }),
    fc.record({ act: fc.constant("readerSleeps"), size: fc.constant(0) }),
    fc.record({ act: fc.constant("writerSleeps"), size: fc.constant(0) }),
  );
  fc.assert(fc.property(
    fc.constantFrom(1, 2, 8, 16),
    fc.array(step, { maxLength: 200 }),
    (capacity, steps) => {
      const { writer, reader } = ends(capacity);
      let written = 0;
      let read = 0;
      let isReaderAsleep = false;
      let isWriterAsleep = false;
      for (const { act, size } of steps) {
        if (act === "write") {
          const count = writer.write(numbered(written, size), 0);
          expect(count).toBe(Math.min(size, capacity - (written - read)));
          written += count;
          if (writer.claimReader()) isReaderAsleep = false;
        } else if (act === "read") {
          const chunk = reader.read(size);
          expect(chunk?.length ?? 0).toBe(Math.min(size, written - read));
          if (chunk !== null) {
            expect(chunk).toEqual(numbered(read, chunk.length));
          }
          read += chunk?.length ?? 0;
          if (reader.claimWriter()) isWriterAsleep = false;
        } else if (act === "readerSleeps") {
          isReaderAsleep = reader.sleep();
        } else {
          isWriterAsleep = writer.sleep();
        }
        // The two orders in which a wake-up could be lost.
        if (isReaderAsleep) expect(read).toBe(written);
        if (isWriterAsleep) {
          expect((written - read) * 2).toBeGreaterThan(capacity);
        }
        expect(reader.length).toBe(written - read);
      }
    },
  ));
});
