/** The term of each JavaScript value. */
import { describe, expect, it } from "vitest";
import {
  BitString,
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { encode } from "../../../runtime/etf.ts";
import { Output } from "../../../runtime/wire/etf/output.ts";
import { toHex } from "../../helpers/hex.ts";
import { strongTable } from "../cbor/pair.ts";
import { atom, encodeRefusal, hex, u8, writer, written } from "./pair.ts";

const f = () => 1;

class Account {
  balance = 1;
}

describe("encode", () => {
  it.each<[unknown, string]>([
    [-0, "468000000000000000"],
    [0, "6100"],
    [new Float(0), "460000000000000000"],
    [2 ** 53, "464340000000000000"],
    [2 ** 53 - 1, "6e0700ffffffffffff1f"],
    [-(2 ** 53) + 1, "6e0701ffffffffffff1f"],
    [2 ** 31, "6e040000000080"],
    [-(2 ** 31), "6280000000"],
    [7n, "6107"],
    [-1n, "62ffffffff"],
    [2n ** 64n - 1n, "6e0800ffffffffffffffff"],
    [-(2n ** 64n), "6e0901000000000000000001"],
    ["\ufeffa", "6d00000004efbbbf61"],
    ["é".repeat(3), "6d00000006c3a9c3a9c3a9"],
    [u8(1, 2).buffer, "6d000000020102"],
    [new DataView(u8(1, 2, 3).buffer, 1), "6d000000020203"],
    [Buffer.from([1, 2]), "6d000000020102"],
    [true, "770474727565"],
    [null, "77036e696c"],
    [undefined, "7709756e646566696e6564"],
    [[], "6a"],
    [[1, 255], "6b000201ff"],
    [[1, 256], "6c00000002610162000001006a"],
    [[1, -0], "6c00000002610146" + "80000000000000006a"],
    // A hole.
    [new Array(1), "6c00000001" + "7709756e646566696e6564" + "6a"],
    [new ImproperList([], [1]), "6b000101"],
    [new ImproperList([1], [2]), "6c0000000161016b000102"],
    [new ImproperList([1], 2), "6c0000000161016102"],
    [{}, "7400000000"],
    [Object.create(null), "7400000000"],
    [new Map(), "7400000000"],
    [
      new Map([["b", 1], ["a", 2]]),
      "74000000026d00000001616102" +
      "6d00000001626101",
    ],
    [new Set([3, 1]), "740000000261016a61036a"],
    [new BitString(u8(0xff), 3), "4d0000000103e0"],
    [
      new Ref("n@h", 7, [1, 2]),
      "5a000277036e40680000000700000001" +
      "00000002",
    ],
    [new Pid("n@h", 1, 2, 3, null), "5877036e4068000000010000000200000003"],
    [new Port("n@h", 2n ** 28n - 1n, 3), "5977036e40680fffffff00000003"],
    [new Port("n@h", 2n ** 28n, 3), "7877036e4068000000001000000000000003"],
    [new ExternalFun("m", "f", 2), "7177016d7701666102"],
    [atom("é".repeat(128)), "760100" + "c3a9".repeat(128)],
  ])("%o", (term, bytes) => {
    expect(hex(term)).toBe(bytes);
  });

  it("writes an error as a readable tuple", () => {
    const error = Object.assign(new TypeError("no\ud800"), { extra: f });
    Object.defineProperty(error, "stack", { value: "at x" });
    const [name, message, stack] = ["TypeError", "no\ufffd", "at x"];
    expect(hex(error)).toBe(
      hex(tuple(atom("js_error"), name, message, stack)),
    );
    class Own extends Error {
      override readonly name = "Own";
    }
    const own = new Own("m", { cause: f });
    Object.defineProperty(own, "stack", { value: 7 });
    expect(hex(own)).toBe(hex(tuple(atom("js_error"), "Own", "m", "")));
  });

  it("puts the keys of small maps in Erlang's order", () => {
    expect(hex({ b: 1, B: 2, "🙂": 3, "\uffee": 4, 10: 5, 9: 6 })).toBe(
      hex(
        new Map(
          ["10", "9", "B", "b", "\uffee", "🙂"].map((key, i) => [
            atom(key),
            [5, 6, 2, 1, 4, 3][i],
          ]),
        ),
      ),
    );
    const keys = [[], "k", tuple(1), 1.5, atom("z"), 2, null, undefined, {}];
    const map = new Map(keys.map((key) => [key, 0]));
    expect(hex(map)).toBe(
      "7400000009" + [
        hex(2),
        hex(1.5),
        hex(null),
        hex(undefined),
        hex(atom("z")),
        hex(tuple(1)),
        hex({}),
        hex([]),
        hex("k"),
      ].map((key) => key + hex(0)).join(""),
    );
  });

  it("leaves the keys of larger maps as they are", () => {
    const keys = Array.from({ length: 33 }, (_, i) => `k${33 - i}`);
    const fields = Object.fromEntries(keys.map((key) => [key, 0]));
    const pairs = keys.map((key) => hex(atom(key)) + hex(0)).join("");
    expect(hex(fields)).toBe("7400000021" + pairs);
    const map = new Map(keys.map((key) => [key, 0]));
    expect(hex(map)).toBe(
      "7400000021" + keys.map((key) => hex(key) + hex(0)).join(""),
    );
  });

  it("writes objects whose fields change from one to the next", () => {
    const by = writer();
    for (let i = 0; i < 3_000; i++) {
      const fields = { [`a${i % 70}`]: 1, [`b${i % 90}`]: 2, c: 3 };
      expect(written(fields, by)).toBe(hex(fields));
    }
  });

  it("ignores inherited fields", () => {
    const all = Object.prototype as Record<string, unknown>;
    all["everywhere"] = 1;
    let bytes: string;
    try {
      bytes = hex({ a: 1 });
    } finally {
      delete all["everywhere"];
    }
    expect(bytes).toBe("7400000001" + "770161" + "6101");
  });

  it("gives bytes that no later call writes to", () => {
    const sizes = [0, 1, 200, 4_000, 4_089, 4_090, 5_000, 70_000, 0, 9];
    const results = sizes.map((size, i) => encode(String(i).repeat(size)));
    results.forEach((bytes, i) => {
      expect(toHex(bytes.subarray(6))).toBe(`3${i}`.repeat(sizes[i]!));
    });
    // The memory of a large result is not shared.
    for (const bytes of results.slice(6, 8)) {
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }
  });

  it("gives fields with any name", () => {
    const fields = JSON.parse('{"__proto__": 1, "": 2, "constructor": 3}');
    expect(hex(fields)).toBe(
      hex(
        new Map([
          [atom(""), 2],
          [atom("__proto__"), 1],
          [atom("constructor"), 3],
        ]),
      ),
    );
  });

  it("writes closures back as they came, with their size", () => {
    const closure = new Closure({
      module: "m",
      arity: 1,
      index: 2,
      uniq: new Uint8Array(16).fill(9),
      oldIndex: 0,
      oldUniq: 300,
      pid: new Pid("n@h", 1, 2, 3, null),
      free: [new Float(5), { a: "x".repeat(70_000) }],
    });
    const bytes = encode(closure);
    const size = new DataView(bytes.buffer).getUint32(2);
    expect(size).toBe(bytes.length - 2);
  });
});

describe("a writer", () => {
  it("writes the counterparts of other classes", () => {
    const counterparts = new Map([[
      Account.prototype,
      (value: object) => tuple(atom("account"), (value as Account).balance),
    ]]);
    const by = writer({ counterparts });
    expect(written([new Account()], by)).toBe(hex([tuple(atom("account"), 1)]));
    const bad = new Map([[Account.prototype, () => [f]]]);
    expect(encodeRefusal([new Account()], writer({ counterparts: bad })).path)
      .toBe("message[0][0]");
  });

  it("enters own pids and refs in the table of the thread", () => {
    const pids = strongTable();
    const self = { node: "me@h", creation: 5 };
    const by = writer({ pids, self });
    const pid = new Pid("me@h", 1, 2, 5, null);
    const own = new Ref("me@h", 5, [1]);
    const foreign = new Ref("you@h", 5, [1]);
    written([pid, own, foreign], by);
    expect(pids.find("1.2.5.me@h")).toBe(pid);
    expect([own.interned, foreign.interned]).toEqual([true, false]);
  });

  it("limits the bytes of a term", () => {
    const by = writer({ termBytes: 100_000 });
    const bytes = (size: number) => new Uint8Array(size);
    for (
      const term of [
        new Array(60_000).fill("x"),
        [bytes(60_000), bytes(60_000)],
        bytes(100_001),
        "y".repeat(100_001),
      ]
    ) expect(encodeRefusal(term, by).message).toContain("send it in parts");
    expect(written(bytes(90_000), by).length).toBe(2 * 90_005);
    // The limit is that of each term.
    const out = new Output();
    for (let i = 0; i < 5; i++) by.write(bytes(90_000), out);
    expect(out.length).toBe(5 * 90_005);
  });

  it("does not copy large binaries", () => {
    const out = new Output();
    const large = new Uint8Array(65_536).fill(7);
    const small = new Uint8Array(65_535).fill(8);
    writer().write([large, small, large.subarray(1), "x"], out);
    expect(out.hasChunks).toBe(true);
    const chunks = out.take();
    expect(chunks[1]!.buffer).toBe(large.buffer);
    expect(toHex(chunks[2]!.subarray(0, 5))).toBe("6d0000ffff");
    const whole = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(whole).toBe(5 + 5 + 65_536 + 5 + 65_535 + 5 + 65_535 + 6 + 1);
  });

  it("copies large binaries that others could change", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(65_536));
    const growing = new ArrayBuffer(65_536, { maxByteLength: 70_000 });
    for (const bytes of [shared, new Uint8Array(growing)]) {
      const out = new Output();
      writer().write(bytes, out);
      expect(out.hasChunks).toBe(false);
      expect(out.length).toBe(5 + 65_536);
    }
  });
});
