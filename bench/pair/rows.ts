/** From the shapes of two nodes to the rows of a suite, one for each size. */

import type { Self } from "../../runtime/mod.ts";
import type { Bench, Figures, GapMeter, Row } from "../row.ts";
import type { Message } from "./behaviours.ts";
import { type Far, type Prepare, type Shape, sizes } from "./shapes.ts";

/** The second node of a row, and the meters of its timers. */
export type Pair = {
  readonly far: Far;
  readonly meters: readonly GapMeter[];
};

/** Runs code in an owner whose node is connected to a second one. */
export type WithPair = (
  bench: Bench,
  measure: (self: Self<Message>, pair: Pair) => Promise<Figures>,
) => Promise<Figures>;

/** Makes the `run` of a row, for messages of that size. */
export function runPair(
  withPair: WithPair,
  prepare: Prepare,
  bytes: number,
): Row["run"] {
  return (bench) =>
    withPair(bench, async (self, { far, meters }) => {
      const part = await prepare(self, far, bytes);
      return await bench.measure({ ...part, meters });
    });
}

/** Makes a row for each shape and size; `rest` gets its name: `one-way-16B`. */
export function pairRows(options: {
  readonly suite: string;
  /** Stands before the names of shapes: `to-`. */
  readonly before?: string;
  readonly shapes: readonly Shape[];
  readonly withPair: WithPair;
  readonly rest: (
    name: string,
    shape: Shape,
    bytes: number,
  ) => Pick<Row, "partner" | "peer" | "erlangPartner" | "raw">;
}): Row[] {
  const { suite, before = "", shapes, withPair, rest } = options;
  return shapes.flatMap((shape) =>
    sizes.map(({ name, title, bytes }): Row => ({
      id: `${suite}/${before}${shape.name}-${name}`,
      unit: shape.unit,
      what: shape.what(title),
      run: runPair(withPair, shape.prepare, bytes),
      ...rest(`${shape.name}-${name}`, shape, bytes),
    }))
  );
}
