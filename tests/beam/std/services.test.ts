/**
 * A BEAM node and ours: `sys` that watches, `rpc` and `erpc` of many, and
 * PubSub in the form that `Phoenix.PubSub` has on the wire.
 */
import { beforeAll, beforeEach, expect, test } from "vitest";
import {
  atom,
  erpc,
  ErpcRequests,
  handler,
  pg,
  type Pid,
  type Self,
  sys,
  tuple,
} from "../../../runtime/mod.ts";
import { PubSub } from "../../../std/pubsub/mod.ts";
import {
  BadRpc,
  blockCall,
  call,
  multicall,
  pinfo,
  sbcast,
} from "../../../std/rpc/mod.ts";
import { drain } from "../../helpers/actors.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { counter } from "./servers.ts";
import { world } from "../world.ts";

const THERE = "a@127.0.0.1";
const TARGET = "{counter, 'ts@127.0.0.1'}";
const nodedown = new BadRpc(atom("nodedown"));

matrix("sys of OTP and ours", () => {
  let printed = "";
  const output = (text: string): void => void (printed += text);
  const nodes = world({ ours: { output } });
  const run = (expression: string) => nodes.them.run(expression);
  beforeAll(() => void nodes.ours.node.spawn(counter, { name: "counter" }));
  beforeEach(() => {
    printed = "";
  });

  test("a BEAM counts, logs and traces what ours does", async () => {
    expect(await run(`sys:statistics(${TARGET}, get)`))
      .toBe("{ok,no_statistics}");
    expect(
      await run(
        `ok = sys:statistics(${TARGET}, true),
         1 = gen_server:call(${TARGET}, {add, 1}),
         gen_server:cast(${TARGET}, reset),
         {ok, [{start_time, {{_, _, _}, {_, _, _}}},
               {current_time, {{_, _, _}, {_, _, _}}}, {reductions, R},
               {messages_in, 2}, {messages_out, 1}]} =
           sys:statistics(${TARGET}, get),
         ok = sys:statistics(${TARGET}, false),
         R >= 2`,
      ),
    ).toBe("true");
    expect(
      await run(
        `{ok, []} = sys:log(${TARGET}, get),
         ok = sys:log(${TARGET}, {true, 3}),
         [gen_server:cast(${TARGET}, reset) || _ <- [1, 2, 3]],
         2 = gen_server:call(${TARGET}, {add, 2}),
         Self = self(),
         {ok, [{in, {'$gen_cast', reset}},
               {in, {'$gen_call', {Self, _}, {add, 2}}},
               {out, 2, Self}]} = sys:log(${TARGET}, get),
         unknown_debug = sys:log(${TARGET}, {true, 0}),
         {error, open_file} = sys:log_to_file(${TARGET}, "here"),
         sys:no_debug(${TARGET})`,
      ),
    ).toBe("ok");
    await run(
      `ok = sys:trace(${TARGET}, true), gen_server:cast(${TARGET}, reset),
       ok = sys:trace(${TARGET}, false), gen_server:cast(${TARGET}, reset)`,
    );
    await waitFor(() => printed !== "", { what: "the trace" });
    expect(printed).toMatch(/^\*DBG\* .*\(counter\) got .*reset.*\n$/);
  });

  test("ours does so with a process of OTP", async () => {
    const { node } = nodes.ours;
    await node.run(async (self) => {
      const logger = { name: "global_name_server", node: THERE };
      expect(await sys.getStatistics(self, logger)).toBeNull();
      await sys.statistics(self, logger, true);
      await sys.log(self, logger, 2);
      await expect(
        self.call(logger, tuple(atom("whatever")), { timeoutMs: 50 }),
      )
        .rejects.toThrow("timeout");
      const counted = await sys.getStatistics(self, logger);
      // Others have a word with it as well.
      expect(counted?.messagesIn).toBeGreaterThanOrEqual(1);
      expect(Math.abs(Date.now() - Number(counted?.startTime)))
        .toBeLessThan(60_000);
      expect(await sys.getLog(self, logger)).not.toEqual([]);
      await sys.noDebug(self, logger);
      expect(await sys.getLog(self, logger)).toEqual([]);
      await expect(sys.install(self, logger, (n: number) => n, 0))
        .rejects.toThrow();
    });
  });
});

