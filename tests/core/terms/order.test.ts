/**
 * Equality, order and keys of terms; `tests/beam/terms/terms.test.ts` asks a
 * BEAM.
 */
import { describe, expect, it } from "vitest";
import { sortedMapKeys } from "../../../runtime/core/terms/order.ts";
import {
  atom,
  BitString,
  Closure,
  compareTerms,
  ExternalFun,
  float,
  ImproperList,
  Pid,
  Port,
  printTerm,
  Ref,
  termEquals,
  termKey,
  tuple,
} from "../../../runtime/mod.ts";

const bytes = (...values: number[]) => Uint8Array.of(...values);
const pid = (node: string, id: number, serial: number, creation: number) =>
  new Pid(node, id, serial, creation, null);
const closure = (index: number, free: readonly unknown[]) =>
  new Closure({
    module: "m",
    arity: 1,
    index,
    uniq: new Uint8Array(16),
    oldIndex: 0,
    oldUniq: 7,
    pid: pid("a@h", 1, 1, 1),
    free,
  });

/** In Erlang's order; those of one group are equal there by `==`. */
const ordered: readonly (readonly unknown[])[] = [
  [-(2n ** 100n)],
  [-1.5],
  [-1],
  [0, 0n, -0, float(0), float(-0)],
  [1, 1n, float(1)],
  [1.5],
  [9007199254740991, 9007199254740991n, float(9007199254740991)],
  [9007199254740992n, 9007199254740992],
  [9007199254740993n],
  [9007199254740994n],
  [1e300],
  [2n ** 1000n],
  [atom("")],
  [atom("B")],
  [atom("a")],
  [atom("ab")],
  [false],
  [null, atom("nil")],
  [true],
  [undefined, atom("undefined")],
  [atom("\uffee")],
  [atom("🙂")],
  [new Ref("a@h", 1, [9])],
  [new Ref("a@h", 2, [1]), new Ref("a@h", 2, [1, 0])],
  [new Ref("a@h", 2, [0, 1])],
  [new Ref("b@h", 1, [1])],
  [closure(0, [])],
  [closure(1, []), closure(1, [])],
  [closure(1, [1])],
  [new ExternalFun("a", "b", 1)],
  [new ExternalFun("a", "b", 2)],
  [new ExternalFun("a", "c", 0)],
  [new ExternalFun("b", "a", 0)],
  [new Port("a@h", 9n, 1)],
  [new Port("a@h", 1n, 2)],
  [new Port("a@h", 2n ** 60n, 2)],
  [new Port("b@h", 1n, 1)],
  [pid("b@h", 1, 0, 1)],
  [pid("a@h", 2, 0, 2)],
  [pid("b@h", 2, 0, 1)],
  [pid("b@h", 2, 0, 5), pid("b@h", 2, 0, 5)],
  [pid("a@h", 1, 1, 1)],
  [tuple()],
  [tuple(9)],
  [tuple(1, 1), tuple(float(1), 1)],
  [tuple(1, 2)],
  [{}, new Map()],
  [new Map([[1, 5]])],
  [new Map([[float(1), 4]])],
  [{ a: 2 }, new Map([[atom("a"), float(2)]])],
  [{ b: 1 }],
  [{ a: 1, b: 0 }, { b: 0, a: 1 }],
  [[], new ImproperList([], [])],
  [new ImproperList([1], 2)],
  [new ImproperList([1], atom("a"))],
  [[1], new ImproperList([1], [])],
  [[1, 2], new ImproperList([1], [2])],
  [[atom("a")]],
  ["", bytes()],
  [new BitString(bytes(0x40), 2), new BitString(bytes(0x7f), 2)],
  [bytes(0x7f), "\x7f"],
  [new BitString(bytes(0x80), 1)],
  [bytes(0x80)],
  ["é", bytes(0xc3, 0xa9)],
  ["\uffee"],
  ["🙂"],
  [bytes(0xff)],
  [new BitString(bytes(0xff, 0x80), 1)],
];

const flat = ordered.flatMap((group, i) => group.map((term) => ({ term, i })));

