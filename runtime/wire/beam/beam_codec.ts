/**
 * The codec towards a BEAM node: signals as frames of Erlang's distribution
 * protocol, terms in Erlang's external format.
 *
 * A frame holds one control message and its payload. This file joins the parts:
 * `dist_header.ts` reads and writes the header in front of the terms,
 * `control_write.ts` and `control_read.ts` the control messages, `etf/writer` and
 * `etf/reader` the terms. Calls and other messages of the runtime are translated
 * to OTP's form by `core/messages/otp_terms.ts`, and from it by
 * `otp_messages.ts`. The codec between two Hornbeam nodes is `cbor/cbor.ts`, with
 * the same interface.
 *
 * Most frames are messages between the same two actors as the frame before. So
 * the bytes of the last control message are kept in both directions. An equal one
 * is copied and not written again, or compared and not read again.
 */

import type { Signal } from "../../core/host/signal.ts";
import { counterparts } from "../../core/messages/otp_terms.ts";
import type { Pid, PidTable } from "../../core/terms/terms.ts";
import type { ByteQueue } from "../shared/byte_queue.ts";
import type { Incarnation } from "../shared/incarnation.ts";
import {
  isDropped,
  reaches,
  type SignalCodec,
  type SignalSink,
} from "../shared/codec.ts";
import { payloadName } from "../shared/control_numbers.ts";
import { DecodeError } from "../shared/errors.ts";
import { KeyAtoms, PeerAtoms } from "../etf/atoms.ts";
import type { AtomEntry } from "../etf/atom_entry.ts";
import { type ControlMessage, toControl } from "./control_write.ts";
import { fromControl, hasPayload } from "./control_read.ts";
import { Output } from "../etf/output.ts";
import { EtfReader } from "../etf/reader/reader.ts";
import { tags } from "../etf/tags.ts";
import { EtfWriter } from "../etf/writer/writer.ts";
import {
  type DistForm,
  type DistMessage,
  DistReader,
  fragments,
  HEADER_MARK,
  PASS_THROUGH_MARK,
  references,
  VERSION_MARK,
} from "./dist_header.ts";
import { FRAGMENT_BYTES } from "../framing/fragments.ts";
import { flag, type Flags } from "../handshake/flags.ts";
import { fromOtp, replyOf, type Rereader } from "./otp_messages.ts";

/** How terms and frames are written on one connection. */
export type BeamLink = {
  /** Flags that both nodes have set: they decide framing and encodings. */
  readonly chosen: Flags;
  /** See `EtfReaderOptions`. */
  readonly exact?: boolean;
  readonly binaries?: "text" | "bytes";
};

export type BeamCodecOptions = BeamLink & {
  readonly maxFrameBytes: number;
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
};

const nothing = new Uint8Array(0);

/** The control message SEND_SENDER that was written or read last. */
type LastSend = {
  readonly from: Pid;
  readonly to: Pid;
  /** The bytes of the frame in front of the payload. */
  readonly head: Uint8Array;
};

/** A control message that was read, and the atoms to which it refers. */
type LastRead = LastSend & {
  readonly atoms: readonly AtomEntry[];
  readonly cacheVersion: number;
};

export class BeamCodec implements SignalCodec, Rereader {
  readonly #self: Incarnation;
  readonly #peer: Incarnation;
  readonly #chosen: Flags;
  readonly #form: DistForm;
  readonly #writer: EtfWriter;
  readonly #reader: EtfReader;
  readonly #frames: Output = new Output();
  readonly #distReader: DistReader;
  /** The atoms of all our headers: the names of both nodes, or none. */
  readonly #cached: readonly string[];
  /** The end of our headers; up to the first frame, with the atoms' texts. */
  #references: Uint8Array;
  #areCached = false;
  #sequence = 0n;
  #lastSent: LastSend | null = null;
  #lastRead: LastRead | null = null;
  /** Null when all messages are read exactly. */
  readonly #rereader: Rereader | null;
  /** Start of the current message in the input of the reader. */
  #messageAt = 0;
  #messageAtoms: readonly AtomEntry[] = [];

