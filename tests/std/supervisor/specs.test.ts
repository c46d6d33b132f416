/** Valid and invalid child specifications and flags. */
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../runtime/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import {
  checkChildSpecs,
  type ChildSpec,
  Supervisor,
  type SupervisorOptions,
} from "../../../std/supervisor/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { failure } from "../outcomes.ts";

describe("specifications", () => {
  const start = () => null;
  const bad: readonly [string, readonly unknown[], RegExp][] = [
    ["no array", "x" as never, /an array/],
    ["no object", [1], /\{ id, start \}/],
    ["unknown", [{ id: 1, start, restrat: 1 }], /did you mean restart\?/],
    ["a server", [genServer({ init: () => 1 })], /write: Counter\.child/],
    ["without id", [{ start }], /with an id/],
    ["without start", [{ id: 1 }], /to be a function/],
    [
      "restart",
      [{ id: 1, start, restart: "often" }],
      /restart of a child specification to be "permanent"/,
    ],
    [
      "type",
      [{ id: 1, start, type: "boss" }],
      /type of a child specification to be "worker" or/,
    ],
    [
      "shutdown",
      [{ id: 1, start, shutdown: -1 }],
      /shutdown of a child specification to be a number/,
    ],
    ["shutdown text", [{ id: 1, start, shutdown: "now" }], /brutalKill/],
    [
      "significant",
      [{ id: 1, start, significant: 1 }],
      /significant of a child specification to be/,
    ],
    ["twice", [{ id: [1], start }, { id: [1], start }], /an id of its own/],
    ["id that is no term", [{ id: () => {}, start }], /to be a term/],
    [
      "significant and permanent",
      [{ id: 1, start, significant: true }],
      /transient or temporary/,
    ],
  ];
  test.each(bad)("that are not valid are refused: %s", async (...row) => {
    const [, children, message] = row;
    expect(() => checkChildSpecs(children as readonly ChildSpec[]))
      .toThrow(UsageError);
    expect(() => checkChildSpecs(children as readonly ChildSpec[]))
      .toThrow(message);
    const { node } = await lone();
    await node.run(async (self) => {
      const options = { children: children as readonly ChildSpec[] };
      expect(await failure(Supervisor.startLink(self, options)))
        .toBeInstanceOf(UsageError);
      const sup = await Supervisor.startLink(self, { children: [] });
      const spec = children.at(-1) as ChildSpec;
      if (!Array.isArray(children) || children.length > 1) return;
      expect(await failure(sup.startChild(spec))).toBeInstanceOf(UsageError);
    });
  });

  test("that are valid are not refused", () => {
    checkChildSpecs([
      { id: 1, start, restart: "transient", significant: true },
      { id: "1", start, shutdown: Infinity },
      { id: 2, start, shutdown: "brutalKill" },
    ]);
  });

  test("of significant children need a supervisor with autoShutdown", async () => {
    const spec: ChildSpec = {
      id: 1,
      start,
      restart: "transient",
      significant: true,
    };
    const never = { autoShutdown: "never" } as const;
    expect(() => checkChildSpecs([spec], never)).toThrow(/autoShutdown/);
    const { node } = await lone();
    await node.run(async (self) => {
      expect(await failure(Supervisor.startLink(self, { children: [spec] })))
        .toBeInstanceOf(UsageError);
      const sup = await Supervisor.startLink(self, { children: [] });
      expect(await failure(sup.startChild(spec))).toBeInstanceOf(UsageError);
      expect(await sup.whichChildren()).toEqual([]);
    });
  });

  test("of servers are made by their definition", () => {
    const Store = genServer({ name: "Store", init: (_s, n: number) => n });
    expect(Store.child(1)).toMatchObject({ id: "Store" });
    expect(Store.child(1, { name: "kv" })).toMatchObject({ id: "kv" });
    const options = { id: 7, restart: "temporary", shutdown: 1 } as const;
    expect(Store.child(1, { name: "kv", ...options })).toMatchObject(options);
  });

  test.each([
    { strategy: "oneForTwo" },
    { autoShutdown: "soon" },
    { maxRestarts: -1 },
    { maxRestarts: 1.5 },
    { withinMs: 0 },
    { withinMs: Infinity },
  ])("go with flags, which are checked too: %o", async (flags) => {
    const { node } = await lone();
    const options = { children: [], ...flags } as unknown as SupervisorOptions;
    await node.run(async (self) => {
      expect(await failure(Supervisor.startLink(self, options)))
        .toBeInstanceOf(UsageError);
    });
  });
});
