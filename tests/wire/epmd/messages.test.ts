import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeAliveAnswer,
  decodeEpmdRequest,
  decodeNamesAnswer,
  decodePortAnswer,
  encodeAlive,
  encodeAliveAnswer,
  encodeNames,
  encodeNamesAnswer,
  encodePortAnswer,
  encodePortPlease,
  type EpmdEntry,
} from "../../../runtime/wire/epmd/messages.ts";
import { epmd } from "../../fixtures/handshake_captures.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";

const ts1: EpmdEntry = {
  name: "ts1",
  port: 5555,
  hidden: false,
  highestVersion: 6,
  lowestVersion: 5,
  extra: new Uint8Array(0),
};
const ts2: EpmdEntry = {
  name: "ts2",
  port: 5556,
  hidden: true,
  highestVersion: 6,
  lowestVersion: 6,
  extra: fromHex("5859"),
};

/** A captured request without its length. */
function body(hex: string): Uint8Array {
  return fromHex(hex).subarray(2);
}

describe("epmd requests", () => {
  test("are written as erl writes them", () => {
    expect(toHex(encodeAlive(ts1))).toBe(epmd.alive);
    expect(toHex(encodeAlive(ts2))).toBe(epmd.aliveHiddenExtra);
    expect(toHex(encodeAlive({ ...ts1, name: "b", port: 0xa6e9 })))
      .toBe(epmd.aliveFromErl);
    expect(toHex(encodePortPlease("ts1"))).toBe(epmd.portPlease);
    expect(toHex(encodeNames())).toBe(epmd.names);
  });

  test("are read as erl writes them", () => {
    expect(decodeEpmdRequest(body(epmd.alive)))
      .toEqual({ type: "alive", entry: ts1 });
    expect(decodeEpmdRequest(body(epmd.aliveHiddenExtra)))
      .toEqual({ type: "alive", entry: ts2 });
    expect(decodeEpmdRequest(body(epmd.portPlease)))
      .toEqual({ type: "port", name: "ts1" });
    expect(decodeEpmdRequest(body(epmd.names))).toEqual({ type: "names" });
    expect(decodeEpmdRequest(body(epmd.dump))).toEqual({ type: "dump" });
    expect(decodeEpmdRequest(body(epmd.kill))).toEqual({ type: "kill" });
    expect(decodeEpmdRequest(body(epmd.stop)))
      .toEqual({ type: "stop", name: "ts1" });
  });

  test("carry names in UTF-8", () => {
    const entry = { ...ts1, name: "тест" };
    const bytes = encodeAlive(entry);
    expect(toHex(bytes)).toBe(
      "00157815b34d00000600050008d182d0b5d181d1820000",
    );
    expect(decodeEpmdRequest(bytes.subarray(2))).toEqual({
      type: "alive",
      entry,
    });
  });

  test.each([
    "",
    "51",
    "78",
    epmd.alive.slice(4, -2),
    // A node type that is none, a name that is none, one with a line break.
    "7815b34e000006000500037473310000",
    "7815b34d00000600050000" + "0000",
    "7815b34d0000060005000374730a0000",
    "7815b34d0000060005000374ff310000",
    `7815b34d000006000501${"00"}${"61".repeat(256)}0000`,
    "7a",
    "7a0a",
    "7aff",
  ])("are malformed: %s", (hex) => {
    expect(decodeEpmdRequest(fromHex(hex))).toMatchObject({
      type: "malformed",
      detail: expect.stringMatching(/^expected .*, got \d+ bytes: /),
    });
  });

  test("of any bytes never throw", () => {
    fc.assert(fc.property(
      fc.constantFrom(0x78, 0x7a, 0x73, 0x6e, 0x64, 0x6b, 0x51),
      fc.uint8Array({ maxLength: 40 }),
      (tag, rest) => {
        const request = decodeEpmdRequest(Uint8Array.of(tag, ...rest));
        expect(typeof request.type).toBe("string");
      },
    ));
  });
});

describe("epmd answers", () => {
  test("are written as the real epmd writes them", () => {
    const creation = 0x6b02c352;
    expect(toHex(encodeAliveAnswer({ result: 0, creation }, 6)))
      .toBe(epmd.aliveAnswer);
    expect(toHex(encodeAliveAnswer({ result: 0, creation: 4 }, 5)))
      .toBe(epmd.aliveAnswerOld);
    expect(toHex(encodeAliveAnswer({ result: 1, creation: 99 }, 6)))
      .toBe(epmd.aliveDuplicate);
    expect(toHex(encodeAliveAnswer({ result: 1, creation: 99 }, 5)))
      .toBe(epmd.aliveDuplicateOld);
    expect(toHex(encodePortAnswer(ts1))).toBe(epmd.portAnswer);
    expect(toHex(encodePortAnswer(ts2))).toBe(epmd.portAnswerHiddenExtra);
    expect(toHex(encodePortAnswer(null))).toBe(epmd.portUnknown);
    const names = [
      { name: "ts3", port: 5557 },
      { name: "ts2", port: 5556 },
      { name: "ts1", port: 5555 },
    ];
    expect(toHex(encodeNamesAnswer(14369, names))).toBe(epmd.namesAnswer);
  });

  test("are read piece by piece", () => {
    for (
      const [hex, decode, value] of [
        [epmd.aliveAnswer, decodeAliveAnswer, {
          result: 0,
          creation: 0x6b02c352,
        }],
        [epmd.aliveAnswerOld, decodeAliveAnswer, { result: 0, creation: 2 }],
        [epmd.aliveDuplicate, decodeAliveAnswer, { result: 1, creation: 99 }],
        [epmd.portAnswer, decodePortAnswer, ts1],
        [epmd.portAnswerHiddenExtra, decodePortAnswer, ts2],
        [epmd.portUnknown, decodePortAnswer, null],
      ] as const
    ) {
      const bytes = fromHex(hex);
      for (let end = 0; end < bytes.length; end++) {
        expect(decode(bytes.subarray(0, end))).toEqual({ type: "more" });
      }
      expect(decode(bytes)).toEqual({ type: "answer", value });
    }
  });

  test("to a request for names are read as a whole", () => {
    expect(decodeNamesAnswer(fromHex(epmd.namesAnswer))).toEqual({
      type: "answer",
      value: [
        { name: "ts3", port: 5557 },
        { name: "ts2", port: 5556 },
        { name: "ts1", port: 5555 },
      ],
    });
    expect(decodeNamesAnswer(fromHex("00003821")))
      .toEqual({ type: "answer", value: [] });
  });

  test.each([
    [decodeAliveAnswer, "770000"],
    [decodePortAnswer, "760000"],
    [decodePortAnswer, "770015b351000006000500037473310000"],
    [decodePortAnswer, "770015b34d00000600050fff7473310000"],
    [decodeNamesAnswer, "0000"],
    [decodeNamesAnswer, "0000382161620a"],
    [decodeNamesAnswer, "00003821ff0a"],
  ])("that are something else are malformed: %o %s", (decode, hex) => {
    expect(decode(fromHex(hex)).type).toBe("malformed");
  });
});
