/** Bytes that are written as floats: exactly these bytes and no others. */
import { describe, expect, it } from "vitest";
import { Output, pack } from "../../../runtime/wire/etf/output.ts";
import { toHex } from "../../helpers/hex.ts";

/** Bytes that all differ; with `fill`, bytes that all are `fill`. */
function bytesOf(length: number, fill?: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => fill ?? i * 37 + 1 & 0xff);
}

describe("packed bytes", () => {
  it("are written unchanged at any place in the buffer", () => {
    for (let length = 0; length <= 40; length++) {
      const bytes = bytesOf(length);
      const packed = pack(bytes);
      for (let before = 0; before <= 70; before++) {
        const out = new Output({ bufferBytes: 64 });
        out.writeBytes(bytesOf(before, 7));
        out.writePacked(packed);
        out.writeByte(9);
        expect(toHex(out.takeCopy()))
          .toBe("07".repeat(before) + toHex(bytes) + "09");
      }
    }
  });

  it("may be the bytes of a NaN", () => {
    for (const fill of [0x00, 0x7f, 0xff]) {
      for (const length of [7, 8, 9, 16, 24, 33]) {
        const bytes = bytesOf(length, fill);
        bytes[length - 1] = 0x7f;
        bytes[length - 2] = 0xf5;
        const out = new Output();
        out.writePacked(pack(bytes));
        expect(toHex(out.takeCopy())).toBe(toHex(bytes));
      }
    }
  });

  it("count against the limit with their own length only", () => {
    for (const length of [1, 8, 15, 16, 17, 31]) {
      const packed = pack(bytesOf(length));
      const out = new Output({ bufferBytes: length });
      out.lengthMax = length;
      out.writePacked(packed);
      expect(out.length).toBe(length);
      expect(() => out.writePacked(packed)).toThrow("above its limit");
      expect(out.length).toBe(length);
    }
  });

  it("never overwrite bytes that were taken", () => {
    const out = new Output({ bufferBytes: 256 });
    const packed = pack(bytesOf(3));
    const taken: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      out.writePacked(packed);
      taken.push(i % 2 === 0 ? out.takeWhole() : out.take()[0]!);
    }
    for (const bytes of taken) expect(toHex(bytes)).toBe("01264b");
  });
});
