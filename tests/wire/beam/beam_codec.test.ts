/**
 * The codec towards BEAM nodes: two codecs that face each other, what they keep
 * from one frame to the next, and what they refuse.
 */
import { describe, expect, test } from "vitest";
import {
  Call,
  Cast,
  SystemRequest,
} from "../../../runtime/core/messages/requests.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import {
  atom,
  float,
  ImproperList,
  internPid,
  Pid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { BeamCodec } from "../../../runtime/wire/beam/beam_codec.ts";
import { ByteQueue } from "../../../runtime/wire/shared/byte_queue.ts";
import {
  DecodeError,
  EncodeError,
} from "../../../runtime/wire/shared/errors.ts";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import {
  BASE_FLAGS,
  flag,
  type Flags,
} from "../../../runtime/wire/handshake/flags.ts";
import { captures, pidTable, printCaptured } from "./dist_captures.ts";

const pids = pidTable();
const a = { node: "a@h", creation: 11 };
const b = { node: "b@h", creation: 12 };
const pidOf = ({ node, creation }: typeof a, id: number): Pid =>
  internPid(pids, node, id, 0, creation);
const [fromA, toB] = [pidOf(a, 1), pidOf(b, 2)];

const WITH_ALL = BASE_FLAGS | flag.fragments | flag.distHdrAtomCache;
const framings: readonly [string, Flags][] = [
  ["with headers and fragments", WITH_ALL],
  ["with headers", WITH_ALL & ~flag.fragments],
  ["pass-through", BASE_FLAGS],
];

/** A codec of `a` that writes and one of `b` that reads. */
function line(chosen: Flags, maxFrameBytes = 10_000_000, exact = true) {
  const common = { pids, chosen, maxFrameBytes };
  const writer = new BeamCodec({ ...common, self: a, peer: b });
  const reader = new BeamCodec({ ...common, self: b, peer: a, exact });
  const out = new ByteQueue({ maxFrameBytes });
  const parser = new FrameParser({ headerBytes: 4, maxFrameBytes });
  const got: (Signal | readonly [number, number, unknown])[] = [];
  const frames: Uint8Array[] = [];
  /** Reads what was written since. */
  const flush = () => {
    for (const chunk of out.take()) parser.push(chunk);
    for (let frame = parser.next(); frame !== null; frame = parser.next()) {
      frames.push(frame.slice());
      reader.decode(frame, {
        message: (id, serial, message) => got.push([id, serial, message]),
        signal: (signal) => got.push(signal),
      });
    }
    return got.splice(0);
  };
  return { writer, reader, out, flush, frames };
}

/** Signals and messages in a form that does not tell equal refs apart. */
function shown(value: unknown): unknown {
  if (value instanceof Pid || value instanceof Ref) return printCaptured(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return {
    class: value.constructor.name,
    ...Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, shown(item)]),
    ),
  };
}

