/**
 * Supervisors under random schedules: the seed decides the actions, and
 * the state of their children is judged.
 */
import { expect } from "vitest";
import {
  atom,
  type Down,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import { DynamicSupervisor } from "../../std/dynamic_supervisor/mod.ts";
import { PartitionSupervisor } from "../../std/partition_supervisor/mod.ts";
import {
  type ChildInfo,
  type Restart,
  type Strategy,
  Supervisor,
} from "../../std/supervisor/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";
import { boom, Lives } from "./families.ts";

const childIds = ["a", "b", "c", "d", "e"];
const strategies: readonly Strategy[] = [
  "oneForOne",
  "oneForAll",
  "restForOne",
];
const exitReasons = [boom, reasons.normal, reasons.shutdown];

function pick<T>(sim: Simulation, from: readonly T[]): T {
  return from[sim.below(from.length)] as T;
}

/** A pause of a random time, which varies the schedule. */
async function pause(self: Self<unknown>, sim: Simulation): Promise<void> {
  await self.receive("nothing", { timeoutMs: sim.below(12) });
}

/**
 * Waits until no message is on its way, and returns the supervisor's children
 * in their order.
 */
async function childrenAtRest(
  sim: Simulation,
  node: RunningNode,
  pid: Pid<never>,
): Promise<readonly ChildInfo[]> {
  for (let before = "";;) {
    await sim.advance(100);
    await sim.until(() => sim.isQuiet, { what: "rest" });
    const rows = await node.run((self) =>
      Supervisor.at(self, pid).whichChildren()
    );
    const now = rows.map((row) => String(row.pid)).join();
    if (now === before && rows.every((row) => row.pid !== "restarting")) {
      return rows.toReversed();
    }
    before = now;
  }
}

/** Ends the supervisor, and checks that no child is left. */
async function endFamily(
  node: RunningNode,
  pid: Pid<never>,
  lives: Lives,
): Promise<void> {
  const reason = await node.run(async (self) => {
    const ref = self.monitor(pid as Pid);
    await Supervisor.at(self, pid).stop(reasons.shutdown);
    return (await self.receive(ref) as Down).reason;
  });
  expect(reason).toBe(reasons.shutdown);
  expect(lives.living).toEqual([]);
  expect(lives.overlaps).toEqual([]);
}

/**
 * Several first lives end at the same time, in the middle of restarts by their
 * siblings' ends. The `Exit` of one that the supervisor was about to end anyway
 * must not be the cause of another restart.
 */
export async function siblingsCrash(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  lives.slow = 50;
  const strategy = pick(sim, strategies);
  const { pid } = await node.run((self) =>
    Supervisor.start(self, {
      strategy,
      // As many as there can be causes.
      maxRestarts: strategy === "oneForAll" ? 1 : childIds.length,
      children: childIds.map((id) => lives.spec(id)),
    })
  );
  const first = childIds.map((id) => lives.last(id)?.pid as Pid);
  const crashing = new Set<number>();
  const crashers: Promise<void>[] = [];
  for (let i = 0; i < 4; i++) {
    const index = sim.below(childIds.length);
    crashing.add(index);
    crashers.push(node.run(async (self) => {
      if (i > 0) await pause(self, sim);
      self.send(first[index] as Pid<unknown>, pick(sim, exitReasons));
    }));
  }
  await Promise.all(crashers);
  await childrenAtRest(sim, node, pid);
  const least = Math.min(...crashing);
  for (const [index, id] of childIds.entries()) {
    const causes = [...crashing].filter((one) => one <= index).length;
    const count = lives.count(id);
    if (strategy === "oneForAll") {
      expect([id, count]).toEqual([id, 2]);
    } else if (strategy === "oneForOne") {
      expect([id, count]).toEqual([id, crashing.has(index) ? 2 : 1]);
    } else {
      expect(count).toBeLessThanOrEqual(1 + causes);
      if (index >= least) expect(count).toBeGreaterThanOrEqual(2);
    }
  }
  await endFamily(node, pid, lives);
}

/** Exits and failing starts of all kinds, without calls in between. */
export async function storm(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  const strategy = pick(sim, strategies);
  const kinds: readonly Restart[] = ["permanent", "permanent", "transient"];
  const { pid } = await node.run((self) =>
    Supervisor.start(self, {
      strategy,
      maxRestarts: Infinity,
      children: childIds.map((id) =>
        lives.spec(id, { restart: pick(sim, kinds) })
      ),
    })
  );
  Object.assign(lives, { failing: 25, slow: 30, deaf: 10 });
  await node.run(async (self) => {
    for (let i = 0; i < 10; i++) {
      const life = pick(sim, lives.living);
      if (life === undefined) await pause(self, sim);
      else if (sim.below(4) === 0) self.sendExit(life.pid, reasons.kill);
      else self.send(life.pid as Pid<unknown>, boom);
      if (sim.below(2) === 0) await pause(self, sim);
    }
  });
  lives.failing = 0;
  const rows = await childrenAtRest(sim, node, pid);
  expect(rows.map((row) => row.pid))
    .toEqual(childIds.map((id) => lives.last(id)?.pid));
  expect(lives.living).toHaveLength(childIds.length);
  const order = rows.map(({ id }) =>
    lives.all.indexOf(lives.last(id as string) as never)
  );
  // With a child, those after it are restarted, in their order.
  if (strategy !== "oneForOne") {
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
  await endFamily(node, pid, lives);
}

/** Each caller gets an answer, and it is true. */
export async function askers(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  const { pid } = await node.run((self) =>
    Supervisor.start(self, {
      strategy: pick(sim, strategies),
      maxRestarts: Infinity,
      children: childIds.map((id) => lives.spec(id)),
    })
  );
  Object.assign(lives, { failing: 30, slow: 30, deaf: 10 });
  const known = ["running", "restarting", "not_found", "already_present"];
  const ask = async (self: Self<unknown>) => {
    const sup = Supervisor.at(self, pid);
    const id = pick(sim, [...childIds, "f"]);
    switch (sim.below(5)) {
      case 0:
        return await sup.terminateChild(id);
      case 1:
        return await sup.restartChild(id);
      case 2:
        return await sup.deleteChild(id);
      case 3:
        return await sup.startChild(lives.spec(id));
      default:
        self.send(
          (pick(sim, lives.living)?.pid ?? self.pid) as Pid<unknown>,
          boom,
        );
    }
  };
  const asker = () =>
    node.run(async (self) => {
      for (let i = 0; i < 8; i++) {
        await ask(self).catch((error: { readonly reason: unknown }) => {
          const { reason } = error;
          if (reason === "unlucky") return;
          if (typeof reason === "symbol") {
            expect(known).toContain(Symbol.keyFor(reason));
          } else {
            expect(reason)
              .toMatchObject({ items: [atom("already_started"), {}] });
          }
        });
        await pause(self, sim);
      }
    });
  await Promise.all([asker(), asker(), asker()]);
  lives.failing = 0;
  for (const { id, pid: shown } of await childrenAtRest(sim, node, pid)) {
    const life = lives.last(id as string);
    expect(life?.isOver === false ? life.pid : null).toBe(shown);
  }
  const { active } = await node.run((self) =>
    Supervisor.at(self, pid).countChildren()
  );
  expect(active).toBe(lives.living.length);
  await endFamily(node, pid, lives);
}

/**
 * A child that cannot be started again: its supervisor still answers and ends.
 */
export async function loopAndEnd(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  lives.slow = 20;
  let pid: Pid | null = null;
  const parent = node.spawn(async (self: Self<unknown>) => {
    const sup = await Supervisor.startLink(self, {
      strategy: pick(sim, strategies),
      maxRestarts: Infinity,
      children: childIds.map((id) => lives.spec(id)),
    });
    pid = sup.pid as Pid;
    await self.receive();
  });
  await sim.until(() => pid !== null, { what: "the supervisor" });
  const target = pid as unknown as Pid;
  lives.failing = 100;
  node.send(lives.last(pick(sim, childIds))?.pid as Pid<unknown>, boom);
  await sim.until(() => lives.failures > 2, { what: "a loop" });
  await node.run(async (self) => {
    const sup = Supervisor.at(self, target);
    const rows = await sup.whichChildren();
    const looping = rows.find((row) => row.pid === "restarting");
    expect(looping).toBeDefined();
    if (sim.below(2) === 0) {
      await sup.terminateChild(looping?.id);
      const { failures } = lives;
      await pause(self, sim);
      const after = await sup.whichChildren();
      expect(after.find((row) => row.id === looping?.id)?.pid).toBeNull();
      expect(lives.failures).toBe(failures);
    }
    const ref = self.monitor(target);
    if (sim.below(2) === 0) self.sendExit(parent as Pid, reasons.shutdown);
    else await sup.stop(reasons.shutdown);
    const down = await self.receive(ref) as Down;
    expect(down.reason).toBe(reasons.shutdown);
  });
  expect(lives.living).toEqual([]);
  expect(lives.overlaps).toEqual([]);
}

/** Restarts at random times against what the window allows. */
export async function windows(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  const withinMs = 20;
  const maxRestarts = 1 + sim.below(3);
  const tries: number[] = [];
  const spec = lives.spec("a");
  const { pid } = await node.run((self) =>
    Supervisor.start(self, {
      maxRestarts,
      withinMs,
      children: [{
        ...spec,
        start: (me) => {
          tries.push(sim.timeMs);
          return spec.start(me);
        },
      }],
    })
  );
  lives.failing = 20;
  tries.shift();
  let crashedAt = 0;
  let down: Down | undefined;
  let isWatched = false;
  const watching = node.run(async (self) => {
    const ref = self.monitor(pid as Pid);
    isWatched = true;
    down = await self.receive(ref) as Down;
  });
  await sim.until(() => isWatched, { what: "the monitor" });
  await node.run(async (self) => {
    for (let i = 0; i < 12 && down === undefined; i++) {
      const [life] = lives.living;
      if (life !== undefined) {
        crashedAt = sim.timeMs;
        self.send(life.pid as Pid<unknown>, boom);
      }
      const timeoutMs = pick(sim, [1, 7, 10, 20, 21]);
      await self.receive("nothing", { timeoutMs });
    }
  });
  // The last crash may be one too many, and still be on its way.
  await sim.until(() => sim.isQuiet, { what: "rest" });
  for (const at of tries) {
    const same = tries.filter((one) => one <= at && one > at - withinMs + 1);
    expect(same.length).toBeLessThanOrEqual(maxRestarts);
  }
  const hasEnded = down !== undefined;
  if (!hasEnded) await endFamily(node, pid, lives);
  await watching;
  expect(down).toMatchObject({ reason: reasons.shutdown });
  if (!hasEnded) return;
  const last = tries.filter((at) => at >= crashedAt - withinMs - 1);
  expect(last.length).toBeGreaterThanOrEqual(maxRestarts);
  expect(lives.living).toEqual([]);
}

/** Children that many callers start and end, and that fail by themselves. */
export async function crowds(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  const maxChildren = 6;
  const { pid } = await node.run((self) =>
    DynamicSupervisor.start(self, { maxChildren, maxRestarts: Infinity })
  );
  Object.assign(lives, { failing: 20, slow: 30, deaf: 10 });
  const hand = (name: string) => crowdHand(node, sim, lives, pid, name);
  await Promise.all(["x", "y", "z"].map(hand));
  lives.failing = 0;
  const rows = await childrenAtRest(sim, node, pid);
  const shown = new Set(rows.map((row) => row.pid));
  expect(shown).toEqual(new Set(lives.living.map((life) => life.pid)));
  expect(rows.length).toBeLessThanOrEqual(maxChildren);
  await endFamily(node, pid, lives);
}

async function crowdHand(
  node: RunningNode,
  sim: Simulation,
  lives: Lives,
  pid: Pid<never>,
  name: string,
): Promise<void> {
  const restarts: readonly Restart[] = ["permanent", "transient", "temporary"];
  await node.run(async (self) => {
    const sup = DynamicSupervisor.at(self, pid);
    for (let i = 0; i < 8; i++) {
      const restart = pick(sim, restarts);
      const asked = sim.below(3) === 0
        ? sup.terminateChild(pick(sim, lives.all)?.pid ?? self.pid as Pid)
        : sup.startChild(lives.spec(`${name}${i}`, { restart }));
      await asked.catch((error: { readonly reason: unknown }) => {
        expect(["unlucky", atom("max_children"), atom("not_found")])
          .toContain(error.reason);
      });
      const rows = await sup.whichChildren();
      expect(rows.length).toBeLessThanOrEqual(6);
      const life = pick(sim, lives.living);
      if (life !== undefined && sim.below(2) === 0) {
        self.send(life.pid as Pid<unknown>, pick(sim, exitReasons));
      }
      await pause(self, sim);
    }
  });
}

/** Resizing by several at a time, while others look up. */
export async function partitions(sim: Simulation): Promise<void> {
  const node = await sim.start("a@sim");
  const lives = new Lives(sim);
  lives.slow = 40;
  const most = 5;
  const { pid } = await node.run((self) =>
    PartitionSupervisor.start(self, {
      partitions: most,
      child: (number) => lives.spec(String(number)),
    })
  );
  let left = 3;
  const resizers = [1, 2, 3].map(() =>
    node.run(async (self) => {
      const parts = PartitionSupervisor.at(self, pid);
      for (let i = 0; i < 4; i++) {
        const before = await parts.resize(1 + sim.below(most));
        expect(before).toBeGreaterThanOrEqual(1);
        await pause(self, sim);
      }
      left--;
    })
  );
  const looking = node.run(async (self) => {
    const parts = PartitionSupervisor.at(self, pid);
    while (left > 0) {
      for (let key = 0; key < 2 * most; key++) {
        expect(self.isActorAlive(parts.lookup(key) as Pid)).toBe(true);
      }
      await pause(self, sim);
    }
    const { active } = await parts.countChildren();
    expect([active, lives.living.length])
      .toEqual([parts.partitions, parts.partitions]);
  });
  await Promise.all([...resizers, looking]);
  await endFamily(node, pid, lives);
}

/** By name, what each run of tests tries. */
export const schedules: readonly (readonly [
  name: string,
  seeds: number,
  body: (sim: Simulation) => Promise<void>,
])[] = [
  ["crash siblings at once, and each cause restarts once", 60, siblingsCrash],
  ["end and fail to start at random, and all is as it should", 50, storm],
  ["are asked by many, who get true answers", 40, askers],
  ["loop over a restart, and still answer and end", 60, loopAndEnd],
  ["restart as often as the window allows, and no more", 60, windows],
  ["supervise many that come and go", 40, crowds],
  ["are resized by many, and look-ups find a live child", 40, partitions],
];
