/**
 * Refusals of the term format of Erlang that the shared suite
 * (`../refusals.test.ts`) does not have: values without a counterpart on a BEAM
 * node, and keys that would be equal there.
 */
import { describe, expect, it } from "vitest";
import {
  ExternalFun,
  Float,
  Pid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { encode } from "../../../runtime/etf.ts";
import { Output } from "../../../runtime/wire/etf/output.ts";
import { atom, encodeRefusal, hex, u8, writer, written } from "./pair.ts";

const f = () => 1;

describe("the path of a refused value", () => {
  it.each<[string, unknown]>([
    [
      "message.keys().toArray()[1]",
      new Map<unknown, 1>([[1, 1], [{ x: f }, 1]]),
    ],
    ["message.keys().toArray()[1]", new Map<unknown, 1>([["b", 1], [f, 1]])],
    ["message[1]", [1, new Float("x" as never)]],
  ])("is %s", (path, term) => {
    const error = encodeRefusal(term);
    expect(error.message).toMatch(`cannot encode ${path}: `);
    expect(error.path).toBe(path);
  });
});

describe("refused are", () => {
  it.each<[string, unknown, string]>([
    ["long names of nodes", new Pid("x".repeat(256), 1, 1, 1, null), "255"],
    ["long keys", { ["x".repeat(256)]: 1 }, "expected a key that is an atom"],
    ["malformed keys", { "\ud800": 1 }, "use a Map"],
    ["NaN", NaN, "expected a number that the BEAM has, got NaN"],
    ["infinities", -Infinity, "got -Infinity"],
    ["floats that are none", new Float(NaN), "expected a float"],
    ["lone surrogates", "a\ud800", "a lone surrogate"],
    ["long ones as well", "x".repeat(70_000) + "\udfff", "a lone surrogate"],
    ["dates", new Date(0), "send getTime(), milliseconds since 1970, or"],
    ["other typed arrays", new Float64Array(1), "send Array.from(it) for"],
    ["clamped bytes", new Uint8ClampedArray(1), "an instance of Uint8Clamped"],
    ["equal integers as keys", new Map<unknown, 1>([[1, 1], [1n, 1]]), "equal"],
    [
      "equal atoms as keys",
      new Map<unknown, 1>([[null, 1], [atom("nil"), 1]]),
      "the map has another key that is equal on a BEAM node",
    ],
    ["equal tuples as keys", new Map([[tuple(1), 1], [tuple(1), 1]]), "equal"],
    [
      "equal texts as keys",
      new Map<unknown, 1>([["a", 1], [u8(97), 1]]),
      "equal",
    ],
    [
      "equal items of sets",
      new Set([tuple(1), tuple(1n)]),
      "equal on a BEAM node",
    ],
    [
      "keys that are none",
      new Map<unknown, 1>([[1, 1], [new Set(), 1]]),
      "it is no key: TypeError: expected a term, got Set(0)",
    ],
    [
      "refs of none",
      new Ref("a@h", 1, [1, 2, 3, 4, 5, 6]),
      "a ref that a node",
    ],
    ["funs of none", new ExternalFun("m", "f", -1), "a number of arguments"],
  ])("%s", (_, term, problem) => {
    const error = encodeRefusal([1, term]);
    expect(error.message).toContain(problem);
    expect(error.path).toMatch(/^message\[1\]/);
  });

  it("objects that change while they are read", () => {
    const by = writer();
    let added = 0;
    const fields: Record<string, unknown> = {
      get a() {
        fields[`added${added++}`] = 1;
        return 1;
      },
      b: 1,
    };
    expect(encodeRefusal(fields, by).message).toContain(
      "it changes when it is read",
    );
    expect(written({ a: 1, b: 2 }, by)).toBe(hex({ a: 1, b: 2 }));
    // What is stable when it is read again is written.
    const once: Record<string, unknown> = {
      get a() {
        delete once["b"];
        return 1;
      },
      b: 1,
    };
    expect(written(once, by)).toBe(hex({ a: 1 }));
  });

  it("messages of a getter of the message that is being written", () => {
    const by = writer();
    const outer = {
      get inner() {
        by.write(1, new Output());
        return 1;
      },
    };
    expect(encodeRefusal(outer, by).message).toContain("sent by a getter");
    expect(written([1], by)).toBe(hex([1]));
    // Stand-alone there is nothing to be in the middle of.
    const own = {
      get inner() {
        return encode({ a: 1 });
      },
    };
    expect(hex(own)).toBe(hex({ inner: encode({ a: 1 }) }));
  });

  it("arrays that grow while they are read, beyond what they were", () => {
    const items: unknown[] = [
      {
        get grow() {
          items.push(1, 2, 3);
          return 1;
        },
      },
      2,
    ];
    expect(hex(items)).toBe(hex([{ grow: 1 }, 2]));
  });
});
