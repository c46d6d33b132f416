/** The `Remote` of a node that takes part in no cluster: it reaches no node. */

import type { Remote, Way } from "./remote.ts";

export class NoRemote implements Remote {
  readonly #microtask: (callback: () => void) => void;
  readonly #lost: (node: string) => void;

  /** `lost` is told of a node that something was sent to. */
  constructor(
    microtask: (callback: () => void) => void,
    lost: (node: string) => void,
  ) {
    this.#microtask = microtask;
    this.#lost = lost;
  }

  send(): boolean {
    return true;
  }

  signal(node: string): boolean {
    // Answered later, as a connection that cannot be made would be.
    this.#microtask(() => this.#lost(node));
    return true;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  way(): Way {
    return { isUp: false, hasRoom: true };
  }

  nodes(): readonly string[] {
    return [];
  }
}
