/**
 * A worker's module without a default export: actors that other nodes may
 * spawn, and functions that break the thread.
 */
import process from "node:process";
import { setTimeout } from "node:timers";
import {
  type ExportedBehaviour,
  global,
  handler,
  pg,
  type Pid,
  type Self,
} from "../../../runtime/mod.ts";

type Ping = { readonly from: Pid<unknown>; readonly n: unknown };

export const exports: Readonly<Record<string, ExportedBehaviour>> = {
  /** Sends back each message; registers a name if it is given one. */
  echo: (name?: string) => (self: Self<Ping>) => {
    if (name !== undefined) self.register(name);
    return echo(self);
  },
  /** Joins a group, takes a global name, reports that, and echoes. */
  member: (name: string, to: Pid<unknown>) => async (self: Self<Ping>) => {
    pg.join(self, name, self.pid);
    await global.sync(self);
    self.send(to, await global.registerName(self, name, self.pid));
    await echo(self);
  },
  /** Asks the echo of a node, and sends the answer to `to`. */
  ask:
    (node: string, n: unknown, to: Pid<unknown>) =>
    async (self: Self<unknown>) => {
      self.send({ name: "echo", node }, { from: self.pid, n });
      self.send(to, await self.receive());
    },
  /** Monitors an actor of another node, and sends the down message to `to`. */
  watch:
    (target: Pid<unknown>, to: Pid<unknown>) => async (self: Self<unknown>) => {
      self.trapExits = true;
      self.monitor(target);
      self.send(to, "watching");
      for await (const message of self) self.send(to, message);
    },
  nodes: (to: Pid<unknown>) => (self: Self) => {
    self.send(to, [...self.nodes()].sort());
  },
  /** Sends the sum of the first `count` numbers it receives to `total`. */
  sum: (count: number, to: Pid<unknown>) =>
    handler({ left: count, sum: 0 }, ({ left, sum }, n: number, self) => {
      if (left === 1) self.send(to, sum + n);
      return { left: left - 1, sum: sum + n };
    }),
  throws: () => () => {
    setTimeout(() => {
      throw new TypeError("thrown beside all actors");
    }, 0);
  },
  exits: () => () => process.exit(7),
  spins: (ms: number) => () => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
};

async function echo(self: Self<Ping>): Promise<void> {
  for await (const { from, n } of self) self.send(from, n);
}
