/** The value of each tag, and bytes that are refused with their place. */
import { describe, expect, it } from "vitest";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import {
  BitString,
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  Ref,
  type Tuple,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { decode, DecodeError, encode } from "../../../runtime/etf.ts";
import { PeerAtoms } from "../../../runtime/wire/etf/atoms.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";
import { strongTable } from "../cbor/pair.ts";
import {
  atom,
  CLOSURE_HEAD,
  CLOSURE_TAIL,
  decodeRefusal,
  from,
  nested,
  NODE_HEX,
  read,
  reader,
  u8,
} from "./pair.ts";

describe("decode", () => {
  it.each<[string, unknown]>([
    ["61ff", 255],
    ["62ffffffff", -1],
    ["6e0400ffffffff", 4294967295],
    ["6e0700ffffffffffff1f", 9007199254740991],
    ["6e070100000000000020", -9007199254740992n],
    ["6e070000000000000020", 9007199254740992n],
    ["6e0900000000000000000001", 2n ** 64n],
    ["6e0000", 0],
    ["6e0101" + "00", 0],
    ["6e0300" + "050000", 5],
    ["6f00000002002a01", 298],
    ["463ff8000000000000", 1.5],
    ["463ff0000000000000", 1],
    ["468000000000000000", -0],
    ["447fffffff".replace("447fffffff", "6a"), []],
    ["7703616263", atom("abc")],
    ["7700", atom("")],
    ["77026f6b", atom("ok")],
    ["7600026f6b", atom("ok")],
    ["6400026f6b", atom("ok")],
    ["73026f6b", atom("ok")],
    ["7301e9", atom("é")],
    ["770474727565", true],
    ["770566616c7365", false],
    ["77036e696c", null],
    ["7709756e646566696e6564", undefined],
    ["6d00000000", ""],
    ["6d00000003efbbbf", "\ufeff"],
    ["6d00000001ff", u8(255)],
    ["6d00000002c080", u8(0xc0, 0x80)],
    ["6d00000003eda080", u8(0xed, 0xa0, 0x80)],
    ["6d00000004f4908080", u8(0xf4, 0x90, 0x80, 0x80)],
    ["6d0000002a" + "61".repeat(41) + "ff", u8(...new Array(41).fill(97), 255)],
    [
      "6d0000012d" + "61".repeat(300) + "c3",
      u8(...new Array(300).fill(97), 195),
    ],
    ["6d0000012e" + "61".repeat(300) + "c3a9", "a".repeat(300) + "é"],
    ["4d0000000103ff", new BitString(u8(0xe0), 3)],
    ["4d0000000108ff", u8(255)],
    ["4d000000010841", "A"],
    ["6b000201ff", [1, 255]],
    ["6c0000000161016a", [1]],
    ["6c0000000161016102", new ImproperList([1], 2)],
    ["6c0000000161016b000102", [1, 2]],
    // Lists in tails are one list.
    ["6c0000000161016c0000000161026c0000000161036a", [1, 2, 3]],
    ["6c0000000161016c000000006104", new ImproperList([1], 4)],
    ["6c000000006c000000006105", 5],
    ["6800", tuple()],
    ["6802610177016b", tuple(1, atom("k"))],
    ["690000000161 01", tuple(1)],
    ["7400000000", {}],
    ["740000000177016b6101", { k: 1 }],
    ["7400000001770474727565 6101", { true: 1 }],
    ["74000000016d000000016b6101", new Map([["k", 1]])],
    [
      "74000000027701616101 61026103",
      new Map<unknown, unknown>([[atom("a"), 1], [2, 3]]),
    ],
    [
      "7400000002 7703 6e696c 6101 61026103",
      new Map<unknown, unknown>([[null, 1], [2, 3]]),
    ],
    [`58${NODE_HEX}000000010000000200000003`, new Pid("n@h", 1, 2, 3, null)],
    [`67${NODE_HEX}000000010000000203`, new Pid("n@h", 1, 2, 3, null)],
    [`5a0002${NODE_HEX}000000070000000100000002`, new Ref("n@h", 7, [1, 2])],
    [`720001${NODE_HEX}0300000001`, new Ref("n@h", 3, [1])],
    [`65${NODE_HEX}0000000103`, new Ref("n@h", 3, [1])],
    [`59${NODE_HEX}0000000100000007`, new Port("n@h", 1n, 7)],
    [`66${NODE_HEX}0000000103`, new Port("n@h", 1n, 3)],
    [
      `78${NODE_HEX}000000010000000200000007`,
      new Port("n@h", 2n ** 32n + 2n, 7),
    ],
    ["7177016d770166 6102", new ExternalFun("m", "f", 2)],
    ["7177016d770166 6200000002", new ExternalFun("m", "f", 2)],
  ])("%s", (hex, term) => {
    expect(termEquals(from(hex), term)).toBe(true);
    // The same with more around it, where nothing may be read at the end.
    const more = from(`6803 ${hex} 7702ffff`.replace("7702ffff", "6102") + hex);
    expect(termEquals(more, tuple(term, 2, term))).toBe(true);
  });

  it("reads an old float as text", () => {
    const float = (text: string) =>
      "63" + toHex(new TextEncoder().encode(text.padEnd(31, "\0")));
    expect(from(float("1.50000000000000000000e+00"))).toBe(1.5);
    expect(from(float("-2.5e-01"))).toBe(-0.25);
    expect(from(float("1.11111111111111111111111111111"))).toBe(
      1.1111111111111112,
    );
    expect(from(float("3.0"), { exact: true })).toEqual(new Float(3));
    for (
      const text of ["15e1", "1.0e999", "1.5 ", " 1.5", "x", "", "1.", "nan"]
    ) {
      expect(() => from(float(text))).toThrow("at byte 1: expected a");
    }
  });

  it("gives Float objects for integral floats where exactness is wanted", () => {
    const exact = { exact: true };
    expect(from("463ff0000000000000", exact)).toEqual(new Float(1));
    expect(from("468000000000000000", exact)).toEqual(new Float(-0));
    expect(from("463ff8000000000000", exact)).toBe(1.5);
    expect(from("6101", exact)).toBe(1);
    const keys = from("740000000261016101463ff00000000000006102", exact);
    expect(Array.from((keys as Map<unknown, unknown>).keys()))
      .toEqual([1, new Float(1)]);
  });

  it("gives bytes for texts where bytes are wanted", () => {
    const bytes = { binaries: "bytes" } as const;
    expect(from("6d00000001 61", bytes)).toEqual(u8(97));
    expect(from("4d0000000108 61", bytes)).toEqual(u8(97));
    const map = from("74000000026d0000000161 6101 6d0000000162 6102", bytes);
    expect((map as Map<unknown, unknown>).size).toBe(2);
  });

  it("copies bytes out of the input", () => {
    const input = Buffer.from([
      131,
      104,
      2,
      109,
      0,
      0,
      0,
      1,
      255,
      77,
      0,
      0,
      0,
      1,
      3,
      255,
    ]);
    const { items: [bytes, bits] } = decode(input) as Tuple<
      [Uint8Array, BitString]
    >;
    input.fill(0);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect([bytes[0], bits.bytes[0]]).toEqual([255, 0xe0]);
    expect(bytes.buffer.byteLength).toBe(1);
  });

  it("makes objects without calling setters", () => {
    const name = "77095f5f70726f746f5f5f";
    const object = from(`7400000002 ${name} 7400000000 77016b 6101`);
    expect(Object.keys(object as object)).toEqual(["__proto__", "k"]);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(toHex(encode(object))).toContain(name);
    const map = from(`7400000002 ${name} 6101 6101 6102`) as Map<unknown, 1>;
    expect(map.get(atom("__proto__"))).toBe(1);
  });

  it("reads a closure with all its parts", () => {
    const bytes = "70" + CLOSURE_HEAD + "00000002" + CLOSURE_TAIL +
      "463ff0000000000000" + "6c0000000161016a";
    const closure = from(bytes) as Closure;
    expect(closure).toBeInstanceOf(Closure);
    expect(closure).toMatchObject({
      module: "m",
      arity: 1,
      index: 2,
      uniq: new Uint8Array(16).fill(5),
      oldIndex: 3,
      oldUniq: 4,
      free: [new Float(1), [1]],
    });
    // Behind the closure, floats are read as the options say.
    expect((from(`6802 ${bytes} 463ff0000000000000`) as Tuple).items[1]).toBe(
      1,
    );
    const again = toHex(encode(closure));
    expect(toHex(encode(decode(fromHex(again))))).toBe(again);
    expect(again).toContain("463ff0000000000000" + "6b000101");
  });

  it("ignores bytes behind the term, as binary_to_term does", () => {
    expect(from("6101ffff")).toBe(1);
  });

  it("gives the same pid again", () => {
    const pid = from(`58${NODE_HEX}000004210000000200000003`);
    expect(from(`58${NODE_HEX}000004210000000200000003`)).toBe(pid);
    expect(decode(encode(pid))).toBe(pid);
    const other = from(`58${NODE_HEX}000005210000000200000003`);
    expect(other).not.toBe(pid);
    expect(from(`58${NODE_HEX}000004210000000200000003`)).toBe(pid);
    const ref = new Ref("n@h", 1, [7]);
    expect(decode(encode(ref))).toBe(ref);
  });
});

describe("a malformed term", () => {
  it.each<[string, string, number, string]>([
    ["of no tag", "ff", 1, "expected a term, got tag 255 in a term of tag 255"],
    ["without a tag", "", 1, "expected more bytes where the input ends"],
    ["inside another", "6802 6101", 5, "expected more bytes where the input"],
    [
      "of few bytes",
      "6d00000002ff",
      1,
      "expected more bytes in a term of tag 109",
    ],
    ["compressed inside", "6801 50 00000001 00", 3, "expected no compressed"],
    [
      "of another node's own",
      "79 00",
      1,
      "only its own node can read in a term of tag",
    ],
    ["an old fun", "75 00000000", 1, "no fun of a node before OTP 23"],
    ["NaN", "467ff8000000000000", 1, "expected a finite float, got NaN in"],
    [
      "an infinity",
      "46fff0000000000000",
      1,
      "got -Infinity in a term of tag 70",
    ],
    [
      "a bad atom",
      "7701ff",
      1,
      "expected the UTF-8 of an atom in a term of tag",
    ],
    [
      "a bad atom as key",
      "7400000001 7701ff 6101",
      6,
      "the UTF-8 of an atom in",
    ],
    ["an atom of surrogates", "7703eda080", 1, "expected the UTF-8 of an atom"],
    [
      "a long atom",
      "760100" + "61".repeat(256),
      1,
      "expected an atom of at most 255 characters in a term of tag 118",
    ],
    [
      "a long Latin-1 atom",
      "640100" + "e9".repeat(256),
      1,
      "expected an atom of at most 255 characters in a term of tag 100",
    ],
    [
      "an atom of a header without one",
      "5200",
      1,
      "an atom of the header, got 0",
    ],
    [
      "bits of none",
      "4d0000000003",
      1,
      "expected 1 to 8 bits of the last byte",
    ],
    ["bits above 8", "4d0000000109ff", 1, "bits of the last byte, got 9 in"],
    ["no bits", "4d0000000100ff", 1, "bits of the last byte, got 0 in a term"],
    ["a pid of no node", "58 6101", 2, "expected an atom, got tag 97"],
    ["an old creation", `67${NODE_HEX}000000010000000204`, 1, "0 to 3, got 4"],
    [
      "many words",
      `5a0006${NODE_HEX}00000001`,
      1,
      "expected at most 5 words, got 6",
    ],
    [
      "an old word",
      `65${NODE_HEX}0004000003`,
      1,
      "a first word of 18 bits, got",
    ],
    [
      "a negative arity",
      "7177016d770166 62ffffffff",
      8,
      "a small integer in a",
    ],
    ["an arity of none", "7177016d770166 6a", 8, "expected a small integer in"],
    [
      "a fun of no pid",
      `70${CLOSURE_HEAD}00000000 77016d 6103 6104 6101`,
      38,
      "expected the pid of a fun's maker, got tag 97",
    ],
    ["a key twice", "7400000002 77016b6101 77016b6102", 1, "same key twice"],
    [
      "a key twice in a Map",
      "7400000002 61016101 61016102",
      1,
      "the same key twice",
    ],
    [
      "a key twice, once of each kind",
      "7400000003 77016b6101 61016101 77016b6102",
      1,
      "expected a map without the same key twice",
    ],
    [
      "a tuple as key twice",
      "7400000002 6801 6101 6101 6801 6e01000 1 6102",
      1,
      "expected a map without the same key twice",
    ],
  ])("%s", (_, hex, offset, problem) => {
    const error = decodeRefusal(() => from(hex));
    expect(error.message).toContain(problem);
    expect(error.offset).toBe(offset);
    const exactly = decodeRefusal(() => from(hex, { exact: true }));
    expect(exactly.message).not.toContain("1.0");
  });

  it.each([
    ["1 and 1.0", "61016101 463ff00000000000006102"],
    ["{1} and {1.0}", "680161016101 6801463ff00000000000006102"],
    ["0.0 and -0.0", "4600000000000000006101 4680000000000000006102"],
  ])("is a map whose keys %s would merge", (_, entries) => {
    const hex = `7400000002 ${entries}`;
    expect(decodeRefusal(() => from(hex)).message).toContain(
      "expected a map without the same key twice (1 and 1.0 are the same " +
        "without `exact`)",
    );
    expect((from(hex, { exact: true }) as Map<unknown, 1>).size).toBe(2);
  });
});

describe("a reader", () => {
  it("reads one term after the other", () => {
    const by = reader();
    by.beginInput(fromHex("00610168016102770161ff"), 1, 10);
    expect([by.read(), by.at, by.read(), by.at, by.read(), by.at])
      .toEqual([1, 3, tuple(2), 7, atom("a"), 10]);
    expect(decodeRefusal(() => by.read()).offset).toBe(10);
  });

  it("stops at the end that it was given", () => {
    const by = reader();
    for (
      const hex of [
        "61ff",
        "77016b",
        "6800",
        "6801ff",
        "6aff",
        "463ff8000000000000",
      ]
    ) {
      const bytes = fromHex(hex);
      by.beginInput(bytes, 0, 1);
      if (hex === "6aff") expect(by.read()).toEqual([]);
      else {expect(decodeRefusal(() => by.read()).message).toContain(
          "more bytes",
        );}
    }
  });

  it("knows the atoms of the header", () => {
    const atoms = new PeerAtoms();
    const entry = (name: string) => {
      const bytes = new TextEncoder().encode(name);
      return atoms.entry(bytes, 0, bytes.length);
    };
    const by = reader({ atoms });
    const input = "6804 5200 5201 7400000001 5202 6101 " +
      "58 5203 000000010000000200000003";
    by.beginInput(
      fromHex(input.replaceAll(" ", "")),
      0,
      undefined,
      ["ok", "nil", "k", "n@h"].map(entry),
    );
    expect(termEquals(
      by.read(),
      tuple(atom("ok"), null, { k: 1 }, new Pid("n@h", 1, 2, 3, null)),
    )).toBe(true);
    by.beginInput(fromHex("5204"), 0, undefined, [entry("ok")]);
    expect(decodeRefusal(() => by.read()).message)
      .toContain("expected an atom of the header, got 4");
  });

  it("returns the same objects for own pids and refs", () => {
    const pids = strongTable();
    const pid = new Pid("n@h", 1, 2, 3, null);
    const ref = new Ref("n@h", 3, [7]);
    pids.add("1.2.3.n@h", pid);
    pids.add("r7.3.n@h", ref);
    pids.add("r7.4.n@h", ref);
    const self = { node: "n@h", creation: 3 };
    const by = reader({ pids, self });
    for (let i = 0; i < 2; i++) {
      expect(read(`58${NODE_HEX}000000010000000200000003`, by)).toBe(pid);
      expect(read(`5a0001${NODE_HEX}0000000300000007`, by)).toBe(ref);
      expect(read(`5a0001${NODE_HEX}0000000400000007`, by)).not.toBe(ref);
    }
  });

  it("may give large binaries as views of the input", () => {
    const bytes = new Uint8Array(70_005).fill(255);
    bytes.set([109, 0, 1, 0x11, 0x70]);
    const by = reader({ viewsLargeBinaries: true });
    by.beginInput(bytes);
    expect((by.read() as Uint8Array).buffer).toBe(bytes.buffer);
    const part = new Uint8Array(200_000);
    part.set(bytes);
    by.beginInput(part);
    expect((by.read() as Uint8Array).buffer).not.toBe(part.buffer);
  });

  it("goes on with another input after a failure", () => {
    const by = reader({ exact: true });
    const closure = "70" + CLOSURE_HEAD + "00000001" + CLOSURE_TAIL;
    for (
      const bad of [
        "6801",
        closure + "ff",
        "7400000001".repeat(30),
        nested(90) + "x".replace("x", ""),
      ]
    ) {
      if (bad === nested(90)) expect(read(bad, by)).toHaveLength(1);
      else expect(() => read(bad, by)).toThrow(DecodeError);
      expect(read("6802 6101 463ff0000000000000", by))
        .toEqual(tuple(1, new Float(1)));
    }
  });
});
