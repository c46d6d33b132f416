/**
 * Talking to epmd: register, look up, list.
 *
 * Each is one connection with a time limit. A registration lives as long as
 * its connection; keeping a node registered through the death of whoever hosts
 * epmd is the business of `epmd/presence.ts`.
 */

import type { Host } from "../../core/host/ports.ts";
import {
  decodeAliveAnswer,
  decodeNamesAnswer,
  decodePortAnswer,
  encodeAlive,
  encodeNames,
  encodePortPlease,
  type EpmdAnswer,
  type EpmdEntry,
  type EpmdName,
  maxEpmdNamesBytes,
  maxEpmdRequestBytes,
} from "../../wire/epmd/messages.ts";
import {
  type Carrier,
  CarrierError,
  type Network,
} from "../carrier/carrier.ts";

/** Where epmd is, and how long it may take. */
export type EpmdAddress = {
  readonly network: Network;
  readonly timers: Pick<Host, "setTimer" | "clearTimer">;
  readonly host: string;
  readonly epmdPort: number;
  /** For connecting and for the answer, each; 5,000 by default. */
  readonly timeoutMs?: number;
};

/** What a node registers. */
export type EpmdRegistration = EpmdAddress & {
  /** The part of the node name before the `@`. */
  readonly name: string;
  readonly listenPort: number;
  readonly hidden: boolean;
  /** Called once if the connection ends before `close`. */
  readonly onLost?: (reason: string) => void;
};

/** A node that is registered. */
export interface Registration {
  /** The incarnation epmd gave. */
  readonly creation: number;
  /** Ends the registration; the name is free as soon as epmd sees it. */
  close(): void;
}

/** The name is registered already. */
export class DuplicateNameError extends Error {
  override readonly name = "DuplicateNameError";
}

/** epmd answered something else than the protocol has, or nothing. */
export class EpmdError extends Error {
  override readonly name = "EpmdError";
}

const defaultTimeoutMs = 5_000;
const lingerMs = 100;
const distributionVersion = 6;
const lowestVersion = 5;

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
    highestVersion: distributionVersion,
    lowestVersion,
    extra: new Uint8Array(0),
  });
  let isRegistered = false;
  let ended: string | null = null;
  const { carrier, value } = await ask(registration, {
    request,
    decode: decodeAliveAnswer,
    maxBytes: maxEpmdRequestBytes,
    onClosed: (reason) => {
      ended = reason;
      if (!isRegistered) return;
      isRegistered = false;
      registration.onLost?.(reason);
    },
  });
  if (value.result !== 0) {
    carrier.destroy();
    throw new DuplicateNameError(
      `expected the name ${name} to be free at epmd on ${host}:${epmdPort}, ` +
        `but it refused it: a node of that name is running; ` +
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
      carrier.close(lingerMs);
    },
  };
}

/**
 * What epmd knows about a node, or null when it is not registered. Rejects
 * with a `CarrierError` or an `EpmdError`.
 */
export async function lookup(
  address: EpmdAddress,
  name: string,
): Promise<EpmdEntry | null> {
  const { carrier, value } = await ask(address, {
    request: encodePortPlease(name),
    decode: decodePortAnswer,
    maxBytes: maxEpmdRequestBytes,
  });
  carrier.destroy();
  return value;
}

/** All nodes registered. Rejects with a `CarrierError` or an `EpmdError`. */
export async function names(
  address: EpmdAddress,
): Promise<readonly EpmdName[]> {
  const { carrier, value } = await ask(address, {
    request: encodeNames(),
    decode: decodeNamesAnswer,
    maxBytes: maxEpmdNamesBytes,
    endsWithConnection: true,
  });
  carrier.destroy();
  return value;
}

type Question<T> = {
  readonly request: Uint8Array;
  readonly decode: (bytes: Uint8Array) => EpmdAnswer<T>;
  readonly maxBytes: number;
  /** Whether the answer is whole only when the connection has ended. */
  readonly endsWithConnection?: boolean;
  /** The connection has ended; also after the answer. */
  readonly onClosed?: (reason: string) => void;
};

/** Sends one request and collects bytes until they make an answer. */
async function ask<T>(
  address: EpmdAddress,
  question: Question<T>,
): Promise<{ readonly carrier: Carrier; readonly value: T }> {
  const { network, timers, host, epmdPort } = address;
  const timeoutMs = address.timeoutMs ?? defaultTimeoutMs;
  const carrier = await network.connect({ host, port: epmdPort, timeoutMs });
  const where = `epmd on ${host}:${epmdPort}`;
  return await new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let settled = false;
    const settle = (): void => {
      settled = true;
      timers.clearTimer(timer);
    };
    const fail = (error: Error): void => {
      if (settled) return;
      settle();
      carrier.destroy();
      reject(error);
    };
    const timer = timers.setTimer(() => {
      const text = `expected ${where} to answer within ${timeoutMs} ms, ` +
        `got ${size} bytes`;
      fail(new CarrierError("timeout", text));
    }, timeoutMs);
    const look = (): void => {
      const answer = question.decode(join(chunks, size));
      if (answer.type === "answer") {
        settle();
        resolve({ carrier, value: answer.value });
      } else if (answer.type === "malformed") {
        fail(new EpmdError(`${where}: ${answer.detail}`));
      }
    };
    carrier.open({
      data: (chunk) => {
        if (settled) return;
        chunks.push(chunk);
        size += chunk.length;
        if (size > question.maxBytes) {
          const text = `expected at most ${question.maxBytes} bytes ` +
            `from ${where}, got ${size}`;
          fail(new EpmdError(text));
        } else if (question.endsWithConnection !== true) look();
      },
      drain: () => {},
      closed: (reason) => {
        question.onClosed?.(reason);
        if (!settled && question.endsWithConnection === true) look();
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
