/**
 * Figures of a running node. Types only, so that a node and its workers can
 * both name them.
 */

/** What a worker is doing. `lost`: see `WorkerExit`. */
export type WorkerState = "starting" | "up" | "stopping" | "ended" | "lost";

/** Figures of a node, all since its start unless said otherwise. */
export type NodeStats = {
  readonly name: string;
  readonly runtime: string;
  /** Living actors now, the kernel's included. */
  readonly actors: number;
  /** Messages that were put into mailboxes. */
  readonly messages: number;
  readonly crashes: number;
  /** Messages lost to limits of mailboxes. */
  readonly lostMessages: number;
  readonly nodes: readonly string[];
  /** Its workers whose threads run. */
  readonly workers: readonly {
    readonly name: string;
    readonly state: WorkerState;
  }[];
};