matrix("calls of ours to a BEAM node", () => {
  const nodes = world();
  const onOurs = (body: (self: Self<unknown>) => Promise<void>) =>
    nodes.ours.node.run(async (self: Self<unknown>) => {
      await body(self);
      expect(await drain(self)).toEqual([]);
    });

  test("rpc gives values and what Erlang calls badrpc", () =>
    onOurs(async (self) => {
      for (const how of [call, blockCall]) {
        expect(await how(self, THERE, "erlang:node")).toBe(atom(THERE));
        expect(await how(self, THERE, "erlang:throw", [7])).toBe(7);
        expect(await how(self, THERE, "erlang:exit", [7]))
          .toEqual(new BadRpc(tuple(atom("EXIT"), 7)));
        const failed = await how(self, THERE, "erlang:error", [atom("no")]);
        expect((failed as BadRpc).reason).toMatchObject({
          items: [atom("EXIT"), { items: [atom("no"), expect.any(Array)] }],
        });
        expect(await how(self, "x@127.0.0.1", "erlang:node")).toEqual(nodedown);
        expect(
          await how(self, THERE, "timer:sleep", [500], { timeoutMs: 30 }),
        ).toEqual(new BadRpc(atom("timeout")));
      }
      const all = [THERE, "x@127.0.0.1"];
      expect(await multicall(self, all, "erlang:abs", [-1]))
        .toEqual({ results: [1], badNodes: ["x@127.0.0.1"] });
      expect(await sbcast(self, all, "nobody", 1))
        .toEqual({ goodNodes: [], badNodes: all });
    }));

  test("messages reach a name there, and pinfo its process", () =>
    onOurs(async (self) => {
      await nodes.them.run(
        `register(ear, spawn(fun() ->
           receive M -> put(it, M) end,
           receive stop -> ok end
         end))`,
      );
      expect(await sbcast(self, [THERE], "ear", atom("hello")))
        .toEqual({ goodNodes: [THERE], badNodes: [] });
      const pid = await call(self, THERE, "erlang:whereis", [atom("ear")]);
      await waitFor(
        async () => {
          const kept = await pinfo(self, pid as Pid, "dictionary");
          return JSON.stringify(kept).includes("items");
        },
        { what: "the message" },
      );
      self.send(pid as Pid<unknown>, atom("stop"));
    }));

  test("erpc of many, and requests that are taken as they come", () =>
    onOurs(async (self) => {
      const all = [THERE, "x@127.0.0.1", THERE];
      expect(await erpc.multicall(self, all, "erlang:node")).toMatchObject([
        { type: "ok", value: atom(THERE) },
        { type: "erpc", reason: atom("noconnection") },
        { type: "ok", value: atom(THERE) },
      ]);
      const [exited] = await erpc.multicall(self, [THERE], "erlang:exit", [
        "x",
      ]);
      expect(exited).toMatchObject({ type: "exit", reason: "x" });
      const requests = new ErpcRequests<number>();
      for (const ms of [40, 1]) {
        requests.add(erpc.sendRequest(self, THERE, "timer:sleep", [ms]), ms);
      }
      const labels: unknown[] = [];
      while (requests.size > 0) {
        const next = await requests.wait(self, { timeoutMs: 5_000 });
        if (next.type !== "response") break;
        expect(next.result).toEqual({ type: "ok", value: atom("ok") });
        labels.push(next.label);
      }
      expect(labels).toEqual([1, 40]);
    }));
});

matrix("PubSub of ours and one of Phoenix's form", () => {
  const nodes = world();

  test("broadcasts go both ways, one message for each", async () => {
    const { ours, them } = nodes;
    await ours.node.connect(them.name);
    // What Phoenix's adapter for pg does, with one listener of its pool.
    const session = them.session();
    await session(
      `{ok, _} = pg:start_link('Elixir.Phoenix.PubSub'),
       register('Elixir.App.PubSub.Adapter', self()),
       pg:join('Elixir.Phoenix.PubSub', 'Elixir.App.PubSub.Adapter', self())`,
    );
    const scope = pg.scope("Elixir.Phoenix.PubSub");
    await ours.node.run(async (self: Self<unknown>) => {
      const pubsub = await PubSub.startLink(self, {
        name: "Elixir.App.PubSub",
      });
      pubsub.subscribe(self, "t");
      const group = atom("Elixir.App.PubSub.Adapter");
      await waitFor(() => scope.members(self as Self, group).length === 2, {
        what: "the other listener",
      });
      self.spawn(
        handler(
          (me: Self<unknown>) => pubsub.subscribe(me, "t"),
          () => undefined,
        ),
      );
      pubsub.broadcast(self, "t", { hello: "there" });
      expect(await drain(self)).toEqual([{ hello: "there" }]);
      pubsub.directBroadcast(self, THERE, "u", 2);
      expect(await session("[beam_driver:next(), beam_driver:next()]")).toBe(
        `[{forward_to_local,<<"t">>,#{hello => <<"there">>},'Elixir.Phoenix.PubSub'},` +
          `{forward_to_local,<<"u">>,2,'Elixir.Phoenix.PubSub'}]`,
      );
      const message =
        `{forward_to_local, <<"t">>, {from, beam}, 'Elixir.Phoenix.PubSub'}`;
      await session(
        `[Other] = [P || P <- pg:get_members('Elixir.Phoenix.PubSub',
           'Elixir.App.PubSub.Adapter'), node(P) =/= node()],
         Other ! ${message},
         {'Elixir.App.PubSub.Adapter', 'ts@127.0.0.1'} ! ${message}, ok`,
      );
      const greeting = tuple(atom("from"), atom("beam"));
      expect([await self.receive(), await self.receive()])
        .toEqual([greeting, greeting]);
    });
  });
});
