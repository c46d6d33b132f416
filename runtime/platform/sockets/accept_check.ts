/**
 * Finds out that a server accepts no connection any more, on Deno.
 *
 * When a process has no file descriptor left, Deno 2.9 stops to accept, for
 * ever and without an event, while the system goes on to complete connections
 * for it. Node.js closes such a connection, and Bun accepts it later. So on Deno
 * a server that has accepted nothing for a while is connected to from here. That
 * connection sends nothing and ends at once, like one of a port scan.
 */

import { connect, type Server } from "node:net";
import {
  clearInterval,
  setImmediate,
  setInterval,
  setTimeout,
} from "node:timers";
import { runtimeName } from "../host/runtime.ts";

/** A server that accepts nothing for this time is checked. */
const CHECK_MS = 4_000;
/** How long a connection may wait to be accepted. */
const ACCEPT_MS = 2_000;

/**
 * Calls back once when the server is found to accept nothing. Returns a function
 * that ends the checks. They do not keep the process alive.
 */
export function checkAccepts(
  server: Server,
  at: { readonly host: string; readonly port: number },
  failed: (why: string) => void,
): () => void {
  if (runtimeName !== "deno") return () => {};
  let accepted = 0;
  let seen = -1;
  let stopProbe: (() => void) | null = null;
  server.on("connection", () => accepted++);
  const timer = setInterval(() => {
    if (stopProbe !== null) return;
    if (accepted !== seen) {
      seen = accepted;
      return;
    }
    stopProbe = probe(at, () => accepted !== seen, (isDeaf) => {
      stopProbe = null;
      if (isDeaf) failed("it accepts no connections, without an error");
    });
  }, CHECK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    stopProbe?.();
  };
}

/** Connects, and says whether the connection was not accepted in time. */
function probe(
  { host, port }: { readonly host: string; readonly port: number },
  isAccepted: () => boolean,
  done: (isDeaf: boolean) => void,
): () => void {
  let isDone = false;
  const socket = connect({ host: reachable(host), port });
  const end = (isDeaf: boolean | null): void => {
    if (isDone) return;
    isDone = true;
    socket.destroy();
    if (isDeaf !== null) done(isDeaf);
  };
  // Without a descriptor there is no answer to the question.
  socket.on("error", () => end(false));
  socket.on("connect", () => {
    const timer = setTimeout(() => {
      // After a long turn the timer may be first, and the sockets next.
      setImmediate(() => setImmediate(() => end(!isAccepted())));
    }, ACCEPT_MS);
    timer.unref();
  });
  return () => end(null);
}

/** An address at which a server that listens on all of them is reached. */
function reachable(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}
