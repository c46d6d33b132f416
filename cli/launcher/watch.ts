/**
 * Asks the nodes of a cluster for their figures.
 *
 * The launcher is a hidden node of the cluster: it is in the `nodes()` of no
 * node, and the actor `node_info` of every node answers it. The rates leave out
 * the launcher's own questions.
 */

import type {
  NodeInfoReply,
  NodeStats,
  Pid,
  RunningNode,
} from "../../runtime/mod.ts";

/** The figures of a node. */
export type Figures = {
  readonly actors: number;
  /** Null until there are two replies. */
  readonly messagesPerSecond: number | null;
  /** Names of its workers whose threads run. */
  readonly workers: readonly string[];
};

/** Figures older than this are not shown. */
const STALE_MS = 2_000;

/** The last reply of a node. */
type Reply = {
  readonly incarnation: number;
  readonly messages: number;
  readonly at: number;
  readonly figures: Figures;
};

export class Watch {
  readonly #node: RunningNode;
  readonly #asker: Pid<NodeInfoReply>;
  /** By the name of the node. */
  readonly #replies = new Map<string, Reply>();
  /** Questions to a node since its last reply. */
  readonly #unanswered = new Map<string, number>();

  /** Calls `answered` when a node of `names` has replied. */
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

  /** Asks a node; a reply may come or not. */
  ask(name: string, incarnation: number): void {
    this.#unanswered.set(name, this.unanswered(name) + 1);
    const question = { type: "stats", from: this.#asker, tag: incarnation };
    try {
      this.#node.send({ name: "node_info", node: name }, question);
    } catch {
      // Its connection is full, so earlier questions are still on their way.
    }
  }

  /** The number of questions to a node since its last reply. */
  unanswered(name: string): number {
    return this.#unanswered.get(name) ?? 0;
  }

  /** The figures of the last reply; null without a recent one. */
  figures(name: string, incarnation: number): Figures | null {
    const reply = this.#replies.get(name);
    if (reply === undefined || reply.incarnation !== incarnation) return null;
    return performance.now() - reply.at > STALE_MS ? null : reply.figures;
  }

  #note(incarnation: number, stats: NodeStats): void {
    const { name, messages, actors } = stats;
    this.#unanswered.delete(name);
    const at = performance.now();
    const last = this.#replies.get(name);
    const messagesPerSecond = last?.incarnation === incarnation
      ? rate(messages - last.messages, at - last.at)
      : null;
    const workers = stats.workers.map((worker) => worker.name);
    const figures = { actors, messagesPerSecond, workers };
    this.#replies.set(name, { incarnation, messages, at, figures });
  }
}

/** Checks the shape, because any node of the cluster can send here. */
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

/** Messages per second, without the launcher's question. */
export function rate(messages: number, elapsedMs: number): number {
  if (elapsedMs <= 0) return 0;
  return Math.max(0, messages - 1) * 1_000 / elapsedMs;
}
