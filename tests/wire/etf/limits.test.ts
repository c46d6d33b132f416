/** False sizes in the bytes, and the limits of terms in both directions. */
import { describe, expect, it } from "vitest";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import { type Tuple, tuple } from "../../../runtime/core/terms/terms.ts";
import { decode, DecodeError, encode } from "../../../runtime/etf.ts";
import {
  AtomTable,
  KeyAtoms,
  PeerAtoms,
} from "../../../runtime/wire/etf/atoms.ts";
import { toHex } from "../../helpers/hex.ts";
import {
  atom,
  CLOSURE_HEAD,
  CLOSURE_TAIL,
  decodeRefusal,
  encodeRefusal,
  from,
  hex,
  INNERMOST,
  nested,
  NODE_HEX,
  read,
  reader,
  writer,
  written,
} from "./pair.ts";

function nestedValue(depth: number, last: unknown): unknown {
  let value = last;
  for (let i = 0; i < depth; i++) {
    value = i % 3 === 0 ? [value] : i % 3 === 1 ? { value } : tuple(value);
  }
  return value;
}

describe("false sizes", () => {
  it.each([
    "6d7fffffff",
    "6dffffffff00",
    "6cffffffff6a",
    "6c7fffffff" + "6a".repeat(100),
    "69ffffffff",
    "74ffffffff",
    "747fffffff7701616101",
    "6effff00",
    "6fffffffff00ff",
    "4dffffffff0100",
    "6bffff00",
    "76ffff61",
    "5affff" + NODE_HEX,
    "70" + CLOSURE_HEAD + "ffffffff" + CLOSURE_TAIL,
  ])("are refused before memory is allocated: %s", (hex) => {
    for (const around of ["", "6801", "6c000000026801", "740000000177016b"]) {
      expect(() => from(around + hex)).toThrow(DecodeError);
    }
  });

  it("are refused at any nesting", () => {
    // Each list alone could still have all the bytes behind it.
    const depth = 20_000;
    const bytes = new Uint8Array(1 + 5 * depth);
    bytes[0] = 131;
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < depth; i++) {
      const at = 1 + 5 * i;
      bytes[at] = 108;
      view.setUint32(at + 1, bytes.length - at - 6);
    }
    expect(decodeRefusal(() => decode(bytes)).offset).toBe(6);
  });

  it("of compressed data are refused", () => {
    const packed = encode("x".repeat(10_000), { compressed: true });
    expect(packed.length).toBeLessThan(200);
    expect(decode(packed)).toBe("x".repeat(10_000));
    for (const size of [0, 1, 10_004, 10_006, 0xffffffff]) {
      const bytes = packed.slice();
      new DataView(bytes.buffer).setUint32(2, size);
      expect(decodeRefusal(() => decode(bytes)).message)
        .toContain("in tag 80 (compressed)");
    }
    for (let end = 0; end < packed.length; end++) {
      expect(() => decode(packed.subarray(0, end))).toThrow(DecodeError);
    }
  });
});

describe("encode compresses", () => {
  it("where that makes a term smaller, at any level", () => {
    const term = { list: new Array(1_000).fill("again") };
    const plain = encode(term);
    for (const compressed of [true, 1, 9]) {
      const bytes = encode(term, { compressed });
      expect([bytes[1], bytes.length < plain.length]).toEqual([80, true]);
      expect(decode(bytes)).toEqual(term);
    }
    expect(encode(term, { compressed: 0 })).toEqual(plain);
    expect(encode("ab", { compressed: true })).toEqual(encode("ab"));
  });
});

