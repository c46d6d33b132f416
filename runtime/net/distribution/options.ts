/**
 * The parameters of `Distribution`: the parts that `start` passes in, and the
 * options of the user.
 */

import type { Node } from "../../core/node/node.ts";
import type { Flags } from "../../wire/handshake/flags.ts";
import type { Network } from "../carrier/carrier.ts";
import type { Discovery, Neighbours } from "../epmd/discovery.ts";
import type { DistributionLimits } from "./limits.ts";

/** How terms of BEAM nodes arrive; see `StartOptions`. */
export type TermOptions = {
  /** Whether integral floats arrive as `Float`. */
  readonly exact: boolean;
  /** Whether binaries arrive as strings where they are UTF-8. */
  readonly binaries: "text" | "bytes";
};

export type DistributionOptions = {
  readonly node: Node;
  readonly network: Network;
  readonly discovery: Discovery;
  /** The other nodes of this process, if there can be any. */
  readonly neighbours?: Neighbours;
  /** The secret that is shared with a node. */
  readonly cookie: (nodeName: string) => string;
  /** A hidden node is in no other node's `nodes()`. */
  readonly hidden: boolean;
  readonly terms: TermOptions;
  /** Flags that are not offered, so that tests can act as an older node. */
  readonly withoutFlags?: Flags;
  readonly limits?: DistributionLimits;
};
