/**
 * The launcher's view of one worker node of a cluster. It is derived from the
 * state of the process that hosts the worker, and from the worker's replies.
 */

import type { MemberState } from "./view.ts";

/** The state of a worker's process. */
export type HostState = {
  readonly state: MemberState;
  readonly incarnation: number;
  /** Its workers whose threads run; null before its first reply. */
  readonly workers: readonly string[] | null;
};

export class WorkerRow {
  readonly name: string;
  #state: MemberState = "starting";
  /** The incarnation of the process that the state is of. */
  #incarnation = 0;
  /** Whether its node has answered since its thread was started. */
  #hasAnswered = false;

  constructor(name: string) {
    this.name = name;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** Records that its node has answered, in that incarnation of the process. */
  setAnswered(incarnation: number): void {
    if (incarnation === this.#incarnation) this.#hasAnswered = true;
  }

  /** Returns whether the state has changed. */
  update(host: HostState): boolean {
    if (host.incarnation !== this.#incarnation) {
      this.#incarnation = host.incarnation;
      this.#hasAnswered = false;
    }
    const before = this.#state;
    this.#state = this.#next(host);
    return this.#state !== before;
  }

  #next({ state, workers }: HostState): MemberState {
    if (state !== "up") return state;
    if (workers === null || workers.includes(this.name)) {
      return this.#hasAnswered ? "up" : "starting";
    }
    // Its thread has not started yet, or has ended and may be restarted.
    if (!this.#hasAnswered && this.#state !== "ended") return "starting";
    this.#hasAnswered = false;
    return "ended";
  }
}
