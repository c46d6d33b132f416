/**
 * The capability flags that this node offers in a handshake, and the agreement
 * with a BEAM node that follows from them.
 *
 * Two Hornbeam nodes recognise each other by their announcement, so flags
 * decide nothing between them. The flags are those of the Erlang/OTP
 * documentation, "Distribution Protocol".
 */

import type { BeamLink } from "../../wire/beam/beam_codec.ts";
import { announce, type HandshakePeer } from "../../wire/handshake/messages.ts";
import {
  BASE_FLAGS,
  expandFlags,
  flag,
  type Flags,
} from "../../wire/handshake/flags.ts";
import type { HandshakeOptions } from "../../wire/handshake/machine.ts";
import type { DistributionOptions, TermOptions } from "./options.ts";

/**
 * The flags that a node offers: among them large messages in fragments, atoms
 * from the peer's cache, and the signal of OTP 28 that replaces ALIAS_SEND.
 */
const OFFERED: Flags = BASE_FLAGS | flag.fragments | flag.distHdrAtomCache |
  flag.altactSig;

/** What a node says about itself in a handshake, and what it needs for that. */
export function handshakeOptions(
  options: Pick<
    DistributionOptions,
    "node" | "hidden" | "cookie" | "withoutFlags"
  >,
): HandshakeOptions {
  const { node } = options;
  const flags = options.hidden ? OFFERED : OFFERED | flag.published;
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

/** The agreement with a BEAM node; null when the peer is a Hornbeam node. */
export function beamLink(
  own: Flags,
  peer: HandshakePeer,
  terms: TermOptions,
): BeamLink | null {
  if (peer.announcement !== null) return null;
  return { chosen: own & expandFlags(peer.flags), ...terms };
}
