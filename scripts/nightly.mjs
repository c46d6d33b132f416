/**
 * The long tests, which a normal run leaves out, on each of the three runtimes.
 *
 * `node scripts/nightly.mjs` runs all parts in turn, `... PART` one of them and
 * `... list` shows them. Each part prints a closing line "N passed, N failed".
 *
 * Parts with seeds take `--seeds FROM-TO`, which narrows them to these. Each
 * runtime has a million seeds of its own (tests/nightly/seeds.ts), so the seeds
 * say on which runtimes the part runs. The part prints how far it is; after an
 * interruption it goes on with the seed after the last one printed.
 * `--on RUNTIME` leaves the other runtimes out.
 */
import process from "node:process";
import { runSuite, runtimes, summarize } from "./suite.mjs";

/**
 * @typedef {object} Part
 * @property {string} says what it does
 * @property {string[]} files
 * @property {boolean} [isSeeded] whether it takes `--seeds`
 * @property {string[]} [on] the runtimes that drive it; all unless told
 * @property {boolean} [inTurn] one runtime after the other, because the part
 *   needs the machine for itself
 */

/** @type {Map<string, Part>} */
const parts = new Map(Object.entries({
  model: {
    says: "100,000 schedules of tests/model on Node.js, 30,000 on the others",
    files: ["tests/nightly/model.test.ts"],
    isSeeded: true,
  },
  global: {
    says: "10,000 schedules of tests/names on each runtime",
    files: ["tests/nightly/names.test.ts"],
    isSeeded: true,
  },
  groups: {
    says: "10,000 schedules of groups on each runtime",
    files: ["tests/nightly/groups.test.ts"],
    isSeeded: true,
  },
  supervisors: {
    says: "4,000 to 6,000 schedules of each kind of supervisors",
    files: ["tests/nightly/supervisors.test.ts"],
    isSeeded: true,
  },
  damage: {
    says: "a million damaged recordings on each, a million damaged terms",
    files: ["tests/nightly/damage.test.ts"],
    isSeeded: true,
  },
  fuzz: {
    says: "ten million random handshakes, frames, signals and messages in all",
    files: ["tests/nightly/fuzz.test.ts"],
    isSeeded: true,
  },
  terms: {
    says: "a million random terms each of ours and of a BEAM node",
    files: ["tests/nightly/terms.test.ts"],
    isSeeded: true,
  },
  mutants: {
    says: "every mutant of the model, of global and of groups",
    files: [
      "tests/model/mutants.test.ts",
      "tests/names/mutants.test.ts",
      "tests/nightly/group_mutants.test.ts",
    ],
  },
  beam: {
    says: "all tests with BEAM nodes, and an idle connection with one",
    files: ["tests/beam/", "tests/nightly/beam_idle.test.ts"],
  },
  partitions: {
    says: "1,000 partitions of five mixed nodes on all runtimes and the BEAM",
    files: ["tests/nightly/partitions.test.ts"],
    isSeeded: true,
    on: ["node"],
  },
  programs: {
    says: "all of the documentation, the command line and the benchmarks",
    files: [
      "tests/docs.test.ts",
      "tests/cli/",
      "tests/bench/",
      "tests/model/model.test.ts",
      "tests/names/schedules.test.ts",
    ],
  },
  saturation: {
    says: "ten minutes with all cores busy, on one runtime after the other",
    files: ["tests/nightly/saturation.test.ts"],
    inTurn: true,
  },
}));

/** A part that takes longer has hung. */
const LIMIT_MS = 60 * 60_000;

/** Seeds of a runtime: from its number times this on, as many as this. */
const SEEDS = 1_000_000;

const wanted = readArguments(process.argv.slice(2));
const all = [];
for (const name of wanted.names) all.push(...await runPart(name));
if (wanted.names.length > 1) process.exitCode = summarize(all);

/**
 * @param {string} name
 * @returns {Promise<import("./suite.mjs").Counts[]>}
 */
async function runPart(name) {
  const part = parts.get(name);
  if (part === undefined) throw new Error(`expected a part, got ${name}`);
  console.log(`\nnightly ${name}: ${part.says}`);
  const startedAt = Date.now();
  /** @type {Record<string, string>} */
  const env = { HORNBEAM_NIGHTLY: "1" };
  if (wanted.seeds !== undefined) env["HORNBEAM_SEEDS"] = wanted.seeds;
  const drivers = part.on ?? runtimes;
  const on = wanted.runtimes.filter((one) => drivers.includes(one));
  // As in `npm test`, Node.js beside the others.
  const tracks = part.inTurn || on.length === 1
    ? [on]
    : [on.filter((one) => one === "node"), on.filter((one) => one !== "node")];
  if (tracks.length > 1) env["HORNBEAM_WORKERS"] = "2";
  const counts = await Promise.all(tracks.map(async (track) => {
    const found = [];
    for (const runtime of track) {
      const label = `${runtime.padEnd(4)} |`;
      const options = { env, label, limitMs: LIMIT_MS };
      found.push(await runSuite(runtime, part.files, options));
    }
    return found;
  }));
  const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
  process.exitCode = Math.max(
    Number(process.exitCode ?? 0),
    summarize(counts.flat(), `nightly ${name} took ${minutes} minutes`),
  );
  return counts.flat();
}

/**
 * @param {readonly string[]} args
 * @returns {{ names: string[], runtimes: string[], seeds: string | undefined }}
 */
function readArguments(args) {
  const names = [];
  let on = runtimes;
  let seeds;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--seeds") seeds = args[++i] ?? "";
    else if (arg === "--on") on = [args[++i] ?? ""];
    else names.push(arg);
  }
  if (names[0] === "list") {
    for (const [name, { says, isSeeded }] of parts) {
      const takes = isSeeded ? " [--seeds FROM-TO]" : "";
      console.log(`${(name + takes).padEnd(32)}${says}`);
    }
    process.exit(0);
  }
  for (const name of names) {
    if (!parts.has(name)) refuse(`a part (${known()})`, name);
    if (seeds !== undefined && !parts.get(name)?.isSeeded) {
      refuse(`a part with seeds`, name);
    }
  }
  for (const name of on) {
    if (!runtimes.includes(name)) refuse(runtimes.join(", "), name);
  }
  if (seeds !== undefined) {
    if (names.length !== 1) refuse("one part with --seeds", names.join(" "));
    const [, from = "", to = ""] = /^(\d+)-(\d+)$/.exec(seeds) ?? [];
    on = on.filter((_, i) => {
      const first = (runtimes.indexOf(on[i] ?? "") + 1) * SEEDS;
      return Number(from) < first + SEEDS && Number(to) >= first;
    });
    if (on.length === 0 || Number(from) > Number(to)) {
      refuse("--seeds FROM-TO with seeds from 1000000 to 3999999", seeds);
    }
  }
  return {
    names: names.length > 0 ? names : [...parts.keys()],
    runtimes: on,
    seeds,
  };
}

function known() {
  return ["list", ...parts.keys()].join(", ");
}

/**
 * @param {string} expected
 * @param {string} got
 */
function refuse(expected, got) {
  console.error(`expected ${expected}, got ${got === "" ? "nothing" : got}`);
  process.exit(2);
}
