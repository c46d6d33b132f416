/**
 * Frames of a BEAM connection: the header with its atom cache, the pass-through
 * byte and fragments, with recorded frames and with malformed ones.
 */
import { describe, expect, test } from "vitest";
import { atom, Tuple } from "../../../runtime/core/terms/terms.ts";
import {
  type DistForm,
  type DistMessage,
  DistReader,
  fragments,
  references,
} from "../../../runtime/wire/beam/dist_header.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import { AtomTable, PeerAtoms } from "../../../runtime/wire/etf/atoms.ts";
import { EtfReader } from "../../../runtime/wire/etf/reader/reader.ts";
import { FRAGMENT_BYTES } from "../../../runtime/wire/framing/fragments.ts";
import { hasPayload } from "../../../runtime/wire/beam/control_read.ts";
import { fromHex } from "../../helpers/hex.ts";
import { captures, pidTable, printCaptured } from "./dist_captures.ts";

type Reading = {
  readonly dist: DistReader;
  /** The terms of a message, without version bytes. */
  readonly terms: (message: DistMessage) => unknown[];
};

function reading(form: DistForm, messageBytesMax = 1_000_000): Reading {
  const atoms = new PeerAtoms({ table: new AtomTable(10_000) });
  const reader = new EtfReader({ pids: pidTable(), atoms, exact: true });
  const dist = new DistReader({ form, atoms, messageBytesMax });
  return {
    dist,
    terms: ({ bytes, start, atoms: cached, isVersioned }) => {
      const terms: unknown[] = [];
      reader.beginInput(bytes, start, bytes.length, cached);
      do {
        if (isVersioned) expect(bytes[reader.at++]).toBe(131);
        terms.push(reader.read());
      } while (hasPayload(terms[0]) && terms.length < 2);
      expect(reader.at).toBe(bytes.length);
      return terms;
    },
  };
}

/** A message that must be complete. */
function whole(message: DistMessage | null): DistMessage {
  if (message === null) throw new Error("expected a whole message");
  return message;
}

/** Bytes from numbers, texts, and other bytes. */
function bytes(
  ...parts: readonly (number | string | Uint8Array)[]
): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number"
        ? [part]
        : [...typeof part === "string" ? new TextEncoder().encode(part) : part]
    ),
  );
}

function u64(value: number | bigint): Uint8Array {
  const all = new Uint8Array(8);
  new DataView(all.buffer).setBigUint64(0, BigInt(value));
  return all;
}

/** A fragment: the first one when it has a header. */
function fragment(
  sequence: number | bigint,
  number: number | bigint,
  body: Uint8Array,
  header: Uint8Array | null = null,
): Uint8Array {
  return header === null
    ? bytes(131, 70, u64(sequence), u64(number), body)
    : bytes(131, 69, u64(sequence), u64(number), header, body);
}

const noAtoms = bytes(0);

describe("recorded frames", () => {
  test.each(captures())("$title", ({ form, frames }) => {
    const { dist, terms } = reading(form);
    let read = 0;
    for (const { bytes: frame, control, payload } of frames) {
      const message = dist.read(frame);
      if (control === undefined && message === null) continue;
      const texts = terms(whole(message)).map(printCaptured);
      if (control === undefined) continue;
      expect(texts).toEqual(
        payload === undefined ? [control] : [control, payload],
      );
      read++;
    }
    const described = frames.filter(({ control }) => control !== undefined);
    expect(read).toBe(described.length);
  });

  test("the worked example of an atom cache, byte by byte", () => {
    const { dist, terms } = reading("header");
    // Sets slots 1913 and 877, as frames before it did.
    dist.read(
      bytes(
        131,
        68,
        2,
        0xbf,
        0x00,
        0x79,
        11,
        "b@127.0.0.1",
        0x6d,
        11,
        "a@127.0.0.1",
      ),
    );
    expect(dist.cacheVersion).toBe(2);
    const frame = fromHex(
      "8344" + "04" + "37fa00" + "79" + "6d" + "5a046563686f" +
        "cf0568656c6c6f" +
        "680361165852000000005a000000006b02c44558520100000009000000006b02c447" +
        "680252025203",
    );
    const [control, payload] = terms(whole(dist.read(frame)));
    expect(printCaptured(control)).toBe(
      "{22,Pid<b@127.0.0.1.90.0/6b02c445>,Pid<a@127.0.0.1.9.0/6b02c447>}",
    );
    expect(payload).toEqual(new Tuple([atom("echo"), atom("hello")]));
    expect(dist.cacheVersion).toBe(4);
  });
});

