/**
 * A key-value store over two nodes or more: a server on each, which sends each
 * put to the others.
 *
 * All nodes have all pairs, so a read is local. Of two values for one key,
 * the one with the later version wins on every node; the version counts puts,
 * and the node's name decides between equals. It is eventually consistent: a
 * put that has not arrived yet is not seen.
 */

import { NodeUp } from "../../runtime/mod.ts";
import {
  genServer,
  initial,
  multiCall,
  type Server,
} from "../../std/gen_server/mod.ts";

/** A value and when it was put: `[count, node]`. */
type Versioned = {
  readonly value: unknown;
  readonly count: number;
  readonly node: string;
};

type State = {
  readonly pairs: Map<string, Versioned>;
  /** The highest count that was seen. */
  count: number;
};

export const STORE = "kv_store";

function isLater(a: Versioned, b: Versioned | undefined): boolean {
  if (b === undefined || a.count !== b.count) return a.count > (b?.count ?? 0);
  return a.node > b.node;
}

function merge(state: State, key: string, pair: Versioned): void {
  state.count = Math.max(state.count, pair.count);
  if (isLater(pair, state.pairs.get(key))) state.pairs.set(key, pair);
}

export const Store = genServer({
  name: "Store",
  init: (self) => {
    self.monitorNodes();
    // The pairs of the others are requested after the start.
    return initial<State>({ pairs: new Map(), count: 0 }, { continue: "load" });
  },
  continue: (server) => load(server, server.self.nodes()),
  calls: {
    get: ({ state }, key: string): unknown =>
      state.pairs.get(key)?.value ?? null,
    put: ({ state, self }, key: string, value: unknown): void => {
      const pair = { value, count: state.count + 1, node: self.node };
      merge(state, key, pair);
      for (const node of self.nodes()) {
        self.cast({ name: STORE, node }, Store.request("merge", key, pair));
      }
    },
    /** All pairs, for a store that has just started. */
    all: ({ state }): ReadonlyMap<string, Versioned> => state.pairs,
    /** Crashes the server, for the demonstration. */
    crash: (): never => {
      throw new Error("as asked");
    },
  },
  casts: {
    merge: ({ state }, key: string, pair: Versioned) => merge(state, key, pair),
  },
  info: async (server, message) => {
    if (message instanceof NodeUp) await load(server, [message.node]);
  },
});

/** Gets the pairs of other nodes. A node without a store is skipped. */
async function load(
  { self, state }: Server<State>,
  nodes: readonly string[],
): Promise<void> {
  const { replies } = await multiCall<ReadonlyMap<string, Versioned>>(
    self,
    nodes,
    STORE,
    Store.request("all"),
    { timeoutMs: 1_000 },
  );
  for (const pairs of replies.values()) {
    for (const [key, pair] of pairs) merge(state, key, pair);
  }
}
