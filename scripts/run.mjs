/**
 * Runs a command of the toolchain to its end, with a time limit. The command
 * gets a process group of its own, so that at the limit, or when this program
 * is interrupted, its children end with it.
 */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const bin = join(root, "node_modules", ".bin");

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
 * @typedef {object} Ended
 * @property {number} code exit code; 1 when a signal or the limit ended it
 * @property {string} how  for people: "exit code 3", "killed by SIGSEGV" ...
 */

/**
 * Runs `command` with its output shown and resolves when it has ended. It
 * never rejects: a command that cannot start has exit code 1.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, limitMs?: number }} [options]
 * @returns {Promise<Ended>}
 */
export function run(command, args, options = {}) {
  const { env = {}, cwd = root, limitMs = 10 * 60_000 } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: {
        ...process.env,
        PATH: bin + delimiter + (process.env.PATH ?? ""),
        ...env,
      },
      stdio: ["ignore", "inherit", "inherit"],
      detached: process.platform !== "win32",
    });
    const killAll = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        child.kill("SIGKILL");
      }
    };
    const interrupted = () => {
      killAll();
      process.exit(130);
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killAll();
    }, limitMs);
    process.on("SIGINT", interrupted).on("SIGTERM", interrupted);

    /** @param {Ended} ended */
    const end = (ended) => {
      clearTimeout(timer);
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      resolve(ended);
    };
    child.on("error", (error) => {
      end({ code: 1, how: `could not start: ${error.message}` });
    });
    child.on("exit", (code, signal) => {
      if (timedOut) {
        end({ code: 1, how: `killed after ${limitMs / 1000} s` });
      } else if (signal !== null) {
        end({ code: 1, how: `killed by ${signal}` });
      } else {
        end({ code: code ?? 1, how: `exit code ${code}` });
      }
    });
  });
}
