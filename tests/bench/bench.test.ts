/**
 * The benchmark program as its users see it: what it prints where, which exit
 * code it has, and what it leaves behind. No figure is judged here.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { term } from "../../bench/beam/term.ts";
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
import { waitFor } from "../helpers/wait.ts";

const LIMIT_MS = 60_000;
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

describe("a quick run", () => {
  it("prints valid rows and nothing else", async () => {
    const ended = await run([
      ...["--quick", "--json", "--runtime", runtime],
      ...["process/round-trip-16B", "local/receive-ping-pong"],
    ]);
    const row = {
      runtime,
      rate: positive,
      rateMin: positive,
      rateMax: positive,
      repeats: 1,
      timerGapMs: positive,
    };
    // In the order of the suites and not of the arguments.
    expect(rowsOf(ended)).toEqual([
      { bench: "local/receive-ping-pong", unit: "messages/s", ...row },
      {
        bench: "process/round-trip-16B",
        unit: "round trips/s",
        ...row,
        latencyUsP50: positive,
        latencyUsP99: positive,
      },
    ]);
  }, LIMIT_MS);

  it("repeats, and reports the spread around the median", async () => {
    const ended = await run([
      ...["--quick", "--json", "--runtime", runtime, "--repeats", "3"],
      "process/one-way-16B",
    ]);
    const [row] = rowsOf(ended) as [Record<string, number>];
    expect(row["repeats"]).toBe(3);
    expect(row["rateMin"]).toBeLessThanOrEqual(row["rate"]!);
    expect(row["rateMax"]).toBeGreaterThanOrEqual(row["rate"]!);
    expect(ended.stderr.filter((line) => /one-way-16B \w+ \d\/3: /.test(line)))
      .toHaveLength(3);
  }, LIMIT_MS);

  it("goes on without a comparison where there is no BEAM", async () => {
    const ended = await run([
      ...["--quick", "--json", "--runtime", runtime, "--vs", "beam"],
      "local/spawn",
    ], { PATH: folder });
    const [row] = rowsOf(ended);
    expect(row).toMatchObject({ bench: "local/spawn", rate: positive });
    expect(row).not.toHaveProperty("peer");
    expect(ended.stderr[0]).toMatch(/^no erl, erlc and epmd on PATH/);
  }, LIMIT_MS);
});

/** Figures besides the rate. */
type Own = { readonly figures: readonly string[]; readonly showsGc?: boolean };

const own: Readonly<Record<string, Own>> = {
  "local/burst-100k": { figures: ["slowdown"] },
  "local/receive-burst-100k": { figures: ["slowdown"] },
  "local/ref-behind-1m": { figures: ["slowdown"], showsGc: true },
  "local/call-behind-1m": { figures: ["slowdown"], showsGc: true },
  "local/spawn-handler": { figures: [] },
  "local/idle-handler-1m": { figures: ["bytesHeap"], showsGc: true },
  "local/idle-function-1m": { figures: ["bytesHeap"], showsGc: true },
  "local/timers-100k": { figures: ["nsEach"], showsGc: true },
  "local/timers-all-100k": { figures: ["nsEach"], showsGc: true },
};

describe("rows with figures of their own", () => {
  it("give them in a quick run as well", async () => {
    const ended = await run([
      ...["--quick", "--json", "--runtime", runtime, "--vs", "beam"],
      ...Object.keys(own),
    ]);
    const found = new Map(rowsOf(ended).map((row) => [row["bench"], row]));
    expect([...found.keys()]).toEqual(Object.keys(own));
    for (const [id, { figures, showsGc }] of Object.entries(own)) {
      const row = found.get(id)!;
      const peers = figures.map((name) =>
        `peer${name.charAt(0).toUpperCase()}${name.slice(1)}`
      );
      const wanted = ["rate", ...figures, ...(hasBeam() ? peers : [])];
      expect(row, id).toMatchObject(
        Object.fromEntries(wanted.map((name) => [name, positive])),
      );
      // Only Node.js tells what its collector took.
      expect("gcShare" in row, id).toBe(runtime === "node" && showsGc === true);
    }
  }, LIMIT_MS);
});

