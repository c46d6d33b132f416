/** A node in virtual time for tests of timers. */
import { expect } from "vitest";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";
import { handler, reasons } from "../../../runtime/mod.ts";
import { holdingsOf, park } from "../../helpers/actors.ts";
import { fakeNode } from "../../helpers/fake_host.ts";

/** A node in virtual time; `log` has its listener's messages and times. */
export function world(): ReturnType<typeof fakeNode> & {
  readonly owner: LocalActor;
  readonly listener: LocalActor;
  readonly log: [number, unknown][];
  readonly pass: (ms: number) => void;
} {
  const { host, node } = fakeNode();
  const log: [number, unknown][] = [];
  const listener = node.spawnActor(
    handler(null, (state: null, message: unknown) => {
      log.push([host.time, message]);
      return state;
    }),
    { name: "listener" },
    null,
  );
  const owner = node.spawnActor(park, {}, null);
  host.settle();
  /** Advances the time in steps of 1 ms, so that no timer is late. */
  const pass = (ms: number): void => {
    const end = host.time + ms;
    host.settle();
    while (host.time < end) {
      host.advance(1);
      host.settle();
    }
  };
  return { host, node, owner, listener, log, pass };
}

export type World = ReturnType<typeof world>;

export function kill(world: World, actor: LocalActor): void {
  world.listener.sendExit(actor.pid, reasons.kill);
  world.host.settle();
}

/** Expects that nothing of any timer is left. */
export function expectNoTimers({ node, host }: World, actors: number): void {
  host.settle();
  expect(holdingsOf(node)).toMatchObject({ actors, monitors: 0, timers: 0 });
  expect(node.timers.size).toBe(0);
  expect(host.timers.size).toBe(0);
}
