/** The types inferred from a definition; most of the test is that it compiles. */
import { expect, expectTypeOf, test } from "vitest";
import { type Atom, atom } from "../../../runtime/mod.ts";
import {
  genServer,
  noReply,
  type Server,
} from "../../../std/gen_server/mod.ts";
import { lone } from "../../helpers/actors.ts";

type Count = { n: number };

/** A callback outside of a definition. */
function plus(server: Server<Count>, by: number): number {
  return server.state.n += by;
}

test("callbacks may annotate the type of their server", async () => {
  const Counter = genServer({
    init: (_self, n: number) => ({ n }),
    calls: {
      plus,
      less: (server: Server<Count>, by: number) => server.state.n - by,
    },
  });
  genServer({
    init: (_self, n: number) => n,
    // @ts-expect-error The state is a number.
    calls: { plus },
  });
  const { node } = await lone();
  await node.run(async (self) => {
    const counter = await Counter.start(self, 1);
    expectTypeOf(counter.plus).toEqualTypeOf<(by: number) => Promise<number>>();
    expect(await counter.plus(2)).toBe(3);
    // @ts-expect-error An argument is missing.
    await counter.plus().catch(() => {});
  });
});

test("calls that return noReply do not change the type of the reply", async () => {
  const Later = genServer({
    init: () => 0,
    calls: {
      never: () => noReply,
      maybe: ({ state }, open: boolean) => open ? noReply : state,
      wait: async (_server, open: boolean) =>
        open ? await Promise.resolve(noReply) : String(open),
      atom: (_server, open: boolean): Atom | typeof noReply =>
        open ? noReply : atom("x"),
    },
  });
  const { node } = await lone();
  await node.run(async (self) => {
    const later = await Later.start(self);
    expectTypeOf(later.never).returns.toEqualTypeOf<Promise<unknown>>();
    expectTypeOf(later.maybe).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(later.wait).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(later.atom).returns.toEqualTypeOf<Promise<Atom>>();
    expect(await later.maybe(false)).toBe(0);
    expect(await later.wait(false)).toBe("false");
    expect(await later.atom(false)).toBe(atom("x"));
    const brief = later.with({ timeoutMs: 1 });
    await expect(brief.never()).rejects.toHaveProperty("reason", "timeout");
    await expect(brief.wait(true)).rejects.toHaveProperty("reason", "timeout");
  });
});

test("a first argument may be of any type", async () => {
  const Any = genServer({
    init: (_self, arg: unknown) => ({ arg }),
    calls: { get: ({ state }) => state.arg },
  });
  const None = genServer({ init: () => 0 });
  const { node } = await lone();
  await node.run(async (self) => {
    const any = await Any.start(self, { deep: [1] });
    expect(await any.get()).toEqual({ deep: [1] });
    await None.start(self, undefined, { name: "none" });
    // @ts-expect-error The options come second.
    await None.start(self, { name: "none" });
  });
});
