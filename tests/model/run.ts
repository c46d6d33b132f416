/**
 * Carries out a program in the simulator and says what went wrong: what the
 * judge finds in the history, what a node still holds at the end, and what the
 * simulator or a log complains about.
 */

import type { Actor } from "../../runtime/core/actor/actor.ts";
import type { Node } from "../../runtime/core/node/node.ts";
import { NodeDown, type RunningNode, type Self } from "../../runtime/mod.ts";
import {
  simulate,
  type Simulation,
  SimulationError,
} from "../../std/testing/mod.ts";
import type { Event } from "./history.ts";
import { judge } from "./judges/judge.ts";
import { driver } from "./driver.ts";
import {
  type Held,
  leftovers,
  looseEnds,
  tablesOf,
  unansweredUnlinks,
} from "./inspect.ts";
import { actorNames, type Order, type Style } from "./orders.ts";
import {
  type Deed,
  isDeed,
  isScene,
  type Op,
  type Program,
} from "./program.ts";
import { type Known, Recorder } from "./recorder.ts";

/** What a run came to. */
export type Outcome = {
  /** One line each; none when all is well. */
  readonly violations: readonly string[];
  readonly history: readonly Event[];
  /** The end of the simulator's trace. */
  readonly trace: readonly string[];
  readonly traceHash: string;
  readonly steps: number;
};

const nodeLimits = {
  suspectAfterMs: 1_000,
  downAfterMs: 2_000,
  setupTimeoutMs: 500,
};
/** Longer than any wait of a node or an actor that something is lost. */
const PATIENCE_MS = 600;
/** Such waits that may come one after the other. */
const MAX_WAITS = 8;
/** Living actors below which new ones come. */
const MIN_LIVING = 4;
/** Live actors above which no actor spawns any more. */
const MAX_LIVING = 12;
/** Actors that have ended and can still be named, counted from the last. */
const REMEMBERED = 12;
const MAX_STEPS = 50_000;
/** What one side of a tangle does. */
const tangles: readonly (readonly ("link" | "unlink")[])[] = [
  ["link"],
  ["link", "unlink"],
  ["unlink", "link"],
  ["link", "unlink", "link"],
  ["unlink"],
];
const late: Op = { do: "send", who: 0, to: 0, x: 0, y: 0, gap: 0 };

export async function runProgram(program: Program): Promise<Outcome> {
  let run: Run | undefined;
  const { seed, latencyMs } = program;
  const options = { seed, maxLatencyMs: latencyMs, maxSteps: MAX_STEPS };
  const told = (violations: readonly string[], trace: readonly string[]) => ({
    violations,
    history: run?.recorder.events ?? [],
    trace,
    traceHash: "",
    steps: 0,
  });
  try {
    const result = await simulate(options, async (sim) => {
      run = new Run(sim, program);
      await run.run();
    });
    const { trace, traceHash, steps } = result;
    return { ...told(run?.verdict() ?? [], trace), traceHash, steps };
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    return told([`simulator: ${error.message}`], error.trace);
  }
}

class Run {
  readonly recorder: Recorder;
  readonly #sim: Simulation;
  readonly #program: Program;
  readonly #names: readonly string[];
  readonly #cores = new Map<string, Node>();
  readonly #paused = new Set<string>();
  #isHealed = true;
  readonly #complaints: string[] = [];

  constructor(sim: Simulation, program: Program) {
    this.#sim = sim;
    this.#program = program;
    this.recorder = new Recorder(() => sim.timeMs);
    this.#names = ["a@sim", "b@sim", "c@sim", "d@sim"].slice(0, program.nodes);
  }

  async run(): Promise<void> {
    for (const name of this.#names) await this.#start(name);
    if (this.#program.isConnected) await this.#connectAll();
    for (const op of this.#program.ops) {
      if (op.gap > 0) await this.#steps(op.gap);
      await this.#do(op);
    }
    await this.#calm();
    for (const core of this.#cores.values()) {
      this.#complain(core.name, "keeps", looseEnds(core, this.recorder));
    }
    this.#lateWords();
    await this.#quiet();
    for (const known of this.#living) this.#noteTables(known);
    this.recorder.add({ is: "final", nowMs: this.#sim.timeMs });
    await this.#endAll();
    this.#findLeaks();
  }

  verdict(): readonly string[] {
    const logged = this.#sim.records.filter((record) =>
      record.level === "error"
    ).map((record) => `log of ${record.node}: ${record.message}`);
    return [...judge(this.recorder.events), ...this.#complaints, ...logged];
  }

  get #living(): readonly Known[] {
    return this.recorder.actors.filter((known) => known.isAlive);
  }

  async #start(name: string): Promise<void> {
    const node = await this.#sim.start(name, {
      limits: nodeLimits,
      global: false,
      exports: {
        driver: (spawn: number, style: Style) =>
          driver(this.recorder, spawn, style),
      },
    });
    node.onNodeEvent((event) => {
      if (!(event instanceof NodeDown)) return;
      this.recorder.add({ is: "nodedown", node: name, peer: event.node });
    });
    const core = await coreOf(node);
    this.#cores.set(name, core);
    this.recorder.watch(core);
    for (const isHandler of [false, true]) this.#plant(node, isHandler);
  }

  /** An actor that was not spawned by another actor. */
  #plant(node: RunningNode, isHandler: boolean): void {
    const style = { isHandler, trap: false, isShort: false };
    node.spawn(driver(this.recorder, null, style) as (self: Self) => void);
  }

