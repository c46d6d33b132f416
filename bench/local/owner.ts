/**
 * Helpers for rows of one node: each row runs in one actor, the owner, which
 * starts the others and gets a message when they are done.
 */

import { type RunningNode, type Self, start } from "../../runtime/mod.ts";
import type { Bench, ErlangPeer, Figures, Row, TimedPart } from "../row.ts";

export const erlangPeer: ErlangPeer = {
  source: new URL("./bench_local.erl", import.meta.url),
  distributed: false,
};

/** The suite of a row. */
export type Suite = { readonly name: string; readonly peer: ErlangPeer };

const local: Suite = { name: "local", peer: erlangPeer };

/** The arguments of code that runs in an owner. */
export type Owner<M> = {
  readonly self: Self<M>;
  readonly node: RunningNode;
  readonly bench: Bench;
};

export function ownerRow<M>(options: {
  readonly name: string;
  readonly unit: string;
  readonly what: string;
  readonly suite?: Suite;
  /** Runs in the owner. */
  readonly measure: (owner: Owner<M>) => Promise<Figures>;
}): Row {
  const { name, unit, what, suite = local, measure } = options;
  return {
    id: `${suite.name}/${name}`,
    unit,
    what,
    peer: suite.peer,
    run: async (bench) => {
      await using node = await start();
      return await node.run((self: Self<M>) => measure({ self, node, bench }));
    },
  };
}

/** Prepares the row and returns the timed code, both in the owner. */
export type Prepare<M> = (
  self: Self<M>,
  node: RunningNode,
) => TimedPart["run"];

/** A row of one timed part without figures of its own. */
export function plainRow<M>(options: {
  readonly name: string;
  readonly unit: string;
  readonly what: string;
  readonly maxCount: number;
  readonly unitsPerCount?: number;
  readonly suite?: Suite;
  readonly prepare: Prepare<M>;
}): Row {
  const { maxCount, unitsPerCount = 1, prepare } = options;
  return ownerRow<M>({
    ...options,
    measure: ({ self, node, bench }) =>
      bench.measure({ maxCount, unitsPerCount, run: prepare(self, node) }),
  });
}

/** Adds the figure `slowdown`: the time for a unit, relative to `base`. */
export function withSlowdown(figures: Figures, base: Figures): Figures {
  const slowdown = base.rate / figures.rate;
  return { ...figures, extra: { ...figures.extra, slowdown } };
}
