/**
 * Free TCP ports on loopback. Nothing reserves the port between this answer
 * and its use, so prefer port 0 wherever the code under test takes it.
 */
import { connect } from "node:net";
import process from "node:process";
import { currentRuntime, runtimes } from "./processes.ts";

/**
 * Below the ports that an operating system gives to outgoing connections and to
 * those who ask for port 0, so that none of these takes one in the meantime.
 */
const FIRST = 12_000;
/** Ports of one worker of one suite. Suites of all runtimes run side by side. */
const SLOT = 800;
const WORKERS = 8;

const runtime = runtimes.indexOf(currentRuntime());
const worker = Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS;
const first = FIRST + SLOT * (WORKERS * runtime + worker);
/** Another start for each test run of this machine, then one after the other. */
let next = Math.floor(Math.random() * SLOT);

/** A port of 127.0.0.1 on which no program listened a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < SLOT; tries++) {
    const port = first + next;
    next = (next + 1) % SLOT;
    if (await isFree(port)) return port;
  }
  throw new Error(
    `expected a free port from ${first} to ${first + SLOT - 1}, found none`,
  );
}

/**
 * Asks by connecting, not by listening: a listener of our own that closes late
 * would itself be what the caller then finds in its way.
 */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const answer = (isTaken: boolean): void => {
      socket.destroy();
      resolve(!isTaken);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
