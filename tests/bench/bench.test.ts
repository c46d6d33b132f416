/**
 * The benchmark program as users see it: its output, its exit codes, and that
 * it leaves nothing behind. No figure is judged here.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { term } from "../../bench/beam/term.ts";
import { type BenchOptions, runBench } from "../../bench/main.ts";
import { rows } from "../../bench/suites.ts";
import { encode } from "../../runtime/etf.ts";
import { hasBeam } from "../helpers/beam.ts";
import {
  currentRuntime,
  isRunning,
  root,
  type SpawnedProcess,
  spawnProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { isNightly, itOnNode } from "../helpers/share.ts";
import { waitFor } from "../helpers/wait.ts";

const LIMIT_MS = 240_000;
const main = join(root, "bench", "main.ts");
const runtime = currentRuntime();
const folder = mkdtempSync(join(tmpdir(), "hornbeam-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bench(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProcess {
  return spawnRuntime(runtime, main, args, { env: { TMPDIR: folder, ...env } });
}

type Ended = {
  readonly code: number | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
};

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = bench(args, env);
  const { code } = await child.waitForExit(LIMIT_MS);
  return { code, stdout: child.stdout, stderr: child.stderr };
}

type Json = Record<string, unknown>;

/** The rows of a `--json` run, whose output must be exactly one line. */
function rowsOf(ended: Ended): Json[] {
  expect(ended.code, ended.stderr.join("\n")).toBe(0);
  expect(ended.stdout).toHaveLength(1);
  return JSON.parse(ended.stdout[0]!) as Json[];
}

const positive = expect.toSatisfy((value) =>
  typeof value === "number" && Number.isFinite(value) && value > 0
);

/** What a row says beside its rate. */
type Shown = {
  readonly unit: string;
  /** Figures that a comparison gives of the BEAM as well. */
  readonly figures?: readonly string[];
  readonly showsGc?: boolean;
  /** Where it is tried outside the nightly run: by default nowhere. */
  readonly on?: "node" | "all";
};

const messages = { unit: "messages/s" };
const actors = { unit: "actors/s" };
const terms = { unit: "terms/s" };
const bursts = { ...messages, figures: ["slowdown"] };
const queued = { figures: ["slowdown"], showsGc: true };
const crowd = { ...actors, figures: ["bytesHeap"], showsGc: true };
const timers = { unit: "operations/s", figures: ["nsEach"], showsGc: true };
const roundTrips = {
  unit: "round trips/s",
  figures: ["latencyUsP50", "latencyUsP99"],
};

/** In the order of the suites. */
const shown: Readonly<Record<string, Shown>> = {
  "local/receive-ping-pong": messages,
  "local/burst-100k": bursts,
  "local/receive-burst-100k": bursts,
  "local/ref-behind-1m": { unit: "round trips/s", ...queued },
  "local/call-behind-1m": { unit: "calls/s", ...queued },
  "local/spawn": actors,
  "local/spawn-handler": actors,
  "local/idle-handler-1m": crowd,
  "local/idle-function-1m": crowd,
  "local/mass-exit-100k": { ...actors, figures: ["slowdown"] },
  "local/timers-100k": { ...timers, on: "node" },
  "local/timers-all-100k": timers,
  "process/round-trip-16B": { ...roundTrips, on: "all" },
  "process/monitors-100k": { unit: "monitors/s", figures: ["slowdown"] },
  "process/one-way-beside-stopped": { ...messages, on: "node" },
  "beam/etf-encode": terms,
  "beam/etf-decode": terms,
  "beam/to-one-way-16B": { ...messages, on: "node" },
  "beam/from-one-way-16B": messages,
  "beam/round-trip-16B": roundTrips,
  "std/genserver-call": { unit: "calls/s" },
  "std/genserver-cast": { unit: "casts/s" },
  "std/dynamic-supervisor-start": { unit: "children/s", on: "node" },
  "std/registry-lookup": { unit: "look-ups/s", on: "node" },
  "std/restart": {
    unit: "restarts/s",
    figures: ["latencyUsP50", "latencyUsP99"],
    on: "node",
  },
  "std/pubsub-100k": messages,
};

const needsErlang = (id: string) => /^beam\/(?!etf)/.test(id);