describe("limits of what is read", () => {
  it("allow 100,000 levels and no more", () => {
    const deep = from(nested(100_000));
    expect(toHex(encode(deep)).slice(2)).toBe(nested(100_000));
    expect(decodeRefusal(() => from(nested(100_001))).message)
      .toContain("expected at most 100000 levels in a term of tag");
  });

  it.each([60, 63, 64, 65, 66, 67, 200])("are not near %i levels", (levels) => {
    const tail = "6c00000002 6a 6101 6102".replaceAll(" ", "");
    const closure = "70" + CLOSURE_HEAD + "00000001" + CLOSURE_TAIL;
    const inner = [
      nested(2),
      tail,
      "6c00000001 6a 6c00000001 6a 6b0001 05",
      "6c00000000" + nested(3),
      `7400000002 77016b 6101 ${nested(1)} 6102`,
      closure + nested(3),
      closure + "463ff0000000000000",
      closure.replace("00000001" + CLOSURE_TAIL, "00000000" + CLOSURE_TAIL),
      "6800",
      "690000000161 05",
      "7400000000",
    ];
    for (const hex of inner) {
      const bytes = nested(levels).replace(INNERMOST, hex.replaceAll(" ", ""));
      for (const exact of [true, false]) {
        const term = from(bytes, { exact });
        const flat = from(hex, { exact });
        let found = term;
        for (let i = 0; i < levels; i++) {
          found = i % 3 === 0
            ? (found as unknown[])[0]
            : i % 3 === 1
            ? (found as Tuple).items[0]
            : (found as { k: unknown }).k;
        }
        expect(termEquals(found, flat)).toBe(true);
        expect(toHex(encode(term)))
          .toBe(
            toHex(encode(from(toHex(encode(term)).slice(2), { exact: true }))),
          );
      }
    }
  });

  it("are those of keys that hold maps", () => {
    const keyed = (levels: number) =>
      "7400000001".repeat(levels) + "6101" + "6102".repeat(levels);
    expect(from(keyed(17))).toBeInstanceOf(Map);
    for (const levels of [18, 100, 5_000]) {
      expect(decodeRefusal(() => from(keyed(levels))).message)
        .toContain("expected maps in keys of maps at most 16 deep");
    }
    // The number of such maps beside each other has no limit.
    const many = Array.from(
      { length: 50 },
      (_, i) => `740000000161${i.toString(16).padStart(2, "0")}6101 6101`,
    ).join("");
    expect(from(`7400000032 ${many}`)).toHaveProperty("size", 50);
  });

  it("allow a list of a million items", () => {
    const bytes = new Uint8Array(1 + 5 + 2_000_000 + 1).fill(97);
    bytes.set([131, 108, 0, 0x0f, 0x42, 0x40]);
    bytes[bytes.length - 1] = 106;
    const list = decode(bytes) as number[];
    expect([list.length, list[999_999]]).toEqual([1_000_000, 97]);
  });

  it("allow a list in a million pieces", () => {
    const count = 300_000;
    const bytes = new Uint8Array(count * 7 + 2);
    bytes[0] = 131;
    for (let i = 0; i < count; i++) {
      bytes.set([108, 0, 0, 0, 1, 97, i & 255], 1 + 7 * i);
    }
    bytes[bytes.length - 1] = 106;
    expect(decode(bytes)).toHaveLength(count);
  });

  it("bound the objects that an input makes", () => {
    const by = reader({ objects: 10 });
    expect(read("6c00000009" + "6a".repeat(10), by)).toHaveLength(9);
    const error = decodeRefusal(() => read("6c0000000a" + "6a".repeat(11), by));
    expect(error.message).toContain(
      "at most 10 lists, tuples and other objects",
    );
    expect(error.offset).toBe(14);
    // Numbers, atoms and texts are no objects; each input has its own count.
    expect(read("6c00000014" + "77016b".repeat(20) + "6a", by))
      .toHaveLength(20);
    expect(read("6c00000014" + "6d0000000161".repeat(20) + "6a", by))
      .toHaveLength(20);
  });

  it("bound the atoms that one peer makes, and all of them", () => {
    const name = (i: number) => "7702" + (0x6100 + i).toString(16);
    const atoms = (from: number, count: number) =>
      `68${count.toString(16).padStart(2, "0")}` +
      Array.from({ length: count }, (_, i) => name(from + i)).join("");
    const table = new AtomTable(25);
    const one = new PeerAtoms({ table, atomsMax: 10 });
    read(atoms(0, 10), reader({ atoms: one }));
    read(atoms(0, 10), reader({ atoms: one }));
    const error = decodeRefusal(() =>
      read(atoms(9, 2), reader({ atoms: one }))
    );
    expect(error.message).toContain("at most 10 different atoms from one peer");
    expect(error.offset).toBe(6);
    // Atoms that one peer has sent cost nothing when another sends them.
    const two = new PeerAtoms({ table, atomsMax: 100 });
    read(atoms(0, 20), reader({ atoms: two }));
    expect(table.remaining).toBe(5);
    expect(
      decodeRefusal(() => read(atoms(20, 6), reader({ atoms: two }))).message,
    )
      .toContain("fewer different atoms from all peers together");
    // Keys, names of nodes and of functions are not made into symbols.
    const fields = `7400000001 ${name(60)} 6101`;
    expect(read(fields, reader({ atoms: two }))).toEqual({ ["a\x3c"]: 1 });
    expect(table.remaining).toBe(0);
  });
});

