#!/usr/bin/env node
/**
 * The entry of the command `hornbeam`, with `run`, `cluster` and `bench`, on
 * Node.js, Deno and Bun.
 *
 * It passes the arguments to `commands.ts` and ends the process with the exit
 * code that this returns, even if timers or sockets are still open. `cluster`
 * starts this file again for each of its nodes. All other modules are imported
 * after the check that the runtime is recent enough for them.
 */

import process from "node:process";

const MIN_NODE = 24;

const isNodeJs = !("deno" in process.versions) && !("bun" in process.versions);
if (isNodeJs && Number.parseInt(process.versions.node) < MIN_NODE) {
  process.stderr.write(
    `error: hornbeam needs Node.js ${MIN_NODE} or later, Deno or Bun, and ` +
      `this is Node.js ${process.versions.node}; install a newer one, or run ` +
      "it with deno or bun\n",
  );
  process.exit(2);
}

const { main } = await import("./commands.ts");
const { endProcess } = await import("./shared/ending.ts");
endProcess(await main(process.argv.slice(2)));
