/**
 * Questions to several nodes at once, and the answers of all of them.
 *
 * A node that is lost, has no server, or does not answer in time is left out of
 * the answers. So each round ends.
 */

import type { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort, Undo } from "../state/port.ts";

/** Longest wait for an answer. A silent node is lost long before. */
const ANSWER_MS = 20_000;

/** A request to a node, and the pid that makes it. */
export type Question = {
  readonly node: string;
  readonly holder: Pid;
  readonly request: unknown;
};

/** By node; a node that gave no answer is missing. */
export type Answers = ReadonlyMap<string, readonly unknown[]>;

type Round = {
  /** How many questions are not answered yet; one more while they are sent. */
  open: number;
  readonly answers: Map<string, unknown[]>;
  /** Called once, when `open` reaches 0. */
  readonly done: (answers: Answers) => void;
};

/** A question that is not answered yet. `end` stops its call and its timer. */
type Open = { readonly round: Round; readonly end: Undo };

export type RoundsParts = {
  readonly port: GlobalPort;
  /** Answers the questions to this node itself. */
  readonly own: (request: unknown, holder: Pid) => unknown;
  /** Has a node's server monitored, so that its loss is reported to `lost`. */
  readonly monitor: (node: string) => void;
};

export class Rounds {
  readonly #parts: RoundsParts;
  /** By node, the unanswered questions to it. No set is empty. */
  readonly #open = new Map<string, Set<Open>>();

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  /** Calls `done` once; at once if no other node is asked. */
  ask(questions: readonly Question[], done: (answers: Answers) => void): void {
    const { port, own, monitor } = this.#parts;
    const round: Round = { open: 1, answers: new Map(), done };
    for (const { node, holder, request } of questions) {
      if (node === port.node) {
        add(round, node, own(request, holder));
        continue;
      }
      monitor(node);
      round.open++;
      const endCall = port.call(node, holder, request, (value) => {
        add(round, node, value);
        this.#closeQuestion(node, question);
      });
      const endTimer = port.timer(ANSWER_MS, () => {
        port.log(
          "warning",
          `global: ${node} gave no answer in ${ANSWER_MS} ms`,
        );
        this.#closeQuestion(node, question);
      });
      const end = () => {
        endCall();
        endTimer();
      };
      const question: Open = { round, end };
      let all = this.#open.get(node);
      if (all === undefined) this.#open.set(node, all = new Set());
      all.add(question);
    }
    this.#endIfAnswered(round);
  }

  /** A node is lost: its questions end without an answer. */
  lost(node: string): void {
    for (const question of [...this.#open.get(node) ?? []]) {
      this.#closeQuestion(node, question);
    }
  }

  #closeQuestion(node: string, question: Open): void {
    const all = this.#open.get(node);
    if (all === undefined || !all.delete(question)) return;
    if (all.size === 0) this.#open.delete(node);
    question.end();
    this.#endIfAnswered(question.round);
  }

  #endIfAnswered(round: Round): void {
    if (--round.open === 0) round.done(round.answers);
  }
}

function add(round: Round, node: string, value: unknown): void {
  const known = round.answers.get(node);
  if (known === undefined) round.answers.set(node, [value]);
  else known.push(value);
}