describe("the depth of what is written", () => {
  it("of 100,000 is written, and no more", () => {
    const bytes = encode(nestedValue(100_000, "x"));
    expect(bytes.length).toBeGreaterThan(300_000);
    expect(bytes.at(-1)).toBe(0x6a);
    expect(encodeRefusal(nestedValue(100_001, "x")).message)
      .toContain("it is nested more than 100000 deep");
  });

  it("does not allow a message that contains itself", () => {
    const item: Record<string, unknown> = { n: 1 };
    item["self"] = [0, item];
    const error = encodeRefusal({ outer: [item] });
    expect(error.message).toBe(
      "cannot encode message.outer[0].self[1]: it is message.outer[0] " +
        "again; a message cannot contain itself",
    );
    const map = new Map<unknown, unknown>();
    map.set("m", tuple(map));
    expect(encodeRefusal(map).path).toBe('message.get("m").items[0]');
  });

  it("does not grow with a list of a million items", () => {
    const items = Array.from({ length: 1_000_000 }, (_, i) => i);
    expect(encode(items).length).toBe(1 + 5 + 256 * 2 + 999_744 * 5 + 1);
  });
});

describe("keys of objects", () => {
  it("become a bounded number of atoms", () => {
    const by = writer({ keyAtoms: new KeyAtoms({ atomsMax: 3 }) });
    written({ a: 1, b: 2 }, by);
    const error = encodeRefusal([{ a: 1, c: 1 }, { d: 1 }], by);
    expect(error.path).toBe("message[1].d");
    expect(error.message).toContain("it would be atom 4 that keys of objects");
    expect(error.message).toContain("use a Map, whose keys that are strings");
    // Nothing was sent, so `c` does not count.
    expect(written({ a: 1, d: 2 }, by)).toBe(hex({ a: 1, d: 2 }));
    expect(encodeRefusal({ c: 1 }, by).path).toBe("message.c");
    expect(written(new Map([["c", 1]]), by)).toBe(hex(new Map([["c", 1]])));
    expect(written(atom("c"), by)).toBe(hex(atom("c")));
  });

  it("do not count when the peer has sent these atoms", () => {
    const received = new PeerAtoms();
    const name = new TextEncoder().encode("theirs");
    received.entry(name, 0, name.length);
    const by = writer({ keyAtoms: new KeyAtoms({ atomsMax: 0, received }) });
    expect(written({ theirs: 1 }, by)).toBe(hex({ theirs: 1 }));
    expect(encodeRefusal({ ours: 1 }, by).path).toBe("message.ours");
  });

  it("are bounded in one stand-alone term, not in all of them", () => {
    const fields = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ [`key${from + i}`]: 1 }));
    expect(() => encode(fields(0, 10_001))).toThrow("it would be atom 10001");
    for (let i = 0; i < 3; i++) encode(fields(i * 10_000, 10_000));
  });
});
