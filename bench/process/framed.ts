/**
 * Messages over a bare socket, as a careful user of `node:net` would send them:
 * each after its length in 4 bytes, the messages of a turn in one write, and no
 * more written than the socket has room for. The rows between processes compare
 * with this as `raw`.
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import type { RawLink } from "../pair/raw_shapes.ts";

const HEADER_BYTES = 4;
/** Bytes of small messages in one write; a larger message is not copied. */
const BATCH_BYTES = 64 * 1024;

export class Framed implements RawLink {
  readonly #socket: Socket;
  onMessage: (payload: Uint8Array) => void = () => {};
  /** The next write: its first `#length` bytes. */
  #batch = Buffer.allocUnsafe(BATCH_BYTES);
  #length = 0;
  #isFlushPlanned = false;
  #hasRoom = true;
  /** A header that has come in part: the first `#headerLength` bytes. */
  readonly #header = Buffer.allocUnsafe(HEADER_BYTES);
  #headerLength = 0;
  /** A payload that has come in part, or null. */
  #payload: Buffer | null = null;
  #payloadLength = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => {
      this.#hasRoom = true;
    });
    socket.on("error", () => {});
  }

  send(payload: Uint8Array): boolean {
    const size = HEADER_BYTES + payload.length;
    if (this.#length + size > BATCH_BYTES) this.#flush();
    if (size > BATCH_BYTES) {
      this.#socket.cork();
      this.#startLarge(payload);
      this.#hasRoom = this.#socket.write(payload);
      this.#socket.uncork();
      return this.#hasRoom;
    }
    this.#batch.writeUInt32BE(payload.length, this.#length);
    this.#batch.set(payload, this.#length + HEADER_BYTES);
    this.#length += size;
    if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      queueMicrotask(() => {
        this.#isFlushPlanned = false;
        this.#flush();
      });
    }
    return this.#hasRoom;
  }

  /** Sends a large message in pieces, so that other code runs in between. */
  async sendInPieces(payload: Uint8Array): Promise<void> {
    this.#flush();
    this.#startLarge(payload);
    for (let at = 0; at < payload.length; at += BATCH_BYTES) {
      const piece = payload.subarray(at, at + BATCH_BYTES);
      this.#hasRoom = this.#socket.write(piece);
      await this.ready();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async ready(): Promise<void> {
    while (!this.#hasRoom) {
      await new Promise<void>((resolve) => this.#socket.once("drain", resolve));
    }
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #startLarge(payload: Uint8Array): void {
    this.#batch.writeUInt32BE(payload.length);
    this.#length = HEADER_BYTES;
    this.#flush();
  }

  #flush(): void {
    if (this.#length === 0) return;
    const written = this.#batch.subarray(0, this.#length);
    // For a nearly empty batch, a copy costs less than a new buffer.
    if (this.#length * 2 < BATCH_BYTES) {
      this.#hasRoom = this.#socket.write(Buffer.from(written));
    } else {
      this.#batch = Buffer.allocUnsafe(BATCH_BYTES);
      this.#hasRoom = this.#socket.write(written);
    }
    this.#length = 0;
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#payload === null) {
        const { next, length } = this.#readHeader(chunk, at);
        at = next;
        if (length < 0) return;
        if (chunk.length - at >= length) {
          this.onMessage(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#payload = Buffer.allocUnsafe(length);
        this.#payloadLength = 0;
      }
      at = this.#readPayload(chunk, at, this.#payload);
    }
  }

  /** The length is -1 when the chunk ends before the header does. */
  #readHeader(
    chunk: Buffer,
    at: number,
  ): { readonly next: number; readonly length: number } {
    if (this.#headerLength === 0 && chunk.length - at >= HEADER_BYTES) {
      return { next: at + HEADER_BYTES, length: chunk.readUInt32BE(at) };
    }
    const rest = HEADER_BYTES - this.#headerLength;
    const part = chunk.subarray(at, at + rest);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    const next = at + part.length;
    if (part.length < rest) return { next, length: -1 };
    this.#headerLength = 0;
    return { next, length: this.#header.readUInt32BE() };
  }

  #readPayload(chunk: Buffer, at: number, payload: Buffer): number {
    const rest = payload.length - this.#payloadLength;
    const part = chunk.subarray(at, at + rest);
    payload.set(part, this.#payloadLength);
    this.#payloadLength += part.length;
    if (part.length === rest) {
      this.#payload = null;
      this.onMessage(payload);
    }
    return at + part.length;
  }
}
