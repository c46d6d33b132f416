/** What has no counterpart on a BEAM is refused by its path. */
import { describe, expect, it } from "vitest";
import {
  BitString,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  Ref,
  Tuple,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { encode } from "../../../runtime/etf.ts";
import { Output } from "../../../runtime/wire/etf/output.ts";
import { atom, encodeRefusal, hex, u8, writer, written } from "./pair.ts";

const f = () => 1;

class Account {
  balance = 1;
}
class List extends Array<unknown> {}
class Named extends Map<unknown, unknown> {}
class Point extends Tuple {}

describe("the path of a refused value", () => {
  it.each<[string, unknown]>([
    ["message", f],
    ["message.callback", { a: 1, callback: f }],
    ["message.items[3].callback", { items: [0, 1, 2, { callback: f }] }],
    ['message["not a name"][0]', { "not a name": [f] }],
    ['message.map.get("k")', { map: new Map([["k", f], ["a", 1]] as never) }],
    ["message.get({ a: 1 })", new Map([[{ a: 1 }, f]])],
    [
      "message.keys().toArray()[1]",
      new Map<unknown, 1>([[1, 1], [{ x: f }, 1]]),
    ],
    ["message.keys().toArray()[1]", new Map<unknown, 1>([["b", 1], [f, 1]])],
    ["message.values().toArray()[2]", new Set([1, 2, f])],
    ["message.items[1].deep", tuple(1, { deep: f })],
    ["message.items[0]", new ImproperList([f], 1)],
    ["message.tail", new ImproperList([1], f)],
    ["message[1]", [1, new Float("x" as never)]],
    ["message.a[70000].b", { a: [...new Array(70_000).fill(0), { b: f }] }],
  ])("is %s", (path, term) => {
    const error = encodeRefusal(term);
    expect(error.message).toMatch(`cannot encode ${path}: `);
    expect(error.path).toBe(path);
  });

  it("of a long way is shortened in the middle", () => {
    let value: unknown = f;
    for (let i = 0; i < 100; i++) value = { ["key" + i]: value };
    const { path } = encodeRefusal(value);
    expect(path.length).toBeLessThan(420);
    expect(path).toMatch(/^message\.key99\.key98.* \.\.\. .*\.key1\.key0$/);
  });
});

describe("refused are", () => {
  const detached = u8(1);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });

  it.each<[string, unknown, string]>([
    ["functions", f, "a function cannot leave its node"],
    ["symbols that are no atoms", Symbol("x"), "Symbol(x) is not an atom"],
    ["well-known symbols", Symbol.iterator, "is not an atom"],
    ["long atoms", atom("x".repeat(256)), "at most 255"],
    ["malformed atoms", atom("\ud800"), "well-formed"],
    ["long names of nodes", new Pid("x".repeat(256), 1, 1, 1, null), "255"],
    ["symbols as keys", { [atom("k")]: 1 }, "got a symbol; use a Map"],
    ["long keys", { ["x".repeat(256)]: 1 }, "expected a key that is an atom"],
    ["malformed keys", { "\ud800": 1 }, "use a Map"],
    ["NaN", NaN, "expected a number that the BEAM has, got NaN"],
    ["infinities", -Infinity, "got -Infinity"],
    ["floats that are none", new Float(NaN), "expected a float"],
    ["huge integers", 2n ** 1048576n, "at most 1048576 bits"],
    ["lone surrogates", "a\ud800", "a lone surrogate"],
    ["long ones as well", "x".repeat(70_000) + "\udfff", "a lone surrogate"],
    ["dates", new Date(0), "send getTime(), milliseconds since 1970, or"],
    ["class instances", new Account(), "an instance of Account is no term"],
    ["nameless ones", new (class {})(), "an instance of an unnamed class"],
    ["promises", Promise.resolve(1), "await it"],
    ["regular expressions", /x/g, "send its source and flags"],
    ["boxed primitives", new Number(1), "an instance of Number"],
    ["subclasses of Map", new Named(), "an instance of Named"],
    ["subclasses of Tuple", new Point([]), "an instance of Point"],
    ["subclasses of Array", new List(), "an instance of List"],
    ["objects that look like arrays", Object.create(Array.prototype), "Array"],
    ["other typed arrays", new Float64Array(1), "send Array.from(it) for"],
    ["clamped bytes", new Uint8ClampedArray(1), "an instance of Uint8Clamped"],
    ["shared memory", new SharedArrayBuffer(1), "SharedArrayBuffer"],
    ["detached bytes", detached, "its buffer was transferred"],
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
    ["tuples of none", new Tuple("ab" as never), "a tuple of an array"],
    ["pids of none", new Pid("a@h", -1, 1, 1, null), "that a node made"],
    [
      "refs of none",
      new Ref("a@h", 1, [1, 2, 3, 4, 5, 6]),
      "a ref that a node",
    ],
    ["ports of none", new Port("a@h", -1n, 1), "a port that a node made"],
    ["bits of none", new BitString(u8(1), 8), "1 to 7 bits"],
    ["funs of none", new ExternalFun("m", "f", -1), "a number of arguments"],
  ])("%s", (_, term, problem) => {
    const error = encodeRefusal([1, term]);
    expect(error.message).toContain(problem);
    expect(error.path).toMatch(/^message\[1\]/);
  });

  it("what getters throw, with the reason", () => {
    const cause = new Error("unwilling");
    const error = encodeRefusal({
      a: [1, {
        get b() {
          throw cause;
        },
      }],
    });
    expect(error.path).toBe("message.a[1]");
    expect(error.message).toContain("reading it threw Error: unwilling");
    expect(error.cause).toBe(cause);
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
