/**
 * The long tests (tests/nightly/), which a normal run leaves out, on each of
 * the three runtimes. Arguments pass on to vitest.
 */
import process from "node:process";
import { runSuite, runtimes, summarize } from "./suite.mjs";

const all = [];
for (const runtime of runtimes) {
  all.push(
    await runSuite(runtime, process.argv.slice(2), {
      env: { HORNBEAM_NIGHTLY: "1" },
      limitMs: 3 * 60 * 60_000,
    }),
  );
}
process.exitCode = summarize(all);
