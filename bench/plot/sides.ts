/** Turns results by row and runtime into the sides that a chart draws. */

import type { PeerName } from "../row.ts";
import type { Runtime } from "../runner/programs.ts";
import type { Result } from "../runner/results.ts";
import { peerTitles } from "../runner/text.ts";

/** A runtime, or a peer of it, in one row. */
export type Side = {
  readonly title: string;
  readonly colour: string;
  readonly rate: number;
  readonly min: number;
  readonly max: number;
  /**
   * Microseconds by percentile, in rising order; empty where none are shown.
   */
  readonly latencies: readonly Latency[];
};

export type Latency = { readonly percent: number; readonly us: number };

export type RowOfSides = {
  readonly id: string;
  readonly unit: string;
  readonly sides: readonly Side[];
};

const runtimeColours: Readonly<Record<Runtime, string>> = {
  node: "#3f873f",
  deno: "#46566b",
  bun: "#d98b4a",
};
/** Paler than the runtime's own. */
const rawColours: Readonly<Record<Runtime, string>> = {
  node: "#a8cca8",
  deno: "#aeb8c4",
  bun: "#efcfb3",
};
const BEAM_COLOUR = "#a2003e";

const percentiles = {
  latencyUsP50: 50,
  latencyUsP90: 90,
  latencyUsP99: 99,
  latencyUsP999: 99.9,
} as const;

/** `nameOf` returns the field of a figure in the result. */
function latenciesOf(
  result: Result,
  nameOf: (figure: string) => string,
): Latency[] {
  return Object.entries(percentiles).flatMap(([figure, percent]) => {
    const us = result[nameOf(figure)];
    return typeof us === "number" && us > 0 ? [{ percent, us }] : [];
  });
}

function ownSide(result: Result): Side {
  return {
    title: result.runtime,
    colour: runtimeColours[result.runtime],
    rate: result.rate,
    min: result.rateMin,
    max: result.rateMax,
    latencies: latenciesOf(result, (figure) => figure),
  };
}

function peerSide(result: Result, peer: PeerName): Side {
  const { runtime, peerRate = 0 } = result;
  const isBeam = peer === "beam";
  return {
    title: isBeam ? peerTitles.beam : `${peerTitles[peer]} ${runtime}`,
    colour: isBeam ? BEAM_COLOUR : rawColours[runtime],
    rate: peerRate,
    min: result.peerRateMin ?? peerRate,
    max: result.peerRateMax ?? peerRate,
    latencies: latenciesOf(
      result,
      (figure) => `peer${figure.charAt(0).toUpperCase()}${figure.slice(1)}`,
    ),
  };
}

/** The rows in their order, each side once, the BEAM last. */
export function rowsOfSides(results: readonly Result[]): RowOfSides[] {
  const rows = new Map<string, Map<string, Side>>();
  const units = new Map<string, string>();
  for (const result of results) {
    const sides = rows.get(result.bench) ?? new Map<string, Side>();
    rows.set(result.bench, sides);
    units.set(result.bench, result.unit);
    const own = ownSide(result);
    sides.set(own.title, own);
    if (result.peer === undefined) continue;
    const peer = peerSide(result, result.peer);
    // Moved behind the other sides.
    sides.delete(peer.title);
    sides.set(peer.title, peer);
  }
  return [...rows].map(([id, sides]) => ({
    id,
    unit: units.get(id) ?? "",
    sides: beamLast([...sides.values()]),
  }));
}

function beamLast(sides: readonly Side[]): Side[] {
  const isBeam = (side: Side) => side.title === peerTitles.beam;
  return [...sides.filter((side) => !isBeam(side)), ...sides.filter(isBeam)];
}
