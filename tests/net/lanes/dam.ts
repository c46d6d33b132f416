/**
 * A network whose dialled carriers ("dams") keep written bytes until the test
 * releases them, and a pair of nodes with such a carrier between them.
 */
import { expect } from "vitest";
import {
  type Carrier,
  type CarrierHandlers,
  memoryNetwork,
  type Network,
  type StartOptions,
} from "../../../runtime/mod.ts";
import { type Logged, startNode } from "../peers/raw_peer.ts";

export const KIB = 1024;

export class Dam {
  readonly network: Network;
  /** The chunks of each call of `write`, for counting. */
  writes = 0;
  readonly #inner = memoryNetwork();
  readonly #highMarkBytes: number;
  #isOpen = true;
  #held: { carrier: Carrier; chunk: Uint8Array }[] = [];
  #heldBytes = 0;
  readonly #handlers: CarrierHandlers[] = [];

  /** `write` returns false above the mark. */
  constructor(highMarkBytes: number) {
    this.#highMarkBytes = highMarkBytes;
    this.network = {
      connect: async (to) => this.#dammed(await this.#inner.connect(to)),
      listen: (at, accept) => this.#inner.listen(at, accept),
    };
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  stem(): void {
    this.#isOpen = false;
  }

  /** Releases all bytes, and reports room as carriers do. */
  flow(withDrain: boolean): void {
    this.#isOpen = true;
    this.#release(Infinity);
    if (withDrain) this.#drain();
  }

  /**
   * Releases some bytes, in whole chunks, and keeps later ones. The carrier
   * reports room when no bytes are left, as sockets do.
   */
  trickle(bytes: number): void {
    if (this.#heldBytes === 0) return;
    this.#release(bytes);
    if (this.#heldBytes === 0) this.#drain();
  }

  #release(bytes: number): void {
    const most = this.#heldBytes - bytes;
    let count = 0;
    for (const { carrier, chunk } of this.#held) {
      if (this.#heldBytes <= most) break;
      this.#heldBytes -= chunk.length;
      carrier.write(chunk);
      count++;
    }
    this.#held.splice(0, count);
  }

  #drain(): void {
    for (const handlers of this.#handlers) handlers.drain();
  }

  #dammed(carrier: Carrier): Carrier {
    const heldBytes = () => this.#heldBytes;
    return {
      remote: carrier.remote,
      get bufferedBytes() {
        return heldBytes();
      },
      open: (handlers) => {
        this.#handlers.push(handlers);
        carrier.open(handlers);
      },
      write: (chunk) => {
        this.writes++;
        if (this.#isOpen) return carrier.write(chunk);
        this.#held.push({ carrier, chunk });
        this.#heldBytes += chunk.length;
        return this.#heldBytes <= this.#highMarkBytes;
      },
      close: (lingerMs) => carrier.close(lingerMs),
      destroy: () => carrier.destroy(),
    };
  }
}

/** The receiver's node, which has an actor `sink`. */
export const RECEIVER = "b@b.host";
export const sink: { readonly name: string; readonly node: string } = {
  name: "sink",
  node: RECEIVER,
};

export type Dammed = {
  readonly dam: Dam;
  readonly sender: Logged;
  readonly receiver: Logged;
  /** Numbers that the sink has received, in order. */
  readonly heard: number[];
};

/** A sender behind a dam, and a receiver that counts in order. */
export async function dammed(
  highMarkBytes: number,
  carrierMarkBytes: number,
  options: StartOptions = {},
): Promise<Dammed> {
  const dam = new Dam(carrierMarkBytes);
  const common = { network: dam.network, port: 1, peerPort: 1, ...options };
  const limits = { highMarkBytes };
  const sender = await startNode({ ...common, name: "a@a.host", limits });
  const receiver = await startNode({ ...common, name: RECEIVER });
  const heard: number[] = [];
  receiver.node.spawn<{ n: number }>(async (self) => {
    for await (const { n } of self) heard.push(n);
  }, { name: "sink" });
  expect(await sender.node.connect(RECEIVER)).toBe(true);
  return { dam, sender, receiver, heard };
}

/** Sends numbered messages of 1 KiB, and waits when `send` returns false. */
export function politely(
  sender: Logged,
  node: string,
  count: number,
  sent: { count: number },
): Promise<void> {
  const data = "x".repeat(KIB);
  const to = { name: "sink", node };
  return sender.node.run(async (self) => {
    for (let n = 0; n < count; n++) {
      const hasRoom = self.send(to, { n, data });
      sent.count = n + 1;
      if (!hasRoom) await self.ready(to);
    }
  });
}

/** The first `count` numbers from 0 on. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