describe("a quick run", () => {
  const ids = Object.keys(shown).filter((id) =>
    (isNightly || shown[id]!.on === "all" || shown[id]!.on === runtime) &&
    (hasBeam() || !needsErlang(id))
  );
  const found = new Map<unknown, Json>();
  beforeAll(async () => {
    const ended = await run([
      // Not in the order of the suites.
      ...["--quick", "--json", "--runtime", runtime, "--vs", "beam"],
      ...ids.toReversed(),
    ]);
    for (const row of rowsOf(ended)) found.set(row["bench"], row);
  }, LIMIT_MS);

  it("prints its rows and leaves nothing behind", () => {
    expect([...found.keys()]).toEqual(ids);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(ids)("shows the figures of %s", (id) => {
    const { unit, figures = [], showsGc = false } = shown[id]!;
    const row = found.get(id)!;
    const peers = figures.map((name) =>
      `peer${name.charAt(0).toUpperCase()}${name.slice(1)}`
    );
    const compared = ["peerRate", "peerRateMin", "peerRateMax", "ratio"];
    const wanted = [
      ...["rate", "rateMin", "rateMax", "timerGapMs", ...figures],
      ...(hasBeam() ? [...compared, ...peers] : []),
    ];
    expect(row).toMatchObject({
      bench: id,
      runtime,
      unit,
      repeats: 1,
      ...(hasBeam() ? { peer: "beam" } : {}),
      ...Object.fromEntries(wanted.map((name) => [name, positive])),
    });
    // Only Node.js tells what its collector took.
    expect("gcShare" in row).toBe(runtime === "node" && showsGc);
    if (!hasBeam()) return;
    const rate = row["rate"] as number;
    expect(Number(row["ratio"]) * Number(row["peerRate"]))
      .toBeCloseTo(rate, -Math.log10(rate / 1_000));
  });
});

/** Processes that the process with this number has started and not reaped. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter((word) => word !== "").map(Number);
}

describe("a run without a BEAM", () => {
  itOnNode(
    "repeats, and leaves out what a node of the BEAM takes part in (on Node.js)",
    async () => {
      const ended = await run([
        ...["--quick", "--json", "--runtime", runtime, "--repeats", "3"],
        ...["--vs", "beam", "beam"],
      ], { PATH: folder });
      const wanted = ["beam/etf-encode", "beam/etf-decode"];
      const found = rowsOf(ended) as Record<string, number>[];
      expect(found.map((row) => row["bench"])).toEqual(wanted);
      for (const row of found) {
        // Without a comparison these are all.
        expect(row).toEqual({
          ...{ bench: row["bench"], unit: "terms/s", runtime, repeats: 3 },
          ...{ rate: positive, rateMin: positive, rateMax: positive },
          timerGapMs: positive,
        });
        expect(row["rateMin"]).toBeLessThanOrEqual(row["rate"]!);
        expect(row["rateMax"]).toBeGreaterThanOrEqual(row["rate"]!);
      }
      const missing = "no erl, erlc and epmd on PATH: ";
      expect(ended.stderr.filter((line) => line.startsWith(missing))).toEqual([
        `${missing}nothing is compared with the BEAM`,
        ...rows.filter((row) => row.erlangPartner !== undefined)
          .map(({ id }) => `${missing}${id} is left out`),
      ]);
      expect(ended.stderr.filter((line) => / node [123]\/3: /.test(line)))
        .toHaveLength(3 * wanted.length);
    },
    LIMIT_MS,
  );
});

/** Prints the bytes of the term as OTP encodes it, in hexadecimal digits. */
const bytesInErlang = `{ok, bench_beam, Module} = compile:file("${
  join(root, "bench", "beam", "bench_beam.erl")
}", [binary, report]),
{module, _} = code:load_binary(bench_beam, "bench_beam.erl", Module),
Options = [{minor_version, 2}, deterministic],
io:format("~s~n", [binary:encode_hex(
  term_to_binary(bench_beam:term(), Options)
)]),
halt().`;

describe.skipIf(!hasBeam())("the term of both sides", () => {
  it("is the same", async () => {
    const erl = spawnProcess("erl", [
      ...["-noshell", "-boot", "no_dot_erlang", "-eval", bytesInErlang],
    ]);
    await erl.waitForExit();
    const ours = Array.from(
      encode(term),
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    expect(erl.stdout).toEqual([ours.join("").toUpperCase()]);
  });
});

describe.skipIf(process.platform !== "linux")("an interruption", () => {
  const ids = [
    "process/one-way-16B",
    ...(hasBeam() && runtime === "node" ? ["beam/to-one-way-16B"] : []),
  ];
  it.each(ids)("ends everything that was started for %s", async (id) => {
    const child = bench([
      ...["--runtime", runtime, "--repeats", "100", "--vs", "beam"],
      id,
    ]);
    const first = await waitFor(() => childrenOf(child.pid).at(0), {
      what: "a measured process",
    });
    const partner = await waitFor(() => childrenOf(first).at(0), {
      what: "its partner",
      timeoutMs: 20_000,
    });
    // Not `child.kill`, after which Deno takes any end for the signal's work.
    process.kill(child.pid, "SIGTERM");
    expect(await child.waitForExit(30_000))
      .toEqual({ code: 130, signal: null });
    for (const pid of [first, partner]) {
      await waitFor(() => !isRunning(pid), { what: `the end of ${pid}` });
    }
    expect(child.stdout).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  }, LIMIT_MS);
});

/** What `hornbeam bench` hands over, without a process for it. */
async function ask(options: Partial<BenchOptions>): Promise<
  { readonly code: number; readonly stdout: string; readonly stderr: string }
> {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation(
      (text, ...rest: unknown[]) => {
        said[name] += String(text);
        const written = rest.at(-1);
        if (typeof written === "function") written();
        return true;
      },
    );
  }
  try {
    const code = await runBench({
      suites: [],
      json: false,
      vs: [],
      runtimes: [],
      list: false,
      quick: true,
      ...options,
    });
    return { code, ...said };
  } finally {
    vi.restoreAllMocks();
  }
}

describe("an invalid request", () => {
  it.each<[Partial<BenchOptions>, RegExp]>([
    [
      { suites: ["nope"] },
      /^expected a suite \(local, process.*\) .* got "nope"\n$/,
    ],
    [{ suites: ["local/nope"] }, /got "local\/nope"\n$/],
    [
      { vs: ["jvm"] },
      /^expected "beam" or "raw" to compare with, got "jvm"\n$/,
    ],
    [{ runtimes: ["jsc"] }, /^expected a runtime \(.*\), got "jsc"\n$/],
    [{ repeats: 0 }, /^expected 1 to 100 repeats, got 0\n$/],
    [{ json: true, markdown: true }, /^expected --json or .*, got both\n$/],
    [
      { updateReadme: true, suites: ["local/spawn"] },
      /^expected --update-readme without --quick, /,
    ],
    [
      { updateReadme: true, quick: false, suites: ["local/spawn"] },
      /^expected --update-readme with whole suites and all runtimes, /,
    ],
    [
      { updateReadme: true, quick: false, runtimes: ["node"] },
      /^expected --update-readme with whole suites and all runtimes, /,
    ],
  ])("%j is refused in one line", async (options, line) => {
    const { code, stdout, stderr } = await ask(options);
    expect(stderr).toMatch(line);
    expect(stderr.indexOf("\n")).toBe(stderr.length - 1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("is refused by the program as well", async () => {
    const { code, stdout, stderr } = await run(["--repeats", "x"]);
    expect(stderr).toEqual(["expected 1 to 100 repeats, got NaN"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: [] });
  });
});

describe("the list", () => {
  it("has every id once", async () => {
    const ids = rows.map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect((await ask({ list: true })).stdout).toBe(`${ids.join("\n")}\n`);
    expect(rowsOf(await run(["--list", "--json"]))).toEqual(ids);
  });

  it("is narrowed down by suites and ids", async () => {
    const { stdout } = await ask({
      list: true,
      suites: ["process", "local/spawn"],
    });
    const wanted = rows.map((row) => row.id).filter((id) =>
      id.startsWith("process/") || id === "local/spawn"
    );
    expect(wanted.length).toBeGreaterThan(10);
    expect(stdout).toBe(`${wanted.join("\n")}\n`);
  });
});
