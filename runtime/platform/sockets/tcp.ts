/**
 * TCP as a `Network`, over `node:net` of Node.js, Deno and Bun.
 *
 * It does not batch: each `write` is a write of the socket. An open carrier or
 * listener keeps the process alive until its owner closes it.
 */

import * as net from "node:net";
import type { Network } from "../../net/carrier/carrier.ts";
import {
  DEFAULT_HIGH_MARK_BYTES,
  dial,
  endpoint,
  listenOn,
  SocketCarrier,
} from "./socket_carrier.ts";

/** Settings of a TCP network. */
export type TcpOptions = {
  /**
   * `write` returns false while more than this many bytes wait in the process.
   * Default 1 MiB.
   */
  readonly highMarkBytes?: number;
};

/** Makes a `Network` over TCP. */
export function createTcpNetwork(options: TcpOptions = {}): Network {
  const { highMarkBytes = DEFAULT_HIGH_MARK_BYTES } = options;
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
    listen: (at, accept, failed) => {
      const server = net.createServer({ noDelay: true }, (socket) => {
        const remote = endpoint(socket.remoteAddress, socket.remotePort);
        accept(new SocketCarrier(socket, { remote, highMarkBytes }));
      });
      return listenOn(server, at, failed);
    },
  };
}
