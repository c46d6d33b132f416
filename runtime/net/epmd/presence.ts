/**
 * Keeps one node registered with epmd, whichever process hosts epmd.
 *
 * A node registers with the epmd that listens on the port. Where no epmd
 * listens, the node hosts an embedded one, if it may, and registers with that.
 * When the process that hosts epmd ends, each registered node tries again at
 * once and then every 250 ms, and one of the nodes that may host takes over the
 * port. The creation of the first registration stays, as on BEAM nodes, because
 * a node's pids must stay valid as long as it runs.
 */

import type { Host, LogLevel } from "../../core/host/ports.ts";
import { CarrierError, type Network } from "../carrier/carrier.ts";
import {
  DuplicateNameError,
  EpmdError,
  register,
  type Registration,
} from "./client.ts";
import { type EpmdServer, startEpmdServer } from "./server.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** Settings of an `EpmdPresence`. */
export type EpmdPresenceOptions = {
  readonly network: Network;
  readonly platform: Pick<
    Host,
    "now" | "setTimer" | "clearTimer" | "randomU32" | "log" | "logs"
  >;
  /** Full name of the node, `part@host`. */
  readonly nodeName: string;
  /** The port on which the node listens for other nodes. */
  readonly listenPort: number;
  readonly hidden: boolean;
  readonly epmdPort: number;
  /** Whether to host an epmd where none runs, now or later. Default true. */
  readonly mayHost?: boolean;
  /** Connections to the hosted epmd at a time. Default 512. */
  readonly maxConnections?: number;
  /** Time between two attempts to register again. Default 250. */
  readonly retryMs?: number;
  /** Limit for each request to epmd. Default 5,000. */
  readonly timeoutMs?: number;
};

const LOOPBACK = "127.0.0.1";

/** How often `start` tries, `retryMs` apart. */
const START_ATTEMPTS = 8;

/** Whether nothing listens on epmd's port. */
function isRefused(error: unknown): boolean {
  return error instanceof CarrierError && error.code === "refused";
}

/** Whether epmd may have ended after it was found and before it answered. */
function isWorthRetrying(error: unknown): boolean {
  return isRefused(error) || error instanceof EpmdError;
}

/** A node's place in epmd. */
export interface Presence {
  /** Rejects when the name is taken, or epmd cannot be reached. */
  start(): Promise<{ readonly creation: number }>;
  /** Resolves when the name is free, or epmd hangs. */
  stop(): Promise<void>;
}

/** The place of one node in epmd, kept for as long as the node runs. */
export class EpmdPresence implements Presence {
  readonly #options: EpmdPresenceOptions;
  /** The part of the node name before the `@`. */
  readonly #name: string;
  /** The epmd that this node hosts; null while it hosts none. */
  #server: EpmdServer | null = null;
  /** The open registration; null while the node is not registered. */
  #registration: Registration | null = null;
  /** Timer of the next attempt to register again, if there is one. */
  #retry: unknown;
  /** Set by `stop`, for ever: no registration or epmd is opened after that. */
  #isStopped = false;
  /** Whether the node has ever been registered. */
  #wasRegistered = false;
  /**
   * Failed attempts since epmd was lost. Only the second one is logged, so an
   * outage of any length gives two log lines.
   */
  #failedAttempts = 0;

  constructor(options: EpmdPresenceOptions) {
    this.#options = options;
    this.#name = options.nodeName.slice(0, options.nodeName.indexOf("@"));
  }

  /** Whether this node hosts epmd. */
  get isHosting(): boolean {
    return this.#server !== null;
  }

  /** Whether the node is registered now. */
  get isRegistered(): boolean {
    return this.#registration !== null;
  }

  /**
   * Registers the node. Rejects with a `DuplicateNameError`, or with the error
   * that keeps it from reaching or hosting epmd.
   */
  async start(): Promise<{ readonly creation: number }> {
    let failure: unknown;
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
      try {
        const registration = await this.#registerOrHost();
        return { creation: registration.creation };
      } catch (error) {
        failure = this.#explain(error);
        if (!isWorthRetrying(error) || this.#isStopped) break;
        await this.#pause();
      }
    }
    await this.stop();
    throw failure;
  }

