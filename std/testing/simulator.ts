/**
 * The simulator: a whole cluster in one thread, in virtual time, under a seed.
 *
 * The nodes are real; only the clock, the event loop, entropy and the network
 * are simulated. After each step, all microtasks run before the next step is
 * chosen, so equal seeds give equal traces on every engine. The run fails when
 * an actor waits for anything but messages, timers and other nodes, because the
 * seed could not decide when such a wait ends. The error names the actor.
 *
 * The simulator does not preempt actors, reorder the bytes of a link or lose
 * single messages: TCP does none of these either.
 */

import {
  environment,
  errorText,
  type ExportedBehaviour,
  type LogRecord,
  option,
  OptionTable,
  printTerm,
  type RunningNode,
  start,
  type StartOptions,
} from "../../runtime/mod.ts";
import { SimNetwork } from "./sim_network.ts";
import { microtasksDone, type SimHost, World } from "./sim_world.ts";

/** Options of `simulate`. Each has a default. */
export type SimulateOptions = {
  /**
   * Decides every choice; an integer from 0 to 2^53 - 1. Default: the value of
   * the environment variable `HORNBEAM_SEED` (which Deno can read only with
   * `--allow-env`), else 1.
   */
  readonly seed?: number;
  /** The longest delay of a piece of data, in virtual ms. Default 2. */
  readonly maxLatencyMs?: number;
  /** A run that takes more steps fails. Default 200,000. */
  readonly maxSteps?: number;
  /** Whether the whole trace is kept and not only its end. Default false. */
  readonly trace?: boolean;
};

/** The result of a run. */
export type SimulationResult = {
  readonly seed: number;
  readonly steps: number;
  /** Virtual time that has passed, in ms. */
  readonly timeMs: number;
  readonly trace: readonly string[];
  /** Hash of the whole trace, kept or not: equal runs have equal hashes. */
  readonly traceHash: string;
};

const SEED_VARIABLE = "HORNBEAM_SEED";

