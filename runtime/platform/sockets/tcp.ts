/**
 * TCP as a `Network`, over `node:net`, which serves Node.js, Deno and Bun.
 *
 * Batching is the caller's: every `write` here is a write of the socket.
 * Nothing is unreferenced, so an open carrier or listener keeps the process
 * alive until its owner closes it.
 */

import * as net from "node:net";
import type { Network } from "../../net/carrier/carrier.ts";
import {
  defaultHighMarkBytes,
  dial,
  endpoint,
  listenOn,
  SocketCarrier,
} from "./socket_carrier.ts";

/** Settings of a TCP network. */
export type TcpOptions = {
  /**
   * `write` returns false while more than this many bytes wait in the process;
   * 1 MiB by default.
   */
  readonly highMarkBytes?: number;
};

/** Makes a `Network` over TCP. */
export function createTcpNetwork(options: TcpOptions = {}): Network {
  const { highMarkBytes = defaultHighMarkBytes } = options;
  return {
    connect: ({ host, port, timeoutMs }) => {
      const where = endpoint(host, port);
      return dial(
        {
          where,
          timeoutMs,
          open: () => net.connect({ host, port, noDelay: true }),
          ready: "connect",
          hint: "check the address and firewalls",
        },
        (socket) => new SocketCarrier(socket, { remote: where, highMarkBytes }),
      );
    },
    listen: (at, accept) => {
      const server = net.createServer({ noDelay: true }, (socket) => {
        const remote = endpoint(socket.remoteAddress, socket.remotePort);
        accept(new SocketCarrier(socket, { remote, highMarkBytes }));
      });
      return listenOn(server, at);
    },
  };
}
