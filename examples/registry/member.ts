/**
 * The program of the example's nodes. It reads lines of JSON on standard input,
 * first its settings and then orders, reports in lines of JSON on standard
 * output, and ends when its input ends.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import {
  Call,
  type Down,
  global,
  pg,
  type Pid,
  type RunningNode,
  type Self,
  start,
} from "../../runtime/mod.ts";

export type Settings = {
  readonly name: string;
  readonly cookie: string;
  readonly epmdPort: number;
  /** Nodes that are up already. */
  readonly connect: readonly string[];
};

/** An order to a node. */
export type Order =
  /** Say something in the chat room. */
  | { readonly do: "say"; readonly text: string }
  /** Claim the name `leader` for an actor here. */
  | { readonly do: "lead" }
  /** Call the clock, wherever it is. */
  | { readonly do: "ask" }
  /** Tell where a name leads to. */
  | { readonly do: "find"; readonly name: string }
  | { readonly do: "meet"; readonly node: string };

/** A report of a node; `node` is the node that it is about. */
export type Said =
  | { readonly what: "up" }
  | { readonly what: "clock here" }
  | { readonly what: "follows"; readonly node: string }
  | { readonly what: "nodeup" | "nodedown"; readonly node: string }
  | { readonly what: "heard"; readonly text: string }
  | { readonly what: "claimed"; readonly isMine: boolean }
  | { readonly what: "asked"; readonly node: string; readonly count: number }
  | { readonly what: "resolver"; readonly nodes: readonly string[] }
  | { readonly what: "found"; readonly node: string | null };

const CLOCK = "clock";
const LEADER = "leader";
const ROOM = "room";

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

/**
 * Runs on each node. The actor that gets the name is the clock; the others
 * monitor it, and try again when it has ended or its node is lost.
 */
async function standBy(self: Self<Call | Down>): Promise<void> {
  while (!await global.registerName(self, CLOCK, self.pid)) {
    const clock = global.whereisName(self, CLOCK);
    if (clock === null) continue;
    say({ what: "follows", node: clock.node });
    await self.receive(self.monitor(clock));
  }
  say({ what: "clock here" });
  let count = 0;
  for await (const message of self) {
    if (message instanceof Call) self.reply(message.from, ++count);
  }
}

/**
 * When two halves of a network are joined, the default resolver ends one of two
 * clocks. So the node starts another candidate.
 */
async function keep(self: Self<Down>): Promise<void> {
  for (;;) {
    const { ref } = self.spawnMonitor(standBy, { label: "clock" });
    await self.receive(ref);
  }
}

async function chat(self: Self<string>): Promise<void> {
  pg.join(self, ROOM, self.pid);
  for await (const text of self) say({ what: "heard", text });
}

/** Of two leaders the one on the node with the smaller name stays. */
function smaller(_name: unknown, one: Pid, other: Pid): Pid {
  const [first, second] = [one, other].sort((a, b) => a.node < b.node ? -1 : 1);
  say({ what: "resolver", nodes: [first!.node, second!.node] });
  return first!;
}

async function lead(self: Self<never>): Promise<void> {
  const isMine = await global.registerName(self, LEADER, self.pid, {
    resolver: smaller,
  });
  say({ what: "claimed", isMine });
  if (isMine) await self.receive();
}

async function obey(node: RunningNode, order: Order): Promise<void> {
  switch (order.do) {
    case "say":
      for (const pid of pg.members<string>(node, ROOM)) {
        node.send(pid, order.text);
      }
      return;
    case "lead":
      node.spawn(lead, { label: "leader" });
      return;
    case "ask": {
      const clock = global.whereisName(node, CLOCK);
      const count = await node.call<number>({ via: global, name: CLOCK }, "?");
      return say({ what: "asked", node: clock?.node ?? "nobody", count });
    }
    case "find": {
      const pid = global.whereisName(node, order.name);
      return say({ what: "found", node: pid?.node ?? null });
    }
    case "meet":
      await node.connect(order.node);
      return;
    default:
      order satisfies never;
  }
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  let node: RunningNode | undefined;
  for await (const line of lines) {
    if (node !== undefined) {
      await obey(node, JSON.parse(line) as Order);
      continue;
    }
    const settings = JSON.parse(line) as Settings;
    node = await start({ ...settings, hostEpmd: false, log: () => {} });
    node.onNodeEvent(({ type, node }) => say({ what: type, node }));
    // Otherwise it would register names that the others have registered.
    await node.run((self) => global.sync(self));
    node.spawn(chat, { label: "chat" });
    node.spawn(keep, { label: "clock keeper" });
    say({ what: "up" });
  }
  await node?.stop();
}

// Ctrl-C reaches every process of the terminal; the main one decides.
process.on("SIGINT", () => {});
main().then(() => process.exit(0), (error: Error) => {
  console.error(error.message);
  process.exit(1);
});
