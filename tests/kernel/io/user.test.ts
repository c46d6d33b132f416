/** The io server `user`, called as processes on BEAM nodes call it. */
import { describe, expect, test } from "vitest";
import {
  atom,
  ImproperList,
  type Output,
  type Pid,
  type Self,
  SystemRequest,
  tuple,
} from "../../../runtime/mod.ts";
import { charlist } from "../../../runtime/kernel/io/chardata.ts";
import { lone } from "../../helpers/actors.ts";
import {
  currentRuntime,
  runtimeCommand,
  spawnProcess,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";

const ok = atom("ok");
const eof = atom("eof");
const unicode = atom("unicode");
const latin1 = atom("latin1");
const putChars = atom("put_chars");
const error = (reason: unknown) => tuple(atom("error"), reason);

/** A node, the text that it prints, and the answers of its `user`. */
async function printer(output?: Output) {
  let printed = "";
  const { node, records } = await lone({
    output: output ?? ((text) => void (printed += text)),
  });
  const ask = (request: unknown) =>
    node.run(async (self: Self<unknown>) => {
      const tag = self.makeRef();
      self.send("user", tuple(atom("io_request"), self.pid, tag, request));
      const reply = await self.receive({ timeoutMs: 5_000 });
      expect(reply).toMatchObject({ items: [atom("io_reply"), tag, {}] });
      return (reply as { items: unknown[] }).items[2];
    });
  return {
    node,
    records,
    ask,
    take: () => {
      const text = printed;
      printed = "";
      return text;
    },
  };
}

describe("user", () => {
  test("prints characters, in every form of them", async () => {
    const { ask, take } = await printer();
    const cases: [request: unknown, text: string][] = [
      [tuple(putChars, unicode, "plain\n"), "plain\n"],
      [tuple(putChars, unicode, charlist("списком")), "списком"],
      [tuple(putChars, unicode, [[97], "b", [["c"]], 100]), "abcd"],
      [tuple(putChars, unicode, new ImproperList([97], "b")), "ab"],
      [tuple(putChars, latin1, new Uint8Array([0xe4])), "ä"],
      [tuple(putChars, latin1, [0xe4]), "ä"],
      [tuple(putChars, "old"), "old"],
      [tuple(putChars, unicode, []), ""],
    ];
    for (const [request, text] of cases) {
      expect(await ask(request)).toBe(ok);
      expect(take()).toBe(text);
    }
  });

  test("formats by the functions of io_lib, and calls no others", async () => {
    const { ask, take, node } = await printer();
    node.exportFunction("io_lib:extra", () => "no");
    const ioLib = atom("io_lib");
    const by = (...parts: unknown[]) => tuple(putChars, unicode, ...parts);
    expect(
      await ask(
        by(ioLib, atom("format"), [charlist("~p is ~s~n"), [[104, 105], "hi"]]),
      ),
    ).toBe(ok);
    expect(take()).toBe('"hi" is hi\n');
    expect(await ask(by(ioLib, atom("fwrite"), ["~w", [[104]]]))).toBe(ok);
    expect(await ask(by(ioLib, atom("write"), [tuple(1, [104])]))).toBe(ok);
    expect(await ask(by(ioLib, atom("print"), [tuple(1, [104])]))).toBe(ok);
    expect(await ask(by(ioLib, atom("nl"), []))).toBe(ok);
    expect(await ask(tuple(putChars, ioLib, atom("format"), ["old~n", []])))
      .toBe(ok);
    expect(take()).toBe('[104]{1,[104]}{1,"h"}\nold\n');
    for (
      const [module, name, args] of [
        ["io_lib", "extra", []],
        ["io_lib", "format", ["~s", []]],
        ["io_lib", "format", ["only"]],
        ["io_lib", "format", "no list"],
        ["erlang", "halt", []],
      ] as const
    ) {
      expect(await ask(by(atom(module), atom(name), args)))
        .toEqual(error(atom(name)));
    }
    expect(take()).toBe("");
  });

  test("has no input, and shows the prompt for it", async () => {
    const { ask, take } = await printer();
    const until = [atom("m"), atom("f"), []];
    const format = tuple(atom("format"), "~w> ", [tuple(1)]);
    const cases: [request: unknown, prompt: string][] = [
      [tuple(atom("get_line"), unicode, "prompt> "), "prompt> "],
      [tuple(atom("get_line"), "prompt> "), "prompt> "],
      [tuple(atom("get_line"), unicode, [["é"], 62]), "é>"],
      [tuple(atom("get_line"), unicode, atom("")), ""],
      [tuple(atom("get_line"), unicode, atom("prompt")), "prompt"],
      [tuple(atom("get_line"), unicode, format), "{1}> "],
      [tuple(atom("get_line"), unicode, tuple(1)), "{1}"],
      [tuple(atom("get_line"), latin1), "latin1"],
      [tuple(atom("get_chars"), unicode, "> ", 5), "> "],
      [tuple(atom("get_chars"), "> ", 5), "> "],
      [tuple(atom("get_until"), unicode, "> ", ...until), "> "],
      [tuple(atom("get_until"), "> ", ...until), "> "],
      [tuple(atom("get_password"), unicode), ""],
    ];
    for (const [request, prompt] of cases) {
      expect(await ask(request)).toBe(eof);
      expect(take()).toBe(prompt);
    }
    for (const request of [tuple(atom("get_line")), tuple(atom("get_chars"))]) {
      expect(await ask(request)).toEqual(error(atom("request")));
    }
  });

  test("answers questions about itself", async () => {
    const { ask } = await printer();
    expect(await ask(atom("getopts"))).toEqual([
      tuple(atom("binary"), true),
      tuple(atom("encoding"), unicode),
    ]);
    const set = (...options: unknown[]) => ask(tuple(atom("setopts"), options));
    expect(await set()).toBe(ok);
    expect(await set(atom("binary"), tuple(atom("encoding"), unicode)))
      .toBe(ok);
    expect(await set(tuple(atom("encoding"), latin1)))
      .toEqual(error(atom("enotsup")));
    expect(await ask(tuple(atom("get_geometry"), atom("columns"))))
      .toEqual(error(atom("enotsup")));
  });

  test("performs lists of requests up to the first that fails", async () => {
    const { ask, take } = await printer();
    const all = (...requests: unknown[]) =>
      ask(tuple(atom("requests"), requests));
    const put = (text: unknown) => tuple(putChars, unicode, text);
    expect(await all(put("a"), put("b"), atom("getopts")))
      .toHaveLength(2);
    expect(take()).toBe("ab");
    expect(await all(put("a"), put(atom("x")), put("b")))
      .toEqual(error(putChars));
    expect(take()).toBe("a");
    expect(await all()).toBe(ok);
    expect(await all(tuple(atom("requests"), []))).toEqual(
      error(atom("request")),
    );
  });

  test("answers unknown requests, and ignores messages that are none", async () => {
    const { ask, node, records } = await printer();
    for (
      const request of [
        1,
        null,
        tuple(),
        tuple(putChars),
        tuple(putChars, "utf9", "x"),
        tuple(putChars, 1, 2, 3, 4, 5),
        tuple(atom("requests"), 1),
        tuple(atom("get_weather"), "here"),
      ]
    ) expect(await ask(request)).toEqual(error(atom("request")));
    expect(await ask(tuple(putChars, unicode, tuple(1))))
      .toEqual(error(putChars));
    const before = node.whereis("user");
    for (
      const strange of [
        1,
        tuple(atom("io_request")),
        tuple(atom("io_request"), 1, 2, 3),
        tuple(atom("io_reply"), 1, 2),
        new SystemRequest({ pid: node.pid, tag: 1, isOtp: true }, 1),
      ]
    ) node.send("user", strange);
    expect(await ask(tuple(putChars, unicode, "x"))).toBe(ok);
    expect(node.whereis("user")).toBe(before);
    expect(records.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("lets a process that prints wait for room, and answers an error when it fails", async () => {
    const gates: (() => void)[] = [];
    const { ask } = await printer(() =>
      new Promise((resolve) => gates.push(resolve))
    );
    let answered = 0;
    const asks = ["a", "b"].map(async (text) => {
      expect(await ask(tuple(putChars, unicode, text))).toBe(ok);
      answered++;
    });
    await waitFor(() => gates.length === 2, { what: "both to print" });
    expect(answered).toBe(0);
    for (const open of gates) open();
    await Promise.all(asks);
    for (
      const broken of [
        () => {
          throw new Error("broken pipe");
        },
        () => Promise.reject(new Error("broken pipe")),
      ]
    ) {
      const other = await printer(broken);
      expect(await other.ask(tuple(putChars, unicode, "x")))
        .toEqual(error(atom("terminated")));
      expect(other.records.map(({ message }) => message))
        .toContain("output could not be written");
      expect(await other.ask(atom("getopts"))).toHaveLength(2);
    }
  });

  test("is monitored like any actor", async () => {
    const { node } = await printer();
    await node.run(async (self: Self<unknown>) => {
      const ref = self.monitor("user");
      self.sendExit(self.whereis("user") as Pid, atom("kill"));
      expect(await self.receive()).toMatchObject({ ref });
    });
  });
});

test("text goes to standard output unless another output is given", async () => {
  const { command, args } = runtimeCommand(
    currentRuntime(),
    "tests/fixtures/prints.ts",
  );
  const program = spawnProcess(command, args);
  expect(await program.waitForExit()).toEqual({ code: 0, signal: null });
  const [first, long = "", last] = program.stdout;
  expect([first, long.length, last]).toEqual([
    "printed here",
    1_000_000,
    "done",
  ]);
});
