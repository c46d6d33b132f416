/**
 * One attempt to connect two nodes, from the first byte to the end: first the
 * handshake, then frames, over any carrier.
 *
 * It does not decide which of several attempts counts (`distribution.ts` does),
 * and it knows no actors. It promises that `ended` is called exactly once, that
 * no other call follows it, and that the connection is closed within the time
 * limit when the peer is silent in the handshake or breaks the protocol.
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
    /** A newcomer has taken its place; see `Slots`. */
    | "crowded"
    | "disconnect"
    | "replaced";
  /** Text of one line, for the log. */
  readonly detail: string;
};

/** Callbacks to the owner of a connection, in this order. */
export interface ConnectionOwner {
  /** Acceptor only: the peer has said its name and needs an `answer`. */
  ask(connection: Connection, peer: HandshakePeer): void;
  /** The handshake is done. Frames follow. */
  up(connection: Connection, peer: HandshakePeer): void;
  /**
   * One frame that is not a tick. Of a frame that was landed (see
   * `FrameParser`), `payload` is only the beginning; `bytes` always counts the
   * whole frame. An error that is thrown here ends the connection.
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

/** How long a closed carrier may take to write its last frames. */
const LINGER_MS = 1_000;

/** Longest wait for the name of a peer that dials. */
const FIRST_STEP_MS = 3_000;

/** Longest handshake message: over TCP its length has two bytes. */
const MAX_HANDSHAKE_BYTES = 65_535;

const tickFrame = new Uint8Array(4);
/**
 * A tick is answered unless bytes were written within this time. A peer may
 * have other limits than this node: even with the shortest limit, a second, it
 * receives bytes in time.
 */
const ANSWER_GAP_MS = 250;

export class Connection {
  /** Address of the peer, for logs. */
  readonly remote: string;
  readonly #carrier: Carrier;
  readonly #machine: Initiator | Acceptor;
  readonly #owner: ConnectionOwner;
  readonly #host: Host;
  readonly #setupTimeoutMs: number;
  /** Cuts handshake messages while in the handshake, frames while up. */
  readonly #frames: FrameParser;
  /** Limit of `#frames` while up. */
  readonly #maxFrameBytes: number;
  /** Size of the length in front of a handshake message. */
  readonly #headerBytes: HeaderBytes;
  /** Only moves forward: handshake, up, ended; or handshake, ended. */
  #phase: "handshake" | "up" | "ended" = "handshake";
  /** Limit for the next handshake message; null when not in the handshake. */
  #setupTimer: TimerHandle | null = null;
  /**
   * Whether `#cutFrames` is on the stack. A chunk that arrives meanwhile is
   * read by the loop that runs already.
   */
  #isReading = false;
  /**
   * When bytes last arrived, in ms of the host's clock. `Ticks` moves it
   * forward by the time in which this node did not read.
   */
  lastReadAt: number;
  /** Whether the peer has sent any byte. */
  hasRead = false;
  /** Whether the peer dialled while another connection with it was up. */
  isSecond = false;
  /** When frames or ticks were last written, in ms of the host's clock. */
  lastWrittenAt: number;
  /** Bytes given to the carrier, handshake included. Never decreases. */
  sentBytes = 0;
  /** Bytes that have arrived, handshake included. Never decreases. */
  receivedBytes = 0;
  /** Why the connection has ended; null exactly until then. */
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

  /** Whether the peer has dialled. */
  get isIncoming(): boolean {
    return "answerStatus" in this.#machine;
  }

  get bufferedBytes(): number {
    return this.#carrier.bufferedBytes;
  }

