/**
 * The end of many actors at once takes work that grows linearly with their
 * number. Operations are counted, so no clock is read.
 */
import { describe, expect, test, vi } from "vitest";
import { receiveSignal } from "../../../runtime/core/node/inbound.ts";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";
import type { Node } from "../../../runtime/core/node/node.ts";
import { endActor } from "../../../runtime/core/signals/exits.ts";
import { link } from "../../../runtime/core/signals/links.ts";
import { monitor } from "../../../runtime/core/signals/monitors.ts";
import { handler, Pid, reasons, Ref, type Self } from "../../../runtime/mod.ts";
import { park } from "../../helpers/actors.ts";
import { type FakeHost, fakeNode } from "../../helpers/fake_host.ts";
import { countOperations } from "./operations.ts";

const FEW = 250;
/** Operations that do not depend on the number of actors. */
const FIXED = 200;
const PEER = "b@fake";

type World = { readonly host: FakeHost; readonly node: Node };

/** Prepares `count` actors; returns the act that is counted. */
type Case = (world: World, count: number) => () => void;

const waiting = handler(null, (state: null) => state);
const far = (id: number) => new Pid(PEER, id, 0, 9, null);

function actors({ node }: World, count: number, isFunction = false) {
  const behaviour = isFunction ? park : waiting;
  return Array.from(
    { length: count },
    () => node.spawnActor(behaviour, {}, null) as LocalActor,
  );
}

/** Actors that wait for an answer that does not come. */
function callers({ node }: World, count: number, to: Pid<unknown>) {
  const behaviour = async (self: Self): Promise<void> => {
    await self.call(to as Pid<never>, 1).catch(() => {});
    await park(self);
  };
  return Array.from(
    { length: count },
    () => node.spawnActor(behaviour, {}, null) as LocalActor,
  );
}

const cases: readonly [string, Case][] = [
  ["function actors that are linked to one", (world, count) => {
    const [hub] = actors(world, 1);
    for (const one of actors(world, count, true)) link(hub!, one.pid);
    return () => endActor(hub!, reasons.shutdown);
  }],
  ["handler actors that are linked to one", (world, count) => {
    const [hub] = actors(world, 1);
    for (const one of actors(world, count)) link(one, hub!.pid);
    return () => endActor(hub!, reasons.shutdown);
  }],
  ["a chain of links", (world, count) => {
    const all = actors(world, count, true);
    for (let i = 1; i < count; i++) link(all[i]!, all[i - 1]!.pid);
    return () => endActor(all[0]!, reasons.shutdown);
  }],
  ["monitors of one actor by many", (world, count) => {
    const [one] = actors(world, 1);
    for (const each of actors(world, count)) monitor(each, one!.pid);
    return () => endActor(one!, reasons.shutdown);
  }],
  ["monitors of many actors by one that ends", (world, count) => {
    const [one] = actors(world, 1);
    for (const each of actors(world, count)) monitor(one!, each.pid);
    return () => endActor(one!, reasons.shutdown);
  }],
  ["monitors of many actors that end, by one", (world, count) => {
    const [one] = actors(world, 1);
    const all = actors(world, count);
    for (const each of all) monitor(one!, each.pid);
    return () => {
      for (const each of all) endActor(each, reasons.shutdown);
    };
  }],
  ["remote monitors of one actor, when the node is lost", (world, count) => {
    const [one] = actors(world, 1);
    for (let i = 0; i < count; i++) monitor(one!, far(i));
    return () => world.node.peerLost(PEER);
  }],
  ["remote monitors of many actors, when the node is lost", (world, count) => {
    for (const each of actors(world, count)) monitor(each, far(1));
    return () => world.node.peerLost(PEER);
  }],
  ["remote monitors by one, when all targets end", (world, count) => {
    const [one] = actors(world, 1);
    const set = Array.from({ length: count }, (_, i) => {
      const target = far(i);
      return { target, ref: monitor(one!, target) };
    });
    const { reason } = { reason: reasons.shutdown };
    return () => {
      for (const { target, ref } of set) {
        receiveSignal(world.node, {
          type: "down",
          target,
          to: one!.pid,
          ref,
          reason,
        });
      }
    };
  }],
  ["remote links of many actors, when the node is lost", (world, count) => {
    for (const each of actors(world, count, true)) link(each, far(1));
    return () => world.node.peerLost(PEER);
  }],
  ["monitors by another node of one actor", (world, count) => {
    const [one] = actors(world, 1);
    for (let i = 0; i < count; i++) {
      receiveSignal(world.node, {
        type: "monitor",
        from: far(i),
        target: one!.pid,
        ref: new Ref(PEER, 9, [i, 1, 2]),
      });
    }
    return () => endActor(one!, reasons.shutdown);
  }],
  ["monitors by another node, when that is lost", (world, count) => {
    const [one] = actors(world, 1);
    for (let i = 0; i < count; i++) {
      receiveSignal(world.node, {
        type: "monitor",
        from: far(i),
        target: one!.pid,
        ref: new Ref(PEER, 9, [i, 1, 2]),
      });
    }
    return () => world.node.peerLost(PEER);
  }],
  ["calls that wait for one actor", (world, count) => {
    const [one] = actors(world, 1);
    callers(world, count, one!.pid);
    return () => endActor(one!, reasons.shutdown);
  }],
  ["callers that end before their answer", (world, count) => {
    const [one] = actors(world, 1);
    const all = callers(world, count, one!.pid);
    return () => {
      for (const each of all) endActor(each, reasons.shutdown);
    };
  }],
  ["all actors of a node that stops", (world, count) => {
    const [hub] = actors(world, 1);
    for (const each of actors(world, count, true)) {
      link(each, hub!.pid);
      monitor(each, hub!.pid);
    }
    return () => world.node.stop();
  }],
];

