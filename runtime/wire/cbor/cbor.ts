/**
 * The codec between two Hornbeam nodes: signals as CBOR (RFC 8949), by cbor-x.
 *
 * A frame holds a sequence of items. Each is a control message as in
 * `control.ts`, or lists of keys that the signals after it need
 * (`cbor/shapes.ts`). A large signal has a frame of its own: null, then its
 * large binaries as byte strings, then its lists of keys, then the signal; it
 * stands alone, so it may overtake others and be overtaken, and it may come in
 * fragments (`fragments.ts`).
 *
 * Not here: sockets, lengths of frames (`frames.ts`), which signal goes when,
 * and who gets the signals. The codec towards a BEAM node is another one.
 *
 * A message that arrives shares no memory with the frame it came in, but for
 * binaries of 64 KiB and more, which may be views of a larger buffer. A binary
 * of that size that is sent is not copied either: nobody may write to it.
 */

import type { Signal } from "../../core/host/signal.ts";
import { type Pid, type PidTable, printTerm } from "../../core/terms/terms.ts";
import type { ByteQueue } from "../shared/byte_queue.ts";
import {
  isForNobody,
  reaches,
  type SignalCodec,
  type SignalSink,
} from "../shared/codec.ts";
import { encodeToPool, type Pool, releasePool } from "./engine.ts";
import { appendSmallSend, beginSend, sendHeadBytes } from "./small_write.ts";
import { TermWriter, tooLarge } from "./prepare.ts";
import { ShapeReader, SHAPES_OP, ShapeWriter } from "./shapes.ts";
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
  /** Classes of the runtime that are terms; the same list at both ends. */
  readonly recordClasses?: readonly RecordClass[];
  readonly limits?: {
    /** Different atoms that the peer may send; 100,000 unless told. */
    readonly newAtoms?: number;
    /** Bytes of a payload that comes in fragments; 64 MiB unless told. */
    readonly payloadBytes?: number;
  };
  /** Shared by all codecs of the process; without one only `limits` hold. */
  readonly atomBudget?: AtomBudget;
};

/** A signal above this size gets a frame of its own. */
const LARGE_SIGNAL_BYTES = 64 * 1024;

/** Of one that comes in fragments, where nothing else is said. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

/** Head of a byte string whose length has 32 bits, and the size of both. */
const BYTES_HEAD = 0x5a;
const BYTES_HEAD_BYTES = 5;

/** Up to here a loop copies faster than `set` with its views. */
const LOOP_BYTES_MAX = 64;

/**
 * Both directions of one connection. Each end learns from what it has seen, so
 * every byte of `encode` must reach the peer's `decode` in order, and a new
 * connection needs new codecs.
 */
