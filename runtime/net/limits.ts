/**
 * Limits and times of a node's connections, and what they are by default.
 */

/** Limits and times of a node's connections; every one has a default. */
export type DistributionLimits = {
  /** Largest signal that is accepted or sent, in bytes. Default 128 MiB. */
  readonly maxFrameBytes?: number;
  /** Longest wait for a socket and for each handshake step. Default 7,000. */
  readonly setupTimeoutMs?: number;
  /** `send` returns false above this many waiting bytes. Default 4 MiB. */
  readonly highMarkBytes?: number;
  /** Silence after which a peer is suspect. Default 2,000. */
  readonly suspectAfterMs?: number;
  /** Silence after which a peer is down. Default 15,000, least 1,000. */
  readonly downAfterMs?: number;
  /**
   * The `net_ticktime` of BEAM nodes, which must be the same on all of them:
   * one that is silent for this long, and at most a quarter more, is down; the
   * two limits above are not for them. Default 60,000, least 1,000.
   */
  readonly netTicktimeMs?: number;
  /** Incoming handshakes at a time; more are closed. Default 256. */
  readonly maxHandshakes?: number;
};

/** The limits with their defaults filled in. */
export function withDefaults(
  limits: DistributionLimits,
): Required<DistributionLimits> {
  return {
    maxFrameBytes: limits.maxFrameBytes ?? 128 * 1024 * 1024,
    setupTimeoutMs: limits.setupTimeoutMs ?? 7_000,
    highMarkBytes: limits.highMarkBytes ?? 4 * 1024 * 1024,
    suspectAfterMs: limits.suspectAfterMs ?? 2_000,
    downAfterMs: Math.max(1_000, limits.downAfterMs ?? 15_000),
    netTicktimeMs: Math.max(1_000, limits.netTicktimeMs ?? 60_000),
    maxHandshakes: limits.maxHandshakes ?? 256,
  };
}