describe.skipIf(!hasBeam())("a comparison with the BEAM", () => {
  it.each([
    ["local/spawn", {}],
    ["process/round-trip-16B", {
      latencyUsP50: positive,
      latencyUsP99: positive,
      peerLatencyUsP50: positive,
      peerLatencyUsP99: positive,
    }],
  ])("of %s gives its rate and the ratio", async (id, extra) => {
    const ended = await run([
      ...["--quick", "--json", "--runtime", runtime, "--vs", "beam", id],
    ]);
    const [row] = rowsOf(ended) as [Record<string, number>];
    expect(row).toMatchObject({
      bench: id,
      peer: "beam",
      peerRate: positive,
      peerRateMin: positive,
      peerRateMax: positive,
      ...extra,
    });
    expect(row["ratio"]! * row["peerRate"]!)
      .toBeCloseTo(row["rate"]!, -Math.log10(row["rate"]! / 1_000));
    expect(readdirSync(folder)).toEqual([]);
  }, LIMIT_MS);
});

/** Processes that the process with this number has started and not reaped. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter((word) => word !== "").map(Number);
}

describe("the rows with the BEAM", () => {
  const args = ["--quick", "--json", "--runtime", runtime];
  const plain = { runtime, rate: positive, timerGapMs: positive };
  const latencies = { latencyUsP50: positive, latencyUsP99: positive };
  const all = [
    { bench: "beam/etf-encode", unit: "terms/s", ...plain },
    { bench: "beam/etf-decode", unit: "terms/s", ...plain },
    { bench: "beam/to-one-way-16B", unit: "messages/s", ...plain },
    { bench: "beam/from-one-way-16B", unit: "messages/s", ...plain },
    {
      bench: "beam/round-trip-16B",
      unit: "round trips/s",
      ...plain,
      ...latencies,
    },
  ];

  it.skipIf(!hasBeam())("are compared with it", async () => {
    const ended = await run([...args, "--vs", "beam", "beam"]);
    const compared = all.map((row) => ({ ...row, peerRate: positive }));
    expect(rowsOf(ended)).toMatchObject(compared);
  }, LIMIT_MS);

  it(
    "are left out where there is none and a node of it takes part",
    async () => {
      const ended = await run([...args, "beam"], { PATH: folder });
      expect(rowsOf(ended)).toMatchObject(all.slice(0, 2));
      expect(ended.stderr.filter((line) => line.endsWith("left out"))).toEqual(
        all.slice(2).map(({ bench }) =>
          `no erl, erlc and epmd on PATH: ${bench} is left out`
        ),
      );
    },
    LIMIT_MS,
  );
});

/** Prints the bytes that OTP writes for the term, in hexadecimal digits. */
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
  it.each(
    ["process/one-way-16B", ...(hasBeam() ? ["beam/to-one-way-16B"] : [])],
  )("ends everything that was started for %s", async (id) => {
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
    expect(await child.waitForExit()).toEqual({ code: 130, signal: null });
    for (const pid of [first, partner]) {
      await waitFor(() => !isRunning(pid), { what: `the end of ${pid}` });
    }
    expect(child.stdout).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  }, LIMIT_MS);
});

describe("a request that makes no sense", () => {
  it.each([
    [["nope"], /^expected a suite \(local, process.*\) .* got "nope"$/],
    [["local/nope"], /got "local\/nope"$/],
    [["--vs", "jvm"], /^expected "beam" to compare with, got "jvm"$/],
    [["--runtime", "jsc"], /^expected a runtime \(.*\), got "jsc"$/],
    [["--repeats", "0"], /^expected 1 to 100 repeats, got 0$/],
    [["--repeats", "x"], /^expected 1 to 100 repeats, got NaN$/],
    [["--json", "--markdown"], /^expected --json or --markdown, got both$/],
  ])("%j is refused in one line", async (args, line) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toEqual([expect.stringMatching(line)]);
    expect(stdout).toEqual([]);
    expect(code).toBe(2);
  });
});

describe("the list", () => {
  it("has every id once", async () => {
    const ids = rows.map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect((await run(["--list"])).stdout).toEqual(ids);
    expect(rowsOf(await run(["--list", "--json"]))).toEqual(ids);
  });

  it("is narrowed down by suites and ids", async () => {
    const { stdout } = await run(["--list", "process", "local/spawn"]);
    expect(stdout).toEqual([
      "local/spawn",
      "process/one-way-16B",
      "process/round-trip-16B",
    ]);
  });
});