  /** Starts the handshake. `firstSteps`: from `start` of an initiator. */
  open(firstSteps: readonly HandshakeStep[] = []): void {
    const limitMs = this.#setupTimeoutMs;
    this.#startSetupTimer(
      this.isIncoming ? Math.min(FIRST_STEP_MS, limitMs) : limitMs,
    );
    this.#carrier.open({
      data: (chunk) => this.#read(chunk),
      drain: () => this.#owner.drain(this),
      closed: (reason) => this.#carrierClosed(reason),
    });
    this.#runSteps(firstSteps);
  }

  /** Acceptor only: the answer to `ask`, with `why` for a refusal. */
  answer(status: StatusAnswer, why?: string): void {
    if (this.#phase !== "handshake" || !("answerStatus" in this.#machine)) {
      return;
    }
    const steps = this.#machine.answerStatus(status);
    this.#runSteps(
      why === undefined
        ? steps
        : steps.map((step) =>
          step.type === "failed" ? { ...step, detail: why } : step
        ),
    );
  }

  /** Sets how large frames are landed; see `FrameParser`. */
  landBy(land: FrameParser["land"]): void {
    this.#frames.land = land;
  }

  /** Writes frames. False when the carrier cannot keep up. */
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
    this.write([tickFrame]);
  }

  /** Ends the connection; the owner is told at once. */
  close(end: ConnectionEnd): void {
    this.#endWith(end);
  }

  /** As `close`, and the carrier is closed without its last bytes. */
  abort(end: ConnectionEnd): void {
    this.#endWith(end);
    this.#carrier.destroy();
  }

  #carrierClosed(reason: string): void {
    // The handshake machine knows what an end at this point means.
    if (this.#phase === "handshake") {
      this.#runSteps(
        this.#machine.closed().map((step) =>
          step.type === "failed"
            ? { ...step, detail: `${step.detail} (${reason})` }
            : step
        ),
      );
    }
    this.#endWith({ reason: "connection-closed", detail: reason });
  }

  /**
   * The time is judged when what had arrived meanwhile was read: late timers
   * run before sockets are read, and macrotasks after that.
   */
  #startSetupTimer(limitMs: number): void {
    this.#stopSetupTimer();
    const judge = () => {
      if (this.#setupTimer !== timer) return;
      this.#setupTimer = null;
      this.#endWith({
        reason: "timeout",
        detail:
          `expected the next step of the handshake within ${limitMs} ms, but it did not come`,
      });
    };
    const timer = this.#host.setTimer(
      () => this.#host.macrotask(judge),
      limitMs,
    );
    this.#setupTimer = timer;
  }

  #stopSetupTimer(): void {
    if (this.#setupTimer !== null) this.#host.clearTimer(this.#setupTimer);
    this.#setupTimer = null;
  }

  #read(chunk: Uint8Array): void {
    if (this.#phase === "ended") return;
    this.lastReadAt = this.#host.now();
    this.receivedBytes += chunk.length;
    if (!this.hasRead && this.#headerBytes === 2 && isTls(chunk)) {
      this.#endWith({
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
      this.#endWith({
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
        this.#startSetupTimer(this.#setupTimeoutMs);
        this.#runSteps(this.#machine.receive(payload));
      } else {
        return;
      }
    }
  }

  #answerTick(): void {
    if (this.#host.now() - this.lastWrittenAt >= ANSWER_GAP_MS) this.tick();
  }

  #runSteps(steps: readonly HandshakeStep[]): void {
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
          this.#stopSetupTimer();
          this.#frames.switchTo(4, this.#maxFrameBytes);
          this.#owner.up(this, step.peer);
          break;
        case "failed":
          this.#endWith({ reason: step.reason, detail: step.detail });
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

  /**
   * The carrier may refuse a name by its certificate, before the owner does.
   */
  #ask(peer: HandshakePeer): void {
    const complaint = this.#carrier.complainAbout?.(peer.name) ?? null;
    if (complaint === null) this.#owner.ask(this, peer);
    else this.answer("not_allowed", `refused ${peer.name}: ${complaint}`);
  }

  #endWith(end: ConnectionEnd): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#end = end;
    this.#stopSetupTimer();
    this.#carrier.close(LINGER_MS);
    this.#owner.ended(this, end);
  }

  toString(): string {
    return `connection with ${this.remote}${
      this.#end === null ? "" : ` (ended: ${this.#end.reason})`
    }`;
  }
}

/** Whether a stream of TLS begins so: with an alert or a handshake. */
function isTls(chunk: Uint8Array): boolean {
  return (chunk[0] === 0x15 || chunk[0] === 0x16) && chunk[1] === 0x03;
}
