/**
 * What this node offers in a handshake, and what comes of it with a BEAM node.
 *
 * Two Hornbeam nodes know each other by their announcement, so flags decide
 * nothing between them. The flags are those of the Erlang/OTP documentation,
 * "Distribution Protocol".
 */

import type { BeamLink } from "../wire/beam_codec.ts";
import {
  baseFlags,
  expandFlags,
  flag,
  type Flags,
  type HandshakePeer,
} from "../wire/handshake.ts";

/** How terms of BEAM nodes arrive; see `StartOptions`. */
export type TermOptions = {
  /** Whether integral floats arrive as `Float`. */
  readonly exact: boolean;
  /** Whether binaries arrive as strings where they are UTF-8. */
  readonly binaries: "text" | "bytes";
};

/**
 * Everything that has a meaning here: large messages in fragments, atoms from
 * the peer's cache, and what OTP 28 sends in place of ALIAS_SEND.
 */
const offered: Flags = baseFlags | flag.fragments | flag.distHdrAtomCache |
  flag.altactSig;

export function ownFlags(
  options: { readonly hidden: boolean; readonly without?: Flags },
): Flags {
  const flags = options.hidden ? offered : offered | flag.published;
  return flags & ~(options.without ?? 0n);
}

/** How to speak with the peer; null when it is a Hornbeam node. */
export function beamLink(
  own: Flags,
  peer: HandshakePeer,
  terms: TermOptions,
): BeamLink | null {
  if (peer.announcement !== null) return null;
  const chosen = own & expandFlags(peer.flags);
  const hasFragments = (chosen & flag.fragments) !== 0n;
  const hasHeader = hasFragments || (chosen & flag.distHdrAtomCache) !== 0n;
  return {
    form: hasHeader ? "header" : "passThrough",
    hasFragments,
    ...terms,
  };
}
