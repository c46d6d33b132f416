/**
 * Random programs: what actors and the world are told to do, as a list that
 * can be printed, changed and shrunk.
 *
 * An operation names actors and nodes by numbers that are taken modulo what
 * there is when its turn comes, so every list of operations is a program.
 */

import { SeededRandom } from "../../std/testing/random.ts";

/** Done by an actor. */
const deeds = {
  send: 12,
  sendName: 4,
  volley: 5,
  spawn: 8,
  spawnLink: 8,
  spawnMonitor: 6,
  link: 12,
  unlink: 10,
  monitor: 8,
  monitorName: 6,
  demonitor: 6,
  exit: 7,
  sendExit: 8,
  trap: 7,
  register: 6,
  unregister: 2,
  whereis: 3,
  call: 6,
  timer: 4,
  cancelTimer: 2,
  selective: 3,
  alias: 4,
  sendAlias: 7,
  unalias: 3,
} as const;

/** Done by two actors at once, which meet in the middle. */
const scenes = { tangle: 6, duel: 5 } as const;

/** Done to nodes and to the network. */
const incidents = {
  cut: 5,
  partition: 2,
  stall: 2,
  heal: 4,
  crash: 2,
  stop: 1,
  restart: 4,
  reboot: 2,
  pause: 2,
  resume: 3,
  disconnect: 1,
} as const;

/** Done by the test, and harmless. */
const pauses = { advance: 4, quiet: 4, connect: 2 } as const;

export type Deed = keyof typeof deeds;
export type Scene = keyof typeof scenes;
export type Incident = keyof typeof incidents;
export type Pause = keyof typeof pauses;

/** One operation; what `x` and `y` mean depends on what is done. */
export type Op = {
  readonly do: Deed | Scene | Incident | Pause;
  /** The actor that does it. */
  readonly who: number;
  /** The actor it is done to. */
  readonly to: number;
  readonly x: number;
  readonly y: number;
  /** Steps of the simulation before it. */
  readonly gap: number;
};

export type Program = {
  readonly seed: number;
  /** 1 to 4. */
  readonly nodes: number;
  /** Whether the nodes are connected before the first operation. */
  readonly isConnected: boolean;
  /** Longest time that data takes from one node to another. */
  readonly latencyMs: number;
  readonly ops: readonly Op[];
};

type Kind = Op["do"];

function weighted(
  ...tables: Readonly<Record<string, number>>[]
): readonly Kind[] {
  return tables.flatMap((table) =>
    Object.entries(table).flatMap(([kind, weight]) =>
      new Array<Kind>(weight).fill(kind as Kind)
    )
  );
}

const withoutFaults = weighted(deeds, scenes, pauses);
const withFaults = weighted(deeds, scenes, pauses, incidents);

/** Whether an operation is done by an actor. */
export function isDeed(kind: Kind): kind is Deed {
  return kind in deeds;
}

export function isScene(kind: Kind): kind is Scene {
  return kind in scenes;
}

/** The program of a seed. */
export function programOf(seed: number): Program {
  // Not the numbers that decide over the run, which has the same seed.
  const random = new SeededRandom(seed + 0x1_0000_0000);
  const nodes = random.pick([1, 2, 2, 2, 2, 3, 3, 3, 4]);
  const kinds = nodes > 1 && random.chance(0.5) ? withFaults : withoutFaults;
  const hurry = random.pick([2, 8, 24]);
  const ops: Op[] = [];
  for (let left = 10 + random.below(40); left > 0; left--) {
    ops.push({
      do: random.pick(kinds),
      who: actorNumber(random),
      to: actorNumber(random),
      x: random.below(12),
      y: random.below(12),
      gap: random.chance(0.3) ? 0 : random.below(hurry),
    });
  }
  const isConnected = random.chance(0.6);
  return { seed, nodes, isConnected, latencyMs: random.pick([1, 5, 30]), ops };
}

/** Mostly one of a few, so that the same actors meet again. */
function actorNumber(random: SeededRandom): number {
  return random.chance(0.7) ? random.below(4) : random.below(16);
}

export function printProgram(program: Program): string {
  const { seed, nodes, isConnected, latencyMs, ops } = program;
  const lines = ops.map((op) => {
    const { gap, ...rest } = op;
    const told = Object.entries(rest).filter(([key]) => key !== "do")
      .map(([key, value]) => `${key} ${value}`).join(", ");
    return `  ${op.do.padEnd(12)} ${told}, after ${gap} steps`;
  });
  return [
    `seed ${seed}, ${nodes} nodes${isConnected ? ", connected" : ""}, ` +
    `${latencyMs} ms apart at most:`,
    ...lines,
  ].join("\n");
}

/** Runs while looking for a smaller program, at most. */
const MAX_TRIALS = 400;
/** Other interleavings that are tried for each smaller program. */
const SEEDS_PER_TRIAL = 3;

/**
 * The smallest program found that still fails: fewer operations (delta
 * debugging) and fewer steps between them, under this seed or a near one.
 */
export async function shrink(
  failing: Program,
  fails: (program: Program) => Promise<boolean>,
): Promise<Program> {
  let best = failing;
  let trials = 0;
  const tryOps = async (ops: readonly Op[]): Promise<boolean> => {
    for (let i = 0; i < SEEDS_PER_TRIAL && trials < MAX_TRIALS; i++) {
      trials++;
      const candidate = { ...best, ops, seed: best.seed + i };
      if (!await fails(candidate)) continue;
      best = candidate;
      return true;
    }
    return false;
  };
  let size = Math.ceil(best.ops.length / 2);
  while (size >= 1 && trials < MAX_TRIALS) {
    let hasShrunk = false;
    for (let at = 0; at < best.ops.length && trials < MAX_TRIALS;) {
      const ops = best.ops.toSpliced(at, size);
      if (ops.length < best.ops.length && await tryOps(ops)) hasShrunk = true;
      else at += size;
    }
    if (size === 1 && !hasShrunk) break;
    size = hasShrunk ? size : Math.floor(size / 2);
  }
  for (let at = 0; at < best.ops.length && trials < MAX_TRIALS; at++) {
    const op = best.ops[at] as Op;
    if (op.gap > 0) await tryOps(best.ops.with(at, { ...op, gap: 0 }));
  }
  return best;
}
