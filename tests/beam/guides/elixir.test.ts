/**
 * An Elixir program and a node of ours: `tests/fixtures/beam_client.exs` does
 * what its developer would do, and ours calls a GenServer of it.
 */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import {
  atom,
  Call,
  type CallError,
  handler,
  type Pid,
  type Self,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { isDown, isExit } from "../../helpers/actors.ts";
import {
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { inside, next, puppet } from "../../helpers/clusters.ts";
import { root, spawnProcess } from "../../helpers/processes.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { counter } from "../std/servers.ts";

/** Does what it is told: `{exit, Reason}`, `{send, To, Message}`. */
const told = async (self: Self): Promise<void> => {
  for await (const message of self) {
    const [what, first, second] = message as Tuple;
    if (what === atom("exit")) self.exit(first);
    self.send(first as Pid<unknown>, second);
  }
};

/** Makes actors for those who ask. */
const maker = handler(0, (made: number, message: unknown, self: Self) => {
  if (!(message instanceof Call)) return made;
  self.reply(message.from, self.spawn(told));
  return made + 1;
});

/** Uses a GenServer whose name it is told, on the caller's node. */
const userOfStack = async (self: Self): Promise<void> => {
  for await (const message of self) {
    const { from, request } = message as Call<Tuple>;
    const name = Symbol.keyFor(request.items[1] as symbol) ?? "";
    const stack = { name, node: from.pid.node };
    self.cast(stack, tuple(atom("push"), { first: 1 }));
    self.cast(stack, tuple(atom("push"), "second"));
    expect(await self.call(stack, atom("pop"))).toBe("second");
    expect(await self.call(stack, atom("pop"))).toEqual({ first: 1 });
    const crash = tuple(atom("crash"), atom("enough"));
    const why = await self.call(stack, crash).catch((error: unknown) => error);
    expect((why as CallError).reason).toBe(atom("enough"));
    self.reply(from, atom("done"));
  }
};

matrix("an Elixir program and a node of ours", () => {
  let ours: Logged;
  let epmdPort: number;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    ours = await startOurs("ts@127.0.0.1", epmdPort, {
      exports: {
        "ours:sender": (to: Pid<unknown>, what: unknown) => (self: Self) =>
          void self.send(to, tuple(self.pid, what)),
      },
    });
    const { node } = ours;
    node.spawn(counter, { name: "counter" });
    node.spawn(counter, { name: "mortal" });
    node.spawn(counter, { name: "stoppable" });
    node.spawn(maker, { name: "maker" });
    node.spawn(userOfStack, { name: "user_of_stack" });
  });

  test("does everything that it would do with a BEAM node", async () => {
    const client = spawnProcess("elixir", [
      ...["--name", "ex@127.0.0.1", "--cookie", "secret"],
      ...["--erl", "-start_epmd false"],
      ...[join(root, "tests/fixtures/beam_client.exs"), ours.node.name],
    ], { group: true, env: { ERL_EPMD_PORT: String(epmdPort) } });
    await client.waitForExit(30_000);
    const steps = [
      ...["connect", "ping", "call", "many", "timeout", "noproc", "crash"],
      ...["stop", "monitor", "link", "spawn", "alias", "large", "served"],
      "node_monitor",
    ];
    expect([...client.stderr, ...client.stdout])
      .toEqual([...steps.map((what) => `ok ${what}`), "done"]);
    expect(ours.logs.complaints).toEqual([]);
  });

  test("is called, linked to and watched by a node of ours", async () => {
    const them = await startBeam("ex2@127.0.0.1", {
      epmdPort,
      program: "elixir",
    });
    const elixir = them.session("elixir", "elixir");
    await elixir(
      `defmodule Greeter do
         use GenServer
         def init(word), do: {:ok, word}
         def handle_call({:greet, %{"name" => name}}, _from, word),
           do: {:reply, {:ok, word <> ", " <> name}, word}
         def handle_call(:fail, _from, _word), do: raise "oops"
         def handle_info(message, {:tell, to}) do
           send(to, message)
           {:noreply, {:tell, to}}
         end
       end`,
    );
    await elixir(
      '{:ok, pid} = GenServer.start(Greeter, "Hello", name: Greeter)',
    );
    const greeter = { name: "Elixir.Greeter", node: them.name };
    const { node } = ours;
    const request = tuple(atom("greet"), new Map([["name", "Ada"]]));
    expect(await node.call(greeter, request))
      .toEqual(tuple(atom("ok"), "Hello, Ada"));
    const actor = puppet(node, { trapExits: true });
    const ref = await inside(actor, async (self) => {
      const watching = self.monitor(greeter);
      await self.call(greeter, atom("fail")).catch(() => {});
      return watching;
    });
    const down = await next(actor, isDown);
    expect(down).toMatchObject({ ref, target: greeter });
    // An exception of Elixir is a struct, and so an object here.
    const [exception, stack] = down.reason as Tuple;
    expect(exception).toEqual({
      __struct__: atom("Elixir.RuntimeError"),
      __exception__: true,
      message: "oops",
    });
    expect(Array.isArray(stack)).toBe(true);
    const spawned = await inside(
      actor,
      (self) =>
        self.spawnOn(them.name, "Elixir.Process:sleep", [
          atom("infinity"),
        ], { link: true }),
    );
    await inside(actor, (self) => self.sendExit(spawned.pid, atom("enough")));
    expect(await next(actor, isExit))
      .toMatchObject({ from: spawned.pid, reason: atom("enough") });
    expect(await elixir("Process.whereis(Greeter)")).toBe("nil");
    await them.stop();
  });
}, "elixir");
