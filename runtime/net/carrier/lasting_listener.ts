/**
 * A listener that is opened again, on the same port, when it fails: when the
 * system has closed it, or when it accepts no connection any more, as can happen
 * after a process had no file descriptor left.
 *
 * The network says that a listener has failed; this module only reports and
 * opens. Connections that were accepted before are not touched.
 */

import type { Host, LogLevel, TimerHandle } from "../../core/host/ports.ts";
import { errorText } from "../../core/terms/error_text.ts";
import type { Carrier, Listener, Network } from "./carrier.ts";

/** What a lasting listener needs besides the network. */
export type LastingListenerOptions = {
  readonly network: Pick<Network, "listen">;
  readonly at: { readonly host: string; readonly port: number };
  readonly accept: (carrier: Carrier) => void;
  readonly timers: Pick<Host, "setTimer" | "clearTimer">;
  readonly log: (
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
};

/** Wait before the first attempt to open again; doubled after each failure. */
export const REOPEN_MS = 100;
/** Longest wait between two attempts. */
export const REOPEN_MS_MAX = 10_000;

/** Opens the port. Rejects with a `CarrierError` when the first attempt fails. */
export async function listenLastingly(
  options: LastingListenerOptions,
): Promise<Listener> {
  const listener = new LastingListener(options);
  await listener.open();
  return listener;
}

class LastingListener implements Listener {
  readonly #options: LastingListenerOptions;
  /** The open listener; null while there is none. */
  #listener: Listener | null = null;
  /** Set by the first `open`, so that the port stays the same. */
  #port = 0;
  /** Timer of the next attempt; null when none is scheduled. */
  #timer: TimerHandle | null = null;
  /** Attempts that have failed since the listener did. */
  #failedAttempts = 0;
  /** Set by `close`, for ever: nothing is opened after that. */
  #isClosed = false;

  constructor(options: LastingListenerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    const { network, at, accept } = this.#options;
    let why: string | null = null;
    let opened: Listener | null = null;
    opened = await network.listen(
      { host: at.host, port: this.#port === 0 ? at.port : this.#port },
      accept,
      (reason) => {
        why = reason;
        if (opened !== null) this.#failed(opened, reason);
      },
    );
    if (this.#isClosed) {
      await opened.close();
      return;
    }
    this.#listener = opened;
    this.#port = opened.port;
    if (why !== null) this.#failed(opened, why);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.timers.clearTimer(this.#timer);
    this.#timer = null;
    const listener = this.#listener;
    this.#listener = null;
    await listener?.close();
  }

  #failed(listener: Listener, why: string): void {
    if (this.#isClosed || this.#listener !== listener) return;
    this.#listener = null;
    this.#failedAttempts = 0;
    this.#log("error", "failed; it is opened again", { reason: why });
    // Its port must be free before it can be opened again.
    const reopen = (): void => this.#reopenLater(REOPEN_MS);
    listener.close().then(reopen, reopen);
  }

  #reopenLater(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.timers.setTimer(() => {
      this.#timer = null;
      this.open().then(
        () => {
          if (!this.#isClosed) this.#log("warning", "is open again", {});
        },
        (error) => {
          // One line, however long it takes.
          if (++this.#failedAttempts === 1) {
            const fields = { error: errorText(error) };
            this.#log("error", "could not be opened again; retrying", fields);
          }
          this.#reopenLater(Math.min(delayMs * 2, REOPEN_MS_MAX));
        },
      );
    }, delayMs);
  }

  #log(
    level: LogLevel,
    what: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const { at, log } = this.#options;
    log(level, `the listener on ${at.host}:${this.#port} ${what}`, fields);
  }
}
