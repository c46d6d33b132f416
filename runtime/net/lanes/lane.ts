/**
 * The lane of large messages of one connection. A message in the lane is sent
 * in fragments, between all other signals, so that no small signal waits behind
 * a whole large message.
 *
 * Erlang promises order between any two actors, for all kinds of signals. So
 * while a large message from one actor to another waits in the lane, every
 * later signal between these two waits behind it. All other signals pass.
 * Senders take turns, one fragment each. Between Hornbeam nodes a window limits
 * the bytes of fragments that are sent and not acknowledged (`window.ts`);
 * without it, signals that overtake the lane would wait in the buffers of the
 * network instead. The lane does no I/O: its owner takes frames from it when
 * the carrier has room.
 */

import type { Signal } from "../../core/host/signal.ts";
import { Pid } from "../../core/terms/terms.ts";
import {
  FRAGMENT_BYTES,
  FRAGMENT_MARK,
  fragmentsOf,
  OPEN_PAYLOADS_MAX,
} from "../../wire/framing/fragments.ts";
import { Window } from "./window.ts";

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/** Sender and receiver of a signal; `to` is null where only the peer knows. */
export type Parties = { readonly from: Pid; readonly to: Pid | null };

/** One signal in the lane. */
type Load = {
  readonly to: Pid | null;
  /** All frames of the signal; never empty. */
  readonly frames: readonly Chunks[];
  /** How many of `frames` were taken; less than all while it is in the lane. */
  taken: number;
  /**
   * The next signal of the same sender. A linked list and no array, because
   * there may be very many.
   */
  next: Load | null;
};

/** The signals of one sender in the lane, in order; never empty. */
type Stream = {
  readonly from: Pid;
  /** The oldest signal; only its frames are taken. */
  first: Load;
  /** The newest signal. */
  last: Load;
  /** The number of signals by receiver; no number is 0. */
  readonly to: Map<Pid | null, number>;
  /** Bytes of all frames of these signals that were not taken. */
  bytes: number;
};

/** Size of the length in front of a frame. */
const LENGTH_BYTES = 4;

export class Lane {
  /**
   * Bytes of all frames in the lane, without the lengths of the frames. Always
   * the sum of `bytes` of all streams; 0 exactly when `length` is 0.
   */
  bytes = 0;
  /** Signals in the lane, also those of which some frames were taken. */
  length = 0;
  /**
   * Bytes that the owner may take although the carrier has no room. Negative
   * when it has taken more than that.
   */
  owedBytes = 0;
  /** Whether the lane cuts payloads into fragments: with a Hornbeam node. */
  readonly #isCut: boolean;
  /** Exactly the streams in `#turns` and `#waiting`, by sender. */
  readonly #streams = new Map<Pid, Stream>();
  /**
   * Streams that take turns. At most `OPEN_PAYLOADS_MAX`, because the peer
   * accepts no more incomplete payloads at a time.
   */
  readonly #turns: Stream[] = [];
  /** Streams that wait for a place in `#turns`, in order of arrival. */
  readonly #waiting: Stream[] = [];
  /** Index in `#turns` of the next stream; its length stands for 0. */
  #next = 0;
  /** Number of the next payload that is cut into fragments. */
  #number = 0;
  /** Counts fragments that were taken and not acknowledged. */
  readonly #window: Window;

  /**
   * `isCut`: whether the lane cuts payloads into fragments. `now` is the host's
   * clock in ms.
   */
  constructor(isCut: boolean, now: () => number) {
    this.#isCut = isCut;
    this.#window = new Window(now);
  }

  /**
   * Whether a payload is too small for the lane, unless order forces it to wait
   * there. One more piece on the connection hardly delays other signals, but
   * the lane would slow down a stream of such messages.
   */
  isTooSmall(payloadBytes: number): boolean {
    return this.#isCut && payloadBytes <= 2 * FRAGMENT_BYTES;
  }

  /** Bytes of one sender in the lane. */
  bytesOf(from: Pid): number {
    return this.#streams.get(from)?.bytes ?? 0;
  }

  /** Whether a signal would overtake an earlier one between the same actors. */
  isBehind(from: Pid, to: Pid | null): boolean {
    if (this.#streams.size === 0) return false;
    const stream = this.#streams.get(from);
    if (stream === undefined) return false;
    return to === null || stream.to.has(to) || stream.to.has(null);
  }

  /** Appends the payload of a frame behind all signals of the same sender. */
  add(
    { from, to }: Parties,
    payload: Chunks,
    payloadBytes: number,
  ): void {
    const frames = this.#isCut
      ? fragmentsOf(payload, payloadBytes, this.#number++ >>> 0)
      : [payload];
    const load: Load = { to, frames, taken: 0, next: null };
    const stream = this.#streams.get(from) ?? this.#openStream(from, load);
    if (stream.last !== load) stream.last = stream.last.next = load;
    const bytes = sizeOf(frames);
    stream.bytes += bytes;
    this.bytes += bytes;
    this.length++;
    stream.to.set(to, (stream.to.get(to) ?? 0) + 1);
  }

  #openStream(from: Pid, load: Load): Stream {
    const to = new Map<Pid | null, number>();
    const stream: Stream = { from, first: load, last: load, to, bytes: 0 };
    this.#streams.set(from, stream);
    (this.#turns.length < OPEN_PAYLOADS_MAX ? this.#turns : this.#waiting)
      .push(stream);
    return stream;
  }

  /**
   * Takes the next frame, with its length in front. Null when the lane is empty
   * or the window is full. `isLast`: the connection closes, so no
   * acknowledgement will come, and the window does not count.
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
    if (this.#isCut && frame[0]?.[0] === FRAGMENT_MARK) {
      this.#window.sent(bytes);
    }
    if (load.taken === load.frames.length) {
      this.#removeFirst(stream, load, place);
    }
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, bytes);
    return [length, ...frame];
  }

  /** The peer has acknowledged so many more bytes of fragments. */
  acknowledged(bytes: number): void {
    this.#window.acknowledged(bytes);
  }

  /**
   * All frames of a stream's first signal are taken. The stream gives its place
   * in `#turns` to a stream that waits, and waits itself if it has more.
   */
  #removeFirst(
    stream: Stream,
    { to, next: behind }: Load,
    place: number,
  ): void {
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

/** The two actors between which the order of a signal has to be kept. */
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
        from: signal.from ?? pidOf(signal.target) ?? nodeItself,
        to: signal.to,
      };
    case "spawnReply":
      // The node itself replies, and it sends nothing else to an actor.
      return { from: nodeItself, to: signal.to };
    default:
      return { from: signal.from, to: signal.to };
  }
}

/** Stands for the node as a sender. It never sends a large signal. */
const nodeItself: Pid = new Pid("", 0, 0, 0, null);

function pidOf(target: unknown): Pid | null {
  return target instanceof Pid ? target : null;
}
