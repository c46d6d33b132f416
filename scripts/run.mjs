/**
 * Runs a command of the toolchain to its end, with a time limit. The command
 * gets a process group of its own, so that at the limit, or when this program
 * is interrupted, its children end with it.
 */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const bin = join(root, "node_modules", ".bin");

/** How long output may still come after the command's end. */
const OUTPUT_GRACE_MS = 1_000;

/**
 * The pinned program of that name, as a real path: the process that starts is
 * then the program itself.
 *
 * @param {string} name
 */
export function tool(name) {
  return realpathSync(join(bin, name));
}

/**
 * Each kills a command that runs at this moment. Several run side by side, and
 * an interruption ends all of them.
 *
 * @type {Set<() => void>}
 */
const running = new Set();

function interrupted() {
  for (const killAll of running) killAll();
  process.exit(130);
}
process.on("SIGINT", interrupted).on("SIGTERM", interrupted);

/**
 * @typedef {object} Ended
 * @property {number} code exit code; 1 when a signal or the limit ended it
 * @property {string} how  for people: "exit code 3", "killed by SIGSEGV" ...
 */

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string>} [env] added to this program's environment
 * @property {string} [cwd] the checkout's folder unless told
 * @property {number} [limitMs] the command is killed after that time; ten
 *   minutes unless told
 * @property {string} [label] stands before each line of the output, for
 *   commands that run side by side
 */

/**
 * Runs `command` with its output shown and resolves when it has ended. It
 * never rejects: a command that cannot start has exit code 1.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Ended>}
 */
export function run(command, args, options = {}) {
  const { env = {}, cwd = root, limitMs = 10 * 60_000, label } = options;
  const output = label === undefined ? "inherit" : "pipe";
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: {
        ...process.env,
        PATH: bin + delimiter + (process.env.PATH ?? ""),
        ...env,
      },
      stdio: ["ignore", output, output],
      detached: process.platform !== "win32",
    });
    if (label !== undefined) {
      showLines(child.stdout, process.stdout, label);
      showLines(child.stderr, process.stderr, label);
    }
    const killAll = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        child.kill("SIGKILL");
      }
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killAll();
    }, limitMs);
    running.add(killAll);

    /** @param {Ended} ended */
    const end = (ended) => {
      clearTimeout(timer);
      running.delete(killAll);
      resolve(ended);
    };
    child.on("error", (error) => {
      end({ code: 1, how: `could not start: ${error.message}` });
    });
    // "close" comes when the output is complete as well. A grandchild that
    // outlives the command may hold the pipes open, so only for a moment.
    child.on("exit", (code, signal) => {
      const ended = () => finish(code, signal);
      if (label === undefined) return ended();
      const grace = setTimeout(ended, OUTPUT_GRACE_MS);
      child.once("close", () => {
        clearTimeout(grace);
        ended();
      });
    });
    /**
     * @param {number | null} code
     * @param {NodeJS.Signals | null} signal
     */
    const finish = (code, signal) => {
      if (timedOut) {
        end({ code: 1, how: `killed after ${limitMs / 1000} s` });
      } else if (signal !== null) {
        end({ code: 1, how: `killed by ${signal}` });
      } else {
        end({ code: code ?? 1, how: `exit code ${code}` });
      }
    };
  });
}

/**
 * Passes on whole lines, each with `label` before it.
 *
 * @param {import("node:stream").Readable | null} from
 * @param {NodeJS.WriteStream} to
 * @param {string} label
 */
function showLines(from, to, label) {
  if (from === null) return;
  const lines = createInterface({ input: from });
  lines.on("line", (line) => to.write(`${label} ${line}\n`));
}
