/**
 * Peers made by hand: sockets that send exactly what a test wants, with the
 * pure handshake machines for tests that need a correct handshake; and nodes
 * that keep their log records.
 */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server, Socket } from "node:net";
import { expect } from "vitest";
import {
  type LogRecord,
  memoryNetwork,
  type RunningNode,
  start,
  type StartOptions,
} from "../../../runtime/mod.ts";
import { frame, FrameParser } from "../../../runtime/wire/framing/frames.ts";
import {
  announce,
  type HandshakePeer,
} from "../../../runtime/wire/handshake/messages.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";
import {
  Acceptor,
  type HandshakeOptions,
  type HandshakeStep,
  Initiator,
  type StatusAnswer,
} from "../../../runtime/wire/handshake/machine.ts";
import { atEnd } from "../../helpers/at_end.ts";
import { freePort } from "../../helpers/ports.ts";
import { waitFor } from "../../helpers/wait.ts";

export const HOST = "127.0.0.1";
export const COOKIE = "secret";

/** Whole numbers below a limit, the same numbers for the same seed. */
export function scattered(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 65_536) % limit;
  };
}

/** The log of a node. */
export class Logs {
  readonly records: LogRecord[] = [];
  readonly log = (record: LogRecord): void => void this.records.push(record);
  /** Warnings and errors about connections. */
  get complaints(): string[] {
    return this.records
      .filter(({ category }) => category === "net")
      .filter(({ level }) => level === "warning" || level === "error")
      .map(({ level, message }) => `${level}: ${message}`);
  }
}

/** A node with its log. */
export type Logged = { readonly node: RunningNode; readonly logs: Logs };

/** Starts a node without epmd, which stops when the test file ends. */
export async function startNode(options: StartOptions): Promise<Logged> {
  const logs = new Logs();
  const node = await start({
    cookie: COOKIE,
    epmdPort: false,
    log: logs.log,
    ...options,
    // Each line is looked for; that they are summed up is tested apart.
    limits: { logBurst: 1_000_000, ...options.limits },
  });
  atEnd(() => node.stop());
  return { node, logs };
}

/**
 * The joins (`+name`) and departures (`-name`) that a node sees from now on.
 */
export function eventsOf(node: RunningNode): string[] {
  const events: string[] = [];
  node.onNodeEvent((event) =>
    events.push(`${event.type === "nodeup" ? "+" : "-"}${event.node}`)
  );
  return events;
}

/** Two nodes in memory, `a@a.host` and `b@b.host`, not connected. */
export async function pairInMemory(
  options: StartOptions = {},
): Promise<[Logged, Logged]> {
  const common = { network: memoryNetwork(), port: 1, peerPort: 1, ...options };
  return [
    await startNode({ ...common, name: "a@a.host" }),
    await startNode({ ...common, name: "b@b.host" }),
  ];
}

/** Free ports for nodes of these names, for the option `peers` of all. */
export async function addresses(
  ...names: readonly string[]
): Promise<{ peers: Record<string, string>; port: (name: string) => number }> {
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  return {
    peers: Object.fromEntries(
      [...ports].map(([name, port]) => [name, `${HOST}:${port}`]),
    ),
    port: (name) => ports.get(name) ?? 0,
  };
}

/** The name and cookie that a raw peer uses. */
export type Identity = Partial<HandshakePeer> & {
  readonly cookie?: string;
};

export function handshakeOptions(identity: Identity): HandshakeOptions {
  const { cookie: secret = COOKIE, ...own } = identity;
  return {
    own: {
      name: "raw@127.0.0.1",
      flags: BASE_FLAGS | flag.published,
      creation: randomBytes(4).readUInt32BE() | 4,
      announcement: announce(0),
      ...own,
    },
    cookie: () => secret,
    md5: (data) => new Uint8Array(createHash("md5").update(data).digest()),
    randomU32: () => randomBytes(4).readUInt32BE(),
  };
}

