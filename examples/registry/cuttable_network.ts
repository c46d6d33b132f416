/**
 * A network on this machine that can be cut: an epmd that gives out a port of
 * its own for every node. A node that connects there sends its name in its
 * first frame, so the network knows both nodes, and lets the connection through
 * or not.
 * It serves Hornbeam and BEAM nodes alike, and knows nothing of either but
 * epmd's messages and the first frame of the handshake (chapter "Distribution
 * Protocol" of Erlang's documentation).
 *
 * A connection that is cut is closed, as when a cable is pulled and the system
 * notices. TLS is not for it: the first frame must be readable.
 */

import { connect, createServer, type Server, type Socket } from "node:net";

const HOST = "127.0.0.1";
/** More than any name has. */
const LONGEST_REQUEST = 2_048;

/** Requests and answers of epmd. */
const ALIVE = 120;
const ALIVE_ANSWER = 118;
const PORT_PLEASE = 122;
const PORT_ANSWER = 119;
const NAMES = 110;
/** The handshake's first frame, of today and of before OTP 23. */
const SEND_NAME = 78;
const SEND_NAME_OLD = 110;

type Registered = {
  /** Where the node listens. */
  readonly port: number;
  /** What it said of itself behind its port, as others are told it. */
  readonly rest: Uint8Array;
  readonly door: Server;
};

type Link = {
  readonly from: string;
  readonly to: string;
  /** The socket of the node that has dialled, and the one to the other node. */
  readonly near: Socket;
  readonly far: Socket;
  readonly close: () => void;
};

/** Which nodes a cut tells: both, or only the one that has dialled. */
export type Told = "both" | "dialler";

/** Whether two nodes cannot reach each other; parts of names before the `@`. */
export type IsCut = (from: string, to: string) => boolean;

/** Lives until `stop`, or the end of its `await using`. */
export class CuttableNetwork {
  /** The port that the nodes use as that of epmd. */
  readonly epmdPort: number;
  readonly #epmd: Server;
  readonly #nodes = new Map<string, Registered>();
  readonly #links = new Set<Link>();
  readonly #sockets = new Set<Socket>();
  #isCut: IsCut = () => false;
  #creation = 3;

  private constructor(epmd: Server, port: number) {
    this.#epmd = epmd;
    this.epmdPort = port;
  }

