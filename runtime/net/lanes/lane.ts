/**
 * The lane of large messages of one connection: what waits there goes out in
 * fragments between everything else, so that nothing waits behind a whole one.
 *
 * Erlang promises order between any two actors, whatever the signals. So what
 * an actor sends to another one while a large message between the two waits
 * here has to wait behind it. All else passes. Senders take turns, a fragment
 * each. Between Hornbeam nodes a window limits what is on its way and not
 * acknowledged: what overtakes here would else wait in a buffer further on. The
 * lane does no I/O: its owner takes frames when there is room for them.
 */

import type { Signal } from "../../core/host/signal.ts";
import { Pid } from "../../core/terms/terms.ts";
import {
  fragmentBytes,
  fragmentMark,
  fragmentsOf,
  openPayloadsMax,
} from "../../wire/framing/fragments.ts";
import { Window } from "./window.ts";

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/** Who sends a signal, and to which actor; null where only the peer knows. */
export type Parties = { readonly from: Pid; readonly to: Pid | null };

/** One signal. */
type Load = {
  readonly to: Pid | null;
  readonly frames: readonly Chunks[];
  /** Frames that were taken. */
  taken: number;
  /** The one behind it: there may be very many, so they are no array. */
  next: Load | null;
};

/** What one sender has here, in order; never empty. */
type Stream = {
  readonly from: Pid;
  first: Load;
  last: Load;
  /** How many of them are for whom. */
  readonly to: Map<Pid | null, number>;
  /** What waits of them. */
  bytes: number;
};

/** Bytes of a frame's length. */
const lengthBytes = 4;

export class Lane {
  /** Bytes that wait, without the lengths of frames. */
  bytes = 0;
  /** Signals that wait. */
  length = 0;
  /** What its owner may take although there is no room; below 0: took ahead. */
  owedBytes = 0;
  readonly #isCut: boolean;
  readonly #streams = new Map<Pid, Stream>();
  /** Streams that take turns: as many as a peer may have open payloads. */
  readonly #turns: Stream[] = [];
  /** Those that have to wait for one of these to be done. */
  readonly #waiting: Stream[] = [];
  /** Place in `#turns` of the one that is next. */
  #next = 0;
  #number = 0;
  /** Fragments that were taken and not acknowledged. */
  readonly #window: Window;

  /**
   * `isCut`: its frames are to be cut into fragments here. `now` is the host's
   * clock in ms.
   */
  constructor(isCut: boolean, now: () => number) {
    this.#isCut = isCut;
    this.#window = new Window(now);
  }

  /**
   * Whether a payload is small enough to go with everything else, if it need
   * not wait here: a piece more or less makes no difference to what waits for
   * it, and much to a stream of such messages.
   */
  isTooSmall(payloadBytes: number): boolean {
    return this.#isCut && payloadBytes <= 2 * fragmentBytes;
  }

  /** Bytes that wait of one sender. */
  bytesOf(from: Pid): number {
    return this.#streams.get(from)?.bytes ?? 0;
  }

  /** Whether a signal would overtake an earlier one between the same two. */
  isBehind(from: Pid, to: Pid | null): boolean {
    if (this.#streams.size === 0) return false;
    const stream = this.#streams.get(from);
    if (stream === undefined) return false;
    return to === null || stream.to.has(to) || stream.to.has(null);
  }

  /** Appends the payload of a frame, behind what its sender has here. */
  add(
    { from, to }: Parties,
    payload: Chunks,
    payloadBytes: number,
  ): void {
    const frames = this.#isCut
      ? fragmentsOf(payload, payloadBytes, this.#number++ >>> 0)
      : [payload];
    const load: Load = { to, frames, taken: 0, next: null };
    const stream = this.#streams.get(from) ?? this.#begin(from, load);
    if (stream.last !== load) stream.last = stream.last.next = load;
    const bytes = sizeOf(frames);
    stream.bytes += bytes;
    this.bytes += bytes;
    this.length++;
    stream.to.set(to, (stream.to.get(to) ?? 0) + 1);
  }

  #begin(from: Pid, load: Load): Stream {
    const to = new Map<Pid | null, number>();
    const stream: Stream = { from, first: load, last: load, to, bytes: 0 };
    this.#streams.set(from, stream);
    (this.#turns.length < openPayloadsMax ? this.#turns : this.#waiting)
      .push(stream);
    return stream;
  }

  /**
   * The next frame with its length; null when nothing waits, or when all that
   * does has to wait for an acknowledgement. `isLast`: there will be none.
   */
  take(isLast: boolean = false): Uint8Array<ArrayBuffer>[] | null {
    if (this.#window.isFull && !isLast) return null;
    const place = this.#next < this.#turns.length ? this.#next : 0;
    const stream = this.#turns[place];
    if (stream === undefined) return null;
    const load = stream.first;
    const frame = load.frames[load.taken++] as Chunks;
    this.#next = place + 1;
    const bytes = sizeOf([frame]);
    stream.bytes -= bytes;
    this.bytes -= bytes;
    this.owedBytes -= bytes;
    if (this.#isCut && frame[0]?.[0] === fragmentMark) this.#window.sent(bytes);
    if (load.taken === load.frames.length) this.#done(stream, load, place);
    const length = new Uint8Array(lengthBytes);
    new DataView(length.buffer).setUint32(0, bytes);
    return [length, ...frame];
  }

  /** The peer has so many bytes of fragments. */
  acknowledged(bytes: number): void {
    this.#window.acknowledged(bytes);
  }

  /** A signal is out; whoever waits for a turn gets this one's. */
  #done(stream: Stream, { to, next: behind }: Load, place: number): void {
    this.length--;
    const left = (stream.to.get(to) ?? 1) - 1;
    if (left > 0) stream.to.set(to, left);
    else stream.to.delete(to);
    const isEmpty = behind === null;
    if (isEmpty) this.#streams.delete(stream.from);
    else stream.first = behind;
    if (!isEmpty && this.#waiting.length === 0) return;
    if (!isEmpty) this.#waiting.push(stream);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#turns[place] = next;
    else {
      this.#turns.splice(place, 1);
      this.#next = place;
    }
  }
}

function sizeOf(frames: readonly Chunks[]): number {
  let bytes = 0;
  for (const frame of frames) {
    for (const chunk of frame) bytes += chunk.length;
  }
  return bytes;
}

/** Between whom a signal's order has to be kept. */
export function partiesOf(signal: Signal): Parties {
  switch (signal.type) {
    case "sendNamed":
    case "sendAlias":
    case "spawnRequest":
      return { from: signal.from, to: null };
    case "monitor":
    case "demonitor":
      return { from: signal.from, to: pidOf(signal.target) };
    case "down":
      return {
        from: signal.from ?? pidOf(signal.target) ?? nobody,
        to: signal.to,
      };
    case "spawnReply":
      // It is the node that answers, and nothing else of it is for an actor.
      return { from: nobody, to: signal.to };
    default:
      return { from: signal.from, to: signal.to };
  }
}

/** Stands for the node as a sender that never has anything large. */
const nobody: Pid = new Pid("", 0, 0, 0, null);

function pidOf(target: unknown): Pid | null {
  return target instanceof Pid ? target : null;
}
