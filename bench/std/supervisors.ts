/** Starts of children of a supervisor, and restarts of one that crashes. */

import {
  atom,
  type Pid,
  reasons,
  type Self,
  start,
} from "../../runtime/mod.ts";
import { DynamicSupervisor } from "../../std/dynamic_supervisor/mod.ts";
import { genServer } from "../../std/gen_server/mod.ts";
import { Supervisor } from "../../std/supervisor/mod.ts";
import { Latencies } from "../inside/latencies.ts";
import { letOthersRun, type Report } from "../inside/turns.ts";
import { plainRow } from "../local/owner.ts";
import type { Bench, Figures, Row } from "../row.ts";
import { std } from "./suite.ts";

const CHILDREN_MAX = 200_000;
const RESTARTS_MAX = 100_000;

const Idle = genServer({ name: "Idle", init: () => null });

export const startsRow: Row = plainRow<Report>({
  suite: std,
  name: "dynamic-supervisor-start",
  unit: "children/s",
  what:
    "one actor asks a dynamic supervisor for one server after the other; all " +
    "of them live until the end of the part",
  maxCount: CHILDREN_MAX,
  prepare: (self, node) => async (count) => {
    const before = node.stats().actors;
    const supervisor = await DynamicSupervisor.startLink(self);
    const spec = Idle.child(undefined, { restart: "temporary" });
    for (let i = 0; i < count; i++) await supervisor.startChild(spec);
    const children = node.stats().actors - before - 1;
    if (children !== count) {
      throw new Error(`expected ${count} children, got ${children}`);
    }
    // The end of the children is not measured, so the supervisor is killed.
    self.unlink(supervisor.pid);
    self.sendExit(supervisor.pid, reasons.kill);
  },
});

const CRASH = atom("crash");

/** A server that crashes at any message. */
const Mortal = genServer({
  name: "Mortal",
  init: () => null,
  info: (server) => server.self.exit(CRASH),
});

/** Crashes the server; resolves when it has been restarted. */
async function restart(self: Self<Report>, pid: Pid): Promise<Pid> {
  self.send(pid as Pid<unknown>, "end");
  let next: Pid | null;
  do {
    await letOthersRun(self);
    next = self.whereis("mortal");
  } while (next === null || next === pid);
  return next;
}

/** Crashes are not logged, neither here nor on the BEAM. */
async function measureRestarts(bench: Bench): Promise<Figures> {
  const latencies = new Latencies(RESTARTS_MAX);
  await using node = await start({ log: () => {} });
  return await node.run(async (self: Self<Report>) => {
    await Supervisor.startLink(self, {
      maxRestarts: Infinity,
      children: [Mortal.child(undefined, { name: "mortal" })],
    });
    let pid = self.whereis("mortal") as Pid;
    return await bench.measure({
      maxCount: RESTARTS_MAX,
      run: async (count) => {
        latencies.clear();
        for (let i = 0; i < count; i++) {
          const startedAt = performance.now();
          pid = await restart(self, pid);
          latencies.add(performance.now() - startedAt);
        }
      },
      extra: () => latencies.figures(),
    });
  });
}

export const restartRow: Row = {
  id: `${std.name}/restart`,
  unit: "restarts/s",
  what:
    "a server under a supervisor crashes, again and again; the time until it " +
    "is there again under its name",
  peer: std.peer,
  run: measureRestarts,
};
