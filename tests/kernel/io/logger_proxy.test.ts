/** Log events of BEAM nodes whose group leader is here. */
import { expect, test } from "vitest";
import { atom, Pid, tuple } from "../../../runtime/mod.ts";
import { charlist } from "../../../runtime/kernel/io/chardata.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

const log = atom("log");
const there = new Pid("beam@test", 94, 0, 1, null);
const meta = {
  pid: there,
  gl: there,
  time: 1,
  mfa: tuple(atom("m"), atom("f"), 1),
};

test("logger_proxy writes events to the node's log", async () => {
  const { node, records } = await lone();
  const cases: [event: unknown[], level: string, message: string][] = [
    [
      ["error", charlist("~p went ~s"), [[104, 105], "down"]],
      "error",
      '"hi" went down',
    ],
    [["critical", "a binary"], "error", "a binary"],
    [["warning", charlist("text")], "warning", "text"],
    [["notice", { what: [104, 105], n: 1 }], "info", '#{n => 1,what => "hi"}'],
    [["info", [tuple(atom("k"), 1)]], "info", "[{k,1}]"],
    [["debug", "two\nlines"], "debug", "two lines"],
    [["error", "~s ~s", ["one"]], "error", '~s ~s [<<"one">>]'],
    [["loud", "what"], "info", "what"],
  ];
  for (const [[level, ...event]] of cases) {
    node.send(
      "logger_proxy",
      tuple(log, atom(level as string), ...event, meta),
    );
  }
  const logged = () => records.filter(({ category }) => category === "logger");
  await waitFor(() => logged().length === cases.length, { what: "the log" });
  expect(logged().map(({ level, message }) => [level, message]))
    .toEqual(cases.map(([, level, message]) => [level, message]));
  expect(logged()[0]?.fields).toEqual({
    level: "error",
    pid: String(there),
    from: "beam@test",
    mfa: "{m,f,1}",
  });
});

test("logger_proxy survives any message", async () => {
  const { node, records } = await lone();
  const before = node.whereis("logger_proxy");
  for (
    const strange of [
      1,
      null,
      tuple(),
      tuple(log),
      tuple(log, "error", "text", meta),
      tuple(log, atom("error"), "text", meta, 1, 2),
      tuple(log, atom("error"), "x".repeat(100_000), "no map"),
      tuple(log, atom("error"), () => {}, new Map()),
    ]
  ) node.send("logger_proxy", strange);
  await waitFor(() => records.length === 2, { what: "the log" });
  expect(records[0]?.message).toHaveLength(8_000);
  expect(records[0]?.fields).toEqual({ level: "error" });
  expect(node.whereis("logger_proxy")).toBe(before);
});
