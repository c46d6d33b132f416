#!/usr/bin/env node
/**
 * The command `hornbeam`: `run`, `cluster` and `bench`, on Node.js, Deno and
 * Bun alike.
 *
 * Only the entry: it hands the arguments over and ends the process with the
 * exit code that comes back, whatever still runs. `cluster` starts this very
 * file again for each of its nodes. Everything else is imported only once the
 * runtime is known to be recent enough for it.
 */

import process from "node:process";

const LEAST_NODE = 24;

const isNodeJs = !("deno" in process.versions) && !("bun" in process.versions);
if (isNodeJs && Number.parseInt(process.versions.node) < LEAST_NODE) {
  process.stderr.write(
    `error: hornbeam needs Node.js ${LEAST_NODE} or later, Deno or Bun, and ` +
      `this is Node.js ${process.versions.node}; install a newer one, or run ` +
      "it with deno or bun\n",
  );
  process.exit(2);
}

const { main } = await import("./commands.ts");
const { endProcess } = await import("./shared/ending.ts");
endProcess(await main(process.argv.slice(2)));
