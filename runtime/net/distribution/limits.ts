/**
 * Limits and times of a node's connections, with their defaults.
 */

import { UsageError } from "../../core/messages/errors.ts";
import { printTerm } from "../../core/terms/terms.ts";
import { LOG_BURST } from "../limits/log_limit.ts";

/** Limits and times of a node's connections. Each has a default. */
export type DistributionLimits = {
  /** Largest signal that is accepted or sent, in bytes. Default 128 MiB. */
  readonly maxFrameBytes?: number;
  /** Longest wait for a socket and for each handshake step. Default 7,000. */
  readonly setupTimeoutMs?: number;
  /** `send` returns false from this many waiting bytes on. Default 4 MiB. */
  readonly highMarkBytes?: number;
  /** Silence after which a peer is suspect. Default 2,000. */
  readonly suspectAfterMs?: number;
  /** Silence after which a peer is down. Default 15,000, least 1,000. */
  readonly downAfterMs?: number;
  /**
   * The `net_ticktime` of BEAM nodes, which must be the same on all of them. A
   * BEAM node that is silent for this long, or up to a quarter longer, is down;
   * the two limits above do not hold for BEAM nodes. Default 60,000, least
   * 1,000.
   */
  readonly netTicktimeMs?: number;
  /**
   * Incoming handshakes at a time. When there are more, the oldest one of the
   * address that holds the most is closed. Default: an eighth of the file
   * descriptors that the process may have, from 8 to 256.
   */
  readonly maxHandshakes?: number;
  /**
   * Warnings of one kind about one address or node that are written in full
   * within 10 seconds. Further ones are counted, and one line sums them up.
   * Default 5.
   */
  readonly logBurst?: number;
};

const defaults: Required<DistributionLimits> = {
  maxFrameBytes: 128 * 1024 * 1024,
  setupTimeoutMs: 7_000,
  highMarkBytes: 4 * 1024 * 1024,
  suspectAfterMs: 2_000,
  downAfterMs: 15_000,
  netTicktimeMs: 60_000,
  maxHandshakes: 256,
  logBurst: LOG_BURST,
};

/**
 * Fills in the defaults. Throws `UsageError` for an unknown limit, and for a
 * limit that is no number above 0: such an error would show only when a peer is
 * silent, or never.
 */
export function withDefaults(
  limits: DistributionLimits,
): Required<DistributionLimits> {
  const all: Record<string, number> = { ...defaults };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(defaults, name)) {
      throw new UsageError(
        `expected limits among ${Object.keys(defaults).join(", ")}, got ` +
          name,
      );
    }
    if (value === undefined) continue;
    if (!(typeof value === "number" && value > 0)) {
      throw new UsageError(
        `expected the limit ${name} to be a number above 0, got ` +
          printTerm(value),
      );
    }
    all[name] = value;
  }
  const given = all as Required<DistributionLimits>;
  return {
    ...given,
    downAfterMs: Math.max(1_000, given.downAfterMs),
    netTicktimeMs: Math.max(1_000, given.netTicktimeMs),
  };
}
