/**
 * The simulator: a whole cluster in one thread, in virtual time, under a seed.
 *
 * The nodes are real ones; only the clock, the event loop, entropy and the
 * network are simulated. After each thing that happens, all microtasks run
 * before the next is chosen, so equal seeds give equal traces on every engine.
 * An actor that waits for anything else than messages, timers and other nodes
 * fails the run by name, because its waking up would be nobody's choice.
 *
 * It does not preempt actors, does not reorder what one link carries, and
 * does not lose single messages: TCP does none of these either.
 */

import {
  environment,
  type ExportedBehaviour,
  type LogRecord,
  type RunningNode,
  start,
  type StartOptions,
} from "../../runtime/mod.ts";
import { SimNetwork } from "./sim_network.ts";
import { settled, type SimHost, World } from "./sim_world.ts";

/** Options of `simulate`. Each has a default. */
export type SimulateOptions = {
  /**
   * Decides everything; an integer from 0 to 2^53 - 1. Default: the one in the
   * environment variable `HORNBEAM_SEED` (which Deno shows with `--allow-env`
   * only), else 1.
   */
  readonly seed?: number;
  /** Longest delay of a piece of data, in virtual ms. Default 2. */
  readonly maxLatencyMs?: number;
  /** A run with more steps fails. Default 200,000. */
  readonly maxSteps?: number;
  /** Whether to keep the whole trace and not only its end. Default false. */
  readonly trace?: boolean;
};

/** What a run came to. */
export type SimulationResult = {
  readonly seed: number;
  readonly steps: number;
  /** Virtual ms that have passed. */
  readonly timeMs: number;
  readonly trace: readonly string[];
  /** Of the whole trace, kept or not: equal runs have equal ones. */
  readonly traceHash: string;
};

const SEED_VARIABLE = "HORNBEAM_SEED";

/** A run that failed; `cause` is what it failed with. */
export class SimulationError extends Error {
  override readonly name = "SimulationError";
  readonly seed: number;
  readonly trace: readonly string[];
  constructor(seed: number, trace: readonly string[], cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `the simulation failed with seed ${seed}: ${why}; ` +
        `${SEED_VARIABLE}=${seed} <your test command> replays it`,
      { cause },
    );
    this.seed = seed;
    this.trace = trace;
  }
}

/** Options of a simulated node. */
export type SimNodeOptions =
  & Pick<
    StartOptions,
    "global" | "hidden" | "limits"
  >
  & {
    readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  };

