/**
 * The client of epmd: registers a node, looks one up, lists all.
 *
 * Each request has a connection of its own and a time limit. A registration
 * lasts as long as its connection. `epmd/presence.ts` registers a node again
 * when epmd itself has ended.
 */

import type { Host } from "../../core/host/ports.ts";
import {
  decodeAliveAnswer,
  decodeNamesAnswer,
  decodePortAnswer,
  encodeAlive,
  encodeNames,
  encodePortPlease,
  EPMD_NAMES_BYTES_MAX,
  EPMD_REQUEST_BYTES_MAX,
  type EpmdAnswer,
  type EpmdEntry,
  type EpmdName,
} from "../../wire/epmd/messages.ts";
import {
  type Carrier,
  CarrierError,
  type Network,
} from "../carrier/carrier.ts";

/** Where epmd listens, and how long it may take. */
export type EpmdAddress = {
  readonly network: Network;
  readonly timers: Pick<Host, "setTimer" | "clearTimer">;
  readonly host: string;
  readonly epmdPort: number;
  /** Limit for connecting, and again for the answer. Default 5,000. */
  readonly timeoutMs?: number;
};

/** The data that a node registers. */
export type EpmdRegistration = EpmdAddress & {
  /** The part of the node name before the `@`. */
  readonly name: string;
  readonly listenPort: number;
  readonly hidden: boolean;
  /** Called once if the connection ends before `close`. */
  readonly onLost?: (reason: string) => void;
};

/** The registration of a node. */
export interface Registration {
  /** The creation that epmd has given to the node. */
  readonly creation: number;
  /**
   * Ends the registration. Resolves when epmd has closed the connection, and so
   * has freed the name; after 2,000 ms at the latest, if epmd hangs.
   */
  close(): Promise<void>;
}

/** Another node is registered under this name. */
export class DuplicateNameError extends Error {
  override readonly name = "DuplicateNameError";
}

/** epmd did not answer, or its answer breaks the protocol. */
export class EpmdError extends Error {
  override readonly name = "EpmdError";
}

const DEFAULT_TIMEOUT_MS = 5_000;
/** Longest wait until epmd has closed a connection that ends here. */
const CLOSE_MS = 2_000;
const HIGHEST_VERSION = 6;
const LOWEST_VERSION = 5;

/**
 * Registers a node. Rejects with a `DuplicateNameError`, with a `CarrierError`
 * when epmd cannot be reached, else with an `EpmdError`.
 */
export async function register(
  registration: EpmdRegistration,
): Promise<Registration> {
  const { name, listenPort, hidden, host, epmdPort } = registration;
  const request = encodeAlive({
    name,
    port: listenPort,
    hidden,
    highestVersion: HIGHEST_VERSION,
    lowestVersion: LOWEST_VERSION,
    extra: new Uint8Array(0),
  });
  let isRegistered = false;
  let ended: string | null = null;
  const closed = Promise.withResolvers<void>();
  const { carrier, value } = await ask(registration, {
    request,
    decode: decodeAliveAnswer,
    maxBytes: EPMD_REQUEST_BYTES_MAX,
    onClosed: (reason) => {
      ended = reason;
      closed.resolve();
      if (!isRegistered) return;
      isRegistered = false;
      registration.onLost?.(reason);
    },
  });
  if (value.result !== 0) {
    carrier.destroy();
    throw new DuplicateNameError(
      `expected the name ${name} to be free at epmd on ${host}:${epmdPort}, ` +
        `but epmd refused it: a node of that name is running; ` +
        `stop that one or give this one another name`,
    );
  }
  if (ended !== null) {
    throw new EpmdError(
      `epmd on ${host}:${epmdPort} registered ${name} and closed: ${ended}`,
    );
  }
  isRegistered = true;
  return {
    creation: value.creation,
    close: () => {
      isRegistered = false;
      carrier.close(CLOSE_MS);
      return closed.promise;
    },
  };
}

/**
 * The entry of a node in epmd, or null when it is not registered. Rejects with
 * a `CarrierError` or an `EpmdError`.
 */
export async function lookup(
  address: EpmdAddress,
  name: string,
): Promise<EpmdEntry | null> {
  const { carrier, value } = await ask(address, {
    request: encodePortPlease(name),
    decode: decodePortAnswer,
    maxBytes: EPMD_REQUEST_BYTES_MAX,
  });
  carrier.destroy();
  return value;
}

/** All registered nodes. Rejects with a `CarrierError` or an `EpmdError`. */
export async function names(
  address: EpmdAddress,
): Promise<readonly EpmdName[]> {
  const { carrier, value } = await ask(address, {
    request: encodeNames(),
    decode: decodeNamesAnswer,
    maxBytes: EPMD_NAMES_BYTES_MAX,
    endsWithConnection: true,
  });
  carrier.destroy();
  return value;
}

type Question<T> = {
  readonly request: Uint8Array;
  readonly decode: (bytes: Uint8Array) => EpmdAnswer<T>;
  readonly maxBytes: number;
  /** Whether the answer is complete only when the connection has ended. */
  readonly endsWithConnection?: boolean;
  /** Called when the connection ends, before or after the answer. */
  readonly onClosed?: (reason: string) => void;
};

/** Sends one request and collects bytes until they are a whole answer. */
async function ask<T>(
  address: EpmdAddress,
  question: Question<T>,
): Promise<{ readonly carrier: Carrier; readonly value: T }> {
  const { network, timers, host, epmdPort } = address;
  const timeoutMs = address.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const carrier = await network.connect({ host, port: epmdPort, timeoutMs });
  const where = `epmd on ${host}:${epmdPort}`;
  return await new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let isAnswered = false;
    const endWaiting = (): void => {
      isAnswered = true;
      timers.clearTimer(timer);
    };
    const fail = (error: Error): void => {
      if (isAnswered) return;
      endWaiting();
      carrier.destroy();
      reject(error);
    };
    const timer = timers.setTimer(() => {
      const text = `expected ${where} to answer within ${timeoutMs} ms, ` +
        `got ${size} bytes`;
      fail(new CarrierError("timeout", text));
    }, timeoutMs);
    const tryDecode = (): void => {
      const answer = question.decode(join(chunks, size));
      if (answer.type === "answer") {
        endWaiting();
        resolve({ carrier, value: answer.value });
      } else if (answer.type === "malformed") {
        fail(new EpmdError(`${where}: ${answer.detail}`));
      }
    };
    carrier.open({
      data: (chunk) => {
        if (isAnswered) return;
        chunks.push(chunk);
        size += chunk.length;
        if (size > question.maxBytes) {
          const text = `expected at most ${question.maxBytes} bytes ` +
            `from ${where}, got ${size}`;
          fail(new EpmdError(text));
        } else if (question.endsWithConnection !== true) tryDecode();
      },
      drain: () => {},
      closed: (reason) => {
        question.onClosed?.(reason);
        if (!isAnswered && question.endsWithConnection === true) tryDecode();
        fail(new EpmdError(`${where} closed without an answer: ${reason}`));
      },
    });
    carrier.write(question.request);
  });
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
