/**
 * What a node keeps about one other node: the connection if there is one, and
 * the bytes that wait for it.
 *
 * Signals are encoded when they are sent, even while the connection is still
 * being made: the message is a snapshot, and what cannot be encoded raises at
 * its sender. Codec and bytes outlive an attempt but never a connection.
 */

import type { PidTable } from "../core/terms.ts";
import { ByteQueue } from "../wire/byte_queue.ts";
import { CborCodec } from "../wire/cbor.ts";
import type { Connection } from "./connection.ts";
import { messageClasses } from "./message_classes.ts";

/** Refused at the hard limit of a connection; carries the message back. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  /** What was not sent. */
  readonly unsent: unknown;
  constructor(peer: string, limitBytes: number, unsent: unknown) {
    super(
      `expected less than ${limitBytes} bytes to wait for ${peer}, but it ` +
        "cannot keep up; await self.ready(to) when send returns false",
    );
    this.unsent = unsent;
  }
}

export type PeerOptions = {
  readonly name: string;
  readonly self: { readonly node: string; readonly creation: number };
  readonly pids: PidTable;
  readonly maxFrameBytes: number;
};

export class Peer {
  readonly name: string;
  /** Its incarnation; 0, which no node has, until the first connection is up. */
  creation = 0;
  /** The handshake that counts, in either direction. */
  attempt: Connection | null = null;
  /** The connection that is established. */
  connection: Connection | null = null;
  /** An incoming handshake that claims `connection` to be dead. */
  challenger: Connection | null = null;
  /** An outgoing attempt is looking for the address or the socket. */
  isDialling = false;
  /** Called with the outcome of connecting, then dropped. */
  readonly waiting: ((isUp: boolean) => void)[] = [];
  /** Called when there is room again or the connection is gone. */
  readonly waitingForRoom: (() => void)[] = [];
  /** Whether `out` is on the list of queues to flush. */
  isDirty = false;
  /** Whether the connection, once up, makes both ends see each other. */
  isVisible = true;
  /** No byte for a while; see `Ticks`. */
  isSuspect = false;
  codec: CborCodec;
  out: ByteQueue;
  readonly #options: PeerOptions;
  /** What the codec takes for the peer's incarnation; 0 while unknown. */
  #incarnation: { node: string; creation: number };

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#incarnation = { node: options.name, creation: 0 };
    this.codec = this.#makeCodec();
    this.out = this.#makeQueue();
  }

  get isUp(): boolean {
    return this.connection !== null;
  }

  /** Whether anything is under way that may end in a connection. */
  get isConnecting(): boolean {
    return this.isDialling || this.attempt !== null;
  }

  /** Bytes that were sent and that the system has not taken yet. */
  get pendingBytes(): number {
    return this.out.length + (this.connection?.bufferedBytes ?? 0);
  }

  /**
   * A signal goes to a pid of this incarnation while the real one is unknown.
   * The bytes are only good if the peer turns out to be that one.
   */
  assume(creation: number): void {
    if (this.#incarnation.creation === 0) {
      this.#incarnation.creation = creation;
    }
  }

  /**
   * A connection is up. Returns false when what waited for it was meant for
   * another incarnation of the peer; it has been dropped then.
   */
  established(connection: Connection, creation: number): boolean {
    const assumed = this.#incarnation.creation;
    const fits = assumed === 0 || assumed === creation;
    if (!fits) this.reset();
    this.connection = connection;
    this.creation = creation;
    this.#incarnation.creation = creation;
    this.isSuspect = false;
    return fits;
  }

  /** Forgets everything that belonged to a connection or to hopes of one. */
  reset(): void {
    this.connection = null;
    this.creation = 0;
    this.#incarnation = { node: this.name, creation: 0 };
    this.codec = this.#makeCodec();
    this.out = this.#makeQueue();
    this.isSuspect = false;
  }

  #makeCodec(): CborCodec {
    return new CborCodec({
      pids: this.#options.pids,
      self: this.#options.self,
      peer: this.#incarnation,
      recordClasses: messageClasses,
    });
  }

  #makeQueue(): ByteQueue {
    return new ByteQueue({ maxFrameBytes: this.#options.maxFrameBytes });
  }
}