/** The body of a test waits for something. */
type Wait = {
  readonly isDone: () => boolean;
  /** Virtual time after which it is in vain. */
  readonly deadline: number;
  readonly what: string;
  readonly timer: unknown;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

const FIRST_PORT = 10_000;
/** How often time moves on although something could still happen. */
const HASTE = 0.02;

/** The cluster under test, in the hands of the test's body. */
export class Simulation {
  readonly seed: number;
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #ports = new Map<string, number>();
  readonly #nodes = new Map<string, { node: RunningNode; host: SimHost }>();
  /** Nobody's host, so that a wait has a timer that moves time on. */
  readonly #clock: SimHost;
  #waiting: Wait[] = [];

  /** @internal Made by `simulate`. */
  constructor(seed: number, world: World, maxLatencyMs: number) {
    this.seed = seed;
    this.#world = world;
    this.#network = new SimNetwork(world, maxLatencyMs);
    this.#clock = world.host("");
  }

  /** Virtual time in ms since the run began. */
  get timeMs(): number {
    return this.#world.now;
  }

  get records(): readonly LogRecord[] {
    return this.#world.records;
  }

  /** Integers from 0 to `count` - 1, decided by the seed like all else. */
  below(count: number): number {
    return this.#world.random.below(count);
  }

  /** Nodes that run, by name. */
  get nodes(): readonly RunningNode[] {
    return [...this.#nodes.values()].map(({ node }) => node);
  }

  /** Starts a node, or starts one that has crashed anew. */
  async start(
    name: string,
    options: SimNodeOptions = {},
  ): Promise<RunningNode> {
    if (this.#nodes.has(name)) {
      throw new RangeError(`expected no running node ${name}, but there is`);
    }
    const host = this.#world.host(name);
    const node = await start({
      name,
      cookie: "simulated",
      host,
      network: this.#network.of(host),
      discovery: {
        resolve: (peer) =>
          Promise.resolve({ host: "sim", port: this.#portOf(peer) }),
      },
      epmdPort: false,
      port: this.#portOf(name),
      ...options,
    });
    this.#world.note(`${name} started`);
    this.#nodes.set(name, { node, host });
    return node;
  }

  /** The running node of that name. Throws `RangeError`. */
  node(name: string): RunningNode {
    const known = this.#nodes.get(name);
    if (known === undefined) {
      throw new RangeError(`expected a running node, got ${name}`);
    }
    return known.node;
  }

  /** Stops a node in good order. */
  async stop(name: string): Promise<void> {
    const known = this.#nodes.get(name);
    if (known === undefined) return;
    this.#nodes.delete(name);
    await known.node.stop();
    this.#world.note(`${name} stopped`);
    this.#world.drop(known.host);
  }

  /** Ends a node as a kill of its process does: in the middle of everything. */
  crash(name: string): void {
    const known = this.#nodes.get(name);
    if (known === undefined) {
      throw new RangeError(`expected a running node to crash, got ${name}`);
    }
    this.#nodes.delete(name);
    this.#world.note(`${name} crashed`);
    this.#world.drop(known.host);
    this.#network.dropNode(name);
  }

  /** Nothing happens on the node until `resume`; its sockets stay open. */
  pause(name: string): void {
    this.#world.note(`${name} paused`);
    this.#world.paused.add(name);
  }

  resume(name: string): void {
    this.#world.note(`${name} resumed`);
    this.#world.paused.delete(name);
  }

  /** Nothing passes between the groups any more; nobody is told. */
  partition(these: readonly string[], those: readonly string[]): void {
    this.#world.note(`partition ${these.join()} | ${those.join()}`);
    for (const a of these) {
      for (const b of those) {
        this.#network.block(a, b);
        this.#network.block(b, a);
      }
    }
  }

  /** Nothing passes from one node to the other; the way back stays open. */
  stall(from: string, to: string): void {
    this.#world.note(`stall ${from} > ${to}`);
    this.#network.block(from, to);
  }

  /** Ends every partition and stall; what waited is delivered. */
  heal(): void {
    this.#world.note("heal");
    this.#network.unblockAll();
  }

  /** Breaks the connections between two nodes; both are told, in time. */
  cut(a: string, b: string): number {
    this.#world.note(`cut ${a} - ${b}`);
    return this.#network.cut(a, b);
  }

  /**
   * Whether only timers are left: no actor can go on and no data is on its
   * way, but for what a partition, a stall or a pause holds up.
   */
  get isQuiet(): boolean {
    return !this.#world.isBusy;
  }

  /** Lets virtual time pass. */
  advance(ms: number): Promise<void> {
    const end = this.#world.now + ms;
    return this.#wait(
      () => this.#world.now >= end,
      Infinity,
      "time to pass",
      ms,
    );
  }

  /**
   * Goes on until the condition holds; it is asked after each step. Rejects
   * when it does not within that much virtual time (default 60,000 ms).
   */
  until(
    condition: () => boolean,
    options: { readonly what: string; readonly withinMs?: number },
  ): Promise<void> {
    const withinMs = options.withinMs ?? 60_000;
    const deadline = this.#world.now + withinMs;
    return this.#wait(condition, deadline, options.what, withinMs);
  }

  #wait(
    isDone: () => boolean,
    deadline: number,
    what: string,
    ms: number,
  ): Promise<void> {
    const timer = this.#clock.setTimer(() => {}, ms);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isDone, deadline, what, timer, resolve, reject });
    });
  }

  /** @internal Called after each step; returns whether a wait has ended. */
  checkWaiting(): boolean {
    const before = this.#waiting;
    if (before.length === 0) return false;
    this.#waiting = before.filter((wait) => this.#mustWait(wait));
    return this.#waiting.length < before.length;
  }

  #mustWait(wait: Wait): boolean {
    const isDone = wait.isDone();
    if (!isDone && this.#world.now < wait.deadline) return true;
    this.#clock.clearTimer(wait.timer);
    if (isDone) {
      wait.resolve();
    } else {
      wait.reject(
        new Error(`timed out in virtual time waiting for ${wait.what}`),
      );
    }
    return false;
  }

  #portOf(name: string): number {
    let port = this.#ports.get(name);
    if (port === undefined) {
      port = FIRST_PORT + this.#ports.size;
      this.#ports.set(name, port);
    }
    return port;
  }
}

