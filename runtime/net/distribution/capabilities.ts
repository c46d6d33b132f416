/**
 * What this node offers in a handshake, and what comes of it with a BEAM node.
 *
 * Two Hornbeam nodes know each other by their announcement, so flags decide
 * nothing between them. The flags are those of the Erlang/OTP documentation,
 * "Distribution Protocol".
 */

import type { BeamLink } from "../../wire/beam/beam_codec.ts";
import {
  announce,
  baseFlags,
  expandFlags,
  flag,
  type Flags,
  type HandshakePeer,
} from "../../wire/handshake/messages.ts";
import type { HandshakeOptions } from "../../wire/handshake/machine.ts";
import type { DistributionOptions, TermOptions } from "./options.ts";

/**
 * Everything that has a meaning here: large messages in fragments, atoms from
 * the peer's cache, and what OTP 28 sends in place of ALIAS_SEND.
 */
const offered: Flags = baseFlags | flag.fragments | flag.distHdrAtomCache |
  flag.altactSig;

/** What a node says of itself, and what it needs to say it. */
export function handshakeOptions(
  options: Pick<
    DistributionOptions,
    "node" | "hidden" | "cookie" | "withoutFlags"
  >,
): HandshakeOptions {
  const { node } = options;
  const flags = options.hidden ? offered : offered | flag.published;
  return {
    own: {
      name: node.name,
      flags: flags & ~(options.withoutFlags ?? 0n),
      creation: node.creation,
      announcement: announce(0),
    },
    cookie: options.cookie,
    md5: (data) => node.host.md5(data),
    randomU32: () => node.host.randomU32(),
  };
}

/** How to speak with the peer; null when it is a Hornbeam node. */
export function beamLink(
  own: Flags,
  peer: HandshakePeer,
  terms: TermOptions,
): BeamLink | null {
  if (peer.announcement !== null) return null;
  return { chosen: own & expandFlags(peer.flags), ...terms };
}
