/** The output of bytes: growth, rollback, and attached chunks. */
import { describe, expect, it } from "vitest";
import { Output } from "../../../runtime/wire/etf/output.ts";
import { toHex } from "../../helpers/hex.ts";

function filled(out: Output, count: number, byte: number): void {
  out.writeBytes(new Uint8Array(count).fill(byte));
}

function joined(chunks: readonly Uint8Array[]): string {
  return chunks.map(toHex).join("");
}

describe("an output", () => {
  it("keeps its bytes when it grows", () => {
    const out = new Output({ bufferBytes: 16 });
    for (let i = 0; i < 100; i++) {
      out.writeByte(i);
      out.writeU32(i * 0x01010101);
    }
    expect(out.length).toBe(500);
    const bytes = out.takeCopy();
    expect(bytes.length).toBe(500);
    for (let i = 0; i < 100; i++) {
      expect([...bytes.subarray(5 * i, 5 * i + 5)])
        .toEqual(new Array(5).fill(i));
    }
  });

  it("never writes to bytes that were taken", () => {
    const out = new Output({ bufferBytes: 64 });
    filled(out, 10, 1);
    const [first] = out.take();
    filled(out, 200, 2);
    filled(out, 30, 3);
    const rest = out.take();
    filled(out, 60, 4);
    expect(toHex(first!)).toBe("01".repeat(10));
    expect(joined(rest)).toBe("02".repeat(200) + "03".repeat(30));
    expect(out.take()).toHaveLength(1);
    expect(out.take()).toEqual([]);
  });

  it("hands out attached bytes in their place, uncopied", () => {
    const out = new Output({ bufferBytes: 16 });
    const [a, b] = [new Uint8Array(3).fill(10), new Uint8Array(4).fill(11)];
    out.attach(a);
    filled(out, 2, 1);
    out.attach(b);
    out.attach(a);
    filled(out, 40, 2);
    expect(out.length).toBe(52);
    const chunks = out.take();
    expect([chunks[0] === a, chunks[2] === b, chunks[3] === a])
      .toEqual([true, true, true]);
    expect(joined(chunks)).toBe(
      "0a0a0a" + "0101" + "0b0b0b0b" + "0a0a0a" + "02".repeat(40),
    );
    expect(out.length).toBe(0);
  });

  it("rolls back to a mark, over growth and attached bytes", () => {
    const out = new Output({ bufferBytes: 8 });
    filled(out, 5, 1);
    out.attach(new Uint8Array(2).fill(9));
    const mark = out.mark();
    filled(out, 50, 2);
    out.attach(new Uint8Array(70));
    filled(out, 1, 3);
    expect(out.bytesSince(mark)).toBe(121);
    out.rollback(mark);
    expect([out.bytesSince(mark), out.length]).toEqual([0, 7]);
    filled(out, 1, 4);
    expect(joined(out.take())).toBe("01".repeat(5) + "0909" + "04");
  });

  it("writes a number at a mark later, also after growth", () => {
    const out = new Output({ bufferBytes: 8 });
    filled(out, 3, 1);
    out.take();
    const mark = out.mark();
    out.writeU32(0);
    filled(out, 100, 7);
    out.setU32At(mark, out.bytesSince(mark));
    expect(toHex(out.takeCopy()).slice(0, 10)).toBe("00000068" + "07");
  });

  it("releases the buffer of one large term", () => {
    const out = new Output({ bufferBytes: 16 });
    filled(out, 1000, 1);
    out.take();
    expect(out.buffer.length).toBe(0);
    filled(out, 1, 1);
    expect(out.buffer.length).toBe(16);
  });

  it("refuses to grow beyond its limit", () => {
    const out = new Output({ bufferBytes: 16 });
    out.lengthMax = 40;
    filled(out, 40, 1);
    expect(() => filled(out, 1, 1)).toThrow("the output is above its limit");
    expect(() => out.attach(new Uint8Array(1))).toThrow("above its limit");
    expect(out.length).toBe(40);
  });
});
