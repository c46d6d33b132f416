/**
 * The codec between two Hornbeam nodes: signals as CBOR (RFC 8949), by cbor-x.
 *
 * A frame holds a sequence of items. An item is a control message
 * (`control.ts`), or lists of keys that later signals need (`shapes.ts`). A large
 * signal has a frame of its own: null, then its large binaries as byte strings,
 * then its lists of keys, then its parts (`parts.ts`), then the signal. Such a frame depends on no other one,
 * so it may overtake others and be overtaken, and it may be sent in fragments
 * (`framing/fragments.ts`).
 *
 * Not here: sockets, lengths of frames (`framing/frames.ts`), the order of
 * signals, and their delivery. The codec towards a BEAM node is
 * `beam/beam_codec.ts`.
 *
 * A message that was decoded shares no memory with its frame, with one exception:
 * a binary of 64 KiB and more may be a view of a larger buffer. A binary of that
 * size is not copied when it is sent either, so a program must not write to it.
 */

import type { Signal } from "../../core/host/signal.ts";
import { type Pid, type PidTable, printTerm } from "../../core/terms/terms.ts";
import type { ByteQueue } from "../shared/byte_queue.ts";
import {
  isDropped,
  reaches,
  type SignalCodec,
  type SignalSink,
} from "../shared/codec.ts";
import { encodeToPool, type Pool, releasePool } from "./engine.ts";
import { appendSmallSend, beginSend, sendHeadBytes } from "./small_write.ts";
import { TermWriter, tooLarge } from "./prepare.ts";
import { ShapeReader, SHAPES_OP, ShapeWriter } from "./shapes.ts";
import { type Part, PART_OP, PartReader } from "./parts.ts";
import { LARGE_FRAME_MARK, type RecordClass } from "./tags.ts";
import type { Incarnation } from "../shared/incarnation.ts";
import { isU32 } from "../shared/numbers.ts";
import { TermReader } from "./terms.ts";
import type { AtomBudget } from "../shared/atoms.ts";
import { ops, payloadName } from "../shared/control_numbers.ts";
import { controlToSignal, signalToControl } from "./control.ts";
import { readSmallSends } from "./small_read.ts";
import { DecodeError, EncodeError } from "../shared/errors.ts";
import { FRAGMENT_MARK, FragmentReader } from "../framing/fragments.ts";

export type CborCodecOptions = {
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
  /** Classes of the runtime that are terms; both nodes need the same list. */
  readonly recordClasses?: readonly RecordClass[];
  readonly limits?: {
    /** Different atoms that the peer may send; default 100,000. */
    readonly newAtoms?: number;
    /** Bytes of a payload that is sent in fragments; default 64 MiB. */
    readonly payloadBytes?: number;
  };
  /** Shared by all codecs of the thread; without it only `limits` hold. */
  readonly atomBudget?: AtomBudget;
};

/** A signal above this size gets a frame of its own. */
const LARGE_SIGNAL_BYTES = 64 * 1024;

/** Default limit of a payload that is sent in fragments. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

/** First byte of a byte string with a 32-bit length, and the bytes of both. */
const BYTES_HEAD = 0x5a;
const BYTES_HEAD_BYTES = 5;

/** Up to this many bytes a loop is faster than `set`, which needs views. */
const LOOP_BYTES_MAX = 64;

/**
 * Encodes and decodes the signals of one connection. Both nodes remember the lists
 * of keys of earlier signals, so every byte of `encode` must reach the peer's
 * `decode` in order, and a new connection needs new codecs.
 */
export class CborCodec implements SignalCodec {
  readonly #self: Incarnation;
  readonly #peer: Incarnation;
  readonly #writer: TermWriter;
  readonly #shapes: ShapeWriter = new ShapeWriter();
  readonly #reader: TermReader;
  readonly #readerShapes: ShapeReader = new ShapeReader();
  readonly #fragments: FragmentReader;
  /** Whether a signal is being prepared: getters of its values may run. */
  #isEncoding = false;
  /** Not null once the peer has broken the protocol; it stays then. */
  #failure: DecodeError | null = null;

