/** How samples become results, and results tables. */
import { describe, expect, it } from "vitest";
import { replaceResults } from "../../bench/readme.ts";
import { median, type Result, summarize } from "../../bench/runner/results.ts";
import { markdown, plainTable, shortRate } from "../../bench/runner/text.ts";
import { rows } from "../../bench/suites.ts";

const [row] = rows;
if (row === undefined) throw new Error("expected a benchmark");

const ours = [3, 1, 2].map((rate) => ({
  rate: rate * 1e6,
  timerGapMs: rate + 5,
  extra: { latencyUsP50: rate },
}));
const theirs = [1, 3, 1].map((rate) => ({
  rate: rate * 1e6,
  extra: { latencyUsP50: 10 * rate },
}));

const compared: Result = summarize(row, "bun", ours, theirs);

describe("a result", () => {
  it("is the median of the repeats, with their spread", () => {
    expect(summarize(row, "node", ours, [])).toEqual({
      bench: row.id,
      runtime: "node",
      rate: 2e6,
      rateMin: 1e6,
      rateMax: 3e6,
      repeats: 3,
      unit: row.unit,
      timerGapMs: 7,
      latencyUsP50: 2,
    });
  });

  it("is divided by the peer's", () => {
    expect(compared).toMatchObject({
      peer: "beam",
      peerRate: 1e6,
      peerRateMin: 1e6,
      peerRateMax: 3e6,
      ratio: 2,
      peerLatencyUsP50: 10,
    });
  });

  it("of an even number of repeats is the mean of the two in the middle", () => {
    expect(median([4, 1, 2, 10])).toBe(3);
  });
});

it.each([
  [12_345_678, "12.3M"],
  [999_600, "1.00M"],
  [850_400, "850k"],
  [1_000, "1.00k"],
  [99.96, "100"],
  [9.996, "10.0"],
  [0.0512, "0.05"],
])("writes the rate %d as %s", (rate, text) => {
  expect(shortRate(rate)).toBe(text);
});

describe("a table", () => {
  it("has aligned columns", () => {
    const lines = plainTable([compared, { ...compared, runtime: "node" }])
      .trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    const at = lines[0]!.indexOf("unit");
    expect(lines.map((line) => line.slice(at, at + row.unit.length)))
      .toEqual(["unit      ", row.unit, row.unit]);
    expect(lines[1]).toContain(" 2.00M  1.00M-3.00M ");
    expect(lines[1]).toContain(" 2.00  latency p50 2.00 µs, BEAM latency p50");
  });

  it("names the units of further figures", () => {
    const sample = (extra: Record<string, number>) => [{
      rate: 1,
      timerGapMs: 5,
      extra,
    }];
    const result = summarize(
      row,
      "node",
      sample({ slowdown: 1.25, nsEach: 640, gcShare: 12.34 }),
      sample({ bytesHeap: 2_648, waitMs: 1.5 }),
    );
    expect(plainTable([result]).trimEnd()).toMatch(
      / {2}slowdown 1\.25, each 640 ns, gc 12\.3 %, BEAM heap 2648 bytes, BEAM wait 1\.50 ms$/,
    );
  });

  it("leaves out empty columns", () => {
    const { latencyUsP50: _, ...plain } = summarize(row, "node", ours, []);
    const [titles] = plainTable([plain as Result]).split("\n");
    expect(titles).toMatch(/timer gap ms$/);
  });

  it("is Markdown with the machine behind it", () => {
    const lines = markdown([compared], [["cores", "2"]]).split("\n");
    expect(lines[1]).toMatch(/^(\| -+:? )+\|$/);
    expect(lines[2]).toMatch(new RegExp(`^\\| ${row.id} +\\| bun +\\| +2.00M`));
    expect(lines.slice(4)).toEqual([
      "| measured on |     |",
      "| ----------- | --- |",
      "| cores       | 2   |",
      "",
    ]);
  });
});

describe("the results in a README", () => {
  const frame = (inner: string) =>
    `# T\n\n<!-- results:begin -->\n\n${inner}\n\n<!-- results:end -->\n\nEnd.\n`;

  it("are replaced, and nothing else", () => {
    const local = "### Results of `local`\n\n";
    const worker = "### Results of `worker`\n\n";
    const process = "### Results of `process`\n\n";
    const old = `${local}Old.\n\n${worker}Stays.`;
    const sections = new Map([["process", "| p |\n"], ["local", "| new |\n"]]);
    const once = replaceResults(frame(old), sections);
    // In the order of the suites.
    expect(once).toBe(
      frame(`${local}| new |\n\n${process}| p |\n\n${worker}Stays.`),
    );
    expect(replaceResults(once, sections)).toBe(once);
    expect(replaceResults(frame("None yet."), new Map([["local", "| l |"]])))
      .toBe(frame(`${local}| l |`));
  });

  it("need their place", () => {
    expect(() => replaceResults("# T\n", new Map())).toThrow(
      "expected <!-- results:begin --> and after it",
    );
  });
});
