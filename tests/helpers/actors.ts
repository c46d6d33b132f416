/** Small things that tests of actors share. */
import { onTestFinished } from "vitest";
import type { Node } from "../../runtime/core/node/node.ts";
import {
  Down,
  Exit,
  type LogRecord,
  type Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
} from "../../runtime/mod.ts";

/** An actor that takes every message and does nothing with it. */
export const park = async (self: Self): Promise<void> => {
  for (;;) await self.receive();
};

/** An actor that sends every message on. */
export function forwarder(to: Pid<unknown>): (self: Self) => Promise<void> {
  return async (self) => {
    for (;;) self.send(to, await self.receive());
  };
}

/** An actor that ends with the reason that it is sent. */
export const exitOnDemand = async (self: Self): Promise<void> => {
  self.exit(await self.receive());
};

/** What an actor is to do, sent to `obedient`. */
export type Order = (self: Self) => void | Promise<void>;

/** An actor that does what it is told, one order per message. */
export const obedient = async (self: Self): Promise<void> => {
  for (;;) {
    const order = await self.receive((m): m is Order =>
      typeof m === "function"
    );
    await order(self);
  }
};

export const isDown = (message: unknown): message is Down =>
  message instanceof Down;
export const isExit = (message: unknown): message is Exit =>
  message instanceof Exit;

/** A lone node that stops with the test, and what it logs. */
export async function lone(
  options: StartOptions = {},
): Promise<{ node: RunningNode; records: LogRecord[] }> {
  const records: LogRecord[] = [];
  const node = await start({
    log: (record) => void records.push(record),
    // On a busy machine any turn may be long, which is not what is tested.
    longTurnMs: Infinity,
    ...options,
  });
  onTestFinished(() => node.stop());
  return { node, records };
}

/** The insides of a node, for tests that count what it holds. */
export function coreOf(node: RunningNode): Promise<Node> {
  return node.run((self) => (self as unknown as { owner: Node }).owner);
}

/** Everything that a node holds for its actors, as numbers and names. */
export type Holdings = {
  readonly actors: number;
  readonly names: readonly string[];
  readonly links: number;
  readonly monitors: number;
  readonly watchers: number;
  readonly timers: number;
  readonly aliases: number;
  readonly involved: number;
  readonly spawns: number;
};

export function holdingsOf(core: Node): Holdings {
  const sum = { links: 0, monitors: 0, watchers: 0, timers: 0 };
  // It watches its peers on other nodes for as long as they are connected.
  const global = core.names.holder("global_name_server");
  for (const actor of core.actors()) {
    if (actor === global) continue;
    sum.links += actor.links?.size ?? 0;
    sum.monitors += actor.monitors?.size ?? 0;
    sum.watchers += actor.watchers?.size ?? 0;
    sum.timers += actor.timers?.length ?? 0;
  }
  return {
    ...sum,
    actors: core.actorCount,
    names: core.names.registered().toSorted(),
    aliases: core.aliases.size,
    involved: core.peers.size,
    spawns: core.spawns.size,
  };
}

/** The next message that is there already, or undefined. */
export function poll<M>(self: Self<M>): Promise<M | undefined> {
  return self.receive({ timeoutMs: 0 });
}

/** Everything that is in the mailbox now. */
export async function drain<M>(self: Self<M>): Promise<M[]> {
  const messages: M[] = [];
  for (;;) {
    const message = await poll(self);
    if (message === undefined) return messages;
    messages.push(message);
  }
}

/** The messages of crash reports. */
export function crashReports(records: readonly LogRecord[]): string[] {
  return records.filter((record) =>
    record.category === "actor" && record.message.includes("crashed")
  ).map((record) => record.message);
}
