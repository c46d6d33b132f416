/**
 * Asks the nodes of a cluster for their figures.
 *
 * The launcher is a hidden node of the cluster: it is in nobody's `nodes()`,
 * and every node's `node_info` actor answers it. Its questions are left out of
 * the rates that come from the answers.
 */

import type {
  NodeInfoReply,
  NodeStats,
  Pid,
  RunningNode,
} from "../../runtime/mod.ts";

/** What a node answered. */
export type Figures = {
  readonly actors: number;
  /** Null until there are two answers. */
  readonly messagesPerSecond: number | null;
  /** Names of its workers whose threads run. */
  readonly workers: readonly string[];
};

/** Figures older than this are not shown. */
const STALE_MS = 2_000;

type Seen = {
  readonly incarnation: number;
  readonly messages: number;
  readonly at: number;
  readonly figures: Figures;
};

export class Watch {
  readonly #node: RunningNode;
  readonly #asker: Pid<NodeInfoReply>;
  readonly #seen = new Map<string, Seen>();
  /** Questions to a node since it answered last. */
  readonly #unanswered = new Map<string, number>();

  /** `answered` is told which of `names` is alive, as which incarnation. */
  constructor(
    node: RunningNode,
    names: readonly string[],
    answered: (name: string, incarnation: number) => void,
  ) {
    this.#node = node;
    this.#asker = node.spawn<NodeInfoReply>(async (self) => {
      for await (const message of self) {
        if (!isAnswer(message)) continue;
        const { name } = message.stats;
        if (!names.includes(name)) continue;
        this.#note(message.tag, message.stats);
        answered(name, message.tag);
      }
    });
  }

  /** Asks a node; the answer may come or not. */
  ask(name: string, incarnation: number): void {
    this.#unanswered.set(name, this.unanswered(name) + 1);
    const question = { type: "stats", from: this.#asker, tag: incarnation };
    try {
      this.#node.send({ name: "node_info", node: name }, question);
    } catch {
      // Its connection is full, and so it has been asked often enough.
    }
  }

  /** How many questions it has not answered, one after the other. */
  unanswered(name: string): number {
    return this.#unanswered.get(name) ?? 0;
  }

  /** What it said last, if that was not long ago. */
  figures(name: string, incarnation: number): Figures | null {
    const seen = this.#seen.get(name);
    if (seen === undefined || seen.incarnation !== incarnation) return null;
    return performance.now() - seen.at > STALE_MS ? null : seen.figures;
  }

  #note(incarnation: number, stats: NodeStats): void {
    const { name, messages, actors } = stats;
    this.#unanswered.delete(name);
    const at = performance.now();
    const last = this.#seen.get(name);
    const messagesPerSecond = last?.incarnation === incarnation
      ? rate(messages - last.messages, at - last.at)
      : null;
    const workers = stats.workers.map((worker) => worker.name);
    const figures = { actors, messagesPerSecond, workers };
    this.#seen.set(name, { incarnation, messages, at, figures });
  }
}

/** Any node that knows the cookie can send anything. */
function isAnswer(
  message: unknown,
): message is NodeInfoReply & { tag: number; stats: NodeStats } {
  if (typeof message !== "object" || message === null) return false;
  const { tag, stats } = message as NodeInfoReply;
  if (typeof tag !== "number") return false;
  if (typeof stats !== "object" || stats === null) return false;
  const { messages, actors, workers } = stats as NodeStats;
  return typeof messages === "number" && typeof actors === "number" &&
    Array.isArray(workers);
}

/** Messages per second, without the question itself. */
export function rate(messages: number, elapsedMs: number): number {
  if (elapsedMs <= 0) return 0;
  return Math.max(0, messages - 1) * 1_000 / elapsedMs;
}
