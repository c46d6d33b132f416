/** For any bytes of a peer, decoding ends soon: with signals or a DecodeError. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkItems } from "../../../runtime/wire/cbor/check.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import {
  checkProperty,
  codePoint,
  collector,
  difference,
  framesOf,
  Pair,
  term,
} from "./pair.ts";

/** Decodes the bytes; returns whether they were accepted. */
function accepts(pair: Pair, frame: Uint8Array): boolean {
  const before = frame.slice();
  try {
    pair.beta.decode(frame, collector());
    return true;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return false;
  } finally {
    // Comparing element by element with `toEqual` would take seconds.
    expect(frame.every((byte, i) => byte === before[i])).toBe(true);
    expect("dataView" in frame).toBe(false);
  }
}

function frameOf(messages: readonly unknown[]): Uint8Array {
  const pair = new Pair();
  for (const message of messages) pair.send(message);
  return framesOf(pair.queue)[0] ?? new Uint8Array(0);
}

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.constantFrom("set", "flip", "insert", "delete", "cut", "copy"),
  byte: fc.nat({ max: 255 }),
});

function mutate(
  bytes: Uint8Array,
  { at, kind, byte }: { at: number; kind: string; byte: number },
): Uint8Array {
  const list = [...bytes];
  const place = Math.floor(at * list.length);
  switch (kind) {
    case "set":
      list[place] = byte;
      break;
    case "flip":
      list[place] = (list[place] ?? 0) ^ (1 << (byte & 7));
      break;
    case "insert":
      list.splice(place, 0, byte);
      break;
    case "delete":
      list.splice(place, 1 + (byte & 3));
      break;
    case "cut":
      list.length = place;
      break;
    default:
      list.splice(place, 0, ...list.slice(0, byte & 31));
  }
  return Uint8Array.from(list);
}