  async #connectAll(): Promise<void> {
    for (const [i, a] of this.#names.entries()) {
      for (const b of this.#names.slice(0, i)) {
        await this.#sim.node(a).tryConnect(b);
      }
    }
    await this.#quiet();
  }

  #steps(count: number): Promise<void> {
    let left = count;
    return this.#sim.until(() => left-- <= 0 || this.#sim.isQuiet, {
      what: "some steps to be taken",
    });
  }

  #quiet(): Promise<void> {
    return this.#sim.until(() => this.#sim.isQuiet, {
      what: "the cluster to be quiet",
    });
  }

  async #do(op: Op): Promise<void> {
    const { do: kind } = op;
    const a = this.#names[op.x % this.#names.length] as string;
    if (this.#living.length < MIN_LIVING && this.#runs(a)) {
      this.#plant(this.#sim.node(a), op.y % 2 === 0);
    }
    if (isDeed(kind)) return this.#order(op, kind);
    const sim = this.#sim;
    const b = this.#names[op.y % this.#names.length] as string;
    switch (kind) {
      case "tangle":
        return this.#tangle(op);
      case "duel":
        return await this.#duel(op);
      case "advance":
        return await sim.advance(1 + op.x * op.x * 25);
      case "quiet":
        await this.#quiet();
        if (this.#isHealed && this.#paused.size === 0) {
          this.recorder.add({ is: "quiet" });
        }
        return;
      case "connect":
        if (a !== b && this.#runs(a)) void sim.node(a).tryConnect(b);
        return;
      case "heal":
        return this.#heal();
      case "partition":
        return this.#partition(op.x);
      case "pause":
        if (!this.#runs(a)) return;
        this.#fault(a, null);
        this.#paused.add(a);
        return sim.pause(a);
      case "resume":
        return this.#resume(a);
      case "crash":
      case "stop":
        return await this.#end(kind, a);
      case "reboot":
        return await this.#reboot(a, op);
      case "restart":
        return this.#cores.has(a) ? undefined : await this.#start(a);
      case "cut":
      case "stall":
      case "disconnect":
        return this.#breakUp(kind, a, b);
      default:
        kind satisfies never;
    }
  }

  #runs(name: string): boolean {
    return this.#cores.has(name) && !this.#paused.has(name);
  }

  /** Null: every other node. */
  #fault(a: string, b: string | null): void {
    for (const name of b === null ? this.#names : [b]) {
      if (name !== a) this.recorder.add({ is: "fault", a, b: name });
    }
  }

  #breakUp(how: "cut" | "stall" | "disconnect", a: string, b: string): void {
    if (a === b || (how === "disconnect" && !this.#runs(a))) return;
    this.#fault(a, b);
    if (how === "cut") this.#sim.cut(a, b);
    else if (how === "disconnect") this.#sim.node(a).disconnect(b);
    else {
      this.#sim.stall(a, b);
      this.#isHealed = false;
    }
  }

  #partition(groups: number): void {
    const these = this.#names.filter((_, i) => (groups >> i & 1) === 0);
    const those = this.#names.filter((_, i) => (groups >> i & 1) === 1);
    for (const a of these) for (const b of those) this.#fault(a, b);
    this.#sim.partition(these, those);
    this.#isHealed = false;
  }

  #heal(): void {
    this.#sim.heal();
    this.#isHealed = true;
  }

  #resume(name: string): void {
    if (this.#paused.delete(name)) this.#sim.resume(name);
  }

  async #end(how: "crash" | "stop", name: string): Promise<void> {
    const core = this.#cores.get(name);
    if (core === undefined) return;
    this.#resume(name);
    this.recorder.add({ is: how, node: name });
    this.#cores.delete(name);
    if (how === "crash") this.#sim.crash(name);
    else await this.#sim.stop(name);
    this.recorder.forget(core);
  }

  /** The actors of an operation, or null when no actor lives. */
  #cast(op: Op): readonly [Known, Known] | null {
    const living = this.#living;
    const who = living[op.who % living.length];
    if (who === undefined) return null;
    const known = this.recorder.actors;
    const pool = op.to % 5 === 4 ? known.slice(-REMEMBERED) : living;
    return [who, pool[op.to % pool.length] as Known];
  }

  #order(op: Op, kind: Deed): void {
    const cast = this.#cast(op);
    if (kind.startsWith("spawn") && this.#living.length >= MAX_LIVING) return;
    if (cast !== null) this.#tell(...cast, op, kind);
  }

  #tell(who: Known, to: Known, op: Op, kind: Deed, isLate = false): void {
    if (!who.isAlive) return;
    const order: Order = {
      type: "order",
      op: { ...op, do: kind },
      peer: this.recorder.pidOn(who.core, to),
      node: isScene(op.do)
        ? to.core.name
        : this.#names[op.x % this.#names.length] as string,
      name: actorNames[op.y % actorNames.length] as string,
      isLate,
    };
    this.#sim.node(who.core.name).send(who.pid, order);
  }

  /** Both link and unlink each other, without waiting for anything. */
  #tangle(op: Op): void {
    const cast = this.#cast(op);
    if (cast === null) return;
    const [who, to] = cast;
    for (const kind of tangles[op.x % tangles.length] ?? []) {
      this.#tell(who, to, op, kind);
    }
    for (const kind of tangles[op.y % tangles.length] ?? []) {
      this.#tell(to, who, op, kind);
    }
  }

  /** One ends while another takes its link and a monitor back. */
  async #duel(op: Op): Promise<void> {
    const cast = this.#cast(op);
    if (cast === null) return;
    const [who, to] = cast;
    const own = { ...op, y: 1 + op.y - op.y % 3 };
    this.#tell(to, who, own, "register");
    this.#tell(who, to, op, "link");
    this.#tell(who, to, op, "monitor");
    this.#tell(who, to, own, op.x % 2 === 0 ? "monitor" : "monitorName");
    if (op.y > 2) await this.#steps(op.y);
    this.#tell(to, who, op, "exit");
    if (op.x % 3 > 0) await this.#steps(op.x % 3);
    this.#tell(who, to, op, "unlink");
    this.#tell(who, to, { ...op, x: -1 }, "demonitor");
  }

  /** A node starts anew, and others still know its old actors. */
  async #reboot(name: string, op: Op): Promise<void> {
    const [old, older] = this.#living.filter(({ core }) => core.name === name);
    await this.#end("crash", name);
    await this.#steps(op.y);
    await this.#start(name);
    if (op.who % 2 === 0) await this.#quiet();
    if (old === undefined) return;
    for (const who of this.#living.slice(0, 4)) {
      this.#tell(who, old, op, "send");
      this.#tell(who, old, op, op.to % 2 === 0 ? "monitor" : "link");
      this.#tell(who, older ?? old, op, "volley");
    }
  }

  /** No fault is left, and all nodes have noticed. */
  async #calm(): Promise<void> {
    for (const name of [...this.#paused]) this.#resume(name);
    this.#heal();
    await this.#quiet();
    // One wait may have to end before another one begins.
    for (let i = 0; i < MAX_WAITS && (i === 0 || this.#isWaiting); i++) {
      await this.#sim.advance(PATIENCE_MS);
      await this.#quiet();
    }
  }

  get #isWaiting(): boolean {
    return [...this.#cores.values()].some((core) =>
      looseEnds(core, this.recorder)
        .some(({ count, expected }) => count !== expected)
    );
  }

  /** Now everything must arrive. */
  #lateWords(): void {
    const living = this.#living;
    const { length } = living;
    for (let i = 0; i < length; i++) {
      const to = (i + 1) % length;
      const [from, peer] = [living[i] as Known, living[to] as Known];
      this.#tell(from, peer, late, "send", true);
    }
  }

  #noteTables(known: Known): void {
    const tables = tablesOf(known, this.recorder);
    if (typeof tables === "string") this.#complaints.push(tables);
    else this.recorder.add(tables);
    for (const peer of unansweredUnlinks(known, this.recorder)) {
      this.#complaints.push(
        `${peer} never answered the unlink of ${known.id}`,
      );
    }
  }

  #complain(name: string, keeps: string, held: readonly Held[]): void {
    for (const { what, count, expected } of held) {
      if (count === expected) continue;
      this.#complaints.push(
        `${name} ${keeps} ${count} ${what} and not ${expected}`,
      );
    }
  }

  async #endAll(): Promise<void> {
    for (const [name, core] of this.#cores) {
      const node = this.#sim.node(name);
      const doomed = this.#living.filter((known) => known.core === core);
      const kill = (self: Self) => {
        for (const { pid } of doomed) {
          self.sendExit(pid, Symbol.for("kill"));
        }
      };
      node.spawn(kill);
    }
    await this.#quiet();
    await this.#sim.advance(PATIENCE_MS);
    await this.#quiet();
  }

  #findLeaks(): void {
    for (const [name, core] of this.#cores) {
      this.#complain(name, "leaks", leftovers(core));
    }
  }
}

function coreOf(node: RunningNode): Promise<Node> {
  return node.run((self) => (self as unknown as Actor).owner as Node);
}
