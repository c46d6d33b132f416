/** Both nodes always remember the same lists of keys. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ShapeReader,
  SHAPES_MAX,
  ShapeWriter,
} from "../../../runtime/wire/cbor/shapes.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import { share } from "../../helpers/share.ts";
import {
  checkProperty,
  collector,
  difference,
  framesOf,
  Pair,
} from "./pair.ts";

function bytesOf(pair: Pair, message: unknown): number {
  const before = pair.queue.length;
  pair.send(message);
  return pair.queue.length - before;
}

describe("objects of one kind", () => {
  it("send their keys once", () => {
    const pair = new Pair();
    const point = (n: number) => ({ longitude: n, latitude: n, altitude: n });
    pair.send(0);
    const first = bytesOf(pair, point(1));
    const second = bytesOf(pair, point(2));
    expect(first - second).toBe(
      "longitudelatitudealtitude".length + 3 + 4,
    );
    expect(second).toBeLessThan(14);
    expect(pair.receive().map((got) => "message" in got && got.message))
      .toStrictEqual([0, point(1), point(2)]);
  });

  it("are told apart by the order of their keys", () => {
    const pair = new Pair();
    const ab = pair.pass([{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1 }, {}]);
    expect((ab as object[]).map((each) => Object.keys(each)))
      .toEqual([["a", "b"], ["b", "a"], ["a"], []]);
  });

  it("may hold themselves", () => {
    const pair = new Pair();
    const tree = { left: { left: null, right: null }, right: { left: 1 } };
    expect(pair.pass(tree)).toStrictEqual(tree);
    expect(pair.pass([tree, tree.left])).toStrictEqual([tree, tree.left]);
  });
});

describe("thousands of kinds", () => {
  it("pass, also when the tables are emptied often", () => {
    const pair = new Pair();
    for (let i = 0; i < 3 * SHAPES_MAX; i++) {
      const message = { ["k" + i]: i, common: { ["n" + i % 5000]: [{ i }] } };
      pair.send(message);
      if (i % 50 > 0) continue;
      const received = pair.receive();
      const last = received.at(-1)!;
      expect("message" in last && last.message).toStrictEqual(message);
    }
  });

  it("pass in one message", () => {
    const pair = new Pair();
    const many = Array.from({ length: 3000 }, (_, i) => ({ ["q" + i]: i }));
    for (let i = 0; i < 3; i++) {
      expect(pair.pass(many)).toStrictEqual(many);
      expect(pair.pass({ small: i })).toStrictEqual({ small: i });
    }
  });

  it("pass as any mix of good and refused messages", () => {
    const key = fc.integer({ min: 0, max: 60 }).map((n) => `key${n}`);
    const shape = fc.array(fc.tuple(key, fc.nat({ max: 9 })), { maxLength: 6 })
      .map((entries) => Object.fromEntries(entries));
    const message = fc.array(shape, { maxLength: 40 });
    const pair = new Pair();
    let passed = 0;
    checkProperty(
      fc.property(fc.array(fc.tuple(message, fc.nat({ max: 3 }))), (steps) => {
        const good: unknown[] = [];
        for (const [value, dice] of steps) {
          if (dice === 0) {
            expect(() => pair.send([...value, () => 1])).toThrow();
          } else {
            good.push(value);
            pair.send(value);
          }
        }
        const got = pair.receive()
          .map((each) => "message" in each && each.message);
        expect(difference(good, got)).toBe(null);
        passed += good.length;
      }),
      400,
    );
    expect(passed).toBeGreaterThan(share(400));
  });
});

describe("dictionaries", () => {
  it("with many or unusual keys are sent with their keys", () => {
    const pair = new Pair();
    const large = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`user:${i}`, i]),
    );
    const odd = JSON.parse('{"__proto__": 1, "__keys__": 2}');
    const long = { ["x".repeat(129)]: 1 };
    for (let i = 0; i < 2; i++) {
      expect(difference(large, pair.pass(large))).toBe(null);
      expect(difference(odd, pair.pass(odd))).toBe(null);
      expect(difference({}, pair.pass({}))).toBe(null);
      expect(difference(long, pair.pass(long))).toBe(null);
    }
  });
});

describe("large signals", () => {
  it("depend on no other frame: they may be decoded in any order", () => {
    const pair = new Pair();
    const row = (n: number) => ({ id: n, name: `row ${n}`, tags: [] });
    const table = Array.from({ length: 5000 }, (_, i) => row(i));
    pair.send({ before: 1 });
    pair.send({ table });
    pair.send({ after: row(1) });
    const frames = framesOf(pair.queue);
    expect(frames).toHaveLength(3);
    const sink = collector();
    for (const at of [0, 2, 1, 1]) pair.beta.decode(frames[at]!, sink);
    expect(sink.delivered.map((got) => "message" in got && got.message))
      .toStrictEqual([{ before: 1 }, { after: row(1) }, { table }, { table }]);
    // The lists learned before are still the ones of the connection.
    expect(pair.pass({ before: 2 })).toStrictEqual({ before: 2 });
    expect(pair.pass(row(2))).toStrictEqual(row(2));
  });

  it("add no lists of keys, and use none that were added", () => {
    const pair = new Pair();
    const large = { kind: "large", text: "x".repeat(100_000) };
    pair.send(large);
    const [frame] = framesOf(pair.queue);
    const small = { kind: "small", text: "x" };
    expect(pair.pass(small)).toStrictEqual(small);
    pair.beta.decode(frame!, collector());
    expect(pair.pass(large)).toStrictEqual(large);
    expect(pair.pass(small)).toStrictEqual(small);
  });
});

describe("the tables", () => {
  it("agree on numbers", () => {
    const writer = new ShapeWriter();
    const reader = new ShapeReader();
    writer.beginSignal();
    const first = writer.find(["a"]);
    const second = writer.find(["a", "b"]);
    reader.define(writer.definitions()!);
    writer.commit();
    expect(reader.keys(first)).toEqual(["a"]);
    expect(reader.keys(second)).toEqual(["a", "b"]);
    expect(writer.definitions()).toBe(null);
    expect(writer.find(["a"])).toBe(first);
  });

  it("forget the lists of a refused signal", () => {
    const writer = new ShapeWriter();
    writer.beginSignal();
    const first = writer.find(["a"]);
    writer.rollback();
    expect(writer.find(["b"])).toBe(first);
    expect(writer.definitions()).toEqual([0, first, ["b"]]);
  });

  it.each<[string, unknown[]]>([
    ["a gap", [0, 1, ["a"]]],
    ["no lists", [0, 0]],
    ["no number", [0, "0", ["a"]]],
    ["no list", [0, 0, "a"]],
    ["a key that is no text", [0, 0, ["a", 1]]],
    ["a key twice", [0, 0, ["a", "a"]]],
    ["__proto__", [0, 0, ["__proto__"]]],
    ["a long list", [0, 0, Array.from({ length: 65 }, (_, i) => `k${i}`)]],
    ["too many lists", [0, 0, ...new Array(SHAPES_MAX + 1).fill(["a"])]],
  ])("refuse %s", (_, item) => {
    expect(() => new ShapeReader().define(item)).toThrow(DecodeError);
  });

  it.each([0, -1, 1.5, "0", "length", "__proto__", undefined, {}])(
    "have no list %j",
    (id) => {
      expect(() => new ShapeReader().keys(id)).toThrow(DecodeError);
    },
  );
});
