/**
 * One worker node of a cluster as the launcher sees it. All it knows comes from
 * the process that hosts the worker, and from the answers of the worker itself.
 */

import type { MemberState } from "./view.ts";

/** What is known of a worker's process. */
export type HostKnown = {
  readonly state: MemberState;
  readonly incarnation: number;
  /** Its workers whose threads run; null while it has not said. */
  readonly workers: readonly string[] | null;
};

export class WorkerRow {
  readonly name: string;
  #state: MemberState = "starting";
  #incarnation = 0;
  #hasAnswered = false;

  constructor(name: string) {
    this.name = name;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** Its node answers, in a process of that incarnation. */
  answered(incarnation: number): void {
    if (incarnation === this.#incarnation) this.#hasAnswered = true;
  }

  /** Returns whether the state has changed. */
  update(host: HostKnown): boolean {
    if (host.incarnation !== this.#incarnation) {
      this.#incarnation = host.incarnation;
      this.#hasAnswered = false;
    }
    const before = this.#state;
    this.#state = this.#next(host);
    return this.#state !== before;
  }

  #next({ state, workers }: HostKnown): MemberState {
    if (state !== "up") return state;
    if (workers === null || workers.includes(this.name)) {
      return this.#hasAnswered ? "up" : "starting";
    }
    // It has not begun, or it is over, perhaps to start again.
    if (!this.#hasAnswered && this.#state !== "ended") return "starting";
    this.#hasAnswered = false;
    return "ended";
  }
}
