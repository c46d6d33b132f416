/**
 * The bytes of signals, written down: two versions of Hornbeam must agree on
 * them. `h` is hexadecimal with spaces between the parts.
 */
import { Decoder } from "cbor-x";
import { describe, expect, it } from "vitest";
import {
  atom,
  Float,
  ImproperList,
  Pid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import { alpha, beta, collector, framesOf, Pair } from "./pair.ts";

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

function h(text: string): string {
  return text.replaceAll(" ", "");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(h(text));
}

const { from, to } = new Pair();
const old = new Pid(beta.node, 17, 3, 4, null);
const ref = new Ref(alpha.node, alpha.creation, [1, 0xffffffff]);
const BETA_NAME = "6e 62657461403132372e302e302e31";
const reason = atom("noproc");

describe("signals as bytes", () => {
  it.each<[Signal, string]>([
    [{ type: "send", from, to, message: 5 }, "84 02 11 03 05"],
    [
      { type: "sendNamed", from, name: "pg", message: "hi" },
      "84 06 c7 82 185a 00 62 7067 62 6869",
    ],
    [
      {
        type: "sendAlias",
        from,
        alias: new Ref(beta.node, 5, [9]),
        message: 1,
      },
      "84 1821 c7 82 185a 00 ca 82 01 09 01",
    ],
    [{ type: "link", from, to }, "83 01 c7 82 185a 00 c8 82 11 03"],
    [
      { type: "link", from, to: old },
      `83 01 c7 82 185a 00 d818 84 ${BETA_NAME} 11 03 04`,
    ],
    [
      { type: "unlink", from, to, id: 300 },
      "84 1823 19012c c7 82 185a 00 c8 82 11 03",
    ],
    [
      { type: "unlinkAck", from, to, id: 1 },
      "84 1824 01 c7 82 185a 00 c8 82 11 03",
    ],
    [
      { type: "linkExit", from, to, reason },
      "84 1818 c7 82 185a 00 c8 82 11 03 c9 66 6e6f70726f63",
    ],
    [
      { type: "exit", from, to, reason: "kill" },
      "84 181a c7 82 185a 00 c8 82 11 03 64 6b696c6c",
    ],
    [
      { type: "monitor", from, target: to, ref },
      "84 13 c7 82 185a 00 c8 82 11 03 ca 83 00 01 1affffffff",
    ],
    [
      { type: "monitor", from, target: "pg", ref },
      "84 13 c7 82 185a 00 62 7067 ca 83 00 01 1affffffff",
    ],
    [
      { type: "demonitor", from, target: to, ref },
      "84 14 c7 82 185a 00 c8 82 11 03 ca 83 00 01 1affffffff",
    ],
    [
      { type: "down", target: from, to, ref, reason: null },
      "85 181c c7 82 185a 00 c8 82 11 03 ca 83 00 01 1affffffff f6",
    ],
    [
      { type: "down", target: "pg", to, ref, reason: null },
      "85 181c 62 7067 c8 82 11 03 ca 83 00 01 1affffffff f6",
    ],
    [{ type: "groupLeader", from, to }, "83 07 c7 82 185a 00 c8 82 11 03"],
    [
      {
        type: "spawnRequest",
        ref,
        from,
        groupLeader: from,
        behaviour: "w",
        args: [1],
        flags: { link: true, monitor: false },
      },
      "87 181d ca 83 00 01 1affffffff c7 82 185a 00 c7 82 185a 00 61 77 01 " +
      "81 01",
    ],
    [
      {
        type: "spawnReply",
        ref,
        to,
        flags: { link: true, monitor: true },
        result: from,
      },
      "85 181f ca 83 00 01 1affffffff c8 82 11 03 03 c7 82 185a 00",
    ],
    [
      {
        type: "spawnReply",
        ref,
        to,
        flags: { link: false, monitor: true },
        result: "notsup",
      },
      "85 181f ca 83 00 01 1affffffff c8 82 11 03 02 66 6e6f74737570",
    ],
  ])("%j", (signal, bytes) => {
    const pair = new Pair();
    pair.alpha.encode(signal, pair.queue);
    const [frame] = framesOf(pair.queue);
    expect(hex(frame!)).toBe(h(bytes));
    const sink = collector();
    pair.beta.decode(frame!, sink);
    const expected = signal.type === "send"
      ? { id: to.id, serial: to.serial, message: signal.message }
      : signal;
    expect(JSON.stringify(sink.delivered[0])).toBe(
      JSON.stringify(reordered(expected, sink.delivered[0]!)),
    );
    expect(Object.keys(sink.delivered[0]!).toSorted())
      .toEqual(Object.keys(expected).toSorted());
  });
});

/** `value` with the keys in the order of `like`. */
function reordered(value: object, like: object): object {
  const keys = Object.keys(like) as (keyof typeof value)[];
  return Object.fromEntries(keys.map((key) => [key, value[key]]));
}

describe("terms as bytes", () => {
  it.each<[unknown, string]>([
    [undefined, "f7"],
    [-0, "d2 00"],
    [-500, "39 01f3"],
    [1.5, "fb 3ff8000000000000"],
    [2 ** 32, "fb 41f0000000000000"],
    [1n, "1b 0000000000000001"],
    [-1n, "3b 0000000000000000"],
    [2n ** 64n, "d4 71 3130303030303030303030303030303030"],
    ["\ud800a", "d3 44 00d8 6100"],
    [new Uint8Array([1, 2]), "42 0102"],
    [new Uint16Array([1]), "d5 82 04 42 0100"],
    [new ArrayBuffer(1), "d5 82 00 41 00"],
    [[1, "a"], "82 01 61 61"],
    [tuple(1), "cb 81 01"],
    [new ImproperList([1], 2), "d7 82 02 01"],
    [new Map([["a", 1]]), "cd 82 61 61 01"],
    [new Set([1]), "ce 81 01"],
    [new Date(1000), "cf 19 03e8"],
    [new Float(1), "d819 01"],
    [JSON.parse('{"__proto__": 1}'), "cc 82 69 5f5f70726f746f5f5f 01"],
  ])("%o", (message, bytes) => {
    const pair = new Pair();
    pair.send(message);
    expect(hex(framesOf(pair.queue)[0]!)).toBe(h(`84 02 11 03 ${bytes}`));
  });

  it("an object after its list of keys, then without", () => {
    const pair = new Pair();
    pair.send({ a: 1, b: "x" });
    pair.send({ a: 2, b: "y" });
    expect(hex(framesOf(pair.queue)[0]!)).toBe(h(
      "83 00 00 82 61 61 61 62  84 02 11 03 c6 83 00 01 61 78 " +
        "84 02 11 03 c6 83 00 02 61 79",
    ));
  });

  it("a large signal behind its attachments", () => {
    const pair = new Pair();
    pair.send({ a: new Uint8Array(65_536), n: 1 });
    const [frame] = framesOf(pair.queue);
    expect(hex(frame!.subarray(0, 6))).toBe(h("f6 5a 00010000"));
    expect(hex(frame!.subarray(6 + 65_536))).toBe(h(
      "83 00 00 82 61 61 61 6e  84 02 11 03 c6 83 00 d6 00 01",
    ));
  });

  it("are well-formed CBOR that any decoder reads", () => {
    const pair = new Pair();
    pair.send([1, "two", null, new Uint8Array([3])]);
    const [frame] = framesOf(pair.queue);
    expect(new Decoder({ useRecords: false }).decode(frame!))
      .toEqual([2, 17, 3, [1, "two", null, new Uint8Array([3])]]);
  });
});

describe("a control message is refused", () => {
  it.each([
    ["with an unknown op", "82 03 01"],
    ["with an op that is no number", "82 6178 01"],
    ["without an op", "80"],
    ["that is no array", "05"],
    ["that is an object", "cc 80"],
    ["with too few items", "82 01 c7 82 185a 00"],
    ["with too many items", "84 01 c7 82 185a 00 c8 82 11 03 00"],
    ["that sends to no numbers", "84 02 6131 03 05"],
    ["that sends to a fraction", "84 02 fb3ff8000000000000 03 05"],
    ["that sends to a negative number", "84 02 20 03 05"],
    ["that sends nothing", "83 02 11 03"],
    [
      "from an actor of another node",
      "83 01 d818 84 63 634068 01 02 03 c8 82 11 03",
    ],
    ["from an actor of the receiving node", "83 01 c8 82 11 03 c8 82 11 03"],
    ["to an actor of the sending node", "83 01 c7 82 185a 00 c7 82 185a 00"],
    [
      "down, of a foreign actor",
      "85 181c c8 82 11 03 c8 82 11 03 ca 82 00 01 f6",
    ],
    ["to a number", "83 01 c7 82 185a 00 05"],
    ["with a name that is none", "84 06 c7 82 185a 00 05 05"],
    ["with a ref that is none", "84 13 c7 82 185a 00 c8 82 11 03 05"],
    ["unlink 0", "84 1823 00 c7 82 185a 00 c8 82 11 03"],
    ["unlink 1n", "84 1823 1b0000000000000001 c7 82 185a 00 c8 82 11 03"],
    ["with flags above 3", "85 181f ca 82 00 01 c8 82 11 03 04 c7 82 185a 00"],
    [
      "that spawns with a ref of the receiving node",
      "87 181d ca 82 01 01 c7 82 185a 00 c7 82 185a 00 61 77 01 80",
    ],
    [
      "with arguments that are no list",
      "87 181d ca 82 00 01 c7 82 185a 00 c7 82 185a 00 61 77 01 01",
    ],
    [
      "with a result that is neither pid nor name",
      "85 181f ca 82 00 01 c8 82 11 03 00 05",
    ],
  ])("%s", (_, bytes) => {
    const { beta } = new Pair();
    const sink = collector();
    expect(() => beta.decode(fromHex(bytes), sink)).toThrow(DecodeError);
    expect(sink.delivered).toEqual([]);
  });
});

describe("decode", () => {
  it("delivers the signals in front of a refused control message", () => {
    const { beta } = new Pair();
    const sink = collector();
    expect(() => beta.decode(fromHex("84 02 11 03 05  82 03 01"), sink))
      .toThrow(/expected a control message, got op 3 with 2 items/);
    expect(sink.delivered).toEqual([{ id: 17, serial: 3, message: 5 }]);
  });

  it("refuses all frames after one that broke the protocol", () => {
    for (const bytes of ["82 03 01", "84 02 20 03 05", "ff", "f65a"]) {
      const { beta } = new Pair();
      const sink = collector();
      expect(() => beta.decode(fromHex(bytes), sink)).toThrow(DecodeError);
      expect(() => beta.decode(fromHex("84 02 11 03 05"), sink))
        .toThrow(DecodeError);
      expect(sink.delivered).toEqual([]);
    }
  });

  it("ignores an empty frame, which is a tick", () => {
    const sink = collector();
    new Pair().beta.decode(new Uint8Array(0), sink);
    expect(sink.delivered).toEqual([]);
  });

  it("throws errors of the sink, and lets the sink use the codec", () => {
    const pair = new Pair();
    pair.send({ n: 1 });
    pair.send({ n: 2 });
    const [frame] = framesOf(pair.queue);
    const seen: unknown[] = [];
    pair.beta.decode(frame!, {
      message: (_id, _serial, message) => {
        pair.send({ echo: message });
        for (const inner of framesOf(pair.queue)) {
          pair.beta.decode(inner, {
            message: (_i, _s, echo) => seen.push(echo),
            signal: () => {},
          });
        }
      },
      signal: () => {},
    });
    expect(seen).toStrictEqual([{ echo: { n: 1 } }, { echo: { n: 2 } }]);
    pair.send(1);
    const thrown = new Error("sink");
    expect(() =>
      pair.beta.decode(framesOf(pair.queue)[0]!, {
        message: () => {
          throw thrown;
        },
        signal: () => {},
      })
    ).toThrow(thrown);
    expect(pair.pass({ n: 3 })).toStrictEqual({ n: 3 });
  });
});
