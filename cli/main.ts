#!/usr/bin/env node
/**
 * The command `hornbeam`: `run`, `cluster` and `bench`, on Node.js, Deno and
 * Bun alike.
 *
 * Only the entry: it hands the arguments over and ends the process with the
 * exit code that comes back, whatever still runs. `cluster` starts this very
 * file again for each of its nodes.
 */

import process from "node:process";
import { main } from "./commands.ts";
import { endProcess } from "./ending.ts";

endProcess(await main(process.argv.slice(2)));
