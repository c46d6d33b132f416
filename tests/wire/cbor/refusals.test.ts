/**
 * Refusals of the codec between Hornbeam nodes that the shared suite
 * (`../refusals.test.ts`) does not have: its own terms and limits, and that both
 * nodes remember the same lists of keys after a refusal.
 */
import { describe, expect, it } from "vitest";
import { Float, Pid, Ref } from "../../../runtime/core/terms/terms.ts";
import { ByteQueue } from "../../../runtime/wire/shared/byte_queue.ts";
import { EncodeError } from "../../../runtime/wire/shared/errors.ts";
import { alpha, beta, Pair } from "./pair.ts";

const f = () => 1;

function refusal(message: unknown, pair: Pair = new Pair()): EncodeError {
  try {
    pair.send(message);
  } catch (error) {
    if (error instanceof EncodeError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

function withField(value: object): object {
  return Object.assign(value, { extra: 1 });
}

describe("the path of a refused value", () => {
  it.each<[string, unknown]>([
    [
      "message.keys().toArray()[1].x",
      new Map<unknown, 1>([[1, 1], [{ x: f }, 1]]),
    ],
    ["message[0]", [withField(new Map())]],
    ["message.at", { at: withField(new Date(0)) }],
    ["message", new ArrayBuffer(1, { maxByteLength: 2 })],
    ["message[1].value", [1, new Float("x" as never)]],
    [
      "message.__proto__",
      JSON.parse(
        '{"__proto__": 1}',
        (key, value) => key === "__proto__" ? f : value,
      ),
    ],
  ])("is %s", (path, message) => {
    const error = refusal(message);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(`cannot encode ${path}: `);
  });

  it("names the reason or the arguments of other signals", () => {
    const pair = new Pair();
    const { from, to } = pair;
    expect(() => pair.passSignal({ type: "exit", from, to, reason: { f } }))
      .toThrow("cannot encode reason.f: a function");
    const ref = new Ref(alpha.node, alpha.creation, [1]);
    expect(() =>
      pair.passSignal({
        type: "spawnRequest",
        ref,
        from,
        groupLeader: from,
        behaviour: "b",
        args: [1, f],
        flags: { link: false, monitor: false },
      })
    ).toThrow("cannot encode args[1]: a function");
  });
});

describe("refused are", () => {
  it.each<[string, unknown, string]>([
    ["objects that look like maps", Object.create(Map.prototype), "threw"],
    ["forged refs", new Ref("x", 1, []), "a ref that a node made"],
    [
      "errors without a text",
      Object.assign(new Error(), { message: 1 }),
      "expected a string",
    ],
    [
      "equal refs as keys",
      new Set([new Ref("x", 1, [1]), new Ref("x", 1, [1])]),
      "different refs",
    ],
  ])("%s", (_, value, problem) => {
    const error = refusal({ value });
    expect(error.path).toMatch(/^message\.value/);
    expect(error.message).toContain(problem);
  });

  it("messages that a getter sends while another is encoded", () => {
    const pair = new Pair();
    const inner: unknown[] = [];
    const outer = {
      before: { a: 1 },
      get sent() {
        inner.push(refusal({ inner: { b: 2 } }, pair));
        return "done";
      },
      after: { c: 3 },
    };
    pair.send([outer]);
    expect(inner[0]).toMatchObject({ path: "message" });
    expect(String(inner[0])).toContain("sent by a getter of the message");
    const plain = { before: { a: 1 }, sent: "done", after: { c: 3 } };
    const [got] = pair.receive() as unknown as [{ message: unknown }];
    expect(got.message).toStrictEqual([plain]);
    expect(pair.pass({ inner: { b: 2 } })).toStrictEqual({ inner: { b: 2 } });
    // Another connection is free.
    const other = new Pair();
    const relay = {
      get copy() {
        return other.pass({ b: [1] });
      },
    };
    expect(pair.pass(relay)).toStrictEqual({ copy: { b: [1] } });
  });
});

describe("values that are no cycle", () => {
  it("are sent twice when they are used twice, and arrive as two", () => {
    const shared = { n: 1 };
    const [x, y] = new Pair().pass([shared, shared]) as object[];
    expect(x).toStrictEqual({ n: 1 });
    expect(y).toStrictEqual({ n: 1 });
    expect(x).not.toBe(y);
  });
});

describe("size", () => {
  it("is limited by the queue, before any memory is spent", () => {
    const pair = new Pair({ queue: new ByteQueue({ maxFrameBytes: 100_000 }) });
    expect(refusal(new Array(2 ** 31), pair).message)
      .toContain("at most 100000 bytes; send it in parts");
    expect(refusal("x".repeat(100_001), pair).path).toBe("message");
    expect(refusal(new Uint8Array(100_001), pair).path).toBe("message");
    // Shorter than the limit in units, but not in bytes.
    expect(refusal("\u20ac".repeat(50_000), pair).message).toContain("100000");
    let doubled: unknown = "billion";
    for (let i = 0; i < 40; i++) doubled = [doubled, doubled];
    expect(refusal(doubled, pair).message).toContain("100000");
    const fits = "x".repeat(99_900);
    expect(pair.pass(fits)).toBe(fits);
  });

  it("of small limits holds for small signals too", () => {
    const pair = new Pair({ queue: new ByteQueue({ maxFrameBytes: 50 }) });
    expect(refusal("\u20ac".repeat(40), pair).message).toContain("50 bytes");
    for (let i = 0; i < 10; i++) pair.send("x".repeat(20));
    expect(pair.receive()).toHaveLength(10);
  });
});

describe("a refused message", () => {
  it("leaves nothing behind and both ends in step", () => {
    const pair = new Pair();
    for (let i = 0; i < 50; i++) {
      const good = { ["a" + i]: i, kind: "good", inner: { ["b" + i]: [] } };
      const before = pair.queue.length;
      expect(refusal({ ["c" + i]: { d: i }, x: [{ e: 1 }, f] }, pair).path)
        .toBe("message.x[1]");
      expect(refusal({ ["a" + i]: 1, kind: f }, pair).path)
        .toBe("message.kind");
      expect(pair.queue.length).toBe(before);
      expect(pair.pass(good)).toStrictEqual(good);
      expect(pair.pass({ ["c" + i]: { d: 1 }, x: i }))
        .toStrictEqual({ ["c" + i]: { d: 1 }, x: i });
    }
  });

  it("in the middle of a frame does not disturb its neighbours", () => {
    const pair = new Pair();
    pair.send({ first: 1 });
    refusal({ second: { third: f } }, pair);
    pair.send({ second: { third: 3 } });
    expect(pair.receive().map((got) => "message" in got && got.message))
      .toStrictEqual([{ first: 1 }, { second: { third: 3 } }]);
  });

  it("at the end of the stack leaves both ends in step, too", () => {
    const pair = new Pair();
    const sent: unknown[] = [];
    let refused = 0;
    const dive = (): void => {
      try {
        dive();
      } catch (error) {
        // On the way out there is a place where the stack is almost enough.
        if (sent.length >= 40) return;
        const n = refused + sent.length;
        const message = { ["k" + n % 7]: n, inner: [{ ["q" + n % 5]: 1.5 }] };
        try {
          pair.send(message);
          sent.push(message);
        } catch {
          refused += 1;
        }
        throw error;
      }
    };
    dive();
    expect(refused).toBeGreaterThan(0);
    const received = pair.receive();
    expect(received.map((got) => "message" in got && got.message))
      .toStrictEqual(sent);
    expect(pair.pass({ still: "in step" })).toEqual({ still: "in step" });
  });
});

describe("addresses", () => {
  it("of another incarnation of the peer get nothing", () => {
    const pair = new Pair();
    const { from } = pair;
    const to = new Pid(beta.node, 17, 3, beta.creation + 1, null);
    const ref = new Ref(alpha.node, alpha.creation, [1]);
    const alias = new Ref(beta.node, beta.creation + 1, [1]);
    pair.alpha.encodeSend(from, to, 1, pair.queue);
    const reason = "x";
    const dropped = [
      { type: "send", from, to, message: 1 },
      { type: "sendAlias", from, alias, message: 1 },
      { type: "exit", from, to, reason },
      { type: "linkExit", from, to, reason },
      { type: "unlink", from, to, id: 1 },
      { type: "unlinkAck", from, to, id: 1 },
      { type: "down", target: from, to, ref, reason },
      { type: "groupLeader", from, to },
    ] as const;
    for (const signal of dropped) {
      expect(pair.passSignal(signal)).toBe(undefined);
    }
    expect(pair.passSignal({ type: "link", from, to }))
      .toMatchObject({ type: "link", to: { creation: beta.creation + 1 } });
    expect(pair.passSignal({ type: "monitor", from, target: to, ref }))
      .toMatchObject({ type: "monitor", target: { id: 17, serial: 3 } });
  });

  it("of another node are a mistake of the caller", () => {
    const pair = new Pair();
    const to = new Pid("gamma@h", 1, 0, 1, null);
    expect(() => pair.alpha.encodeSend(pair.from, to, 1, pair.queue))
      .toThrow("expected an address on beta@127.0.0.1, got #PID<");
  });
});
