/**
 * Free TCP ports on loopback. Nothing reserves the port between this answer
 * and its use, so prefer port 0 wherever the code under test takes it.
 */
import { connect } from "node:net";

/**
 * Below the ports that an operating system gives to outgoing connections and to
 * those who ask for port 0, so that none of these takes one in the meantime.
 */
const FIRST = 12_000;
const LAST = 32_000;

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    // Tests run side by side in several workers, so each one picks at random.
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`expected a free port from ${FIRST} to ${LAST}, found none`);
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
