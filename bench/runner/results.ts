/** Turns the samples of repeated runs into the results of a row. */

import type { PeerName, Row } from "../row.ts";
import type { Sample } from "./ours.ts";
import type { Runtime } from "./programs.ts";

/** One line of the report; the form of `--json`. */
export type Result = {
  /** The row's id. */
  readonly bench: string;
  readonly runtime: Runtime;
  /** Median over the repeats, in `unit`. */
  readonly rate: number;
  readonly rateMin: number;
  readonly rateMax: number;
  readonly repeats: number;
  readonly unit: string;
  /** Median over the repeats of the longest gap of a 5 ms timer. */
  readonly timerGapMs: number;
  /** Figures of the row's own, medians as well. */
  readonly [extra: string]: string | number | undefined;
  /** The peer of the comparison; a row with two peers has two results. */
  readonly peer?: PeerName;
  readonly peerRate?: number;
  readonly peerRateMin?: number;
  readonly peerRateMax?: number;
  /** `rate / peerRate`. */
  readonly ratio?: number;
};

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1] ?? NaN;
  const high = sorted[sorted.length >> 1] ?? NaN;
  return (low + high) / 2;
}

/** Six significant digits, more than the noise allows. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function spread(samples: readonly Sample[]): {
  readonly rate: number;
  readonly min: number;
  readonly max: number;
} {
  const rates = samples.map((sample) => sample.rate);
  return {
    rate: round(median(rates)),
    min: round(Math.min(...rates)),
    max: round(Math.max(...rates)),
  };
}

function extras(samples: readonly Sample[]): Record<string, number> {
  const names = Object.keys(samples[0]?.extra ?? {});
  return Object.fromEntries(names.map((name) => [
    name,
    round(median(samples.map((sample) => sample.extra[name] ?? NaN))),
  ]));
}

/** `peer` is empty when there is no comparison. */
export function summarize(
  row: Row,
  runtime: Runtime,
  ours: readonly Sample[],
  peer: readonly Sample[],
  peerName: PeerName = "beam",
): Result {
  const own = spread(ours);
  const result: Result = {
    bench: row.id,
    runtime,
    rate: own.rate,
    unit: row.unit,
    timerGapMs: round(median(ours.map((sample) => sample.timerGapMs ?? NaN))),
    rateMin: own.min,
    rateMax: own.max,
    repeats: ours.length,
    ...extras(ours),
  };
  if (peer.length === 0) return result;
  const other = spread(peer);
  const otherExtras = Object.entries(extras(peer)).map(([name, value]) => [
    `peer${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    value,
  ]);
  return {
    ...result,
    peer: peerName,
    peerRate: other.rate,
    peerRateMin: other.min,
    peerRateMax: other.max,
    ratio: round(own.rate / other.rate),
    ...Object.fromEntries(otherExtras),
  };
}
