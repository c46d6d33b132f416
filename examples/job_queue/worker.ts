/** The worker of the job queue: one job at a time, and an answer for each. */

import type { Pid, Ref, Self } from "../../runtime/mod.ts";

/** A job, as the queue sends it. */
export type Task = {
  readonly id: number;
  readonly input: unknown;
  /** Which attempt it is, from 1 on. */
  readonly attempts: number;
  /** To be repeated in the answer. */
  readonly ref: Ref;
  readonly from: Pid<Answer>;
};

/** The answer of a worker. */
export type Answer =
  & { readonly type: "answer"; readonly id: number; readonly ref: Ref }
  & (
    | { readonly ok: true; readonly value: unknown }
    | { readonly ok: false; readonly reason: string }
  );

/** The work. A job fails when this throws or rejects. */
export type Work = (
  input: unknown,
  attempts: number,
  self: Self<Task>,
) => unknown;

/** The behaviour that a node exports, so that the queue can start workers. */
export function workerOf(
  work: Work,
): () => (self: Self<Task>) => Promise<void> {
  return () => async (self) => {
    for await (const { id, input, attempts, ref, from } of self) {
      const head = { type: "answer", id, ref } as const;
      try {
        const value = await work(input, attempts, self);
        self.send(from, { ...head, ok: true, value });
      } catch (error) {
        if (!self.isAlive) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        self.send(from, { ...head, ok: false, reason });
      }
    }
  };
}
