/**
 * Formatting and printing of terms. The expected texts are those of Erlang/OTP
 * 25 (with `+pc unicode`).
 */
import { describe, expect, test } from "vitest";
import {
  atom,
  BitString,
  ExternalFun,
  float,
  ImproperList,
  Pid,
  Port,
  tuple,
} from "../../../runtime/mod.ts";
import { charlist, textOf } from "../../../runtime/kernel/io/chardata.ts";
import { printErlang } from "../../../runtime/kernel/io/erlang_print.ts";
import {
  formatErlang,
  FormatError,
} from "../../../runtime/kernel/io/io_format.ts";

const abc = atom("abc");
const hi = charlist("hi");

describe("formatErlang", () => {
  const cases: [format: unknown, args: unknown[], text: string][] = [
    ["plain", [], "plain"],
    [charlist("~w~n"), [1], "1\n"],
    [abc, [], "abc"],
    ["~~ ~3~ ~3n", [], "~ ~~~ \n\n\n"],
    ["~i~s", [abc, "b"], "b"],
    [
      "~c ~5c|~10.5c|~-10.5c|",
      [65, 65, 65, 65],
      "A AAAAA|     AAAAA|AAAAA     |",
    ],
    ["~c ~tc", [1087, 1087], "? п"],
    ["~s ~s ~s", [hi, abc, "hi"], "hi abc hi"],
    ["~10s|~-10s|~1s|~.1s", [hi, hi, hi, hi], "        hi|hi        |h|h"],
    ["~.5s|~10.5s|~10.5.xs|", [hi, hi, hi], "hi   |     hi   |xxxxxhixxx|"],
    ["~ts ~s", [[["a", [98]], "c"], new Uint8Array([0xe4])], "abc ä"],
    ["~ts", ["й"], "й"],
    ["~s", ["й"], "Ð¹"],
    ["~*s|~*.*.*s|", [5, "ab", 7, 5, 120, "ab"], "   ab|xxabxxx|"],
    ["~10w|~-10w|~2w|", [abc, abc, abc], "       abc|abc       |**|"],
    [
      "~.5w|~.2w|~10.2w|~10.5w|",
      [abc, abc, abc, abc],
      "  abc|**|        **|       abc|",
    ],
    ["~p ~10p|", [hi, abc], '"hi" abc|'],
    ["~w ~lp ~tlp", [hi, hi, [hi]], "[104,105] [104,105] [[104,105]]"],
    ["~W ~P", [[1, 2, 3], 3, tuple(1, 2, 3), 2], "[1,2|...] {1,...}"],
    ["~b ~.16b ~.16B ~B", [10, 255, 255, -10], "10 ff FF -10"],
    [
      "~10b|~-10b|~1b|~10.16.0b|",
      [10, 10, 10, 255],
      "        10|10        |*|00000000ff|",
    ],
    ["~# ~.16# ~.16+", [255, 255, -255], "10#255 16#FF -16#ff"],
    ["~.16X ~.16x ~x", [255, "0x", -255, "0x", 5, abc], "0xFF -0xff abc5"],
    ["~b", [2n ** 70n], "1180591620717411303424"],
    [
      "~f ~.2f ~10.2f|~-10.2f|",
      [1.5, 99.996, 1.5, 1.5],
      "1.500000 100.00       1.50|1.50      |",
    ],
    ["~f ~.1f", [float(2), 1e22], "2.000000 10000000000000000000000.0"],
    ["~e ~.3e", [123.456, 0.099], "1.23456e+2 9.90e-2"],
    [
      "~g ~g ~.3g ~.3g",
      [1.5, 123456.5, 123.456, 0.5],
      "1.50000 1.23457e+5 1.23e+2 0.500",
    ],
    ["~10.4.0f", [1.5], "00001.5000"],
    ["~3.2f", [1.5], "***"],
  ];
  test.each(cases)("case %#", (format, args, text) => {
    expect(formatErlang(format, args)).toBe(text);
  });

  const bad: [format: unknown, args: unknown][] = [
    ["~s", []],
    ["x", [1]],
    ["~p ~p", [1]],
    ["~", []],
    ["~z", [1]],
    ["~s", [1]],
    ["~s", [[abc]]],
    ["~s", [[1087]]],
    ["~s", [atom("привет")]],
    ["~3.5s", [hi]],
    ["~b", [1.5]],
    ["~b", [abc]],
    ["~.1b", [3]],
    ["~.37b", [3]],
    ["~f", [abc]],
    ["~.0f", [1.5]],
    ["~.1e", [1.5]],
    ["~c", ["a"]],
    ["~*s", ["a", "b"]],
    ["~9999999999s", [hi]],
    [7, []],
    ["~w", "no list"],
    ["~P", [1, abc]],
  ];
  test.each(bad)("refuses case %#", (format, args) => {
    expect(() => formatErlang(format, args)).toThrow(FormatError);
  });
});

