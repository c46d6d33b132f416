/** Two nodes in one thread, and ways to act inside of their actors. */
import { expect, onTestFinished } from "vitest";
import type { Down, Pid, RunningNode, Self } from "../../runtime/mod.ts";
import {
  type TestCluster,
  testCluster,
  type TestClusterOptions,
} from "../../std/testing/mod.ts";
import {
  coreOf,
  type Holdings,
  holdingsOf,
  isDown,
  obedient,
} from "./actors.ts";

export type Two = {
  readonly cluster: TestCluster;
  readonly a: RunningNode;
  readonly b: RunningNode;
};

/**
 * Nodes `a@test` and `b@test`, connected, that stop with the test. Without
 * names of the cluster, whose own messages would be among what a test counts.
 */
export async function two(options: TestClusterOptions = {}): Promise<Two> {
  const cluster = await testCluster(["a@test", "b@test"], {
    global: false,
    ...options,
  });
  onTestFinished(() => cluster.stop());
  const [a, b] = cluster.nodes as [RunningNode, RunningNode];
  expect([a.nodes(), b.nodes()]).toEqual([["b@test"], ["a@test"]]);
  return { cluster, a, b };
}

/** An actor that does what it is told through `inside`. */
export type Puppet = { readonly node: RunningNode; readonly pid: Pid<unknown> };

export function puppet(
  node: RunningNode,
  options: { trapExits?: boolean; name?: string } = {},
): Puppet {
  return { node, pid: node.spawn(obedient, options) };
}

/** Runs `act` as the puppet and resolves with what it returns. */
export function inside<T>(
  { node, pid }: Puppet,
  act: (self: Self) => T | Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const order = async (self: Self): Promise<void> => {
      try {
        resolve(await act(self));
      } catch (error) {
        reject(error);
        // For what is meant to end the puppet.
        throw error;
      }
    };
    node.send(pid, order);
  });
}

/** The next message of that kind in a puppet's mailbox. */
export function next<T>(
  one: Puppet,
  match: (message: unknown) => message is T,
): Promise<T> {
  return inside(one, (self) => self.receive(match));
}

/** What is in a puppet's mailbox now; it is emptied. */
export function contents(one: Puppet): Promise<unknown[]> {
  return inside(one, async (self) => {
    const messages: unknown[] = [];
    for (;;) {
      const message = await self.receive({ timeoutMs: 0 });
      if (message === undefined) return messages;
      messages.push(message);
    }
  });
}

/**
 * Resolves when `to` has handled what `from` sent before, and `from` what `to`
 * had sent by then.
 */
export async function roundTrip(
  from: RunningNode,
  to: RunningNode,
): Promise<void> {
  const down: Down = await from.run((self: Self<unknown>) => {
    self.monitor({ name: "no such actor", node: to.name });
    return self.receive(isDown);
  });
  expect(Symbol.keyFor(down.reason as symbol)).toBe("noproc");
}

/** Links, monitors and watchers that actors of these nodes hold. */
export async function holdings(
  ...nodes: readonly RunningNode[]
): Promise<Pick<Holdings, "links" | "monitors" | "watchers">> {
  const sum = { links: 0, monitors: 0, watchers: 0 };
  for (const node of nodes) {
    const { links, monitors, watchers } = holdingsOf(await coreOf(node));
    sum.links += links;
    sum.monitors += monitors;
    sum.watchers += watchers;
  }
  return sum;
}
