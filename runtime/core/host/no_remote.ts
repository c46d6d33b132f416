/** The `Remote` of a node that takes part in no cluster: it reaches no node. */

import type { Remote, Way } from "./remote.ts";

export class NoRemote implements Remote {
  readonly #microtask: (callback: () => void) => void;
  readonly #lost: (node: string) => void;

  /** `lost` is called with each node to which a signal was sent. */
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
    // Called later, as for a connection that cannot be made.
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
