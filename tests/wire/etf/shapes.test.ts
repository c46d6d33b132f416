/** Maps whose keys come often, for which functions are compiled. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { encode } from "../../../runtime/etf.ts";
import { PeerAtoms } from "../../../runtime/wire/etf/atoms.ts";
import type { EtfReader } from "../../../runtime/wire/etf/reader/reader.ts";
import { toHex } from "../../helpers/hex.ts";
import { runtimeCommand, spawnProcess } from "../../helpers/processes.ts";
import { atom, decodeRefusal, hex, read, reader } from "./pair.ts";

/** After this many maps with the same keys, a function was compiled. */
const MANY = 2_000;

/** Names that are code, end a string, or have a meaning in objects. */
const names = [
  '"',
  "\\",
  "'];throw 1;//",
  '":values[0]};throw 1;//',
  "${values}",
  "a\nb",
  "\u2028",
  "\0",
  "é😀",
  "",
  "10",
  "2",
  "-1",
  "constructor",
  "toString",
  "hasOwnProperty",
  "values",
  "return",
];

/** Collects the code that is compiled. */
function watchCode(): string[] {
  const made: string[] = [];
  const { Function: original } = globalThis;
  vi.stubGlobal("Function", function (parameter: string, code: string) {
    made.push(code);
    return original(parameter, code);
  });
  return made;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Each as often as it takes, in turns; returns what the last ones became. */
function readOften(by: EtfReader, ...texts: string[]): unknown[] {
  let last: unknown[] = [];
  for (let i = 0; i < MANY; i++) last = texts.map((text) => read(text, by));
  return last;
}

/** A map of these keys, with small integers from 1 on. */
function mapHex(...keys: string[]): string {
  const count = keys.length.toString(16).padStart(8, "0");
  const fields = keys.map((key, i) => hex(atom(key)) + hex(i + 1));
  return `74${count}${fields.join("")}`;
}

describe("keys that come often", () => {
  it("give the same objects as before", () => {
    const made = watchCode();
    const by = reader();
    const text = mapHex(...names);
    const first = read(text, by) as Record<string, unknown>;
    expect(Object.keys(first)).toHaveLength(names.length);
    for (const [i, name] of names.entries()) expect(first[name]).toBe(i + 1);
    const [last] = readOften(by, text) as [Record<string, unknown>];
    expect(made).toHaveLength(1);
    expect(Object.getPrototypeOf(last)).toBe(Object.prototype);
    expect(Object.entries(last)).toEqual(Object.entries(first));
    expect(Object.getOwnPropertyDescriptors(last))
      .toEqual(Object.getOwnPropertyDescriptors(first));
    expect(read(text, by)).not.toBe(last);
  });

  it("become code as strings and nothing else", () => {
    const made = watchCode();
    readOften(reader(), mapHex("b", '"+throw'));
    expect(made).toEqual([
      'return { "b": values[0], "\\"+throw": values[1] };',
    ]);
  });

  it("leave __proto__ a field like any other, without code", () => {
    const made = watchCode();
    const [last] = readOften(reader(), mapHex("a", "__proto__"));
    expect(Object.getPrototypeOf(last)).toBe(Object.prototype);
    expect(Object.entries(last as object)).toEqual([["a", 1], [
      "__proto__",
      2,
    ]]);
    expect(made).toEqual([]);
  });

  it("may be a guess that is wrong from any key on", () => {
    const made = watchCode();
    const by = reader();
    const texts = [mapHex("a", "b", "c"), mapHex("q", "r")];
    readOften(by, ...texts);
    expect(made).toHaveLength(2);
    const check = (text: string): void => {
      expect(read(text, by)).toEqual(read(text));
    };
    check(mapHex("a", "b", "d"));
    check(mapHex("a", "x", "c"));
    check(mapHex("a", "b"));
    check(mapHex("a", "b", "c", "d"));
    check(mapHex("a"));
    check(mapHex());
    check(mapHex("q", "a"));
    // The same atoms in other tags.
    check(
      "740000000376000161 6101 73016 2 6102 6400 0163 6103".replaceAll(" ", ""),
    );
    // Keys that are no atoms.
    check("740000000377016161016d000000016b61027701636103");
    check("7400000003770161610177016261026103" + "6103");
    for (const text of texts) check(text);
  });

  it("are refused when one comes twice", () => {
    const by = reader();
    readOften(by, mapHex("a", "b", "c"));
    for (const keys of [["a", "b", "b"], ["a", "a", "c"], ["a", "b", "a"]]) {
      expect(decodeRefusal(() => read(mapHex(...keys), by)).message)
        .toContain("the same key twice");
    }
    expect(() => readOften(by, mapHex("b", "b"))).toThrow("the same key twice");
  });

  it("are refused when they are cut off", () => {
    const by = reader();
    const text = mapHex("a", "bcd");
    readOften(by, text);
    for (let end = 2; end < text.length; end += 2) {
      const known = decodeRefusal(() => read(text.slice(0, end), by));
      const fresh = decodeRefusal(() => read(text.slice(0, end)));
      expect(known.message).toBe(fresh.message);
    }
  });

  it("may hold maps with the same keys", () => {
    const made = watchCode();
    const by = reader();
    const term = { a: { a: 1, b: 2 }, b: { a: { a: [], b: "x" }, b: 3 } };
    const [last] = readOften(by, hex(term));
    expect(last).toEqual(term);
    expect(made).toHaveLength(1);
  });

  it("may come as atoms of a header", () => {
    const made = watchCode();
    const atoms = new PeerAtoms();
    const by = reader({ atoms });
    const [a, b, c] = ["a", "b", "c"].map((name) => {
      const bytes = new TextEncoder().encode(name);
      return atoms.entry(bytes, 0, bytes.length);
    });
    const bytes = Uint8Array.of(116, 0, 0, 0, 2, 82, 0, 97, 1, 82, 1, 97, 2);
    const readWith = (...cached: typeof a[]): unknown => {
      by.beginInput(bytes, 0, bytes.length, cached.map((entry) => entry!));
      return by.read();
    };
    for (let i = 0; i < MANY; i++) readWith(a, b);
    expect(made).toHaveLength(1);
    expect(readWith(a, b)).toEqual({ a: 1, b: 2 });
    expect(readWith(a, c)).toEqual({ a: 1, c: 2 });
    expect(read(mapHex("a", "b"), by)).toEqual({ a: 1, b: 2 });
    expect(() => readWith(a)).toThrow("expected an atom of the header");
  });

  it("may be many, without memory being kept for all of them", () => {
    const made = watchCode();
    const by = reader();
    for (let i = 0; i < 20_000; i++) {
      const keys = [`a${i % 7}`, `b${i % 11}`, `c${i % 13}`, `d${i % 17}`];
      expect(read(mapHex(...keys), by))
        .toEqual({
          [keys[0]!]: 1,
          [keys[1]!]: 2,
          [keys[2]!]: 3,
          [keys[3]!]: 4,
        });
    }
    expect(made).toEqual([]);
  });
});

describe("where code from strings is forbidden", () => {
  it("keys that come often give the same objects", () => {
    vi.stubGlobal("Function", function () {
      throw new EvalError("forbidden");
    });
    const text = mapHex(...names);
    const [last] = readOften(reader(), text);
    vi.unstubAllGlobals();
    expect(last).toEqual(read(text));
    expect(hex(last)).toBe(hex(read(text)));
  });

  it("a Node.js that forbids it decodes as well", async () => {
    const { command, args } = runtimeCommand("node", "tests/wire/etf/often.ts");
    const term = { a: 1, id: "x", name: null };
    const text = toHex(encode(term));
    const flag = "--disallow-code-generation-from-strings";
    const child = spawnProcess(command, [flag, ...args, text, String(MANY)]);
    await child.exited;
    expect(child.stderr).toEqual([]);
    expect(child.stdout).toEqual(["forbidden", JSON.stringify(term)]);
  });
});
