/**
 * One attempt to connect two nodes, from the first byte to the end: handshake,
 * then frames, over any carrier.
 *
 * It decides nothing about which of several attempts counts (that is
 * `distribution.ts`) and knows no actors. It promises that `ended` comes
 * exactly once, that nothing follows it, and that a peer which is silent in
 * the handshake or says something senseless is closed within the time limit.
 */

import type { Host, TimerHandle } from "../../core/host/ports.ts";
import type {
  Acceptor,
  HandshakeFailure,
  HandshakeStep,
  Initiator,
  StatusAnswer,
} from "../../wire/handshake/machine.ts";
import type { HandshakePeer } from "../../wire/handshake/messages.ts";
import {
  frame,
  FrameParser,
  type HeaderBytes,
} from "../../wire/framing/frames.ts";
import type { Carrier } from "../carrier/carrier.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** Why a connection ended. */
export type ConnectionEnd = {
  /** A handshake failure, or how an established connection ended. */
  readonly reason:
    | HandshakeFailure
    | "timeout"
    | "connection-closed"
    | "tick-timeout"
    | "bad-data"
    | "disconnect"
    | "replaced";
  /** One line for the log. */
  readonly detail: string;
};

/** What the owner of a connection is told, in this order. */
export interface ConnectionOwner {
  /** Acceptor only: who it is and how shall it be answered? */
  ask(connection: Connection, peer: HandshakePeer): void;
  /** The handshake is done; frames follow. */
  up(connection: Connection, peer: HandshakePeer): void;
  /**
   * One frame that is not a tick; of one that was landed (see `FrameParser`)
   * only what it began with, while `bytes` counts all of it. Whatever it throws
   * ends the connection.
   */
  frame(connection: Connection, payload: Uint8Array, bytes: number): void;
  /** The carrier has room again. */
  drain(connection: Connection): void;
  ended(connection: Connection, end: ConnectionEnd): void;
}

export type ConnectionOptions = {
  readonly carrier: Carrier;
  readonly machine: Initiator | Acceptor;
  readonly owner: ConnectionOwner;
  readonly host: Host;
  /** Longest wait for one step of the handshake. */
  readonly setupTimeoutMs: number;
  readonly maxFrameBytes: number;
};

/** How long the last frames may take before a closed carrier is cut. */
const LINGER_MS = 1_000;

/** A handshake message is never longer; over TCP its length cannot say more. */
const MAX_HANDSHAKE_BYTES = 65_535;

const TICK = new Uint8Array(4);
/**
 * A tick is answered unless something was written this recently. Peers need
 * not have our limits: even one that gives us but a second, the least there is,
 * hears of us in time.
 */
const ANSWER_GAP_MS = 250;

export class Connection {
  readonly remote: string;
  readonly #carrier: Carrier;
  readonly #machine: Initiator | Acceptor;
  readonly #owner: ConnectionOwner;
  readonly #host: Host;
  readonly #setupTimeoutMs: number;
  readonly #frames: FrameParser;
  readonly #maxFrameBytes: number;
  /** Of the lengths in front of handshake messages. */
  readonly #headerBytes: HeaderBytes;
  #phase: "handshake" | "up" | "ended" = "handshake";
  #setupTimer: TimerHandle | null = null;
  /** Reading goes on after the chunk that switched phases. */
  #isReading = false;
  /** When anything came last, in ms of the host's clock. */
  lastReadAt: number;
  /** Whether the peer has said anything at all. */
  hasRead = false;
  /** Whether it was begun while another one with the peer was up. */
  isSecond = false;
  /** When anything was written last, likewise. */
  lastWrittenAt: number;
  sentBytes = 0;
  receivedBytes = 0;
  /** What `close` said, until the carrier has closed. */
  #end: ConnectionEnd | null = null;