describe("the atom cache", () => {
  const control = (index: number) => bytes(104, 1, 82, index);

  test("has 2048 slots, and new entries replace old ones", () => {
    const { dist, terms } = reading("header");
    const set = (slot: number, name: string) =>
      dist.read(
        bytes(
          ...[131, 68, 1, 8 | (slot >> 8), slot & 0xff],
          ...[name.length, name, control(0)],
        ),
      );
    const get = (slot: number) =>
      terms(whole(dist.read(
        bytes(131, 68, 1, slot >> 8, slot & 0xff, control(0)),
      )));
    for (let slot = 0; slot < 2_048; slot++) set(slot, `atom${slot}`);
    for (let slot = 0; slot < 2_048; slot++) {
      expect(get(slot)).toEqual([new Tuple([atom(`atom${slot}`)])]);
    }
    set(2_047, "another");
    expect(get(2_047)).toEqual([new Tuple([atom("another")])]);
    expect(dist.cacheVersion).toBe(2_049);
  });

  test("takes 255 references and texts of two-byte lengths", () => {
    const { dist, terms } = reading("header");
    // One character of two bytes each, which needs the long form of lengths.
    const name = "ä".repeat(255);
    const refs = Array.from({ length: 255 }, (_, i) => i);
    const nibbles = [...refs.map(() => 8), 1];
    const flags = Array.from(
      { length: 128 },
      (_, i) => nibbles[2 * i]! | (nibbles[2 * i + 1]! << 4),
    );
    const entries = refs.map((i) => {
      const text = new TextEncoder().encode(i === 0 ? name : `n${i}`);
      return bytes(i, text.length >> 8, text.length & 0xff, text);
    });
    const frame = bytes(
      ...[131, 68, 255, ...flags, ...entries],
      ...[104, 2, 82, 0, 82, 254],
    );
    expect(terms(whole(dist.read(frame))))
      .toEqual([new Tuple([atom(name), atom("n254")])]);
  });

  test.each<[string, Uint8Array]>([
    ["an empty slot", bytes(131, 68, 1, 0, 7, control(0))],
    ["a header that ends too early", bytes(131, 68, 3, 0x88, 0x08, 1)],
    ["a text that ends too early", bytes(131, 68, 1, 8, 1, 5, "abc")],
    ["a text that is no UTF-8", bytes(131, 68, 1, 8, 1, 1, 0xff, control(0))],
    [
      "a text that is too long",
      bytes(
        ...[131, 68, 1, 0x18, 1, 1, 0, "x".repeat(256), control(0)],
      ),
    ],
    ["no count", bytes(131, 68)],
    ["another mark", bytes(131, 67, 0)],
    ["another version", bytes(130, 68, 0)],
    ["a pass-through frame", bytes(112, 131, 104, 1, 106)],
    ["nothing", bytes()],
  ])("refuses %s", (_, frame) => {
    expect(() => reading("header").dist.read(frame)).toThrow(DecodeError);
  });

  test("a pass-through connection has only its own form", () => {
    const { dist, terms } = reading("passThrough");
    expect(terms(whole(dist.read(bytes(112, 131, 104, 1, 97, 5)))))
      .toEqual([new Tuple([5])]);
    for (const frame of [bytes(131, 68, 0, 104, 0), bytes(131), bytes()]) {
      expect(() => dist.read(frame)).toThrow(DecodeError);
    }
  });
});