  constructor(options: CborCodecOptions) {
    this.#self = options.self;
    this.#peer = options.peer;
    const { pids, self, peer, recordClasses = [] } = options;
    const newAtomsMax = options.limits?.newAtoms ?? 100_000;
    const atomBudget = options.atomBudget ?? { remaining: Infinity };
    this.#fragments = new FragmentReader(
      options.limits?.payloadBytes ?? PAYLOAD_BYTES_MAX,
    );
    this.#writer = new TermWriter(
      { pids, self, peer, recordClasses },
      this.#shapes,
    );
    this.#reader = new TermReader(
      { pids, self, peer, recordClasses, newAtomsMax, atomBudget },
      this.#readerShapes,
    );
  }

  /**
   * Appends a message. Throws an `EncodeError` that names the value that cannot
   * be encoded; then nothing was appended. A message to another incarnation of
   * the peer is dropped, because its receiver does not exist any more. Throws an
   * `Error` for an address on another node.
   */
  encodeSend(
    _from: Pid,
    to: Pid,
    message: unknown,
    out: ByteQueue,
    isAlone: boolean = false,
  ): void {
    if (!reaches(this.#peer, to)) return;
    const { id, serial } = to;
    if (isAlone) return this.#alone([ops.send, id, serial, message], out);
    if (appendSmallSend(id, serial, message, out)) return;
    this.#enter();
    try {
      this.#beginSignal(out);
      const prepared = this.#writer.prepare(message, "message");
      append(prepared, this.#shapes, out, to);
    } catch (error) {
      this.#failed(error, [ops.send, id, serial, message], out);
    } finally {
      this.#isEncoding = false;
    }
  }

  /**
   * Appends a signal; otherwise as `encodeSend`. Links and monitors are sent
   * even to another incarnation of the peer, because they are always answered.
   */
  encode(signal: Signal, out: ByteQueue, isAlone: boolean = false): void {
    if (isDropped(this.#peer, signal)) return;
    const items = signalToControl(signal);
    if (isAlone) return this.#alone(items, out);
    this.#enter();
    try {
      this.#beginSignal(out);
      append(this.#prepare(items), this.#shapes, out, null);
    } catch (error) {
      this.#failed(error, items, out);
    } finally {
      this.#isEncoding = false;
    }
  }

  /**
   * Hands the signals of one frame to `sink`, in order. Throws a `DecodeError`
   * for bytes that break the protocol, and at every later call, because the two
   * nodes may then remember different lists of keys. Errors of `sink` are thrown
   * as well. `frame` is never written to.
   */
  decode(frame: Uint8Array, sink: SignalSink): void {
    if (this.#failure !== null) throw this.#failure;
    if (frame[0] === FRAGMENT_MARK) {
      const payload = this.#defragment(frame);
      if (payload !== null) this.decode(payload, sink);
      return;
    }
    const read = readSmallSends(frame, sink);
    if (read === frame.length) return;
    if (read === 0) this.#decodeRest(frame, sink);
    else this.#decodeBehind(frame, read, sink);
  }

  land(start: Uint8Array, frameBytes: number): Uint8Array | null {
    if (this.#failure !== null) return null;
    try {
      return this.#fragments.land(start, frameBytes);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #defragment(frame: Uint8Array): Uint8Array | null {
    try {
      return this.#fragments.read(frame);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Decodes the rest of a frame; errors name their byte in the whole frame. */
  #decodeBehind(frame: Uint8Array, start: number, sink: SignalSink): void {
    try {
      this.#decodeRest(frame.subarray(start), sink);
    } catch (error) {
      if (!(error instanceof DecodeError) || error.offset === undefined) {
        throw error;
      }
      const { problem, offset } = error;
      throw this.#fail(new DecodeError(problem, start + offset));
    }
  }

  #decodeRest(frame: Uint8Array, sink: SignalSink): void {
    const signals: (readonly unknown[])[] = [];
    try {
      this.#read(frame, signals);
    } catch (error) {
      throw this.#fail(error);
    }
    // After the frame was read, so that a sink may use any codec, also this one.
    for (const signal of signals) this.#deliver(signal, sink);
  }

  #read(frame: Uint8Array, signals: (readonly unknown[])[]): void {
    let shapes = this.#readerShapes;
    let attachments: readonly Uint8Array[] = [];
    let parts: PartReader | null = null;
    let start = 0;
    if (frame[0] === LARGE_FRAME_MARK) {
      shapes = new ShapeReader();
      parts = new PartReader();
      [attachments, start] = attachmentsOf(frame);
    }
    const items = viewOf(frame, start, frame.length);
    this.#reader.read(items, shapes, attachments, parts, (item) => {
      collect(item, shapes, parts, signals);
    });
    parts?.finish();
  }

  #fail(error: unknown): unknown {
    if (error instanceof DecodeError) this.#failure = error;
    return error;
  }

  #deliver(items: readonly unknown[], sink: SignalSink): void {
    if (items[0] !== ops.send) {
      sink.signal(this.#signalOf(items));
      return;
    }
    const id = items[1];
    const serial = items[2];
    if (items.length !== 4 || !isU32(id) || !isU32(serial)) {
      throw this.#fail(
        new DecodeError(
          `expected the two numbers of a pid and a message, got ${
            printTerm(items)
          }`,
        ),
      );
    }
    sink.message(id, serial, items[3]);
  }

  #signalOf(items: readonly unknown[]): Signal {
    try {
      return controlToSignal(items, this.#peer.node, this.#self.node);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /**
   * No call may follow after the flag was set. When the stack is nearly full, a
   * call would throw before the `try` whose `finally` clears the flag.
   */
  #enter(): void {
    if (this.#isEncoding) {
      throw new EncodeError(
        "message",
        "it was sent by a getter of the message that is being encoded",
      );
    }
    this.#isEncoding = true;
  }

  #beginSignal(out: ByteQueue): void {
    const bytesMax = Math.min(LARGE_SIGNAL_BYTES, out.maxFrameBytes);
    this.#shapes.beginSignal();
    this.#writer.beginSignal(this.#shapes, bytesMax, null);
  }

  #alone(items: readonly unknown[], out: ByteQueue): void {
    this.#enter();
    try {
      this.#writeLarge(items, out, true);
    } finally {
      this.#isEncoding = false;
    }
  }

  /** Called for a signal that was not written: throws, or writes a large one. */
  #failed(error: unknown, items: readonly unknown[], out: ByteQueue): void {
    this.#shapes.rollback();
    if (error !== tooLarge) throw refusalOf(error);
    this.#writeLarge(items, out, false);
  }

  #writeLarge(
    items: readonly unknown[],
    out: ByteQueue,
    isAlone: boolean,
  ): void {
    const shapes = new ShapeWriter();
    const attachments: Uint8Array<ArrayBuffer>[] = [];
    this.#writer.beginSignal(shapes, out.maxFrameBytes, attachments);
    try {
      const prepared = this.#prepare(items);
      const { parts } = this.#writer;
      const payload = largePayload(prepared, shapes, parts, attachments);
      out.largeFrame(payload, isAlone);
    } catch (error) {
      if (error !== tooLarge) throw refusalOf(error);
      throw new EncodeError(
        payloadName(items[0] as number),
        `expected at most ${out.maxFrameBytes} bytes; send it in parts`,
      );
    }
  }

  #prepare(items: readonly unknown[]): unknown[] {
    const last = items.length - 1;
    const name = payloadName(items[0] as number);
    return items.map((item, i) =>
      typeof item === "number" && i < last
        ? item
        : this.#writer.prepare(item, i === last ? name : "signal")
    );
  }
}