  constructor(options: ConnectionOptions) {
    this.remote = options.carrier.remote;
    this.#carrier = options.carrier;
    this.#machine = options.machine;
    this.#owner = options.owner;
    this.#host = options.host;
    this.#setupTimeoutMs = options.setupTimeoutMs;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#headerBytes = options.carrier.handshakeHeaderBytes ?? 2;
    this.#frames = new FrameParser({
      headerBytes: this.#headerBytes,
      maxFrameBytes: Math.min(MAX_HANDSHAKE_BYTES, options.maxFrameBytes),
    });
    this.lastReadAt = options.host.now();
    this.lastWrittenAt = this.lastReadAt;
  }

  get isUp(): boolean {
    return this.#phase === "up";
  }

  get bufferedBytes(): number {
    return this.#carrier.bufferedBytes;
  }

  /** Begins. `firstSteps` are those of an initiator's `start`. */
  open(firstSteps: readonly HandshakeStep[] = []): void {
    this.#armSetup();
    this.#carrier.open({
      data: (chunk) => this.#read(chunk),
      drain: () => this.#owner.drain(this),
      closed: (reason) => this.#carrierClosed(reason),
    });
    this.#take(firstSteps);
  }

  /** Acceptor only: the answer to `ask`; `why` if it ends the handshake. */
  answer(status: StatusAnswer, why?: string): void {
    if (this.#phase !== "handshake" || !("answerStatus" in this.#machine)) {
      return;
    }
    const steps = this.#machine.answerStatus(status);
    this.#take(
      why === undefined
        ? steps
        : steps.map((step) =>
          step.type === "failed" ? { ...step, detail: why } : step
        ),
    );
  }

  /** See `FrameParser`; for the connection once it is up. */
  landBy(land: FrameParser["land"]): void {
    this.#frames.land = land;
  }

  /** Writes frames; false when the carrier cannot keep up. */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase === "ended") return true;
    this.lastWrittenAt = this.#host.now();
    for (const chunk of chunks) this.sentBytes += chunk.length;
    const carrier = this.#carrier;
    if (chunks.length > 1 && carrier.writeAll !== undefined) {
      return carrier.writeAll(chunks);
    }
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = carrier.write(chunk);
    return hasRoom;
  }

  tick(): void {
    this.write([TICK]);
  }

  /** Ends the connection; the owner is told at once. */
  close(end: ConnectionEnd): void {
    this.#finish(end);
  }

  #carrierClosed(reason: string): void {
    // In the handshake the machine knows best what an end at this point means.
    if (this.#phase === "handshake") {
      this.#take(
        this.#machine.closed().map((step) =>
          step.type === "failed"
            ? { ...step, detail: `${step.detail} (${reason})` }
            : step
        ),
      );
    }
    this.#finish({ reason: "connection-closed", detail: reason });
  }

  #armSetup(): void {
    this.#disarmSetup();
    this.#setupTimer = this.#host.setTimer(() => {
      this.#setupTimer = null;
      this.#finish({
        reason: "timeout",
        detail:
          `expected the next step of the handshake within ${this.#setupTimeoutMs} ms, but it did not come`,
      });
    }, this.#setupTimeoutMs);
  }

  #disarmSetup(): void {
    if (this.#setupTimer !== null) this.#host.clearTimer(this.#setupTimer);
    this.#setupTimer = null;
  }

  #read(chunk: Uint8Array): void {
    if (this.#phase === "ended") return;
    this.lastReadAt = this.#host.now();
    this.receivedBytes += chunk.length;
    if (!this.hasRead && this.#headerBytes === 2 && isTls(chunk)) {
      this.#finish({
        reason: "protocol",
        detail: "expected a node without TLS, got one with it; start both " +
          "nodes with the option `tls`, or neither",
      });
      return;
    }
    this.hasRead = true;
    this.#frames.push(chunk);
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      this.#cutFrames();
    } catch (error) {
      this.#finish({
        reason: "bad-data",
        detail: errorText(error),
      });
    } finally {
      this.#isReading = false;
    }
  }

  #cutFrames(): void {
    const frames = this.#frames;
    for (let payload = frames.next(); payload; payload = frames.next()) {
      if (this.#phase === "up") {
        const { length } = frames;
        if (length > 0) this.#owner.frame(this, payload, length);
        else this.#answerTick();
      } else if (this.#phase === "handshake") {
        this.#armSetup();
        this.#take(this.#machine.receive(payload));
      } else {
        return;
      }
    }
  }

  #answerTick(): void {
    if (this.#host.now() - this.lastWrittenAt >= ANSWER_GAP_MS) this.tick();
  }

  #take(steps: readonly HandshakeStep[]): void {
    for (const step of steps) {
      if (this.#phase === "ended") return;
      switch (step.type) {
        case "send":
          this.#send(frame(step.payload, this.#headerBytes));
          break;
        case "askStatus":
          this.#ask(step.peer);
          break;
        case "done":
          this.#phase = "up";
          this.#disarmSetup();
          this.#frames.switchTo(4, this.#maxFrameBytes);
          this.#owner.up(this, step.peer);
          break;
        case "failed":
          this.#finish({ reason: step.reason, detail: step.detail });
          break;
        default:
          step satisfies never;
      }
    }
  }

  #send(bytes: Uint8Array): void {
    this.sentBytes += bytes.length;
    this.#carrier.write(bytes);
  }

  /** The owner knows names, and the carrier whom it has at the other end. */
  #ask(peer: HandshakePeer): void {
    const complaint = this.#carrier.complainAbout?.(peer.name) ?? null;
    if (complaint === null) this.#owner.ask(this, peer);
    else this.answer("not_allowed", `refused ${peer.name}: ${complaint}`);
  }

  #finish(end: ConnectionEnd): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#end = end;
    this.#disarmSetup();
    this.#carrier.close(LINGER_MS);
    this.#owner.ended(this, end);
  }

  toString(): string {
    return `connection with ${this.remote}${
      this.#end === null ? "" : ` (ended: ${this.#end.reason})`
    }`;
  }
}

/** Whether this is how a stream of TLS begins: an alert, or a handshake. */
function isTls(chunk: Uint8Array): boolean {
  return (chunk[0] === 0x15 || chunk[0] === 0x16) && chunk[1] === 0x03;
}
