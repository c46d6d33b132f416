/** Terms that are deeper than the codec calls itself are sent in parts. */
import { describe, expect, it } from "vitest";
import { tuple } from "../../../runtime/core/terms/terms.ts";
import {
  DecodeError,
  EncodeError,
} from "../../../runtime/wire/shared/errors.ts";
import { encodeToPool, Tagged } from "../../../runtime/wire/cbor/engine.ts";
import { PART_OP } from "../../../runtime/wire/cbor/parts.ts";
import {
  LARGE_FRAME_MARK,
  PARTS_DEEP_MAX,
  tags,
  TERM_DEPTH_MAX,
} from "../../../runtime/wire/cbor/tags.ts";
import { collector, framesOf, Pair } from "./pair.ts";

function nested(depth: number, innermost: unknown = "end"): unknown {
  let value = innermost;
  for (let i = 0; i < depth; i++) {
    if (i % 4 === 0) value = { value };
    else if (i % 4 === 1) value = [i, value];
    else if (i % 4 === 2) value = tuple(value, i);
    else value = new Map([["k", value]]);
  }
  return value;
}

/** Compares terms of `nested` without recursion. */
function expectNested(got: unknown, depth: number, innermost: unknown): void {
  let value = got;
  for (let i = depth - 1; i >= 0; i--) {
    if (i % 4 === 0) value = (value as { value: unknown }).value;
    else if (i % 4 === 1) [, value] = value as unknown[];
    else if (i % 4 === 2) [value] = value as Iterable<unknown>;
    else value = (value as Map<string, unknown>).get("k");
  }
  expect(value).toEqual(innermost);
}

function refusal(message: unknown, pair: Pair = new Pair()): EncodeError {
  try {
    pair.send(message);
  } catch (error) {
    if (error instanceof EncodeError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("a deep term", () => {
  it.each([511, 512, 513, 1024, 1025, 5000, TERM_DEPTH_MAX])(
    "of %s levels arrives",
    (depth) => {
      const pair = new Pair();
      expectNested(pair.pass(nested(depth)), depth, "end");
      expect(pair.pass([1])).toEqual([1]);
    },
  );

  it("is refused above the limit, and leaves both ends in step", () => {
    const pair = new Pair();
    const { message } = refusal(nested(TERM_DEPTH_MAX + 1), pair);
    expect(message).toContain(`nested more than ${TERM_DEPTH_MAX} deep`);
    expect(pair.pass({ still: "in step" })).toEqual({ still: "in step" });
  });

  it("may branch below the first part, with binaries in it", () => {
    const wide = Array.from({ length: 500 }, (_, i) => ({
      i,
      bytes: new Uint8Array(i === 7 ? 70_000 : 3).fill(i),
    }));
    const message = nested(512, wide);
    expectNested(new Pair().pass(message), 512, wide);
    expectNested(new Pair().pass(nested(510, wide)), 510, wide);
  });

  it("is read once, like any other", () => {
    let reads = 0;
    const inner = {
      get value() {
        return reads++;
      },
    };
    expectNested(new Pair().pass(nested(2000, inner)), 2000, { value: 0 });
  });

  it("may be a reason, and may have to wait its turn", () => {
    const pair = new Pair();
    const { from, to } = pair;
    const reason = nested(2000);
    const got = pair.passSignal({ type: "exit", from, to, reason });
    expectNested((got as { reason: unknown }).reason, 2000, "end");
    pair.alpha.encodeSend(from, to, nested(2000), pair.queue, true);
    const [sent] = pair.receive() as unknown as [{ message: unknown }];
    expectNested(sent.message, 2000, "end");
  });
});

describe("the path of a refused value in a deep term", () => {
  it("has its beginning and its end", () => {
    let message: unknown = { when: () => 1 };
    for (let i = 0; i < 3000; i++) message = { ["k" + i]: message };
    expect(refusal({ first: message }).path)
      .toMatch(/^message\.first\.k2999\.k2998.* \.\.\. .*\.k1\.k0\.when$/);
    let inner: unknown = { when: () => 1 };
    for (let i = 0; i < 600; i++) inner = [0, inner];
    const other = nested(600);
    expect(refusal([other, inner, other]).path)
      .toMatch(/^message\[1\]\[1\].* \.\.\. .*\[1\]\.when$/);
  });

  it("names a cycle, at once also where it branches", () => {
    const loop: unknown[] = [];
    loop.push(loop, loop);
    expect(refusal(loop).message).toBe(
      "cannot encode message[0]: it is message again; " +
        "a message cannot contain itself",
    );
    const deep = refusal({ ok: nested(600), bad: nested(600, loop) });
    expect(deep.message).toContain("a message cannot contain itself");
  });
});

describe("parts from a peer", () => {
  /** A large frame of these items. */
  function frame(...items: unknown[]): Uint8Array {
    const bytes = [LARGE_FRAME_MARK];
    for (const item of items) {
      const pool = encodeToPool(item);
      bytes.push(...pool.subarray(pool.start, pool.end));
    }
    return Uint8Array.from(bytes);
  }

  const ref = (index: number) => new Tagged(tags.part, index);
  const send = (message: unknown) => [2, 17, 3, message];

  function read(bytes: Uint8Array): unknown {
    const sink = collector();
    new Pair().beta.decode(bytes, sink);
    const [got] = sink.delivered as unknown as [{ message: unknown }];
    return got.message;
  }

  it("are put where their numbers are", () => {
    const frames = [
      [PART_OP, 1, ["b"]],
      [PART_OP, 0, ["a", ref(1)]],
      send([ref(0)]),
    ];
    expect(read(frame(...frames))).toEqual([["a", ["b"]]]);
  });

  it.each<[string, unknown[]]>([
    ["used twice", [[PART_OP, 0, []], send([ref(0), ref(0)])]],
    ["not used", [[PART_OP, 0, []], send(1)]],
    ["unknown", [send([ref(0)])]],
    ["named twice", [[PART_OP, 0, []], [PART_OP, 0, []], send(ref(0))]],
    ["without a number", [[PART_OP, "0", []], send(1)]],
    [
      "too deep",
      [
        [PART_OP, 0, []],
        ...Array.from({ length: PARTS_DEEP_MAX }, (_, i) => [
          PART_OP,
          i + 1,
          [ref(i)],
        ]),
        send(ref(PARTS_DEEP_MAX)),
      ],
    ],
  ])("that are %s break the protocol", (_, items) => {
    expect(() => read(frame(...items))).toThrow(DecodeError);
  });

  it("are refused in frames of several signals", () => {
    const bytes = frame([PART_OP, 0, []], send(1)).subarray(1);
    expect(() => read(bytes)).toThrow(DecodeError);
    expect(() => read(frame(send([ref(0)])).subarray(1))).toThrow(DecodeError);
  });

  it("are at most as many as a connection takes in other frames", () => {
    const pair = new Pair();
    pair.send(nested(3000));
    expect(framesOf(pair.queue)).toHaveLength(1);
  });
});
