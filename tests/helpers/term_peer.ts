/**
 * A BEAM that says what it makes of terms: `tests/fixtures/etf_peer.erl` in a
 * process of its own, without a node's name. It is gone when the file ends.
 */
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { root, type SpawnedProcess, spawnProcess } from "./processes.ts";
import { waitFor } from "./wait.ts";

const START_MS = 15_000;
const source = join(root, "tests", "fixtures", "etf_peer.erl");

export class TermPeer {
  readonly #server: Server;
  readonly #erl: SpawnedProcess;
  readonly #socket: Socket;
  #received: Uint8Array[] = [];
  #bytes = 0;
  #wake: () => void = () => {};

  private constructor(server: Server, erl: SpawnedProcess, socket: Socket) {
    this.#server = server;
    this.#erl = erl;
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#received.push(chunk);
      this.#bytes += chunk.length;
      this.#wake();
    });
    socket.on("close", () => this.#wake());
  }

  static async start(): Promise<TermPeer> {
    const server = createServer();
    let socket: Socket | undefined;
    server.on("connection", (connected) => socket = connected);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { port: number };
    const load = `{ok, M, B} = compile:file("${source}", [binary]), ` +
      `{module, M} = code:load_binary(M, "", B), M:main(${port}).`;
    const erl = spawnProcess("erl", ["-noshell", "-noinput", "-eval", load]);
    const connected = await waitFor(() => socket, {
      what: "erl to connect",
      timeoutMs: START_MS,
    });
    return new TermPeer(server, erl, connected);
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    this.#server.close();
    await this.#erl.stop();
  }

  /** What `term_to_binary` gives for each; empty for what is no term. */
  async recode(terms: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const items: Uint8Array[] = [];
    const answer = await this.#ask(1, terms);
    const view = new DataView(answer.buffer, answer.byteOffset);
    for (let at = 0; at < answer.length;) {
      const end = at + 4 + view.getUint32(at);
      items.push(answer.subarray(at + 4, end));
      at = end;
    }
    return items;
  }

  /** Whether each is the same term, by `=:=`, as in the last `recode`. */
  async isSame(terms: readonly Uint8Array[]): Promise<boolean[]> {
    return Array.from(await this.#ask(2, terms), (flag) => flag === 1);
  }

  /** How the first is to the second, the third to the fourth and so on. */
  async relations(
    terms: readonly Uint8Array[],
  ): Promise<{ less: boolean; equal: boolean; same: boolean }[]> {
    return Array.from(await this.#ask(3, terms), (flags) => ({
      less: (flags & 1) !== 0,
      equal: (flags & 2) !== 0,
      same: (flags & 4) !== 0,
    }));
  }

  async #ask(
    question: number,
    items: readonly Uint8Array[],
  ): Promise<Uint8Array> {
    let size = 1;
    for (const item of items) size += 4 + item.length;
    const packet = new Uint8Array(4 + size);
    const view = new DataView(packet.buffer);
    view.setUint32(0, size);
    packet[4] = question;
    let at = 5;
    for (const item of items) {
      view.setUint32(at, item.length);
      packet.set(item, at + 4);
      at += 4 + item.length;
    }
    this.#socket.write(packet);
    return await this.#answer();
  }

  async #answer(): Promise<Uint8Array> {
    for (;;) {
      const all = this.#bytes >= 4 ? Buffer.concat(this.#received) : null;
      if (all !== null) {
        const end = 4 + all.readUInt32BE(0);
        if (all.length >= end) {
          this.#received = [all.subarray(end)];
          this.#bytes = all.length - end;
          return new Uint8Array(all.subarray(4, end));
        }
        this.#received = [all];
      }
      if (this.#socket.closed) {
        const said = [...this.#erl.stdout, ...this.#erl.stderr].join("\n");
        throw new Error(`erl has ended: ${said}`);
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