/** One socket and the bytes that have arrived. */
export class RawPeer {
  readonly socket: Socket;
  /** Bytes received so far. */
  received = 0;
  isClosed = false;
  #localPort = 0;
  readonly #frames = new FrameParser({ headerBytes: 2, maxFrameBytes: 1e6 });

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => this.isClosed = true);
    socket.on("data", (chunk: Uint8Array) => {
      this.received += chunk.length;
      this.#frames.push(new Uint8Array(chunk));
    });
  }

  /** Dials; the socket is destroyed when the test file ends. */
  static dial(port: number): Promise<RawPeer> {
    const socket = new Socket();
    const peer = new RawPeer(socket);
    atEnd(() => socket.destroy());
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, HOST, () => {
        socket.setNoDelay(true);
        peer.#localPort = socket.localPort ?? 0;
        socket.off("error", reject);
        resolve(peer);
      });
    });
  }

  /** This end's address as the other end sees it, also when it is closed. */
  get localPort(): number {
    return this.#localPort;
  }

  send(bytes: Uint8Array | string): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** The next frame; null when the peer has closed the connection. */
  async frame(timeoutMs = 5_000): Promise<Uint8Array | null> {
    let payload: Uint8Array | null = null;
    await waitFor(() => {
      payload = this.#frames.next();
      return payload !== null || this.isClosed;
    }, { what: "a frame or the end", timeoutMs });
    return payload;
  }

  closed(timeoutMs = 3_000): Promise<boolean> {
    return waitFor(() => this.isClosed, {
      what: "the node to close the connection",
      timeoutMs,
    });
  }

  /** The handshake as the node that dials `peerName`; resolves with its end. */
  shakeHands(
    peerName: string,
    identity: Identity = {},
  ): Promise<HandshakeStep> {
    const machine = new Initiator(
      handshakeOptions(identity),
      peerName,
      () => true,
    );
    return this.#run(machine, machine.start());
  }

  /** The handshake as the node that was dialled; resolves with its end. */
  awaitHandshake(
    identity: Identity,
    status: StatusAnswer = "ok",
  ): Promise<HandshakeStep> {
    return this.#run(new Acceptor(handshakeOptions(identity)), [], status);
  }

  async #run(
    machine: Initiator | Acceptor,
    steps: HandshakeStep[],
    status: StatusAnswer = "ok",
  ): Promise<HandshakeStep> {
    for (;;) {
      for (const step of steps) {
        switch (step.type) {
          case "send":
            this.send(frame(step.payload, 2));
            break;
          case "askStatus":
            steps.push(...(machine as Acceptor).answerStatus(status));
            break;
          case "done":
          case "failed":
            this.#frames.switchTo(4);
            return step;
          default:
            step satisfies never;
        }
      }
      const payload = await this.frame();
      steps = payload === null ? machine.closed() : machine.receive(payload);
    }
  }
}

/** A server that listens where a node is expected. */
export class FakeNode {
  readonly port: number;
  readonly accepted: RawPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * Listens until the test file ends. `greet` is called for each connection.
   */
  static async listen(
    greet: (peer: RawPeer) => unknown,
    port = 0,
  ): Promise<FakeNode> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
    const address = server.address();
    const fake = new FakeNode(
      server,
      typeof address === "object" && address !== null ? address.port : port,
    );
    server.on("connection", (socket) => {
      const peer = new RawPeer(socket);
      fake.accepted.push(peer);
      greet(peer);
    });
    atEnd(() => fake.close());
    return fake;
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.accepted) socket.destroy();
  }
}

/** Expects a handshake to have succeeded. */
export function expectDone(end: HandshakeStep): void {
  expect(end).toMatchObject({ type: "done" });
}

/** A name message of any node, as a frame of the handshake. */
export function nameFrame(identity: Identity = {}): Uint8Array {
  const options = handshakeOptions(identity);
  const [step] = new Initiator(options, "any@host", () => true).start();
  if (step?.type !== "send") throw new Error("expected a name to send");
  return frame(step.payload, 2);
}
