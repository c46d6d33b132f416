/** Helpers for tests of tasks. */
import { expect } from "vitest";
import type { RunningNode, Self } from "../../../runtime/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

/** Expects that an owner keeps nothing of any task. */
export function expectNothingLeft(self: Pick<Self, "info">): void {
  expect(self.info()).toMatchObject({
    mailboxLength: 0,
    links: [],
    monitors: [],
    monitoredBy: [],
    timers: 0,
    aliases: 0,
  });
}

/** Waits until a node has the given number of actors. */
export async function expectActors(
  node: RunningNode,
  count: number,
): Promise<void> {
  await waitFor(() => node.stats().actors === count, {
    what: `the node to have ${count} actors, not ${node.stats().actors}`,
  });
}

export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable("the promise did not reject"),
    (error: unknown) => error,
  );

/** A task that never ends by itself. */
export const hang = async (self: Self<unknown>): Promise<never> => {
  for (;;) await self.receive();
};

/** Runs in an actor that traps exits, and checks that nothing is left there. */
export async function owner(
  body: (self: Self<unknown>) => Promise<void>,
): Promise<void> {
  const { node } = await lone({ log: () => {} });
  const before = node.stats().actors;
  await node.run(async (self) => {
    self.trapExits = true;
    await body(self);
    expectNothingLeft(self);
  });
  await expectActors(node, before);
}

export const oops = new Error("oops");
export const fail = (): never => {
  throw oops;
};