export class CborCodec implements SignalCodec {
  readonly #self: Incarnation;
  readonly #peer: Incarnation;
  readonly #writer: TermWriter;
  readonly #shapes: ShapeWriter = new ShapeWriter();
  readonly #reader: TermReader;
  readonly #readerShapes: ShapeReader = new ShapeReader();
  readonly #fragments: FragmentReader;
  /** A signal is being prepared, and getters of its values may run. */
  #isEncoding = false;
  /** Set for ever once the peer broke the protocol. */
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
   * Appends a message. Throws an `EncodeError` that names the offending value;
   * then nothing was appended. A message to another incarnation of the peer is
   * dropped, because nobody is there to receive it. Throws an `Error` for an
   * address on another node.
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
      this.#begin(out);
      const prepared = this.#writer.prepare(message, "message");
      append(prepared, this.#shapes, out, to);
    } catch (error) {
      this.#failed(error, [ops.send, id, serial, message], out);
    } finally {
      this.#isEncoding = false;
    }
  }

  /**
   * Appends a signal; as `encodeSend`. Links and monitors go out even to
   * another incarnation of the peer, because they are always answered.
   */
  encode(signal: Signal, out: ByteQueue, isAlone: boolean = false): void {
    if (isForNobody(this.#peer, signal)) return;
    const items = signalToControl(signal);
    if (isAlone) return this.#alone(items, out);
    this.#enter();
    try {
      this.#begin(out);
      append(this.#prepare(items), this.#shapes, out, null);
    } catch (error) {
      this.#failed(error, items, out);
    } finally {
      this.#isEncoding = false;
    }
  }

  /**
   * Hands the signals of one frame to `sink`, in order. Throws a
   * `DecodeError` for bytes that break the protocol, now and at every later
   * call, because the two ends are out of step then; and whatever `sink`
   * throws. `frame` is never written to.
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

  /** Errors name their place in the whole frame. */
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
    // Only now, so that a sink may use any codec, this one included.
    for (const signal of signals) this.#deliver(signal, sink);
  }

  #read(frame: Uint8Array, signals: (readonly unknown[])[]): void {
    let shapes = this.#readerShapes;
    let attachments: readonly Uint8Array[] = [];
    let start = 0;
    if (frame[0] === LARGE_FRAME_MARK) {
      shapes = new ShapeReader();
      [attachments, start] = attachmentsOf(frame);
    }
    const items = viewOf(frame, start, frame.length);
    this.#reader.read(items, shapes, attachments, (item) => {
      collect(item, shapes, signals);
    });
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
   * Nothing is called after the flag is set: at the end of the stack a call
   * would throw before the `try` that clears it.
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

  #begin(out: ByteQueue): void {
    const bytesMax = Math.min(LARGE_SIGNAL_BYTES, out.maxFrameBytes);
    this.#shapes.begin();
    this.#writer.begin(this.#shapes, bytesMax, null);
  }

  #alone(items: readonly unknown[], out: ByteQueue): void {
    this.#enter();
    try {
      this.#writeLarge(items, out, true);
    } finally {
      this.#isEncoding = false;
    }
  }

  /** The signal was not written: throws, or writes it as a large one. */
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
    this.#writer.begin(shapes, out.maxFrameBytes, attachments);
    try {
      const prepared = this.#prepare(items);
      out.largeFrame(largePayload(prepared, shapes, attachments), isAlone);
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

/** Errors of a full stack or memory are about this message as well. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new EncodeError("message", printTerm(error), { cause: error });
}

/**
 * Appends a prepared signal behind the lists of keys it needs: a whole control
 * message, or a message for `to`. Throws before anything was appended.
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
  if (definitions === null) return nothing;
  const pool = encodeToPool(definitions);
  return new Uint8Array(pool.subarray(pool.start, pool.end));
}

function copy(pool: Pool, to: Uint8Array, at: number): void {
  const { start, end } = pool;
  if (end - start > LOOP_BYTES_MAX) to.set(pool.subarray(start, end), at);
  else for (let i = start; i < end; i++) to[at++] = pool[i]!;
}

/** The payload of a large frame, in chunks that are not copied again. */
function largePayload(
  prepared: readonly unknown[],
  shapes: ShapeWriter,
  attachments: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [Uint8Array.of(LARGE_FRAME_MARK)];
  for (const bytes of attachments) {
    const head = new Uint8Array(BYTES_HEAD_BYTES);
    head[0] = BYTES_HEAD;
    new DataView(head.buffer).setUint32(1, bytes.length);
    chunks.push(head, bytes);
  }
  const definitions = encodeDefinitions(shapes);
  const pool = encodeToPool(prepared);
  const signal = new Uint8Array(definitions.length + pool.end - pool.start);
  signal.set(definitions);
  copy(pool, signal, definitions.length);
  releasePool(pool);
  chunks.push(signal);
  return chunks;
}

/** The attachments of a large frame, and where its items begin. */
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

/** A view where the binary is most of its buffer, else a copy. */
function attachmentOf(
  frame: Uint8Array,
  start: number,
  end: number,
): Uint8Array {
  const bytes = viewOf(frame, start, end);
  return 2 * bytes.length >= frame.buffer.byteLength ? bytes : bytes.slice();
}

/**
 * A view of its own: never a subclass such as `Buffer`, which messages would
 * inherit, and cbor-x leaves a property on what it decodes.
 */
function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Lists of keys are learned at once: the next item may need them. */
function collect(
  item: unknown,
  shapes: ShapeReader,
  signals: (readonly unknown[])[],
): void {
  if (!Array.isArray(item)) {
    throw new DecodeError(`expected a signal, got ${printTerm(item)}`);
  }
  if (item[0] === SHAPES_OP) shapes.define(item);
  else signals.push(item);
}
