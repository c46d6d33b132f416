/**
 * Values that both formats refuse, each with the path to the value: one suite
 * with an adapter for each format. What only one format refuses is in
 * `cbor/refusals.test.ts` and `etf/refusals.test.ts`.
 */
import { describe, expect, it } from "vitest";
import {
  BitString,
  Float,
  ImproperList,
  Pid,
  Port,
  Tuple,
  tuple,
} from "../../runtime/core/terms/terms.ts";
import { EncodeError } from "../../runtime/wire/shared/errors.ts";
import { Pair } from "./cbor/pair.ts";
import { encodeRefusal, hex, writer, written } from "./etf/pair.ts";

/** Encodes messages in one format. */
type Encoder = {
  /** Why a message is refused; fails if it is not, or not as a whole. */
  refusal(message: unknown): EncodeError;
  /** Sends a message and compares it with what the peer must receive. */
  expectPassed(message: unknown): void;
};

function cborEncoder(): Encoder {
  const pair = new Pair();
  return {
    refusal(message) {
      const before = pair.queue.length;
      try {
        pair.send(message);
      } catch (error) {
        expect(pair.queue.length).toBe(before);
        if (error instanceof EncodeError) return error;
        throw error;
      }
      throw new Error("expected a refusal");
    },
    expectPassed(message) {
      expect(pair.pass(message)).toEqual(message);
    },
  };
}

function etfEncoder(): Encoder {
  const by = writer();
  return {
    refusal: (message) => encodeRefusal(message, by),
    expectPassed(message) {
      expect(written(message, by)).toBe(hex(message));
    },
  };
}

const f = () => 1;

class Account {
  balance = 1;
}
class List extends Array<unknown> {}
class Named extends Map<unknown, unknown> {}
class Point extends Tuple {}

