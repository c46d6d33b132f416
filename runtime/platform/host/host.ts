/**
 * The `Host` of a real thread, on Node.js, Deno and Bun: clock, event loop,
 * entropy, digest, log and the thread's pid table.
 */

import { createHash, webcrypto } from "node:crypto";
import type { Host } from "../../core/host/ports.ts";
import type { PidTable } from "../../core/terms/terms.ts";
import { clearTimer, macrotask, microtask, setTimer } from "./event_loop.ts";
import { createLog, type Log } from "./log.ts";
import { guardLog } from "./log_sink.ts";
import {
  adopt,
  attribute,
  attributesRejections,
  type RejectionCounts,
  rejectionCounts,
  releaseRejections,
  retainRejections,
  unowned,
  unownedMicrotask,
} from "./rejections.ts";
import { runtimeName } from "./runtime.ts";
import { createWeakPidTable } from "./weak_pids.ts";

/** A `Host` with functions for its owner. */
export interface PlatformHost extends Host {
  /** Counts floating rejections of this thread, for all hosts together. */
  readonly rejections: RejectionCounts;
  /**
   * To be called when a node starts. Floating rejections are caught while any
   * node runs. Each call needs one call of `release`.
   */
  retain(): void;
  /** To be called when a node has stopped. */
  release(): void;
}

/**
 * The one table of the thread, made on first use. Equal pids are `===` because
 * there is only one table.
 */
let threadPids: PidTable | null = null;

const entropy = new Uint32Array(256);
let entropyUsed = entropy.length;

/**
 * Draws random words in blocks, because each draw is at least a system call.
 */
function randomU32(): number {
  if (entropyUsed === entropy.length) {
    webcrypto.getRandomValues(entropy);
    entropyUsed = 0;
  }
  const word = entropy[entropyUsed]!;
  entropy[entropyUsed++] = 0;
  return word;
}

function md5(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

/** Makes a host. `log` defaults to `createLog()`. */
export function createHost(
  options: { readonly log?: Log } = {},
): PlatformHost {
  const log = guardLog(options.log ?? createLog());
  threadPids ??= createWeakPidTable();
  return {
    runtime: runtimeName,
    capabilities: { attributesRejections },
    pids: threadPids,
    now: () => performance.now(),
    wallTime: () => Date.now(),
    setTimer,
    clearTimer,
    microtask: attributesRejections ? unownedMicrotask() : microtask,
    macrotask: unowned(macrotask),
    randomU32,
    md5,
    log,
    lostRecords: log.dropped,
    ...(log.logs === undefined ? {} : { logs: log.logs }),
    attribute,
    adopt,
    get rejections() {
      return rejectionCounts();
    },
    retain: () => retainRejections(log),
    release: () => releaseRejections(log),
  };
}