/** An `EncodeError` for a full stack or memory; other errors as they are. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new EncodeError("message", printTerm(error), { cause: error });
}

/**
 * Appends a prepared signal, behind the lists of keys that it needs: a whole
 * control message, or a message for `to`. When it throws, nothing was appended.
 */
function append(
  prepared: unknown,
  shapes: ShapeWriter,
  out: ByteQueue,
  to: Pid | null,
): void {
  const definitions = encodeDefinitions(shapes);
  const pool = encodeToPool(prepared);
  try {
    const bytes = pool.end - pool.start;
    const front = to === null ? 0 : sendHeadBytes(to.id, to.serial);
    out.checkFrame(front + bytes);
    if (definitions.length > 0) {
      const at = out.reserve(definitions.length);
      out.buffer.set(definitions, at);
      shapes.commit();
    }
    const at = to === null
      ? out.reserve(bytes)
      : beginSend(to.id, to.serial, bytes, out);
    copy(pool, out.buffer, at);
  } finally {
    releasePool(pool);
  }
}

const nothing = new Uint8Array(0);

function encodeDefinitions(shapes: ShapeWriter): Uint8Array<ArrayBuffer> {
  const definitions = shapes.definitions();
  return definitions === null ? nothing : encoded(definitions);
}

function encoded(prepared: unknown): Uint8Array<ArrayBuffer> {
  const pool = encodeToPool(prepared);
  const bytes = new Uint8Array(pool.subarray(pool.start, pool.end));
  releasePool(pool);
  return bytes;
}

