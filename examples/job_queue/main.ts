/**
 * A job queue that survives the kill of a worker process.
 *
 * ```text
 * node examples/job_queue/main.ts
 * ```
 *
 * Two processes with two workers each square numbers for a queue in this one.
 * When a third of the jobs is done, one of the processes is killed with SIGKILL
 * in the middle of its jobs. Every job is done nevertheless. The queue is a
 * server under a supervisor.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { start } from "../../runtime/mod.ts";
import { ownRuntime, runArguments } from "../word_index/runtimes.ts";
import type { Settings } from "./member.ts";
import { JobQueue, type Outcome } from "./queue.ts";

const MEMBER = fileURLToPath(new URL("member.ts", import.meta.url));
const JOBS = 60;

async function startMember(settings: Settings): Promise<ChildProcess> {
  const args = runArguments(ownRuntime(), MEMBER);
  const child = spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin?.write(`${JSON.stringify(settings)}\n`);
  await once(child.stdout!, "data");
  return child;
}

const cookie = randomBytes(16).toString("hex");
const epmdPort = Number(process.env["ERL_EPMD_PORT"] ?? 4369);
const shared = { cookie, epmdPort };
await using node = await start({ name: "queue@127.0.0.1", ...shared });
const children = await Promise.all(
  ["one@127.0.0.1", "two@127.0.0.1"].map((name) =>
    startMember({ name, connect: [node.name], ...shared })
  ),
);

await node.run(async (self) => {
  const queue = await JobQueue.startLink(self, { worker: "square" });
  let done = 0;
  const submit = async (n: number): Promise<Outcome> => {
    const patient = queue.with({ timeoutMs: Infinity });
    const outcome = await patient.submit(n) as Outcome;
    if (++done === JOBS / 3) {
      console.log(`${done} of ${JOBS} jobs are done: killing a process`);
      children[0]?.kill("SIGKILL");
    }
    return outcome;
  };
  const outcomes = await Promise.all(
    Array.from({ length: JOBS }, (_, n) => submit(n)),
  );
  const right = outcomes.filter((outcome, n) =>
    outcome.ok && outcome.value === n * n
  );
  const again = outcomes.filter(({ attempts }) => attempts > 1);
  console.log(
    `${right.length} of ${JOBS} results are right; ` +
      `${again.length} jobs took more than one attempt`,
  );
  process.exitCode = right.length === JOBS ? 0 : 1;
});
for (const child of children) child.stdin?.end();
