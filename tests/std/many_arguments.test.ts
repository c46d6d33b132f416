/**
 * Requests with more arguments than a stack holds, at every place where values
 * of a request become the arguments of a function. They are carried where they
 * stay one value, and refused by name otherwise; the stack never overflows.
 */
import { describe, expect, test } from "vitest";
import {
  atom,
  erpc,
  type ErpcError,
  handler,
  type Pid,
  reasons,
  type Self,
  SpawnError,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import { Functions } from "../../runtime/core/node/functions.ts";
import { callOffered } from "../../runtime/kernel/rpc/call_offered.ts";
import { printErlang } from "../../runtime/kernel/io/erlang_print.ts";
import { DynamicSupervisor } from "../../std/dynamic_supervisor/mod.ts";
import { eventHandler, GenEvent } from "../../std/gen_event/mod.ts";
import { genServer } from "../../std/gen_server/mod.ts";
import { genStatem, initial } from "../../std/gen_statem/mod.ts";
import * as rpc from "../../std/rpc/mod.ts";
import { lone } from "../helpers/actors.ts";
import { two } from "../helpers/clusters.ts";
import { endOf } from "./outcomes.ts";

const MANY = 1_000_000;
const MAX = 255;

const values = (count: number): number[] => new Array<number>(count).fill(7);
const request = (name: string, count: number): Tuple =>
  new Tuple([atom(name), ...values(count)]);

const callbacks = {
  init: () => 0,
  calls: {
    count: (_server: unknown, ...args: number[]): number => args.length,
  },
  casts: { ignore: (_server: unknown, ..._args: number[]): void => {} },
};

describe("a server", () => {
  const Strict = genServer(callbacks);

  test("takes 255 arguments, and its client refuses more", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const server = await Strict.start(self);
      expect(await server.count(...values(MAX))).toBe(MAX);
      server.ignore(...values(MAX));
      const message = "expected at most 255 arguments of count, got 256";
      await expect(server.count(...values(MAX + 1))).rejects.toThrow(message);
      expect(() => server.ignore(...values(MAX + 1))).toThrow(UsageError);
      expect(() => Strict.request("count", ...values(MAX + 1)))
        .toThrow(message);
      expect(await server.count()).toBe(0);
    });
  });

  test.each([MAX + 1, MANY])(
    "gives a request with %i arguments to handleCall and handleCast",
    async (count) => {
      const { node } = await lone();
      await node.run(async (self) => {
        const casts: number[] = [];
        const Lenient = genServer({
          ...callbacks,
          handleCall: (_server, other) => (other as Tuple).items.length,
          handleCast: (_server, other) =>
            void casts.push((other as Tuple).items.length),
        });
        const { pid } = await Lenient.start(self);
        self.cast(pid as Pid<never>, request("ignore", count));
        expect(await self.call(pid as Pid<never>, request("count", count)))
          .toBe(count + 1);
        expect(casts).toEqual([count + 1]);
      });
    },
  );

  test("without these takes it for a request that it does not know", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const name of ["count", "ignore"]) {
        const { pid } = await Strict.start(self);
        const isCall = name === "count";
        const end = await endOf(self, pid, () => {
          const to = pid as Pid<never>;
          if (isCall) self.call(to, request(name, MANY)).catch(() => {});
          else self.cast(to, request(name, MANY));
        });
        const reason = (end as { readonly reason?: unknown }).reason ?? end;
        expect((reason as Tuple).items[0])
          .toBe(atom(isCall ? "bad_call" : "bad_cast"));
      }
    });
  });
});

test("a state machine gets them as one array", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const Machine = genStatem({
      init: () => initial("on", 0),
      calls: {
        count: (_machine: unknown, ..._args: number[]): number => 0,
      },
      handleEvent: (event, machine) =>
        event.type === "call"
          ? machine.keepStateAndData([
            { type: "reply", from: event.from, value: event.args.length },
          ])
          : machine.keepStateAndData(),
    });
    const { pid } = await Machine.start(self);
    expect(await self.call(pid as Pid<never>, request("count", MANY)))
      .toBe(MANY);
  });
});

test("an event manager gets them as one event", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const seen: number[] = [];
    const events = await GenEvent.start<Tuple>(self);
    await events.addHandler(
      "h",
      eventHandler({
        init: () => null,
        handleEvent: (event: Tuple) => void seen.push(event.items.length),
      }),
    );
    await events.syncNotify(request("event", MANY));
    expect(seen).toEqual([MANY + 1]);
  });
});

test("sends and calls of actors carry them", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const counts = self.spawn(handler(null, (state, message, me) => {
      const { from, request } = message as {
        from: never;
        request: readonly unknown[];
      };
      me.reply(from, request.length);
      return state;
    }));
    expect(await self.call(counts as Pid<never>, values(MANY))).toBe(MANY);
    self.send(self.pid, tuple(...values(3), values(MANY)));
    const got = await self.receive() as unknown as Tuple;
    expect((got.items[3] as unknown[]).length).toBe(MANY);
  });
});

describe("another node", () => {
  test("has no function and no export with so many arguments", async () => {
    const exports = {
      count: (...args: unknown[]) => () => void args.length,
    };
    const { a, b } = await two({ exports });
    for (const node of [a, b]) {
      node.exportFunction("many:count", (...args) => args.length);
    }
    await a.run(async (self: Self<unknown>) => {
      for (const where of [a.name, b.name]) {
        expect(await erpc.call(self, where, "many:count", values(MAX)))
          .toBe(MAX);
        expect((await self.spawnOn(where, "count", values(MAX))).pid.node)
          .toBe(where);
        for (const count of [MAX + 1, MANY]) {
          const error = await erpc
            .call(self, where, "many:count", values(count))
            .catch((failure: ErpcError) => failure);
          expect((error as ErpcError).reason).toBe(atom("undef"));
          const outcome = await rpc
            .call(self, where, "many:count", values(count));
          expect((outcome as { readonly type: unknown }).type).toBe("badrpc");
          const refused = await self.spawnOn(where, "count", values(count))
            .catch((failure: unknown) => failure);
          expect(refused).toBeInstanceOf(SpawnError);
          expect(String(refused)).toContain("undef");
        }
        expect(await erpc.call(self, where, "many:count", [1])).toBe(1);
      }
    });
  });

  test("follows a chain of erlang:apply of any length", async () => {
    const functions = new Functions();
    functions.offer("many:count", (...args) => args.length);
    let args: unknown[] = [1, 2, 3];
    let [module, name] = [atom("many"), atom("count")];
    for (let i = 0; i < MANY; i++) {
      args = [module, name, args];
      [module, name] = [atom("erlang"), atom("apply")];
    }
    expect(await callOffered(functions, { module, name, args }))
      .toEqual({ type: "return", value: 3 });
  });
});

test("a dynamic supervisor refuses more arguments of a start", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const start = (count: number) =>
      DynamicSupervisor.start(self, { extraArguments: values(count) });
    await expect(start(MAX)).rejects.toThrow(
      "expected at most 255 arguments of a child's start, got 256",
    );
    const sup = await start(MAX - 1);
    let count = 0;
    await sup.startChild({
      id: "a",
      start: (_self, ...extra: number[]) => {
        count = extra.length;
        return null;
      },
    });
    expect(count).toBe(MAX - 1);
    await sup.stop(reasons.normal);
  });
});

test("a million printable bytes are printed", () => {
  const text = printErlang(new Uint8Array(MANY).fill(0x61), {
    texts: true,
    unicode: false,
  });
  expect(text).toBe(`<<"${"a".repeat(MANY)}">>`);
});
