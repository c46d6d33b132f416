/** Terms of every kind are sent and arrive unchanged. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  atom,
  exportRef,
  Float,
  ImproperList,
  internPid,
  Pid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import {
  alpha,
  beta,
  checkProperty,
  collector,
  difference,
  framesOf,
  Pair,
  term,
} from "./pair.ts";

describe("round trip", () => {
  it("keeps every kind of term, after any other terms", () => {
    const pair = new Pair();
    checkProperty(
      fc.property(term, (value) => {
        expect(difference(value, pair.pass(value))).toBe(null);
      }),
      3000,
    );
  });

  it("keeps many messages in one frame in order", () => {
    checkProperty(
      fc.property(fc.array(term, { maxLength: 20 }), (values) => {
        const pair = new Pair();
        for (const value of values) pair.send(value);
        const received = pair.receive()
          .map((delivered) => "message" in delivered && delivered.message);
        expect(difference(values, received)).toBe(null);
      }),
      200,
    );
  });

  it.each([
    0,
    -0,
    1,
    -1,
    23,
    24,
    -24,
    -25,
    0xffffffff,
    -0xffffffff,
    2 ** 32,
    -(2 ** 32),
    -(2 ** 32) - 1,
    Number.MAX_SAFE_INTEGER,
    2 ** 63,
    0.1,
    Number.MIN_VALUE,
    NaN,
    Infinity,
    -Infinity,
  ])("keeps the number %s", (value) => {
    expect(new Pair().pass(value)).toBe(value);
  });

  it.each([
    0n,
    -1n,
    2n ** 53n,
    2n ** 64n - 1n,
    2n ** 64n,
    -(2n ** 64n) + 1n,
    -(2n ** 64n),
    -(2n ** 64n) - 1n,
    10n ** 400n,
    -(10n ** 400n),
    2n ** 1048576n - 1n,
  ])("keeps a bigint a bigint (%#)", (value) => {
    expect(new Pair().pass(value)).toBe(value);
  });

  it("keeps texts that UTF-8 would change", () => {
    const pair = new Pair();
    const texts = [
      "\ud800",
      "a\udc00b",
      "\udc00\ud800",
      "\ufeff",
      "\ufeffabc",
      "\ufeff".padEnd(100, "x"),
      "a\ufeff",
      "\u{1f600}",
      "\u0000",
      "",
      "\ud800".repeat(10_000),
      "\u00e4".repeat(70),
      "x".repeat(70_000),
      "\u{10ffff}".repeat(300),
    ];
    for (const text of texts) {
      expect(pair.pass(text)).toBe(text);
      expect(Object.keys(pair.pass({ [text]: 1 }) as object)).toEqual([text]);
    }
  });

  it("keeps holes apart from undefined", () => {
    const sparse: unknown[] = [undefined, 1, { a: [,] }, undefined];
    delete sparse[0];
    sparse.length = 5;
    const received = new Pair().pass(sparse) as unknown[];
    expect(received).toStrictEqual(sparse);
    expect(Object.keys(received)).toEqual(["1", "2", "3"]);
    expect(new Pair().pass(new Array(60_000))).toHaveLength(60_000);
  });

  it("keeps dates, invalid and extreme ones too", () => {
    const pair = new Pair();
    for (const time of [0, -1, 1.5e12 + 1, 8.64e15, -8.64e15, NaN]) {
      const received = pair.pass(new Date(time)) as Date;
      expect(received).toBeInstanceOf(Date);
      expect(received.getTime()).toBe(time);
    }
  });

  it("keeps the order of maps and sets, and keys of any type", () => {
    const map = new Map<unknown, unknown>([
      ["b", 1],
      [2, "a"],
      [NaN, 0],
      [true, null],
      [atom("x"), { y: [] }],
      [1n, undefined],
    ]);
    const received = new Pair().pass([map, new Set(["z", 1, "a"])]);
    const [gotMap, gotSet] = received as [typeof map, Set<unknown>];
    expect([...gotMap]).toStrictEqual([...map]);
    expect([...gotSet]).toStrictEqual(["z", 1, "a"]);
  });
});

describe("plain objects", () => {
  it("keep an own __proto__ without setting a prototype", () => {
    const evil = JSON.parse('{"a": 1, "__proto__": {"polluted": true}}');
    const received = new Pair().pass({ evil }) as { evil: object };
    expect(Object.keys(received.evil)).toEqual(["a", "__proto__"]);
    expect(Object.getPrototypeOf(received.evil)).toBe(Object.prototype);
    expect("polluted" in received.evil).toBe(false);
  });

  it("without a prototype arrive as plain objects", () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    const received = new Pair().pass(bare) as object;
    expect(Object.getPrototypeOf(received)).toBe(Object.prototype);
    expect(received).toEqual({ a: 1 });
  });

  it("send own enumerable properties only, and do not call toJSON", () => {
    const value = { a: 1, toJSON: "data", hasOwnProperty: 0 };
    Object.defineProperty(value, "hidden", { value: 1, enumerable: false });
    expect(new Pair().pass(value)).toStrictEqual({
      a: 1,
      toJSON: "data",
      hasOwnProperty: 0,
    });
  });

  it("are read once, so getters and proxies cannot mislead", () => {
    let reads = 0;
    const unstable = {
      get value() {
        reads += 1;
        return reads === 1 ? "first" : () => reads;
      },
    };
    const pair = new Pair();
    expect(pair.pass([unstable])).toStrictEqual([{ value: "first" }]);
    let lists = 0;
    const growing = new Proxy({}, {
      ownKeys: () => ["a", "b", "c", "d", "e"].slice(0, ++lists),
      getOwnPropertyDescriptor: () => ({
        value: 1,
        enumerable: true,
        configurable: true,
      }),
      get: () => lists,
    });
    expect(pair.pass(growing)).toStrictEqual({ a: lists });
    expect(pair.pass([1, "still in step"])).toEqual([1, "still in step"]);
  });
});

describe("binaries", () => {
  it("share no memory with the frame or with each other", () => {
    const pair = new Pair();
    const sent = { a: new Uint8Array([1, 2]), b: new Uint8Array(5000).fill(9) };
    const { a, b } = pair.pass(sent) as typeof sent;
    expect(a.constructor).toBe(Uint8Array);
    expect(a.byteLength).toBe(a.buffer.byteLength);
    expect(b.byteLength).toBe(b.buffer.byteLength);
    a.fill(0);
    b.fill(0);
    expect(sent.a).toEqual(new Uint8Array([1, 2]));
    expect(pair.pass(sent)).toEqual(sent);
  });

  it("of 64 KiB and more are not copied when they are sent", () => {
    const pair = new Pair();
    const bytes = new Uint8Array(100_000).fill(7);
    pair.send({ bytes, elements: new Float64Array(bytes.buffer, 0, 12_500) });
    const chunks = pair.queue.take();
    expect(chunks.filter((chunk) => chunk.buffer === bytes.buffer))
      .toHaveLength(2);
    pair.send({ bytes, elements: new Float64Array(bytes.buffer, 0, 12_500) });
    const [received] = pair.receive() as unknown as [
      { message: { bytes: Uint8Array; elements: Float64Array } },
    ];
    expect(received.message.bytes).toEqual(bytes);
    expect(received.message.elements).toEqual(new Float64Array(bytes.buffer));
  });

  it("that may change their size are copied when they are sent", () => {
    const pair = new Pair();
    const buffer = new ArrayBuffer(100_000, { maxByteLength: 200_000 });
    pair.send(new Uint8Array(buffer));
    new Uint8Array(buffer).fill(9);
    for (const chunk of pair.queue.take()) {
      expect(chunk.buffer).not.toBe(buffer);
      expect(chunk.includes(9)).toBe(false);
    }
  });

  it("of a part of a buffer do not keep all of it alive", () => {
    const pair = new Pair();
    pair.send([new Uint8Array(70_000).fill(1), new Uint8Array(300_000)]);
    const [frame] = framesOf(pair.queue);
    const sink = collector();
    pair.beta.decode(frame!, sink);
    const [got] = sink.delivered as unknown as [{ message: Uint8Array[] }];
    const [small, large] = got.message;
    expect(small!.buffer.byteLength).toBe(70_000);
    expect(large!.buffer).toBe(frame!.buffer);
  });

  it("of Node.js' Buffer arrive as Uint8Array", () => {
    const received = new Pair().pass([Buffer.from("abc")]) as [Uint8Array];
    expect(received[0].constructor).toBe(Uint8Array);
    expect(received[0]).toEqual(new Uint8Array([97, 98, 99]));
  });

  it("in frames that are Buffers arrive as Uint8Array", () => {
    const pair = new Pair();
    pair.send([new Uint8Array([1])]);
    const frame = Buffer.concat(pair.queue.take()).subarray(4);
    const received: unknown[] = [];
    pair.beta.decode(frame, {
      message: (_id, _serial, message) => received.push(message),
      signal: () => {},
    });
    const [[bytes]] = received as [[Uint8Array]];
    expect(bytes.constructor).toBe(Uint8Array);
    expect(bytes).toEqual(new Uint8Array([1]));
  });
});

describe("the runtime's own terms", () => {
  it("keep pids of both nodes and of others the same objects", () => {
    const pair = new Pair();
    const other = internPid(pair.betaPids, "gamma@h", 1, 2, 3);
    const sent = [
      pair.from,
      pair.to,
      new Pid("gamma@h", 1, 2, 3, null),
      new Pid(alpha.node, 90, 0, 1, null),
    ];
    const [from, to, third, old] = pair.pass(sent) as Pid[];
    expect(to).toBe(pair.to);
    expect(third).toBe(other);
    expect(from).toMatchObject({ ...alpha, id: 90, serial: 0 });
    expect(old).toMatchObject({ node: alpha.node, creation: 1, id: 90 });
    expect(pair.pass(pair.from)).toBe(from);
  });

  it("export an own pid, so that it comes back the same", () => {
    const pair = new Pair();
    const own = new Pid(alpha.node, 4, 0, alpha.creation, { alive: true });
    const abroad = pair.pass(own) as Pid;
    pair.beta.encodeSend(pair.to, pair.from, [abroad], pair.queue);
    const back: unknown[] = [];
    for (const chunk of pair.queue.take()) {
      pair.alpha.decode(chunk.subarray(4), {
        message: (_id, _serial, message) => back.push(message),
        signal: () => {},
      });
    }
    expect(back).toEqual([[own]]);
    expect((back[0] as unknown[])[0]).toBe(own);
  });

  it("export an own ref, so that it comes back the same", () => {
    const pair = new Pair();
    const own = new Ref(alpha.node, alpha.creation, [7, 8, 9]);
    const abroad = pair.pass(own);
    pair.beta.encodeSend(pair.to, pair.from, abroad, pair.queue);
    const sink = collector();
    for (const frame of framesOf(pair.queue)) pair.alpha.decode(frame, sink);
    const [back] = sink.delivered as unknown as [{ message: Ref }];
    expect(back.message).toBe(own);
  });

  it("keep pids apart that differ in the serial alone", () => {
    const pair = new Pair();
    const pids = [0, 1, 2, 1].map((serial) =>
      new Pid(alpha.node, 5, serial, alpha.creation, null)
    );
    const received = pair.pass(pids) as Pid[];
    expect(received.map((pid) => pid.serial)).toEqual([0, 1, 2, 1]);
    expect(received[1]).toBe(received[3]);
  });

  it("keep many pids apart that share a place in the caches", () => {
    const pair = new Pair();
    const pids = Array.from(
      { length: 3000 },
      (_, i) => new Pid(alpha.node, i, i % 7, alpha.creation, null),
    );
    const received = pair.pass(pids) as Pid[];
    expect(received.map((pid) => [pid.id, pid.serial]))
      .toEqual(pids.map((pid) => [pid.id, pid.serial]));
    expect(difference(pair.pass(pids), received)).toBe(null);
  });

  it("give back own refs as the same object", () => {
    const pair = new Pair();
    const own = new Ref(beta.node, beta.creation, [1, 2, 3]);
    exportRef(pair.betaPids, own);
    const copy = new Ref(beta.node, beta.creation, [1, 2, 3]);
    const mine = new Ref(alpha.node, alpha.creation, [0xffffffff]);
    const [back, foreign] = pair.pass([copy, mine]) as Ref[];
    expect(back).toBe(own);
    expect(foreign!.equals(mine)).toBe(true);
  });

  it("keep atoms, tuples, improper lists and floats", () => {
    const sent = tuple(
      atom("ok"),
      [atom("\ud83d\ude00".repeat(255)), atom("")],
      new ImproperList([1], atom("tail")),
      new Float(-0),
    );
    expect(difference(sent, new Pair().pass(sent))).toBe(null);
  });

  it("restore registered classes with their fields", () => {
    class Down {
      readonly reason: unknown;
      readonly target: Pid;
      constructor(target: Pid, reason: unknown) {
        this.target = target;
        this.reason = reason;
      }
    }
    const pair = new Pair({
      recordClasses: [{ tag: 3, Class: Down, fields: ["target", "reason"] }],
    });
    const got = pair.pass([new Down(pair.to, { why: atom("x") })]) as Down[];
    expect(got[0]).toBeInstanceOf(Down);
    expect(got[0]).toStrictEqual(new Down(pair.to, { why: atom("x") }));
  });
});

describe("atoms from a peer", () => {
  it("are limited per connection; known ones still pass", () => {
    const pair = new Pair({ limits: { newAtoms: 2 } });
    pair.pass([atom("one"), atom("two"), atom("one")]);
    expect(pair.pass(atom("two"))).toBe(atom("two"));
    expect(() => pair.pass(atom("three"))).toThrow(DecodeError);
    expect(() => new Pair({ limits: { newAtoms: 2 } }).pass(atom("three")))
      .not.toThrow();
  });

  it("are limited for the thread", () => {
    const atomBudget = { remaining: 3 };
    new Pair({ atomBudget }).pass([atom("p1"), atom("p2")]);
    expect(atomBudget.remaining).toBe(1);
    expect(() => new Pair({ atomBudget }).pass([atom("p3"), atom("p4")]))
      .toThrow(/different atoms/);
  });
});