describe.each<[string, () => Encoder]>([
  ["CBOR", cborEncoder],
  ["ETF", etfEncoder],
])("%s", (_, encoder) => {
  describe("the path of a refused value", () => {
    it.each<[string, unknown]>([
      ["message", f],
      ["message.callback", { a: 1, callback: f }],
      ["message.items[3].callback", { items: [0, 1, 2, { callback: f }] }],
      ['message["not a name"][0]', { "not a name": [f] }],
      ['message.map.get("k")', { map: new Map([["a", 1], ["k", f]] as never) }],
      ['message.map.get("k")', { map: new Map([["k", f], ["a", 1]] as never) }],
      ["message.get({ a: 1 })", new Map([[{ a: 1 }, f]])],
      ["message.values().toArray()[2]", new Set([1, 2, f])],
      ["message.items[1].deep", tuple(1, { deep: f })],
      ["message.items[0]", new ImproperList([f], 1)],
      ["message.tail", new ImproperList([1], f)],
      ["message.a[70000].b", { a: [...new Array(70_000).fill(0), { b: f }] }],
    ])("is %s", (path, message) => {
      const error = encoder().refusal(message);
      expect(error.message).toMatch(`cannot encode ${path}: `);
      expect(error.path).toBe(path);
    });

    it("is shortened in the middle when it is long", () => {
      let value: unknown = f;
      for (let i = 0; i < 100; i++) value = { ["key" + i]: value };
      const { path } = encoder().refusal(value);
      expect(path.length).toBeLessThan(420);
      expect(path).toMatch(/^message\.key99\.key98.* \.\.\. .*\.key1\.key0$/);
    });
  });

  describe("refuses", () => {
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });

    it.each<[string, unknown, string]>([
      ["functions", f, "a function cannot leave its node"],
      ["symbols that are no atoms", Symbol("x"), "Symbol(x) is not an atom"],
      ["well-known symbols", Symbol.iterator, "is not an atom"],
      ["long atoms", Symbol.for("x".repeat(256)), "at most 255"],
      ["malformed atoms", Symbol.for("\ud800"), "well-formed"],
      ["symbols as keys", { [Symbol.for("k")]: 1 }, "got a symbol; use a Map"],
      ["class instances", new Account(), "an instance of Account "],
      ["unnamed classes", new (class {})(), "an instance of an unnamed class"],
      ["promises", Promise.resolve(1), "await it"],
      ["regular expressions", /x/g, "send its source and flags"],
      ["weak maps", new WeakMap(), "an instance of WeakMap"],
      ["boxed primitives", new Number(1), "an instance of Number"],
      ["subclasses of Map", new Named(), "an instance of Named"],
      ["subclasses of Tuple", new Point([]), "an instance of Point"],
      ["subclasses of Array", new List(), "an instance of List"],
      [
        "subclasses of Uint8Array",
        new (class Bytes extends Uint8Array {})(),
        "an instance of Bytes",
      ],
      [
        "objects that look like arrays",
        Object.create(Array.prototype),
        "an instance of Array",
      ],
      ["shared memory", new SharedArrayBuffer(1), "SharedArrayBuffer"],
      ["generators", (function* () {})(), "an instance of "],
      ["detached binaries", detached, "its buffer was transferred"],
      ["integers above a million bits", 1n << 1048576n, "1048576 bits"],
      ["bit strings of no bits", new BitString(new Uint8Array(1), 8), "1 to 7"],
      ["floats that are no numbers", new Float("x" as never), "expected a "],
      ["tuples of no array", new Tuple("ab" as never), "a tuple of an array"],
      ["forged pids", new Pid("x", -1, 0, 1, null), "a pid that a node made"],
      ["forged ports", new Port("x", -1n, 1), "a port that a node made"],
    ])("%s", (_, value, problem) => {
      const error = encoder().refusal([1, { value }]);
      expect(error.path).toMatch(/^message\[1\]\.value/);
      expect(error.message).toContain(problem);
    });

    it("a getter that throws, with what it threw as the cause", () => {
      const cause = new Error("no");
      const error = encoder().refusal({
        a: [1, {
          get b() {
            throw cause;
          },
        }],
      });
      expect(error.path).toMatch(/^message\.a\[1\]/);
      expect(error.message).toContain("reading it threw Error: no");
      expect(error.cause).toBe(cause);
    });

    it("a revoked proxy", () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      expect(encoder().refusal({ proxy }).path).toMatch(/^message/);
    });

    it("a message that a getter of the current message sends", () => {
      const to = encoder();
      const inner: EncodeError[] = [];
      const outer = {
        get sent() {
          inner.push(to.refusal({ inner: 1 }));
          return "done";
        },
      };
      expect(to.refusal([outer, f]).path).toBe("message[1]");
      expect(inner[0]?.message).toContain("sent by a getter of the message");
      to.expectPassed({ inner: { b: 2 } });
    });
  });

  describe("a cycle", () => {
    it("is refused where it closes", () => {
      const a: Record<string, unknown> = { list: [1] };
      (a["list"] as unknown[]).push({ back: a });
      const error = encoder().refusal({ a });
      expect(error.path).toBe("message.a.list[1].back");
      expect(error.message).toContain("it is message.a again");
      const set = new Set<unknown>();
      set.add(set);
      expect(encoder().refusal(set)).toBeInstanceOf(EncodeError);
    });

    it("that branches at every step is refused in time", () => {
      const a: Record<string, unknown> = {};
      a["x"] = a;
      a["y"] = a;
      expect(encoder().refusal(a).path).toBe("message.x");
    });

    it("is not assumed for a value that is used twice", () => {
      const shared = { n: 1 };
      encoder().expectPassed([shared, shared]);
    });
  });

  it("encodes as before after a refusal", () => {
    const to = encoder();
    for (let i = 0; i < 20; i++) {
      expect(to.refusal({ ["c" + i]: { d: i }, x: [{ e: 1 }, f] }).path)
        .toBe("message.x[1]");
      to.expectPassed({ ["c" + i]: { d: 1 }, x: i });
    }
  });
});
