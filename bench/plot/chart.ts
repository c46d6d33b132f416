/**
 * Results as a vector chart: for each row bars with their spread, on a scale of
 * its own, and curves of latencies where there are any.
 *
 * The code is our own, because the chart libraries that draw without a browser
 * need more than fifty packages or as many megabytes, which is much for two
 * kinds of panels. So the installed command can draw as well.
 */

import { shortRate } from "../runner/text.ts";
import type { Result } from "../runner/results.ts";
import { type RowOfSides, rowsOfSides, type Side } from "./sides.ts";
import { at, element, picture, text } from "./svg.ts";

const MARGIN = 16;
const PANEL_WIDTH = 400;
const PANEL_GAP = 24;
const COLUMNS = 2;
const TITLE_HEIGHT = 22;
const GREY = "#777";
const GRID = "#ddd";

type Panel = { readonly height: number; readonly children: readonly string[] };

function panelTitle(title: string, unit: string): string[] {
  return [
    text({ x: 0, y: 12, "font-size": 12, "font-weight": "bold" }, title),
    text({ x: PANEL_WIDTH, y: 12, "text-anchor": "end", fill: GREY }, unit),
  ];
}

const BAR_STEP = 16;
const BAR_HEIGHT = 11;
const LABEL_WIDTH = 104;
const VALUE_WIDTH = 48;

function bars({ id, unit, sides }: RowOfSides): Panel {
  const width = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const scale = width / Math.max(...sides.map((side) => side.max));
  return {
    height: TITLE_HEIGHT + sides.length * BAR_STEP,
    children: [
      ...panelTitle(id, unit),
      ...sides.flatMap((side, i) => {
        const y = TITLE_HEIGHT + i * BAR_STEP;
        return bar(side, y, LABEL_WIDTH, scale);
      }),
    ],
  };
}

function bar(side: Side, y: number, x: number, scale: number): string[] {
  const middle = y + BAR_HEIGHT / 2;
  const [min, max] = [x + side.min * scale, x + side.max * scale];
  const whisker = `M${min.toFixed(1)} ${middle}H${max.toFixed(1)}` +
    [min, max].map((end) => `M${end.toFixed(1)} ${middle - 3}v6`).join("");
  return [
    text({ x: x - 6, y: y + 9, "text-anchor": "end" }, side.title),
    element("rect", {
      x,
      y,
      width: Math.max(1, side.rate * scale),
      height: BAR_HEIGHT,
      fill: side.colour,
    }),
    element("path", { d: whisker, stroke: "#000", "stroke-opacity": ".55" }),
    text(
      { x: PANEL_WIDTH, y: y + 9, "text-anchor": "end" },
      shortRate(side.rate),
    ),
  ];
}

const CURVES_HEIGHT = 150;
const AXIS_WIDTH = 48;
const LEGEND_COLUMNS = 4;
const LEGEND_STEP = 15;
/** On a logarithmic scale of their distances from 100. */
const ticks = [50, 90, 99, 99.9];

function nines(percent: number): number {
  return -Math.log10(1 - percent / 100);
}

function curves({ id, sides }: RowOfSides): Panel {
  const shown = sides.filter((side) => side.latencies.length > 0);
  const all = shown.flatMap((side) => side.latencies.map(({ us }) => us));
  const low = Math.floor(Math.log10(Math.min(...all)));
  // At least one decade, so that there is room between the lines.
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all))));
  const legend = Math.ceil(shown.length / LEGEND_COLUMNS) * LEGEND_STEP;
  const top = TITLE_HEIGHT + legend + 8;
  const [first, last] = [nines(ticks[0]!), nines(ticks.at(-1)!)];
  const x = (percent: number) =>
    AXIS_WIDTH + 8 + (nines(percent) - first) / (last - first) *
      (PANEL_WIDTH - AXIS_WIDTH - 24);
  const y = (us: number) =>
    top + CURVES_HEIGHT * (high - Math.log10(us)) / (high - low);
  const decades = Array.from({ length: high - low + 1 }, (_, i) =>
    10 **
      (low + i));
  return {
    height: top + CURVES_HEIGHT + 20,
    children: [
      ...panelTitle(id, "latency at percentile"),
      ...shown.flatMap(legendItem),
      ...decades.flatMap((us) => [
        element("path", {
          d: `M${AXIS_WIDTH} ${y(us).toFixed(1)}H${PANEL_WIDTH}`,
          stroke: GRID,
        }),
        text(
          { x: AXIS_WIDTH - 6, y: y(us) + 4, "text-anchor": "end", fill: GREY },
          duration(us),
        ),
      ]),
      ...ticks.map((percent) =>
        text({
          x: x(percent),
          y: top + CURVES_HEIGHT + 15,
          "text-anchor": "middle",
          fill: GREY,
        }, `p${percent}`)
      ),
      ...shown.map((side) => curve(side, x, y)),
    ],
  };
}

function legendItem(side: Side, i: number): string[] {
  const x = i % LEGEND_COLUMNS * (PANEL_WIDTH / LEGEND_COLUMNS);
  const y = TITLE_HEIGHT + Math.floor(i / LEGEND_COLUMNS) * LEGEND_STEP;
  return [
    element("circle", { cx: x + 4, cy: y + 4, r: 4, fill: side.colour }),
    text({ x: x + 12, y: y + 8 }, side.title),
  ];
}

function curve(
  side: Side,
  x: (percent: number) => number,
  y: (us: number) => number,
): string {
  const points = side.latencies.map(({ percent, us }) => ({
    cx: x(percent),
    cy: y(us),
  }));
  const line = points
    .map(({ cx, cy }) => `${cx.toFixed(1)} ${cy.toFixed(1)}`).join("L");
  return element("g", { fill: side.colour, stroke: side.colour }, [
    element("path", { d: `M${line}`, fill: "none", "stroke-width": 2 }),
    ...points.map((point) => element("circle", { ...point, r: 2.5 })),
  ]);
}

function duration(us: number): string {
  if (us < 1_000) return `${us} µs`;
  return us < 1e6 ? `${us / 1e3} ms` : `${us / 1e6} s`;
}

/** Panels in columns, row by row. */
function grid(
  panels: readonly Panel[],
  top: number,
): { readonly bottom: number; readonly children: readonly string[] } {
  const children: string[] = [];
  let y = top;
  for (let i = 0; i < panels.length; i += COLUMNS) {
    const row = panels.slice(i, i + COLUMNS);
    row.forEach((panel, column) => {
      const x = MARGIN + column * (PANEL_WIDTH + PANEL_GAP);
      children.push(at(x, y, panel.children));
    });
    y += Math.max(...row.map((panel) => panel.height)) + PANEL_GAP;
  }
  return { bottom: y, children };
}

/** An SVG document; `results` may be of several suites. */
export function chart(results: readonly Result[], title: string): string {
  const rows = rowsOfSides(results);
  const withLatencies = rows.filter((row) =>
    row.sides.some((side) => side.latencies.length > 0)
  );
  const above = grid(rows.map(bars), MARGIN);
  const below = grid(withLatencies.map(curves), above.bottom);
  const panels = [...above.children, ...below.children];
  const width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * PANEL_GAP;
  return picture({ width, height: below.bottom }, title, panels);
}