function copy(pool: Pool, to: Uint8Array, at: number): void {
  const { start, end } = pool;
  if (end - start > LOOP_BYTES_MAX) to.set(pool.subarray(start, end), at);
  else for (let i = start; i < end; i++) to[at++] = pool[i]!;
}

/** The payload of a large frame in chunks, which are not copied again. */
function largePayload(
  prepared: readonly unknown[],
  shapes: ShapeWriter,
  parts: readonly Part[],
  attachments: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [Uint8Array.of(LARGE_FRAME_MARK)];
  for (const bytes of attachments) {
    const head = new Uint8Array(BYTES_HEAD_BYTES);
    head[0] = BYTES_HEAD;
    new DataView(head.buffer).setUint32(1, bytes.length);
    chunks.push(head, bytes);
  }
  const front = joined([
    encodeDefinitions(shapes),
    // A part refers only to parts with higher numbers.
    ...parts.map((part, i) => encoded([PART_OP, i, part.prepared])).reverse(),
  ]);
  const pool = encodeToPool(prepared);
  const signal = new Uint8Array(front.length + pool.end - pool.start);
  signal.set(front);
  copy(pool, signal, front.length);
  releasePool(pool);
  chunks.push(signal);
  return chunks;
}

function joined(
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0]!;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The attachments of a large frame, and the position of its items. */
function attachmentsOf(frame: Uint8Array): [Uint8Array[], number] {
  const attachments: Uint8Array[] = [];
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let at = 1;
  while (frame[at] === BYTES_HEAD) {
    const start = at + BYTES_HEAD_BYTES;
    const end = start > frame.length ? start : start + view.getUint32(at + 1);
    if (end > frame.length) {
      throw new DecodeError("an attachment is incomplete", frame.length);
    }
    attachments.push(attachmentOf(frame, start, end));
    at = end;
  }
  return [attachments, at];
}

/** A view if the binary is at least half of its buffer, else a copy. */
function attachmentOf(
  frame: Uint8Array,
  start: number,
  end: number,
): Uint8Array {
  const bytes = viewOf(frame, start, end);
  return 2 * bytes.length >= frame.buffer.byteLength ? bytes : bytes.slice();
}

/**
 * A new view, for two reasons: it is never a subclass such as `Buffer`, which
 * would show in messages, and cbor-x adds a property to the view that it decodes.
 */
function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Learns lists of keys at once, because the next item may need them. */
function collect(
  item: unknown,
  shapes: ShapeReader,
  parts: PartReader | null,
  signals: (readonly unknown[])[],
): void {
  if (!Array.isArray(item)) {
    throw new DecodeError(`expected a signal, got ${printTerm(item)}`);
  }
  if (item[0] === SHAPES_OP) shapes.define(item);
  else if (item[0] === PART_OP && parts !== null) parts.add(item);
  else signals.push(item);
}
