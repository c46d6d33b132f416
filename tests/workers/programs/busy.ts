/**
 * A thread that can be held, run by tests/workers/control.test.ts: it offers
 * `hold`, `act` and `acts` on the port that it is given.
 */
import type { MessagePort } from "node:worker_threads";
import { offer } from "../../../runtime/platform/workers/control.ts";
import { threadData } from "../../../runtime/platform/workers/thread.ts";

const { port } = threadData() as { readonly port: MessagePort };
const acts: string[] = [];

offer<{
  hold(memory: Int32Array): void;
  act(what: string): void;
  acts(): readonly string[];
}>(port, {
  hold: (memory) => void Atomics.wait(memory, 0, 0),
  act: (what) => void acts.push(what),
  acts: () => acts,
});