  /**
   * Ends the registration, and epmd if this node hosts it. The name is free when
   * this has resolved, unless epmd hangs.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.platform.clearTimer(this.#retry);
    const registration = this.#registration;
    this.#registration = null;
    const server = this.#server;
    this.#server = null;
    await registration?.close();
    await server?.close();
  }

  async #registerOrHost(): Promise<Registration> {
    try {
      return await this.#register();
    } catch (error) {
      if (!isRefused(error) || this.#options.mayHost === false) throw error;
    }
    await this.#host();
    return await this.#register();
  }

  async #register(): Promise<Registration> {
    const { network, platform, epmdPort, listenPort, hidden, timeoutMs } =
      this.#options;
    const registration = await register({
      network,
      timers: platform,
      host: LOOPBACK,
      epmdPort,
      name: this.#name,
      listenPort,
      hidden,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      onLost: (reason) => this.#onLost(reason),
    });
    if (this.#isStopped) {
      await registration.close();
      throw new Error(
        `expected ${this.#options.nodeName} to run until it is registered, ` +
          `but it was stopped`,
      );
    }
    this.#registration = registration;
    this.#wasRegistered = true;
    return registration;
  }

  async #host(): Promise<void> {
    const { network, platform, nodeName, epmdPort, maxConnections } =
      this.#options;
    if (this.#server !== null) return;
    const server = await startEpmdServer({
      network,
      platform,
      nodeName,
      port: epmdPort,
      ...(maxConnections === undefined ? {} : { maxConnections }),
    });
    // Another node may have taken the port first. Its epmd serves this node.
    if (server === "already-running") return;
    if (this.#isStopped) {
      await server.close();
      return;
    }
    this.#server = server;
    const place = `${LOOPBACK}:${epmdPort}`;
    if (this.#wasRegistered) {
      // Erlang's own epmd ends silently when its port is taken.
      this.#log("warning", `took over epmd's port ${place}`, {
        reason: "the epmd that listened there has ended",
        consequence: "no other epmd can start while this node runs",
        remedy: "hostEpmd: false leaves the port alone",
      });
    } else this.#log("info", `hosting epmd on ${place}`);
  }

  #onLost(reason: string): void {
    this.#registration = null;
    if (this.#isStopped) return;
    this.#log("info", `lost epmd, registering again`, { reason });
    this.#failedAttempts = 0;
    void this.#registerAgain();
  }

  async #registerAgain(): Promise<void> {
    try {
      await this.#registerOrHost();
      this.#log("info", "registered with epmd again");
    } catch (error) {
      if (this.#isStopped) return;
      // The first attempt also fails while another node takes over the port.
      if (++this.#failedAttempts === 2) {
        const cause = this.#explain(error);
        this.#log("error", "could not register with epmd, still trying", {
          error: errorText(cause),
        });
      }
      this.#retry = this.#options.platform.setTimer(
        () => void this.#registerAgain(),
        this.#options.retryMs ?? 250,
      );
    }
  }

  #pause(): Promise<void> {
    const { platform, retryMs } = this.#options;
    return new Promise((resolve) => {
      platform.setTimer(resolve, retryMs ?? 250);
    });
  }

  #explain(cause: unknown): unknown {
    const { nodeName, epmdPort, mayHost } = this.#options;
    if (cause instanceof DuplicateNameError) {
      return new DuplicateNameError(
        `expected no other node named ${this.#name} on this machine ` +
          `(epmd on port ${epmdPort}), but one is running; ` +
          `stop it or start ${nodeName} under another name`,
        { cause },
      );
    }
    if (mayHost !== false || !isRefused(cause)) return cause;
    return new CarrierError(
      "refused",
      `expected epmd to run on ${LOOPBACK}:${epmdPort}, since ${nodeName} may ` +
        "not host one, but nothing listens there; start it with " +
        "epmd -daemon, or " +
        "allow hostEpmd",
    );
  }

  #log(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#options.platform.log({
      level,
      category: "epmd",
      node: this.#options.nodeName,
      message,
      fields,
    });
  }
}