/** A run has failed; `cause` is the error that it failed with. */
export class SimulationError extends Error {
  override readonly name = "SimulationError";
  readonly seed: number;
  readonly trace: readonly string[];
  constructor(seed: number, trace: readonly string[], cause: unknown) {
    const why = errorText(cause, printTerm);
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
    "global" | "hidden" | "limits" | "trace"
  >
  & {
    readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  };

const simulateOptions = new OptionTable<SimulateOptions>("simulate", {
  seed: option.count,
  maxLatencyMs: option.duration,
  maxSteps: option.amount,
  trace: option.flag,
});

const nodeOptions = new OptionTable<SimNodeOptions>("a simulated node", {
  global: option.either(option.exactly(false), option.object),
  hidden: option.flag,
  limits: option.object,
  trace: option.object,
  exports: option.object,
});

/** A wait of the test's body for a condition. */
type Wait = {
  readonly isDone: () => boolean;
  /** Virtual time at which the wait fails. */
  readonly deadline: number;
  readonly what: string;
  readonly timer: unknown;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

const FIRST_PORT = 10_000;
/** How likely virtual time passes although a step is possible now. */
const EARLY_TIME_CHANCE = 0.02;

/** The cluster under test; the test's body controls it. */
export class Simulation {
  readonly seed: number;
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #ports = new Map<string, number>();
  readonly #nodes = new Map<string, { node: RunningNode; host: SimHost }>();
  /** A host without a node; its timers let time pass while the body waits. */
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

  /** A random integer from 0 to `count` - 1, decided by the seed. */
  below(count: number): number {
    return this.#world.random.below(count);
  }

  /** The nodes that run, in the order of their start. */
  get nodes(): readonly RunningNode[] {
    return [...this.#nodes.values()].map(({ node }) => node);
  }

  /** Starts a node, or restarts a node that has crashed. */
  async start(
    name: string,
    options: SimNodeOptions = {},
  ): Promise<RunningNode> {
    nodeOptions.check(options);
    if (this.#nodes.has(name)) {
      throw new RangeError(
        `expected a name that no running node has, got ${name}`,
      );
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

  /** The running node of a name. Throws `RangeError` when there is none. */
  node(name: string): RunningNode {
    const known = this.#nodes.get(name);
    if (known === undefined) {
      throw new RangeError(`expected a running node, got ${name}`);
    }
    return known.node;
  }

  /** Stops a node, as its `stop` does. */
  async stop(name: string): Promise<void> {
    const known = this.#nodes.get(name);
    if (known === undefined) return;
    this.#nodes.delete(name);
    await known.node.stop();
    this.#world.note(`${name} stopped`);
    this.#world.drop(known.host);
  }

  /** Ends a node at once, as a kill of its process does. */
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

  /** Stops the code of a node until `resume`; its connections stay open. */
  pause(name: string): void {
    this.#world.note(`${name} paused`);
    this.#world.paused.add(name);
  }

  resume(name: string): void {
    this.#world.note(`${name} resumed`);
    this.#world.paused.delete(name);
  }

  /**
   * Blocks all data between two groups of nodes. Connections stay open, so the
   * nodes are not notified.
   */
  partition(these: readonly string[], those: readonly string[]): void {
    this.#world.note(`partition ${these.join()} | ${those.join()}`);
    for (const a of these) {
      for (const b of those) {
        this.#network.block(a, b);
        this.#network.block(b, a);
      }
    }
  }

  /** Blocks all data from one node to another, but not in reverse. */
  stall(from: string, to: string): void {
    this.#world.note(`stall ${from} > ${to}`);
    this.#network.block(from, to);
  }

  /** Ends every partition and stall; data that waited is delivered. */
  heal(): void {
    this.#world.note("heal");
    this.#network.unblockAll();
  }

  /** Breaks the connections of two nodes; both are notified after a delay. */
  cut(a: string, b: string): number {
    this.#world.note(`cut ${a} - ${b}`);
    return this.#network.cut(a, b);
  }

  /**
   * Whether only timers are left: no actor can run and no data is on its way,
   * except what a partition, a stall or a pause holds up.
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
   * Runs until the condition holds, which is checked after each step. Rejects
   * when it does not hold within `withinMs` of virtual time (default 60,000).
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
 * Runs a test's body in a simulated cluster, in which one seed decides every
 * choice.
 *
 * Rejects with a `SimulationError` that names the seed when the body throws,
 * when no step is possible any more while the body still waits, and when an
 * actor waits for something outside the simulation. Its message has the command
 * that replays the run: `HORNBEAM_SEED=7 <your test command>`. Rejects with
 * `RangeError` when no seed is given and that variable has an invalid value.
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
 *   let isMonitored = false;
 *   const reason = a.run(async (self: Self<{ reason: symbol }>) => {
 *     await self.spawnOn("b@sim", "idle", [], { monitor: true });
 *     isMonitored = true;
 *     return (await self.receive()).reason;
 *   });
 *   await sim.until(() => isMonitored, { what: "the spawn" });
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
  simulateOptions.check(options ?? null);
  const seed = options.seed ?? seedOfEnvironment() ?? 1;
  const world = new World(seed, options.trace ?? false);
  const sim = new Simulation(seed, world, options.maxLatencyMs ?? 2);
  let end: { readonly error: unknown } | "done" | null = null;
  // In an async function, so that a body may throw before its first await.
  (async () => await body(sim))().then(
    () => end = "done",
    (error: unknown) => end = { error },
  );
  try {
    await drive(
      world,
      sim,
      options.maxSteps ?? 200_000,
      () => end !== null,
    );
    const failed = end as { readonly error: unknown } | "done" | null;
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
  hasEnded: () => boolean,
): Promise<void> {
  for (;;) {
    await microtasksDone();
    const foreign = world.foreignWait();
    if (foreign !== null) {
      throw new Error(
        `expected actors to wait for messages and timers only, but ${foreign} ` +
          "waits for something else, which no seed can replay",
      );
    }
    if (hasEnded()) return;
    world.flush();
    if (world.steps++ >= maxSteps) {
      throw new Error(`expected the run to end within ${maxSteps} steps`);
    }
    // A body whose wait has ended goes on before the next step.
    if (sim.checkWaiting()) continue;
    if (world.random.chance(EARLY_TIME_CHANCE)) world.passTime();
    const choices = world.choices();
    if (choices.length > 0) {
      world.random.pick(choices).happen();
    } else if (!world.passTime()) {
      throw new Error(
        "no step is possible any more, but the test still waits",
      );
    }
  }
}