  constructor(options: BeamCodecOptions) {
    const { pids, self, peer, chosen, maxFrameBytes } = options;
    this.#self = self;
    this.#peer = peer;
    this.#chosen = chosen;
    this.#rereader = options.exact === true ? null : this;
    const form = this.#form = formOf(chosen);
    const atoms = new PeerAtoms();
    this.#cached = this.#has(flag.distHdrAtomCache)
      ? [self.node, peer.node]
      : [];
    this.#references = references(this.#cached, true);
    this.#writer = new EtfWriter({
      pids,
      self,
      keyAtoms: new KeyAtoms({ received: atoms }),
      termBytes: maxFrameBytes,
      cachedNames: new Map(
        this.#cached.map((name, i) =>
          [name, new Uint8Array([tags.atomCacheRef, i])] as const
        ),
      ),
      counterparts,
    });
    this.#reader = new EtfReader({
      pids,
      self,
      atoms,
      exact: options.exact ?? false,
      binaries: options.binaries ?? "text",
      viewsLargeBinaries: true,
    });
    this.#distReader = new DistReader({
      form,
      atoms,
      messageBytesMax: maxFrameBytes,
    });
  }

  encodeSend(
    from: Pid,
    to: Pid,
    message: unknown,
    out: ByteQueue,
    isAlone: boolean = false,
  ): void {
    if (!reaches(this.#peer, to)) return;
    const frame = this.#frames;
    const mark = frame.mark();
    const last = this.#lastSent;
    if (last !== null && last.to === to && last.from === from) {
      frame.writeBytes(last.head);
    } else {
      const signal = { type: "send", from, to, message: 0 } as const;
      this.#writeHead(frame, toControl(signal, this.#chosen));
      if (this.#isVersioned) frame.writeByte(VERSION_MARK);
      const head = frame.buffer.slice(
        frame.position - frame.length,
        frame.position,
      );
      this.#lastSent = { from, to, head };
    }
    try {
      this.#writer.write(message, frame, "message");
    } catch (error) {
      frame.rollback(mark);
      throw error;
    }
    this.#append(out, isAlone);
  }

  encode(signal: Signal, out: ByteQueue, isAlone: boolean = false): void {
    if (signal.type === "send") {
      const { from, to, message } = signal;
      return this.encodeSend(from, to, message, out, isAlone);
    }
    if (this.#isDropped(signal)) return;
    const message = toControl(signal, this.#chosen);
    const frame = this.#frames;
    const mark = frame.mark();
    try {
      this.#writeHead(frame, message);
      if (message.payload !== undefined) {
        if (this.#isVersioned) frame.writeByte(VERSION_MARK);
        const name = payloadName(message.control.items[0] as number);
        this.#writer.write(message.payload.term, frame, name);
      }
    } catch (error) {
      frame.rollback(mark);
      throw error;
    }
    this.#append(out, isAlone);
  }

  decode(bytes: Uint8Array, sink: SignalSink): void {
    this.#decode(bytes, sink);
    // The reader holds its input until the next frame, which may take long.
    if (this.#reader.bytes.length > FRAGMENT_BYTES) {
      this.#reader.beginInput(nothing);
    }
  }

  #decode(bytes: Uint8Array, sink: SignalSink): void {
    const last = this.#lastRead;
    if (
      last !== null && startsWith(bytes, last.head) &&
      last.cacheVersion === this.#distReader.cacheVersion
    ) {
      const { from, to, head, atoms } = last;
      this.#reader.beginInput(bytes, head.length, bytes.length, atoms);
      this.#messageAt = head.length;
      this.#messageAtoms = atoms;
      const message = this.#reader.read();
      this.#message({ type: "send", from, to, message }, sink);
      return;
    }
    const message = this.#distReader.read(bytes);
    if (message !== null) this.#read(message, sink);
  }

  get #isVersioned(): boolean {
    return this.#form === "passThrough";
  }

  #writeHead(frame: Output, { control }: ControlMessage): void {
    if (this.#isVersioned) {
      frame.writeByte(PASS_THROUGH_MARK);
      frame.writeByte(VERSION_MARK);
    } else {
      frame.writeByte(VERSION_MARK);
      frame.writeByte(HEADER_MARK);
      frame.writeBytes(this.#references);
    }
    this.#writer.write(control, frame, "signal");
  }

  /** Appends the frame that was written to the queue. */
  #append(out: ByteQueue, isAlone: boolean): void {
    const frame = this.#frames;
    const bytes = frame.length;
    if (bytes <= FRAGMENT_BYTES && !frame.hasChunks && !isAlone) {
      let at: number;
      try {
        out.endFrame();
        at = out.reserve(bytes);
      } catch (error) {
        frame.takeCopy();
        throw error;
      }
      frame.moveTo(out.buffer, at);
      out.endFrame();
    } else if (this.#areCached) this.#appendLarge(out, bytes);
    else {
      // Later frames refer to the atoms that this one introduces, so they must
      // not overtake it.
      const lane = out.onLargeFrame;
      out.onLargeFrame = null;
      try {
        this.#appendLarge(out, bytes);
      } finally {
        out.onLargeFrame = lane;
      }
    }
    if (!this.#areCached) {
      this.#areCached = true;
      this.#references = references(this.#cached, false);
      this.#lastSent = null;
    }
  }

  #appendLarge(out: ByteQueue, bytes: number): void {
    const chunks = this.#frames.take() as Uint8Array<ArrayBuffer>[];
    if (!this.#has(flag.fragments) || bytes <= FRAGMENT_BYTES) {
      out.largeFrame(chunks);
      return;
    }
    out.checkFrame(bytes);
    this.#sequence += 1n;
    // Without its own header, because each fragment has one.
    const [first = nothing, ...rest] = chunks;
    const body = [first.subarray(2 + this.#references.length), ...rest];
    for (
      const pieces of fragments(
        body as Uint8Array<ArrayBuffer>[],
        this.#sequence,
        this.#references,
      )
    ) out.largeFrame(pieces);
  }

  #read(message: DistMessage, sink: SignalSink): void {
    const { bytes, start, atoms, isVersioned } = message;
    const reader = this.#reader;
    reader.beginInput(bytes, start, bytes.length, atoms);
    if (isVersioned) this.#expectVersion();
    const control = reader.read();
    let payload: unknown;
    let head = 0;
    if (hasPayload(control)) {
      if (isVersioned) this.#expectVersion();
      head = reader.at;
      this.#messageAt = head;
      this.#messageAtoms = atoms;
      payload = reader.read();
    }
    const signal = fromControl(control, payload, this.#peer.node);
    // A message from fragments has no header in front any more.
    if (signal.type === "send" && start > 0) {
      const { from, to } = signal;
      const { cacheVersion } = this.#distReader;
      this.#lastRead = {
        ...{ from, to, atoms, cacheVersion },
        head: bytes.slice(0, head),
      };
    }
    this.#message(signal, sink);
  }

  #expectVersion(): void {
    const reader = this.#reader;
    const byte = reader.bytes[reader.at];
    if (byte !== VERSION_MARK) {
      throw new DecodeError(
        `expected a term with version ${VERSION_MARK}, got ${byte}`,
        reader.at,
      );
    }
    reader.at += 1;
  }

  /** Delivers a signal, with its message in the form that actors receive. */
  #message(signal: Signal, sink: SignalSink): void {
    switch (signal.type) {
      case "send": {
        const reply = replyOf(signal.message);
        if (reply !== undefined && reply.alias.node === this.#self.node) {
          const { alias, value } = reply;
          const { from } = signal;
          sink.signal({ type: "sendAlias", from, alias, message: value });
        } else if (this.#isOurs(signal.to)) {
          const { id, serial } = signal.to;
          sink.message(id, serial, fromOtp(signal.message, this.#rereader));
        }
        return;
      }
      case "sendNamed":
        sink.signal({
          ...signal,
          message: fromOtp(signal.message, this.#rereader),
        });
        return;
      case "sendAlias": {
        const reply = replyOf(signal.message);
        const isReply = reply !== undefined && reply.alias.equals(signal.alias);
        const message = isReply
          ? reply.value
          : fromOtp(signal.message, this.#rereader);
        sink.signal({ ...signal, message });
        return;
      }
      default:
        sink.signal(signal);
    }
  }

  rereadExactly(): unknown {
    const reader = this.#reader;
    const { bytes } = reader;
    reader.beginInput(bytes, this.#messageAt, bytes.length, this.#messageAtoms);
    reader.exact = true;
    return reader.read();
  }

  #isOurs({ node, creation }: Pid): boolean {
    return node === this.#self.node && creation === this.#self.creation;
  }

  #has(wanted: Flags): boolean {
    return (this.#chosen & wanted) === wanted;
  }

  /**
   * Whether the signal has to be dropped: it is for another incarnation of the
   * peer, or the peer does not support its type. For some of these a BEAM node
   * would close the connection.
   */
  #isDropped(signal: Signal): boolean {
    const isMonitoring = signal.type === "monitor" ||
      signal.type === "demonitor";
    return isMonitoring
      ? !this.#has(flag.distMonitor | flag.distMonitorName)
      : isDropped(this.#peer, signal);
  }
}

/** The form of the frames, which the flags of both nodes decide. */
function formOf(chosen: Flags): DistForm {
  const withHeader = flag.fragments | flag.distHdrAtomCache;
  return (chosen & withHeader) === 0n ? "passThrough" : "header";
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  const { length } = head;
  if (bytes.length <= length) return false;
  // The numbers of the pids differ most often, and they are at the end.
  for (let i = length - 1; i >= 0; i--) {
    if (bytes[i] !== head[i]) return false;
  }
  return true;
}