describe("compareTerms", () => {
  it("orders terms as Erlang does", () => {
    const wrong: string[] = [];
    for (const a of flat) {
      for (const b of flat) {
        const order = Math.sign(compareTerms(a.term, b.term));
        if (order === Math.sign(a.i - b.i)) continue;
        wrong.push(`${printTerm(a.term)} to ${printTerm(b.term)}: ${order}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("refuses what is no term", () => {
    for (const value of [() => {}, Symbol("s"), new Date(0), NaN, new Set()]) {
      expect(() => compareTerms(value, 1)).toThrow("expected a term, got");
      expect(() => compareTerms([1], [value])).toThrow(TypeError);
    }
  });
});

describe("termEquals", () => {
  it("is Erlang's =:=, which tells integers from floats", () => {
    const wrong: string[] = [];
    for (const a of flat) {
      for (const b of flat) {
        const isSame = termEquals(a.term, b.term);
        const hasSameKey = termKey(a.term) === termKey(b.term);
        const mayBe = a.i === b.i && (a !== b || isSame);
        if (isSame === hasSameKey && (mayBe || !isSame)) continue;
        wrong.push(`${printTerm(a.term)} and ${printTerm(b.term)}: ${isSame}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(termEquals(1, float(1))).toBe(false);
    expect(termEquals(tuple([1]), tuple([1n]))).toBe(true);
    expect(termEquals({ a: [1] }, { a: [float(1)] })).toBe(false);
    expect(termEquals(0, -0)).toBe(false);
    expect(termEquals(float(0), float(-0))).toBe(false);
    expect(termEquals(1e300, float(1e300))).toBe(true);
  });

  it("finds maps equal for any order and class", () => {
    const map = new Map<unknown, unknown>([
      [atom("b"), tuple(1)],
      [atom("a"), "x"],
      [atom("nil"), undefined],
    ]);
    const fields = { a: bytes(120), nil: atom("undefined"), b: tuple(1n) };
    expect(termEquals(map, fields)).toBe(true);
    expect(termEquals(new Map([["a", 1]]), { a: 1 })).toBe(false);
    const keys = (last: unknown) => new Map([[[1, { x: last }], 1]]);
    expect(termEquals(keys(2), keys(2n))).toBe(true);
    expect(termEquals(keys(2), keys(float(2)))).toBe(false);
  });

  it("finds what is no term equal to itself alone", () => {
    const date = new Date(0);
    expect(termEquals([date], [date])).toBe(true);
    expect(termEquals(date, new Date(0))).toBe(false);
    expect(termEquals(NaN, NaN)).toBe(true);
    expect(termEquals(NaN, 1)).toBe(false);
    expect(termEquals(new Set(), new Map())).toBe(false);
  });
});

describe("termKey", () => {
  it("cannot be forged by what is inside a term", () => {
    const keys = [
      ["a", "b"],
      ["a1:b"],
      ["a", ["b"]],
      [["a", "b"]],
      tuple("a", "b"),
      { a: "b" },
      { "a=b1:x": 1 },
      atom("a"),
      atom("1:a"),
      12,
      "12",
      [1, 2],
      [12],
    ].map(termKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("refuses what is no term", () => {
    expect(() => termKey([1, new Date(0)])).toThrow("expected a term, got");
    const loop: unknown[] = [1];
    loop.push(loop);
    expect(() => termKey(loop)).toThrow("100000 deep");
  });
});

describe("the keys of a map", () => {
  it("are sorted with integers in front of floats, undefined too", () => {
    const keys = [undefined, "k", 1.5, 2, [], tuple(1), null, float(1), 1n];
    expect(sortedMapKeys(keys).map(termKey)).toEqual(
      [1, 2, float(1), 1.5, null, undefined, tuple(1), [], "k"].map(termKey),
    );
    const inner = [tuple(2), tuple(1.5), tuple(float(1)), tuple(1)];
    expect(sortedMapKeys(inner).map(termKey)).toEqual(
      [tuple(1), tuple(2), tuple(float(1)), tuple(1.5)].map(termKey),
    );
  });

  it("may hold maps, to a limit", () => {
    const nested = (levels: number): unknown => {
      let map = new Map<unknown, unknown>([[1, 1]]);
      for (let i = 0; i < levels; i++) {
        map = new Map<unknown, unknown>([[map, 1], [
          new Map(map).set(1, 2),
          3,
        ]]);
      }
      return map;
    };
    expect(termEquals(nested(6), nested(6))).toBe(true);
    expect(termKey(nested(6))).toBe(termKey(nested(6)));
    expect(() => termEquals(nested(70), nested(70))).toThrow(RangeError);
    expect(() => termKey(nested(70))).toThrow(RangeError);
  });
});

describe("depth", () => {
  it("costs no stack", () => {
    const nested = (last: unknown): unknown => {
      let term: unknown = last;
      for (let i = 0; i < 20_000; i++) {
        term = i % 3 === 0
          ? [term, 1]
          : i % 3 === 1
          ? tuple(term)
          : { a: term };
      }
      return term;
    };
    expect(termEquals(nested(1), nested(1n))).toBe(true);
    expect(termEquals(nested(1), nested(2))).toBe(false);
    expect(compareTerms(nested(1), nested(2))).toBeLessThan(0);
    expect(termKey(nested(1)) === termKey(nested(1n))).toBe(true);
    expect(termKey(nested(1)) === termKey(nested(2))).toBe(false);
  });
});