describe.each(framings)("%s", (_, chosen) => {
  test("messages arrive in order, with the last control message kept", () => {
    const { writer, out, flush } = line(chosen);
    const expected: unknown[] = [];
    for (let i = 0; i < 200; i++) {
      // The two pids change at times, so that the control message is written anew.
      const from = i % 7 === 0 ? pidOf(a, 3) : fromA;
      const to = i % 11 === 0 ? pidOf(b, 4) : toB;
      const message = i % 13 === 0
        ? "long".repeat(30_000)
        : tuple(atom(`atom${i % 5}`), i, { key: [i] });
      writer.encodeSend(from, to, message, out);
      expected.push([to.id, to.serial, message]);
    }
    expect(flush()).toEqual(expected);
  });

  test("signals and messages stay in order", () => {
    const { writer, out, flush } = line(chosen);
    const ref = new Ref(a.node, a.creation, [1, 2, 3]);
    const reason = tuple(atom("why"), "x".repeat(70_000));
    const signals: Signal[] = [
      { type: "link", from: fromA, to: toB },
      { type: "monitor", from: fromA, target: toB, ref },
      { type: "sendNamed", from: fromA, name: "echo", message: [1] },
      { type: "linkExit", from: fromA, to: toB, reason },
      { type: "unlink", from: fromA, to: toB, id: 5 },
      { type: "exit", from: fromA, to: toB, reason: atom("kill") },
      { type: "demonitor", from: fromA, target: "echo", ref },
      { type: "groupLeader", from: fromA, to: toB },
    ];
    for (const [i, signal] of signals.entries()) {
      writer.encode(signal, out);
      writer.encodeSend(fromA, toB, i, out);
    }
    expect(shown(flush()))
      .toEqual(shown(signals.flatMap((signal, i) => [signal, [2, 0, i]])));
  });

  test("without exact, terms that go back to their sender keep their floats", () => {
    const { writer, out, flush } = line(chosen, 10_000_000, false);
    const call = (tag: unknown) =>
      tuple(atom("$gen_call"), tuple(fromA, tag), [float(2)]);
    const ask = (text: unknown) =>
      tuple(atom("io_request"), fromA, float(1), [text]);
    const long = "long".repeat(30_000);
    // The second time, only the message is read, and then from fragments.
    for (const text of ["a", "b", long]) {
      const tag = tuple(text, float(1));
      writer.encodeSend(fromA, toB, call(tag), out);
      writer.encodeSend(fromA, toB, ask(float(3)), out);
      writer.encodeSend(fromA, toB, ask(text), out);
      writer.encode(
        { type: "sendNamed", from: fromA, name: "n", message: call(tag) },
        out,
      );
      writer.encodeSend(fromA, toB, tuple(tag), out);
      const got = new Call({ pid: fromA, tag, isOtp: true }, [2]);
      expect(flush()).toEqual([
        [2, 0, got],
        [2, 0, ask(float(3))],
        [2, 0, ask(text)],
        { type: "sendNamed", from: fromA, name: "n", message: got },
        [2, 0, tuple(tuple(text, 1))],
      ]);
    }
  });

  test("a message that cannot be encoded leaves nothing behind", () => {
    const { writer, out, flush } = line(chosen);
    const bad = () => {};
    writer.encodeSend(fromA, toB, 1, out);
    for (const message of [bad, [1, { deep: bad }], new Map([[bad, 1]])]) {
      expect(() => writer.encodeSend(fromA, toB, message, out))
        .toThrow(EncodeError);
      expect(() => writer.encodeSend(pidOf(a, 9), toB, message, out))
        .toThrow(EncodeError);
      const reason = message;
      expect(() =>
        writer.encode({ type: "exit", from: fromA, to: toB, reason }, out)
      )
        .toThrow(EncodeError);
    }
    writer.encodeSend(pidOf(a, 9), toB, 2, out);
    writer.encodeSend(fromA, toB, 3, out);
    expect(flush()).toEqual([[2, 0, 1], [2, 0, 2], [2, 0, 3]]);
  });

  test("a message that is too large leaves nothing behind", () => {
    const { writer, out, flush } = line(chosen, 100_000);
    const large = "x".repeat(99_990);
    expect(() => writer.encodeSend(fromA, toB, large, out)).toThrow(
      EncodeError,
    );
    expect(() => writer.encodeSend(fromA, toB, new Uint8Array(100_001), out))
      .toThrow(EncodeError);
    writer.encodeSend(fromA, toB, "x".repeat(99_000), out);
    writer.encodeSend(fromA, toB, 2, out);
    expect(flush()).toEqual([[2, 0, "x".repeat(99_000)], [2, 0, 2]]);
  });

  test("a signal for another incarnation is dropped, or answered", () => {
    const { writer, out, flush } = line(chosen);
    const old = internPid(pids, b.node, 2, 0, 10);
    const ref = new Ref(a.node, a.creation, [1, 2, 4]);
    const alias = new Ref(b.node, 10, [1, 2, 3]);
    writer.encodeSend(fromA, old, "lost", out);
    for (
      const lost of [
        { type: "linkExit", from: fromA, to: old, reason: 1 },
        { type: "exit", from: fromA, to: old, reason: 1 },
        { type: "unlink", from: fromA, to: old, id: 1 },
        { type: "unlinkAck", from: fromA, to: old, id: 1 },
        { type: "sendAlias", from: fromA, alias, message: 1 },
        { type: "down", target: fromA, to: old, ref: alias, reason: 1 },
      ] satisfies Signal[]
    ) writer.encode(lost, out);
    expect(flush()).toEqual([]);
    const link: Signal = { type: "link", from: fromA, to: old };
    const monitor: Signal = { type: "monitor", from: fromA, target: old, ref };
    writer.encode(link, out);
    writer.encode(monitor, out);
    expect(shown(flush())).toEqual(shown([link, monitor]));
    expect(() => writer.encodeSend(fromA, fromA, 1, out)).toThrow(/on b@h/);
  });

  test("messages to an earlier incarnation of the reader are dropped", () => {
    const { writer, out, flush } = line(chosen);
    writer.encodeSend(fromA, toB, 1, out);
    const later = new BeamCodec({
      ...{ pids, chosen, maxFrameBytes: 1_000, peer: a },
      self: { ...b, creation: 13 },
    });
    const frame = out.take().flatMap((chunk) => [...chunk]).slice(4);
    const discardingSink = {
      message: () => expect.unreachable(),
      signal: () => expect.unreachable(),
    };
    later.decode(Uint8Array.from(frame), discardingSink);
    later.decode(Uint8Array.from(frame), discardingSink);
    expect(flush()).toEqual([]);
  });

  test("calls, casts and replies have OTP's form", () => {
    const { writer, out, flush } = line(chosen);
    const tag = new Ref(a.node, a.creation, [7, 8, 9]);
    const from = { pid: fromA, tag };
    writer.encodeSend(fromA, toB, new Call(from, "ask"), out);
    writer.encodeSend(fromA, toB, new Cast("do"), out);
    writer.encodeSend(fromA, toB, new SystemRequest(from, atom("get")), out);
    const alias = new ImproperList([atom("alias")], tag);
    const theirs = { pid: fromA, tag: alias, isOtp: true } as const;
    expect(shown(flush())).toEqual(shown([
      [2, 0, new Call(theirs, "ask")],
      [2, 0, new Cast("do")],
      [2, 0, new SystemRequest(theirs, atom("get"))],
    ]));
    // A reply to an alias of the reader reaches it in any form.
    const own = new Ref(b.node, b.creation, [1, 1, 1]);
    const ownTag = new ImproperList([atom("alias")], own);
    const reply = tuple(ownTag, "value");
    writer.encodeSend(fromA, toB, reply, out);
    writer.encode({
      type: "sendAlias",
      from: fromA,
      alias: own,
      message: reply,
    }, out);
    writer.encode(
      { type: "sendAlias", from: fromA, alias: own, message: 5 },
      out,
    );
    expect(flush()).toMatchObject([
      { type: "sendAlias", message: "value" },
      { type: "sendAlias", message: "value" },
      { type: "sendAlias", message: 5 },
    ]);
  });

  test("a malformed frame is refused, also after a message", () => {
    const { writer, reader, out, flush, frames } = line(chosen);
    writer.encodeSend(fromA, toB, tuple(1, 2, 3), out);
    flush();
    const [frame] = frames as [Uint8Array];
    const sink = { message: () => {}, signal: () => {} };
    for (let end = 0; end < frame.length; end++) {
      expect(() => reader.decode(frame.slice(0, end), sink)).toThrow(
        DecodeError,
      );
    }
    reader.decode(frame, sink);
    // A frame must not hold a compressed term.
    const compressed = Uint8Array.from(frame);
    compressed[frame.length - 8] = 80;
    expect(() => reader.decode(compressed, sink)).toThrow(DecodeError);
  });
});

