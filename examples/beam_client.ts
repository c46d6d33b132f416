/**
 * What a node can do with a BEAM node: ping, calls, monitors, links, spawns.
 *
 * ```text
 * erl -name a@127.0.0.1 -setcookie secret
 * hornbeam run examples/beam_client.ts --name client@127.0.0.1 \
 *   --cookie secret -- --to a@127.0.0.1
 * ```
 *
 * It uses only what every BEAM node has. It prints a line for each operation,
 * and ends with exit code 1 if the node does not answer.
 */

import { parseArgs } from "node:util";
import {
  atom,
  CallError,
  Down,
  erpc,
  Exit,
  type Pid,
  printTerm,
  type RunningNode,
  type Self,
  tuple,
} from "../runtime/mod.ts";

const TIMEOUT_MS = 5_000;

function say(what: string, result: unknown): void {
  console.log(`${what}: ${printTerm(result)}`);
}

async function calls(self: Self<unknown>, node: string): Promise<void> {
  const words = ["hello", "from", "TypeScript"];
  say("erpc", await erpc.call(self, node, "lists:reverse", [words]));
  // rex is a gen_server that every node has.
  const call = tuple(
    atom("call"),
    ...[atom("erlang"), atom("node"), [], self.groupLeader],
  );
  say(
    "gen_server call",
    await self.call({ name: "rex", node }, call, { timeoutMs: TIMEOUT_MS }),
  );
  try {
    await self.call({ name: "absent", node }, "hello?", {
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    say("call of absent", error instanceof CallError ? error.reason : error);
  }
}

async function monitors(self: Self<unknown>, node: string): Promise<void> {
  const ref = self.monitor({ name: "absent", node });
  say("monitor of absent", (await self.receive(ref) as Down).reason);
  const spawned = await self.spawnOn(node, "timer:sleep", [50], {
    monitor: true,
  });
  const down = (await self.receive((m) => m instanceof Down)) as Down;
  say(`monitored ${spawned.pid}`, down.reason);
}

async function links(self: Self<unknown>, node: string): Promise<void> {
  self.trapExits = true;
  const sleeper = await self.spawnOn(node, "timer:sleep", [60_000]);
  self.link(sleeper.pid);
  self.sendExit(sleeper.pid, tuple(atom("enough"), "slept"));
  const exit = (await self.receive((m) => m instanceof Exit)) as Exit;
  say(`linked ${exit.from as Pid}`, exit.reason);
}

export default async function beamClient(
  node: RunningNode,
  { args }: { readonly args: readonly string[] },
): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { to: { type: "string" } },
  });
  if (values.to === undefined) {
    throw new Error("expected --to with the name of a BEAM node, got none");
  }
  const beam = values.to;
  const answer = await node.ping(beam);
  say(`ping ${beam}`, answer);
  if (answer === "pang") {
    throw new Error(`expected ${beam} to answer; is it up, with this cookie?`);
  }
  await node.run(async (self: Self<unknown>) => {
    await calls(self, beam);
    await monitors(self, beam);
    await links(self, beam);
  });
}