/**
 * Runs a test's body in a simulated cluster, from first to last under one seed.
 *
 * Rejects with a `SimulationError` that names the seed when the body throws,
 * when nothing is left that could happen while it still waits, and when an
 * actor waits for something outside of the simulation. Its message has the
 * command that replays the run: `HORNBEAM_SEED=7 <your test command>`. Rejects
 * with `RangeError` when no seed is given and that variable holds none either.
 *
 * @example
 * ```ts
 * import type { Self } from "hornbeam";
 * import { simulate } from "hornbeam/testing";
 *
 * const result = await simulate({ seed: 7 }, async (sim) => {
 *   await sim.start("b@sim", {
 *     exports: { idle: () => async (self: Self) => void await self.receive() },
 *   });
 *   const a = await sim.start("a@sim");
 *   let isWatching = false;
 *   const reason = a.run(async (self: Self<{ reason: symbol }>) => {
 *     await self.spawnOn("b@sim", "idle", [], { monitor: true });
 *     isWatching = true;
 *     return (await self.receive()).reason;
 *   });
 *   await sim.until(() => isWatching, { what: "the spawn" });
 *   sim.crash("b@sim");
 *   console.log(await reason); // prints: Symbol(noconnection)
 * });
 * console.log(result.seed); // prints: 7
 * ```
 */
export async function simulate(
  options: SimulateOptions,
  body: (sim: Simulation) => Promise<void>,
): Promise<SimulationResult> {
  const seed = options.seed ?? seedOfEnvironment() ?? 1;
  const world = new World(seed, options.trace ?? false);
  const sim = new Simulation(seed, world, options.maxLatencyMs ?? 2);
  let outcome: { readonly error: unknown } | "done" | null = null;
  // In a function of its own, so that a body may throw before its first await.
  (async () => await body(sim))().then(
    () => outcome = "done",
    (error: unknown) => outcome = { error },
  );
  try {
    await drive(
      world,
      sim,
      options.maxSteps ?? 200_000,
      () => outcome !== null,
    );
    const failed = outcome as { readonly error: unknown } | "done" | null;
    if (failed !== "done" && failed !== null) throw failed.error;
  } catch (error) {
    throw new SimulationError(seed, world.trace, error);
  }
  return {
    seed,
    steps: world.steps,
    timeMs: world.now,
    trace: world.trace,
    traceHash: world.traceHash,
  };
}

function seedOfEnvironment(): number | undefined {
  const wanted = environment(SEED_VARIABLE);
  if (wanted === undefined) return undefined;
  const seed = Number(wanted);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new RangeError(
    `expected a whole number in ${SEED_VARIABLE}, got ${wanted}`,
  );
}

async function drive(
  world: World,
  sim: Simulation,
  maxSteps: number,
  isOver: () => boolean,
): Promise<void> {
  for (;;) {
    await settled();
    const foreign = world.foreignWait();
    if (foreign !== null) {
      throw new Error(
        `expected actors to wait for messages and timers only, but ${foreign} ` +
          "waits for something else, which no seed can replay",
      );
    }
    if (isOver()) return;
    world.flush();
    if (world.steps++ >= maxSteps) {
      throw new Error(`expected an end within ${maxSteps} steps`);
    }
    // The body goes on before anything else happens.
    if (sim.checkWaiting()) continue;
    if (world.random.chance(HASTE)) world.passTime();
    const choices = world.choices();
    if (choices.length > 0) {
      world.random.pick(choices).happen();
    } else if (!world.passTime()) {
      throw new Error(
        "nothing is left that could happen, but the test still waits",
      );
    }
  }
}