describe("fragments", () => {
  const body = bytes(104, 2, 97, 1, 106);

  test("are joined in order, with any number of interleaved sequences", () => {
    const { dist, terms } = reading("header");
    const header = bytes(1, 0x08, 9, 4, "atom");
    const first = bytes(104, 3, 82, 0);
    expect(dist.read(fragment(1, 3, first, header))).toBeNull();
    expect(dist.read(fragment(2n ** 64n - 1n, 2, bytes(104, 1), noAtoms)))
      .toBeNull();
    // Later changes of the cache have no effect on an open sequence.
    expect(terms(whole(dist.read(
      bytes(131, 68, 1, 0x08, 9, 5, "other", 104, 1, 82, 0),
    )))).toEqual([new Tuple([atom("other")])]);
    expect(dist.read(fragment(1, 2, bytes(97, 7)))).toBeNull();
    expect(terms(whole(dist.read(fragment(2n ** 64n - 1n, 1, bytes(97, 8))))))
      .toEqual([new Tuple([8])]);
    expect(terms(whole(dist.read(fragment(1, 1, bytes(97, 9))))))
      .toEqual([new Tuple([atom("atom"), 7, 9])]);
    // A number is free again when its message is complete.
    expect(terms(whole(dist.read(fragment(1, 1, body, noAtoms)))))
      .toEqual([new Tuple([1, []])]);
  });

  test("may be empty, and one may be the whole message", () => {
    const { dist, terms } = reading("header");
    expect(dist.read(fragment(5, 3, bytes(), noAtoms))).toBeNull();
    expect(dist.read(fragment(5, 2, bytes()))).toBeNull();
    expect(terms(whole(dist.read(fragment(5, 1, body)))))
      .toEqual([new Tuple([1, []])]);
  });

  test.each<[string, readonly Uint8Array[]]>([
    ["one of an unknown sequence", [fragment(1, 1, body)]],
    ["a wrong order", [
      fragment(1, 3, body, noAtoms),
      fragment(1, 1, body),
    ]],
    ["one twice", [
      fragment(1, 3, body, noAtoms),
      fragment(1, 2, body),
      fragment(1, 2, body),
    ]],
    ["a sequence that is open already", [
      fragment(1, 2, body, noAtoms),
      fragment(1, 2, body, noAtoms),
    ]],
    ["number 0", [fragment(1, 0, body, noAtoms)]],
    ["one after the last", [
      fragment(1, 2, body, noAtoms),
      fragment(1, 1, body),
      fragment(1, 0, body),
    ]],
    ["an incomplete head", [bytes(131, 69, u64(1), 0, 0)]],
    ["an incomplete head of a later one", [bytes(131, 70, u64(1))]],
  ])("refuse %s", (_, frames) => {
    const { dist } = reading("header");
    for (const frame of frames.slice(0, -1)) dist.read(frame);
    expect(() => dist.read(frames.at(-1)!)).toThrow(DecodeError);
  });

  test("have a limit per message, for all, and in number", () => {
    const part = new Uint8Array(400);
    const one = reading("header", 1_000).dist;
    one.read(fragment(1, 9, part, noAtoms));
    one.read(fragment(1, 8, part));
    expect(() => one.read(fragment(1, 7, part))).toThrow(/at most 1000 bytes/);
    const many = reading("header", 1_000).dist;
    for (let i = 0; i < 10; i++) many.read(fragment(i, 9, part, noAtoms));
    expect(() => many.read(fragment(10, 9, part, noAtoms)))
      .toThrow(/four times that/);
    // A complete message does not count any more.
    const turnover = reading("header", 1_000).dist;
    for (let i = 0; i < 100; i++) {
      turnover.read(fragment(i, 2, part, noAtoms));
      turnover.read(fragment(i, 1, part));
    }
    const crowd = reading("header", 1_000).dist;
    for (let i = 0; i < 10_000; i++) {
      crowd.read(fragment(i, 9, bytes(), noAtoms));
    }
    expect(() => crowd.read(fragment(10_000, 9, bytes(), noAtoms)))
      .toThrow(/at most 10000 messages/);
  });

  test.each([
    1,
    FRAGMENT_BYTES,
    FRAGMENT_BYTES + 1,
    3 * FRAGMENT_BYTES,
    5 * FRAGMENT_BYTES - 1,
  ])("of %i bytes are written so that they can be read", (length) => {
    const data = new Uint8Array(length).map((_, i) => i % 251);
    // In chunks of all sizes, as binaries are attached.
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0, size = 1; at < length; at += size, size *= 3) {
      chunks.push(data.subarray(at, at + size));
    }
    const frames = fragments(chunks, 77n).map((pieces) => bytes(...pieces));
    expect(frames).toHaveLength(Math.ceil(length / FRAGMENT_BYTES));
    const { dist } = reading("header");
    const messages = frames.map((frame) => {
      expect(frame.length).toBeLessThanOrEqual(FRAGMENT_BYTES + 19);
      return dist.read(frame);
    });
    expect(messages.slice(0, -1).every((message) => message === null)).toBe(
      true,
    );
    const { bytes: joined, start } = whole(messages.at(-1)!);
    expect(joined.subarray(start)).toEqual(data);
  });
});

test.each([
  [[]],
  [["a@h"]],
  [["a@h", "b@h"]],
  [["a@h", "b@h", "c@h"]],
  [["a@h", "ü".repeat(128)]],
])("references to %j are written so that they can be read", (names) => {
  const { dist } = reading("header");
  const read = (areNew: boolean) =>
    whole(dist.read(bytes(131, 68, references(names, areNew), 97, 1)));
  if (names.length > 0) expect(() => read(false)).toThrow(/there is none/);
  for (const areNew of [true, false, false, true]) {
    const { bytes: frame, start, atoms } = read(areNew);
    expect(atoms.map(({ name }) => name)).toEqual(names);
    expect(frame.subarray(start)).toEqual(bytes(97, 1));
  }
});

test.each([0, 1])("fragments of %i bytes are bounded", (size) => {
  const { dist } = reading("header", 100_000);
  const body = new Uint8Array(size);
  const header = bytes(0);
  let taken = 0;
  const flood = () => {
    dist.read(fragment(1, 1_000_000, body, header));
    for (; taken < 20_000; taken++) {
      dist.read(fragment(1, 999_999 - taken, body));
    }
  };
  expect(flood).toThrow(/at most 10049 fragments/);
  expect(taken).toBeLessThan(10_049);
});

test("complete messages in small fragments leave no count behind", () => {
  const { dist } = reading("header", 100_000);
  const body = new Uint8Array(1);
  for (let sequence = 1; sequence <= 11_000; sequence++) {
    dist.read(fragment(sequence, 2, body, bytes(0)));
    expect(dist.read(fragment(sequence, 1, body))).not.toBe(null);
  }
});