describe("recorded frames", () => {
  test.each(captures())("$title", ({ form, from, to, frames }) => {
    const chosen = form === "passThrough" ? BASE_FLAGS : WITH_ALL;
    const first = frames.find(({ control }) => control?.includes(`Pid<${to}`));
    const self = { node: to, creation: creationOf(first?.control ?? "", to) };
    const peer = { node: from, creation: 0 };
    const codec = new BeamCodec({
      ...{ pids: pidTable(), self, peer, chosen, maxFrameBytes: 1_000_000 },
    });
    const counts: Record<string, number> = {};
    let signals = 0;
    const note = (type: string) => {
      counts[type] = (counts[type] ?? 0) + 1;
      signals++;
    };
    let described = 0;
    for (const { bytes, control } of frames) {
      if (control !== undefined) described++;
      codec.decode(bytes, {
        message: (_id, _serial, message) => {
          expect(typeof printCaptured(message)).toBe("string");
          note("send");
        },
        signal: (signal) => note(signal.type),
      });
    }
    // Only messages to an unknown incarnation are dropped.
    const fragmented = frames.length - described;
    expect(signals).toBeGreaterThanOrEqual(described - (counts["send"] ?? 0));
    expect(signals).toBeLessThanOrEqual(described + fragmented);
    expect(signals).toBeGreaterThan(0);
  });

  function creationOf(text: string, node: string): number {
    const found = new RegExp(
      `Pid<${node.replaceAll(".", "\\.")}[\\d.]+/(\\w+)>`,
    )
      .exec(text);
    return Number.parseInt(found?.[1] ?? "0", 16);
  }
});

test.each([["small"], ["large".repeat(50_000)]])(
  "the names of both nodes are sent once, in a frame that may be %.5s",
  (message) => {
    const { writer, out, flush, frames } = line(WITH_ALL, 1_000_000);
    const saysNames = (frame: Uint8Array) => {
      const text = new TextDecoder().decode(frame);
      return text.includes(a.node) || text.includes(b.node);
    };
    const sent = [message, fromA, toB, new Ref(b.node, b.creation, [1])];
    // A message that is refused puts no atoms into the cache.
    expect(() => writer.encodeSend(fromA, toB, () => {}, out)).toThrow();
    for (const item of sent) writer.encodeSend(fromA, toB, item, out);
    writer.encode({ type: "link", from: fromA, to: toB }, out);
    expect(shown(flush())).toEqual(shown([
      ...sent.map((item) => [2, 0, item]),
      { type: "link", from: fromA, to: toB },
    ]));
    expect(frames.map(saysNames).indexOf(true)).toBe(0);
    expect(frames.map(saysNames).lastIndexOf(true)).toBe(0);
  },
);

test("the last control message is found by the pids, not by their numbers", () => {
  const { writer, out, flush } = line(WITH_ALL);
  const serials = [0, 1, 2].map((serial) =>
    internPid(pids, b.node, 2, serial, b.creation)
  );
  for (const to of [...serials, ...serials]) {
    writer.encodeSend(fromA, to, to.serial, out);
  }
  expect(flush()).toEqual([0, 1, 2, 0, 1, 2].map((n) => [2, n, n]));
});
