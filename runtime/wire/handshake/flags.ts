/**
 * The flag bits with which two nodes tell each other what they support.
 *
 * Follows the Erlang/OTP documentation, "Distribution Protocol", section
 * "Distribution Flags".
 */

/** 64 flag bits of the handshake. */
export type Flags = bigint;

/** Distribution flags by name, as in `dist.hrl`. */
export const flag: {
  readonly published: Flags;
  readonly extendedReferences: Flags;
  readonly distMonitor: Flags;
  readonly funTags: Flags;
  readonly distMonitorName: Flags;
  readonly newFunTags: Flags;
  readonly extendedPidsPorts: Flags;
  readonly exportPtrTag: Flags;
  readonly bitBinaries: Flags;
  readonly newFloats: Flags;
  readonly unicodeIo: Flags;
  readonly distHdrAtomCache: Flags;
  readonly smallAtomTags: Flags;
  readonly utf8Atoms: Flags;
  readonly mapTag: Flags;
  readonly bigCreation: Flags;
  readonly sendSender: Flags;
  readonly bigSeqtraceLabels: Flags;
  readonly exitPayload: Flags;
  readonly fragments: Flags;
  readonly handshake23: Flags;
  readonly unlinkId: Flags;
  readonly mandatory25Digest: Flags;
  readonly spawn: Flags;
  readonly nameMe: Flags;
  readonly v4Nc: Flags;
  readonly alias: Flags;
  readonly altactSig: Flags;
} = {
  published: 0x1n,
  extendedReferences: 0x4n,
  distMonitor: 0x8n,
  funTags: 0x10n,
  distMonitorName: 0x20n,
  newFunTags: 0x80n,
  extendedPidsPorts: 0x100n,
  exportPtrTag: 0x200n,
  bitBinaries: 0x400n,
  newFloats: 0x800n,
  unicodeIo: 0x1000n,
  distHdrAtomCache: 0x2000n,
  smallAtomTags: 0x4000n,
  utf8Atoms: 0x10000n,
  mapTag: 0x20000n,
  bigCreation: 0x40000n,
  sendSender: 0x80000n,
  bigSeqtraceLabels: 0x100000n,
  exitPayload: 0x400000n,
  fragments: 0x800000n,
  handshake23: 0x1000000n,
  unlinkId: 0x2000000n,
  mandatory25Digest: 0x4000000n,
  spawn: 1n << 32n,
  nameMe: 1n << 33n,
  v4Nc: 1n << 34n,
  alias: 1n << 35n,
  altactSig: 1n << 37n,
};

/** Flags that OTP 25 requires; `mandatory25Digest` stands for all of them. */
export const MANDATORY_25: Flags = 0x1070f94n;

/** Flags that OTP 26 and Hornbeam require of a peer. */
export const MANDATORY_FLAGS: Flags = MANDATORY_25 | flag.unlinkId | flag.v4Nc;

/**
 * Flags of Hornbeam as a hidden node without fragments and atom cache, which
 * gives the simplest framing. OR `flag.published` for a visible node.
 */
export const BASE_FLAGS: Flags = 0x0d_075f5fbcn;

/** Flags, with all flags set for which `mandatory25Digest` stands. */
export function expandFlags(flags: Flags): Flags {
  return (flags & flag.mandatory25Digest) === 0n ? flags : flags | MANDATORY_25;
}

/** The mandatory flags that `flags` lacks; zero when none is missing. */
export function missingFlags(flags: Flags): Flags {
  return MANDATORY_FLAGS & ~expandFlags(flags);
}