describe("printErlang", () => {
  const node = "a@test";
  const shared: [term: unknown, text: string][] = [
    [atom("abc"), "abc"],
    [atom("hello world"), "'hello world'"],
    [atom(""), "''"],
    [atom("Big"), "'Big'"],
    [atom("a@b_9"), "a@b_9"],
    [atom("fun"), "'fun'"],
    [atom("a'b\\\n"), "'a\\'b\\\\\\n'"],
    [atom("å"), "å"],
    [undefined, "undefined"],
    [null, "nil"],
    [true, "true"],
    [-5, "-5"],
    [2n ** 64n, "18446744073709551616"],
    [1.5, "1.5"],
    [float(1), "1.0"],
    [-0, "-0.0"],
    [float(1000), "1.0e3"],
    [float(123456), "123456.0"],
    [0.0001, "0.0001"],
    [0.00001, "1.0e-5"],
    [2 ** 53, "9.007199254740992e15"],
    [1e23, "1.0e23"],
    [5e-324, "5.0e-324"],
    [[], "[]"],
    [tuple(), "{}"],
    [tuple(1, [2, tuple()]), "{1,[2,{}]}"],
    [new ImproperList([1, 2], 3), "[1,2|3]"],
    [new ImproperList([1], [2]), "[1,2]"],
    [{}, "#{}"],
    [{ b: 1, a: tuple(2) }, "#{a => {2},b => 1}"],
    [new Map<unknown, unknown>([["x", 1], [2, 3]]), "#{2 => 3,<<120>> => 1}"],
    ["", "<<>>"],
    [new Uint8Array([0, 255]), "<<0,255>>"],
    [new BitString(new Uint8Array([97, 0b101_00000]), 3), "<<97,5:3>>"],
    [new ExternalFun("lists", "A b", 2), "fun lists:'A b'/2"],
    [new Pid(node, 94, 2, 1, null), expect.stringMatching(/^<\d+\.94\.2>$/)],
    [new Port(node, 5n, 1), "#Port<0.5>"],
    [new Date(0), expect.any(String)],
  ];
  test.each(shared)("~w, case %#", (term, text) => {
    expect(printErlang(term)).toEqual(text);
  });

  const texts: [term: unknown, text: string, latin1?: string][] = [
    [hi, '"hi"'],
    [charlist('a"b\\\n\t\x1b'), '"a\\"b\\\\\\n\\t\\e"'],
    [[1, 97], "[1,97]"],
    [[], "[]"],
    [[hi, 1], '["hi",1]'],
    ["hi", '<<"hi">>'],
    ["", "<<>>"],
    ["привет", '<<"привет"/utf8>>'],
    [charlist("привет"), '"привет"', "[1087,1088,1080,1074,1077,1090]"],
    [new Uint8Array([0xe5]), '<<"å">>', '<<"å">>'],
    ["\x7f", "<<127>>"],
    [new Uint8Array([133]), "<<133>>"],
    [{ k: hi }, '#{k => "hi"}'],
    [new Map([["x", 1]]), '#{<<"x">> => 1}'],
    [[0xffff], "[65535]"],
  ];
  test.each(texts)("~tp, case %#", (term, text, latin1 = undefined) => {
    expect(printErlang(term, { texts: true })).toBe(text);
    if (latin1 === undefined) return;
    expect(printErlang(term, { texts: true, unicode: false })).toBe(latin1);
  });

  test("escapes what ~w and ~p without t cannot show", () => {
    expect(printErlang(atom("ж"), { unicode: false })).toBe("'\\x{436}'");
    expect(printErlang(atom("ж"))).toBe("'ж'");
  });

  test("stops at the given depth, and at any nesting", () => {
    const at = (term: unknown, depth: number) => printErlang(term, { depth });
    expect([0, 1, 2, 3, 4].map((depth) => at([1, 2, 3], depth)))
      .toEqual(["...", "[...]", "[1|...]", "[1,2|...]", "[1,2,3]"]);
    expect([1, 3].map((depth) => at(tuple(1, 2, 3), depth)))
      .toEqual(["{...}", "{1,2,...}"]);
    expect([1, 2].map((depth) => at({ a: 1, b: 2 }, depth)))
      .toEqual(["#{...}", "#{a => 1,...}"]);
    expect([1, 3].map((depth) => at(new Uint8Array(5), depth)))
      .toEqual(["<<...>>", "<<0,0,...>>"]);
    expect(at(new ImproperList([1, 2], 3), 3)).toBe("[1,2|...]");
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(printErlang(deep)).toContain("[[[...]]]");
  });
});

describe("textOf", () => {
  const cases: [
    chardata: unknown,
    text: string | null,
    latin1?: string | null,
  ][] = [
    ["text", "text", "text"],
    [[], "", ""],
    [[["a"], [98, [[99]]], "d"], "abcd", "abcd"],
    [new ImproperList([97], "b"), "ab", "ab"],
    ["ä", "ä", "Ã¤"],
    [new Uint8Array([0xe4]), null, "ä"],
    [new Uint8Array([0xc3, 0xa4]), "ä", "Ã¤"],
    [[1087], "п", null],
    [97, null, null],
    [[0x1f600], "😀", null],
    [[0xd800], null, null],
    [[0x11_0000], null, null],
    [[-1], null, null],
    [[1.5], null, null],
    [[null], null, null],
    [atom("abc"), null, null],
    [tuple(1), null, null],
  ];
  test.each(cases)("case %#", (chardata, text, latin1) => {
    expect(textOf(chardata)).toBe(text);
    expect(textOf(chardata, "latin1")).toBe(latin1);
  });

  test("of a list of any depth", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 100_000; i++) deep = ["y", deep];
    expect(textOf(deep)).toBe("y".repeat(100_000) + "x");
  });
});
