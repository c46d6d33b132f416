/**
 * Elixir's GenServer functions and servers of ours, and the other way round.
 */
import { beforeAll, expect, test } from "vitest";
import {
  atom,
  CallError,
  global,
  reasons,
  sys,
  tuple,
} from "../../../runtime/mod.ts";
import {
  abcast,
  genServer,
  multiCall,
  noReply,
  stop,
} from "../../../std/gen_server/mod.ts";
import type { StopError } from "../../../std/proc_lib/mod.ts";
import {
  type BeamNode,
  type Evaluator,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";

const words: unknown[] = [];

const Store = genServer({
  name: "Store",
  init: (_self, first: Record<string, unknown>) =>
    new Map(Object.entries(first)),
  calls: {
    get: ({ state }, key: string) => state.get(key) ?? null,
    put: ({ state }, key: string, value: unknown) => {
      state.set(key, value);
      return atom("ok");
    },
    slow: async ({ state }) => {
      await Promise.resolve();
      return state.size;
    },
    later: (server): unknown => {
      const { from } = server;
      server.self.spawn((other) => void other.reply(from, "later"));
      return noReply;
    },
    fail: (server): never => server.self.exit(atom("enough")),
  },
  casts: { drop: ({ state }, key: string) => void state.delete(key) },
  info: (_server, message) => void words.push(message),
  terminate: (_server, reason) => void words.push(tuple("end", reason)),
});

const Counter = genServer({
  init: () => null,
  calls: { add: (_s, _n: number): unknown => 0, total: (): unknown => 0 },
  casts: { reset: () => {} },
});

matrix("servers of ours and of Elixir", () => {
  let ours: Logged;
  let them: BeamNode;
  let elixir: Evaluator;

  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    ours = await startOurs("ts@127.0.0.1", epmdPort);
    them = await startBeam("ex@127.0.0.1", { epmdPort, program: "elixir" });
    elixir = them.session("elixir", "elixir");
    await ours.node.connect(them.name);
    await elixir(
      `defmodule Adder do
         use GenServer
         def init(n), do: {:ok, n}
         def handle_call({:add, n}, _from, s), do: {:reply, s + n, s + n}
         def handle_call(:total, _from, s), do: {:reply, s, s}
         def handle_cast(:reset, _s), do: {:noreply, 0}
       end`,
    );
  });

  test("Elixir calls, casts to, looks into and stops ours", async () => {
    const { node } = ours;
    await node.run(async (self) => {
      // Until both sides' global have met, a name is one side's.
      await global.sync(self);
      await Store.start(self, { a: 1 }, { name: "store" });
      await Store.start(self, {}, { name: { via: global, name: "g" } });
    });
    const store = `{:store, :"${node.name}"}`;
    expect(await elixir(`GenServer.call(${store}, {:get, "a"})`)).toBe("1");
    expect(await elixir(`GenServer.call(${store}, {:put, "b", [1, :x]})`))
      .toBe(":ok");
    expect(await elixir(`GenServer.call(${store}, {:get, "b"})`))
      .toBe("[1, :x]");
    expect(await elixir(`GenServer.call(${store}, :slow)`)).toBe("2");
    expect(await elixir(`GenServer.call(${store}, :later)`)).toBe('"later"');
    await elixir(`GenServer.cast(${store}, {:drop, "a"})`);
    expect(await elixir(`GenServer.call(${store}, {:get, "a"})`)).toBe("nil");
    expect(await elixir(`:sys.get_state(${store})["b"]`)).toBe("[1, :x]");
    expect(
      await elixir(
        `GenServer.multi_call([node(), :"${node.name}"], :store, :slow)`,
      ),
    ).toBe(`{["${node.name}": 1], [:"${them.name}"]}`);
    await elixir(
      `send(${store}, {:hello, 1}); GenServer.call(${store}, :slow)`,
    );
    expect(words).toEqual([tuple(atom("hello"), 1)]);
    expect(
      await elixir(
        `try do GenServer.call(${store}, :fail)
         catch :exit, {reason, {GenServer, :call, _}} -> reason end`,
      ),
    ).toBe(":enough");
    expect(
      await elixir(
        `try do GenServer.call(${store}, :slow)
         catch :exit, {reason, {GenServer, :call, _}} -> reason end`,
      ),
    ).toBe(":noproc");
    expect(await elixir(`GenServer.call({:global, "g"}, :slow)`)).toBe("0");
    expect(await elixir(`GenServer.stop({:global, "g"}, :shutdown)`))
      .toBe(":ok");
    expect(words.slice(1)).toEqual([
      tuple("end", atom("enough")),
      tuple("end", reasons.shutdown),
    ]);
  });

  test("ours call, cast to, look into and stop Elixir's", async () => {
    await elixir(
      "{:ok, adder} = GenServer.start(Adder, 40, name: Adder)",
    );
    const target = { name: "Elixir.Adder", node: them.name };
    await ours.node.run(async (self) => {
      const adder = Counter.at(self, target);
      expect(await adder.add(2)).toBe(42);
      expect(await sys.getState(self, target)).toBe(42);
      adder.reset();
      expect(await adder.total()).toBe(0);
      abcast(self, [them.name], target.name, Counter.request("reset"));
      const nodes = [them.name, self.node];
      const { replies, badNodes } = await multiCall(
        self,
        nodes,
        target.name,
        Counter.request("add", 7),
      );
      expect([[...replies], badNodes])
        .toEqual([[[them.name, 7]], [self.node]]);
      const odd = await self.call(target, atom("odd")).catch((e: unknown) => e);
      expect(odd).toBeInstanceOf(CallError);
      await elixir("{:ok, adder} = GenServer.start(Adder, 1, name: Adder)");
      await stop(self, target, reasons.shutdown);
      const gone = await stop(self, target).catch((e: unknown) => e);
      expect((gone as StopError).reason).toBe(reasons.noproc);
    });
  });
}, "elixir");