/** Operations of the act, and of the turns that follow from it. */
async function operationsOf(
  prepare: Case,
  count: number,
  measure: (act: () => void) => number = countOperations,
): Promise<number> {
  const { host, node } = fakeNode();
  node.remote = {
    send: () => true,
    signal: () => true,
    ready: () => Promise.resolve(),
    way: () => ({ isUp: true, hasRoom: true }),
    nodes: () => [PEER],
  };
  const act = prepare({ host, node }, count);
  await host.settleAsync();
  const operations = measure(() => {
    act();
    host.settle();
  });
  await host.settleAsync();
  return operations;
}

describe("the work grows linearly for", () => {
  test.each(cases)("%s", async (_, prepare) => {
    const few = await operationsOf(prepare, FEW);
    const many = await operationsOf(prepare, 4 * FEW);
    expect(few).toBeGreaterThan(FEW);
    expect(many).toBeLessThan(4 * few + FIXED);
  });
});

test("no promise is rejected before it has a handler", async () => {
  // Deno keeps such promises in a list and searches it for each of them.
  const rejections = (act: () => void): number => {
    using reject = vi.spyOn(Promise, "reject");
    act();
    return reject.mock.calls.length;
  };
  for (const [name, prepare] of cases) {
    expect(await operationsOf(prepare, 10, rejections), name).toBe(0);
  }
});

test("what visits all for each one is counted as more than linear", () => {
  const quadratic = (count: number) => {
    const all = Array.from({ length: count }, (_, i) => i);
    const some = new Map(all.map((i) => [i, i]));
    return [
      countOperations(() => {
        for (let i = 0; i < count; i++) all.indexOf(i);
      }),
      countOperations(() => {
        for (let i = 0; i < count; i++) for (const _ of some) break;
      }),
    ];
  };
  const [few, many] = [quadratic(FEW), quadratic(4 * FEW)];
  for (let i = 0; i < few.length; i++) {
    expect(many[i]).toBeGreaterThan(15 * few[i]!);
  }
});