describe("decode", () => {
  it("survives mutated frames", () => {
    let refused = 0;
    let accepted = 0;
    checkProperty(
      fc.property(
        fc.array(term, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (messages, mutations) => {
          const bytes = mutations.reduce(mutate, frameOf(messages));
          if (accepts(new Pair(), bytes)) accepted += 1;
          else refused += 1;
        },
      ),
      1500,
    );
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it("survives random bytes behind a plausible beginning", () => {
    const beginning = fc.constantFrom(
      "",
      "84021103",
      "f65a",
      "8300",
      "84021103c6",
    );
    checkProperty(
      fc.property(beginning, fc.uint8Array({ maxLength: 60 }), (head, tail) => {
        const bytes = new Uint8Array([...Uint8Array.fromHex(head), ...tail]);
        accepts(new Pair(), bytes);
      }),
      3000,
    );
  });

  it("refuses every prefix of a frame that ends inside a signal", () => {
    const frame = frameOf([{ a: [1.5, "text", new Map([[1n, null]])] }]);
    const whole = [0, 6, frame.length];
    for (let end = 0; end <= frame.length; end++) {
      const got = accepts(new Pair(), frame.slice(0, end));
      expect([end, got]).toEqual([end, whole.includes(end)]);
    }
  });

  it("changes no prototype", () => {
    checkProperty(
      fc.property(term, fc.array(mutation, { maxLength: 2 }), (value, some) => {
        accepts(
          new Pair(),
          some.reduce(mutate, frameOf([{ ["__proto__"]: value }])),
        );
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(Object.keys(Array.prototype)).toEqual([]);
        expect(Object.getPrototypeOf(Object.prototype)).toBe(null);
      }),
      500,
    );
  });

  it("still decodes for other connections after a failure", () => {
    const good = new Pair();
    checkProperty(
      fc.property(term, mutation, (value, some) => {
        accepts(new Pair(), mutate(frameOf([value]), some));
        expect(difference(value, good.pass(value))).toBe(null);
      }),
      500,
    );
  });
});

describe("hostile frames", () => {
  const message = "84 02 11 03 ";
  it.each([
    ["an array of four billion", "9a ffffffff"],
    ["nested arrays of a million", "9a 000f4240".repeat(50)],
    ["a text of four billion", "7a ffffffff 61"],
    ["bytes beyond the end", "5a 00010000 00"],
    ["a map, which is not used", "a1 01 01"],
    ["a map of 16 million", "ba 00ffffff"],
    ["an indefinite array", "9f 01 ff"],
    ["an indefinite text", "7f 6161 ff"],
    ["a lonely break", "ff"],
    ["a short float", "f9 3c00"],
    ["a single float", "fa 3f800000"],
    ["an unknown simple value", "e0"],
    ["a simple value of two bytes", "f8 20"],
    ["an 8-byte length of an array", "9b 0000000000000001 01"],
    ["an 8-byte tag", "db 0000000000000006 80"],
    ["a reserved length", "1c"],
    ["cbor-x's own dates", "c1 01"],
    ["cbor-x's own big integers", "c2 41 01"],
    ["cbor-x's own references", "d81d 00"],
    ["cbor-x's own records", "d9dfff 83 19e000 81 6161 01"],
    ["cbor-x's own bundles", "d9dff9 82 1affffffff 01"],
    ["cbor-x's own packing", "d833 84 80 80 80 01"],
    ["an object of an unknown list", "c6 82 05 01"],
    ["an object whose list is no number", "c6 81 66 6c656e677468"],
    ["a pid of one number", "c7 81 01"],
    ["a pid of fractions", "c7 82 fb3ff8000000000000 01"],
    ["a pid of negative numbers", "c7 82 20 01"],
    ["an atom that is a number", "c9 01"],
    ["an atom of 256 characters", `c9 79 0100 ${"61".repeat(256)}`],
    ["a ref without words", "ca 81 00"],
    ["a ref with six words", "ca 87 00 010203040506"],
    ["a ref of two", "ca 82 02 01"],
    ["an object with a key that is no text", "cc 82 01 01"],
    ["an object without the last value", "cc 81 6161"],
    ["a map without the last value", "cd 81 01"],
    ["a map with a key twice", "cd 84 01 01 01 02"],
    ["a set with an item twice", "ce 82 01 01"],
    ["a date that is a text", "cf 6161"],
    ["an error of an unknown class", "d0 85 1863 6161 6162 f7 00"],
    ["an error with a number for its text", "d0 85 00 6161 01 f7 00"],
    ["an error with a key without value", "d0 86 00 6161 6162 f7 00 6163"],
    ["a class that is not registered", "d1 82 00 01"],
    ["minus one as minus zero", "d2 20"],
    ["half a UTF-16 unit", "d3 41 00"],
    ["a big integer that is no hexadecimal", "d4 63 30783f"],
    ["a big integer with white space", "d4 63 203131"],
    [
      "a big integer of too many bits",
      `d4 7a 00080000 ${"66".repeat(0x80000)}`,
    ],
    ["a binary of an unknown kind", "d5 82 0d 41 00"],
    ["half an element", "d5 82 04 41 00"],
    ["a binary that is a text", "d5 82 04 62 6161"],
    ["an attachment that is not there", "d6 00"],
    ["a port with a small number", "d81a 83 6161 01 01"],
    ["a function with an arity of 256", "d81b 83 6161 6161 190100"],
    ["bits without bytes", "d81c 82 40 01"],
    ["eight bits of the last byte", "d81c 82 41 00 08"],
    ["invalid UTF-8", "61 ff"],
    ["a long form of UTF-8", "62 c080"],
    ["half a character", "61 c3"],
    ["a surrogate in UTF-8", "63 eda080"],
    ["a character beyond Unicode", "64 f4908080"],
    ["a byte-order mark that would be lost", `7850 efbbbf ${"61".repeat(77)}`],
    ["too deep a nesting of arrays", "81".repeat(2000) + "01"],
    ["too deep a nesting of tags", "c981".repeat(2000) + "01"],
    ["a stack-breaking nesting", "81".repeat(1_000_000) + "01"],
  ])("with %s are refused", (_, bytes) => {
    const frame = Uint8Array.fromHex((message + bytes).replaceAll(" ", ""));
    expect(accepts(new Pair(), frame)).toBe(false);
  });

  it("are refused with the byte at fault, where it is known", () => {
    const frame = Uint8Array.fromHex("8402110382016301ff02");
    expect(() => checkItems(frame)).toThrow("at byte 8: invalid UTF-8");
    expect(() => checkItems(Uint8Array.fromHex("830211a0")))
      .toThrow("at byte 3: expected an item or tag of the dialect, got 0xa0");
    expect(() => checkItems(Uint8Array.fromHex("8402")))
      .toThrow("at byte 2: the last item is incomplete");
    expect(() => checkItems(Uint8Array.fromHex("81".repeat(1033) + "00")))
      .toThrow("at byte 1032: expected parts nested at most 512 deep");
    // The date of the second signal is invalid; that signal's start is known.
    const signals = Uint8Array.fromHex("8402110301" + "84021103cf6161");
    expect(() => new Pair().beta.decode(signals, collector()))
      .toThrow('at byte 5: expected a time, got "a"');
  });

  it("with incomplete attachments are refused", () => {
    for (const bytes of ["f6", "f65a", "f65a00", "f65a00000002ff", "f645"]) {
      const got = accepts(new Pair(), Uint8Array.fromHex(bytes));
      expect([bytes, got]).toEqual([bytes, false]);
    }
  });

  it("of very many objects are refused, as the sender refuses them", () => {
    const count = 8_500_000;
    const frame = new Uint8Array(9 + count);
    frame.set([0x84, 2, 17, 3, 0x9a]);
    new DataView(frame.buffer).setUint32(5, count);
    frame.fill(0x80, 9);
    expect(() => checkItems(frame)).toThrow("at most 4194304 objects");
    const empty: unknown[] = [];
    const pair = new Pair();
    expect(() => pair.send(new Array(4_194_304).fill(empty)))
      .toThrow("message[4194303]: it is the object after 4194304");
    // Numbers and texts are no objects.
    frame.fill(0x60, 9);
    checkItems(frame);
  });

  it("of many errors cost no stack each", () => {
    const error = [0xd0, 0x85, 0x00, 0x60, 0x60, 0xf7, 0x00];
    const count = 20_000;
    const frame = new Uint8Array([
      ...[0x84, 2, 17, 3, 0x99, count >> 8, count & 255],
      ...new Array(count).fill(error).flat(),
    ]);
    const sink = collector();
    new Pair().beta.decode(frame, sink);
    const [got] = sink.delivered as unknown as [{ message: Error[] }];
    expect(got.message).toHaveLength(count);
    expect(got.message[7]!.stack).toBe(": ");
  });
});

describe("checkItems", () => {
  it("accepts all that the codec writes", () => {
    checkProperty(
      fc.property(term, (value) => {
        checkItems(frameOf([value]));
      }),
      500,
    );
  });

  it("judges UTF-8 as a strict decoder does", () => {
    const strict = new TextDecoder("utf-8", { fatal: true });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.array(
        fc.constantFrom(
          0x41,
          0x80,
          0xbf,
          0xc2,
          0xe0,
          0xa0,
          0xed,
          0x9f,
          0xf0,
          0x90,
          0xf4,
          0x8f,
          0xc0,
          0xef,
        ),
        { maxLength: 8 },
      ).map((list) => Uint8Array.from(list)),
      fc.string({ unit: codePoint, maxLength: 5 })
        .map((text) => new TextEncoder().encode(text)),
    );
    checkProperty(
      fc.property(bytes, (text) => {
        const item = new Uint8Array([0x78, text.length, ...text]);
        const judge = (check: () => void) => {
          try {
            check();
            return true;
          } catch {
            return false;
          }
        };
        expect(judge(() => checkItems(item)))
          .toBe(judge(() => void strict.decode(text)));
      }),
      3000,
    );
  });
});
