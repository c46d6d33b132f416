/** The charts of results: their elements and positions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it, vi } from "vitest";
import { runBench } from "../../bench/main.ts";
import { chart } from "../../bench/plot/chart.ts";
import { rowsOfSides } from "../../bench/plot/sides.ts";
import { element, text } from "../../bench/plot/svg.ts";
import type { Result } from "../../bench/runner/results.ts";

const folder = mkdtempSync(join(tmpdir(), "hornbeam-plot-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plain: Result = {
  bench: "local/spawn",
  runtime: "node",
  rate: 2e6,
  rateMin: 1e6,
  rateMax: 4e6,
  repeats: 3,
  unit: "actors/s",
  timerGapMs: 6,
};

const compared: Result = {
  ...plain,
  bench: "process/round-trip-16B",
  unit: "round trips/s",
  latencyUsP50: 50,
  latencyUsP90: 80,
  latencyUsP99: 120,
  latencyUsP999: 900,
  peer: "beam",
  peerRate: 3e6,
  peerRateMin: 3e6,
  peerRateMax: 3e6,
  ratio: 0.66,
  peerLatencyUsP50: 40,
  peerLatencyUsP90: 60,
  peerLatencyUsP99: 100,
  peerLatencyUsP999: 400,
};

const all: readonly Result[] = [
  plain,
  compared,
  { ...compared, peer: "raw", peerRate: 5e6, peerRateMax: 6e6 },
  { ...compared, runtime: "bun" },
  { ...compared, runtime: "bun", peer: "raw" },
];

/** The names of all elements, or an error where they do not nest. */
function elementsOf(svg: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  for (const [tag, slash, name, , empty] of svg.matchAll(TAGS)) {
    if (slash === "/") {
      if (open.pop() !== name) throw new Error(`expected no ${tag} here`);
      continue;
    }
    names.push(name!);
    if (empty !== "/") open.push(name!);
  }
  if (open.length > 0) throw new Error(`expected an end of ${open.at(-1)}`);
  return names;
}
const TAGS = /<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<]*")*)(\/?)>/g;

function count(svg: string, pattern: RegExp): number {
  return [...svg.matchAll(pattern)].length;
}

describe("the sides of a row", () => {
  it("are each runtime with its raw programs, and the BEAM at the end", () => {
    const rows = rowsOfSides(all);
    expect(rows.map(({ id, sides }) => [id, sides.map(({ title }) => title)]))
      .toEqual([
        ["local/spawn", ["node"]],
        [
          "process/round-trip-16B",
          ["node", "raw node", "bun", "raw bun", "BEAM"],
        ],
      ]);
    expect(rows[1]!.sides.map(({ rate, max }) => [rate, max])).toEqual([
      [2e6, 4e6],
      [5e6, 6e6],
      [2e6, 4e6],
      [3e6, 3e6],
      [3e6, 3e6],
    ]);
  });

  it("have their percentiles", () => {
    const [none, some] = rowsOfSides(all);
    expect(none!.sides[0]!.latencies).toEqual([]);
    expect(some!.sides.at(-1)!.latencies).toEqual([
      { percent: 50, us: 40 },
      { percent: 90, us: 60 },
      { percent: 99, us: 100 },
      { percent: 99.9, us: 400 },
    ]);
  });
});

describe("a chart", () => {
  const svg = chart(all, "Title");

  it("is one well-formed document, the same each time", () => {
    expect(elementsOf(svg)[0]).toBe("svg");
    expect(svg.replaceAll(TAGS, "").replaceAll(/[^<>&]/g, "")).toBe("");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
    expect(chart(all, "Title")).toBe(svg);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("has a bar with its spread for each side, as long as its rate", () => {
    const widths = [...svg.matchAll(/<rect x="104"[^>]* width="([\d.]+)"/g)]
      .map((match) => Number(match[1]));
    expect(widths).toHaveLength(6);
    // The longest is drawn to the maximum of all sides and not to its rate.
    const [own, first, raw, , , beam] = widths as [number, ...number[]];
    expect(own).toBeCloseTo(248 / 2, 1);
    expect(raw! / first!).toBeCloseTo(2.5, 1);
    expect(beam! / first!).toBeCloseTo(1.5, 1);
    expect(count(svg, /<path d="M[\d.]+ [\d.]+H/g)).toBeGreaterThanOrEqual(6);
  });

  it("has curves for the rows with latencies alone", () => {
    expect(count(svg, /latency at percentile/g)).toBe(1);
    expect(count(svg, /stroke-width="2"/g)).toBe(5);
    expect(count(svg, /r="2.5"/g)).toBe(20);
    expect(svg).toContain(">p99.9</text>");
    expect(chart([plain], "Title")).not.toContain("percentile");
  });

  it("lies within its size", () => {
    const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg)!;
    for (const [, x, y] of svg.matchAll(/translate\(([\d.]+) ([\d.]+)\)/g)) {
      expect(Number(x)).toBeLessThan(Number(width));
      expect(Number(y)).toBeLessThan(Number(height));
    }
  });

  it("without results is a valid picture", () => {
    expect(elementsOf(chart([], "None"))).toEqual(["svg", "title", "rect"]);
  });
});

it("escapes text", () => {
  expect(text({ x: 1 }, '<a & "b">')).toBe(
    '<text x="1">&lt;a &amp; &quot;b&quot;&gt;</text>\n',
  );
  expect(element("g", { id: '"' })).toBe('<g id="&quot;"/>\n');
});

describe("the option --plot", () => {
  const options = {
    suites: ["local/spawn"],
    json: true,
    vs: [],
    runtimes: [],
    list: false,
    quick: true,
  };

  it.each([
    join(folder, "chart.png"),
    join(folder, "nowhere", "chart.svg"),
  ])("refuses %s before anything runs", async (plot) => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      expect(await runBench({ ...options, plot })).toBe(2);
      expect(said.mock.calls.join("")).toMatch(/^expected a file .* ending in/);
    } finally {
      said.mockRestore();
    }
  });
});