  /** Rejects when nothing can be listened on. */
  static async start(): Promise<CuttableNetwork> {
    const epmd = createServer((socket) => network.#serve(socket));
    const network = new CuttableNetwork(epmd, await listen(epmd));
    return network;
  }

  /**
   * Closes what is cut, and refuses it until the next call. With `dialler` the
   * other node goes on believing in its connection, of which nothing arrives
   * any more.
   */
  cut(isCut: IsCut, told: Told = "both"): void {
    this.#isCut = isCut;
    for (const link of this.#links) {
      if (!this.#cuts(link.from, link.to)) continue;
      if (told === "both") link.close();
      else closeNear(link);
    }
  }

  /** Holds back all data between two nodes until `heal`. No node is told. */
  hold(isHeld: IsCut): void {
    for (const { from, to, near, far } of this.#links) {
      if (!isHeld(from, to) && !isHeld(to, from)) continue;
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  /**
   * Ends all cuts, and delivers what was held back. Nodes that were cut off have
   * to connect again.
   */
  heal(): void {
    this.#isCut = () => false;
    for (const { near, far } of this.#links) {
      if (near.destroyed) continue;
      // A socket that is piped already would deliver everything twice.
      near.unpipe(far).pipe(far);
      far.unpipe(near).pipe(near);
    }
  }

  /** Closes all that is open. The nodes are cut off for good. */
  async stop(): Promise<void> {
    const servers = [this.#epmd];
    for (const { door } of this.#nodes.values()) servers.push(door);
    const closed = servers.map((server) =>
      new Promise((resolve) => server.close(resolve))
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #cuts(from: string, to: string): boolean {
    return this.#isCut(from, to) || this.#isCut(to, from);
  }

  /** A socket that is closed with the network, and whose errors are its end. */
  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  async #serve(socket: Socket): Promise<void> {
    const request = await firstFrame(this.#keep(socket));
    if (request === null) return;
    // So that its end is noticed.
    socket.resume();
    const name = text(request, 1);
    switch (request[0]) {
      case ALIVE:
        return await this.#register(socket, request);
      case PORT_PLEASE:
        return void socket.end(this.#portOf(name));
      case NAMES:
        return void socket.end(this.#names());
      default:
        return void socket.destroy();
    }
  }

  async #register(socket: Socket, request: Uint8Array): Promise<void> {
    const view = viewOf(request);
    const length = view.getUint16(9);
    const name = text(request.subarray(0, 11 + length), 11);
    const answer = new Uint8Array(6);
    answer[0] = ALIVE_ANSWER;
    if (this.#nodes.has(name)) {
      answer[1] = 1;
      return void socket.end(answer);
    }
    const door = createServer((near) => void this.#enter(near, name));
    const registered = {
      port: view.getUint16(1),
      rest: request.slice(3),
      door,
    };
    this.#nodes.set(name, registered);
    // The registration lasts as long as the connection.
    socket.once("close", () => {
      this.#nodes.delete(name);
      door.close();
    });
    await listen(door);
    viewOf(answer).setUint32(2, ++this.#creation);
    socket.write(answer);
  }

  #portOf(name: string): Uint8Array {
    const registered = this.#nodes.get(name);
    if (registered === undefined) return Uint8Array.of(PORT_ANSWER, 1);
    const { door, rest } = registered;
    const answer = new Uint8Array(4 + rest.length);
    answer[0] = PORT_ANSWER;
    viewOf(answer).setUint16(2, portOf(door));
    answer.set(rest, 4);
    return answer;
  }

  #names(): Uint8Array {
    const lines = [...this.#nodes].map(([name, { door }]) =>
      `name ${name} at port ${portOf(door)}\n`
    );
    const body = new TextEncoder().encode(lines.join(""));
    const answer = new Uint8Array(4 + body.length);
    viewOf(answer).setUint32(0, this.epmdPort);
    answer.set(body, 4);
    return answer;
  }

  /** Handles a connection to the port for the node `to`. */
  async #enter(near: Socket, to: string): Promise<void> {
    const frame = await firstFrame(this.#keep(near));
    const from = frame === null ? null : nameIn(frame);
    const registered = this.#nodes.get(to);
    if (frame === null || from === null || registered === undefined) {
      return void near.destroy();
    }
    if (this.#cuts(from, to)) return void near.destroy();
    const far = this.#keep(connect(registered.port, HOST));
    const close = (): void => {
      this.#links.delete(link);
      near.destroy();
      far.destroy();
    };
    const link: Link = { from, to, near, far, close };
    this.#links.add(link);
    for (const socket of [near, far]) socket.once("close", close);
    far.write(lengthBefore(frame));
    near.pipe(far);
    far.pipe(near);
  }
}

/** Closes a link for the node that has dialled, and for no other. */
function closeNear({ near, far, close }: Link): void {
  near.unpipe(far).off("close", close);
  far.unpipe(near);
  near.destroy();
  // What still comes from the other node goes nowhere.
  far.resume();
}

/** The bytes behind the length, of which all have two. Null: none came. */
function firstFrame(socket: Socket): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    let bytes = new Uint8Array(0);
    const done = (frame: Uint8Array | null): void => {
      socket.off("data", read).off("close", none);
      socket.pause();
      resolve(frame);
    };
    const none = (): void => done(null);
    const read = (chunk: Uint8Array): void => {
      const more = new Uint8Array(bytes.length + chunk.length);
      more.set(bytes);
      more.set(chunk, bytes.length);
      bytes = more;
      if (bytes.length < 2) return;
      const end = 2 + viewOf(bytes).getUint16(0);
      if (end > LONGEST_REQUEST) return void socket.destroy();
      if (bytes.length < end) return;
      // The other end waits for the answer, so no more bytes follow.
      done(bytes.slice(2, end));
    };
    socket.on("data", read).once("close", none);
  });
}

function lengthBefore(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + frame.length);
  viewOf(bytes).setUint16(0, frame.length);
  bytes.set(frame, 2);
  return bytes;
}

/** The name's part before the `@`; null when the frame says none. */
function nameIn(frame: Uint8Array): string | null {
  let name = "";
  if (frame[0] === SEND_NAME && frame.length > 15) {
    const length = viewOf(frame).getUint16(13);
    name = text(frame.subarray(0, 15 + length), 15);
  } else if (frame[0] === SEND_NAME_OLD) {
    name = text(frame, 7);
  }
  return name === "" ? null : name.split("@")[0] ?? null;
}

function text(bytes: Uint8Array, from: number): string {
  return new TextDecoder().decode(bytes.subarray(from));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, HOST, resolve);
  });
  return portOf(server);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? address?.port ?? 0 : 0;
}
