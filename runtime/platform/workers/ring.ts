/**
 * One direction of a connection between two threads: a ring of bytes in shared
 * memory, with one writer and one reader.
 *
 * It moves bytes and knows when the other end has to be woken. It does not wake
 * the other end, because only the runtime can wake a thread. No function here
 * waits, and none depends on one runtime.
 *
 * Both ends follow the same rule, so that no wake-up is lost:
 *
 * 1. An end that is about to sleep first sets its mark, then checks the ring
 *    once more.
 * 2. An end that has changed the ring checks the mark of the other end
 *    afterwards.
 * 3. The end that clears a mark wakes its owner, so each sleeper is woken once.
 *
 * `Atomics` are sequentially consistent, so at least one of the two ends sees
 * what the other end has done.
 */

/** Indexes of the numbers in the head, each in a cache line of its own. */
const WRITTEN = 0;
const READ = 16;
const READER_SLEEPS = 32;
const WRITER_SLEEPS = 48;
const END = 64;
const HEAD_BYTES = 320;

/** Values of `END`, which the writer sets. */
const OPEN = 0;
const ENDED = 1;
const CUT = 2;

/** Memory of a ring. `capacityBytes` is a power of two, at most 1 GiB. */
export function createRing(capacityBytes: number): SharedArrayBuffer {
  const isPower = Number.isInteger(Math.log2(capacityBytes));
  if (!isPower || capacityBytes < 1 || capacityBytes > 2 ** 30) {
    throw new RangeError(
      "expected the capacity of a ring to be a power of two up to 2^30, got " +
        capacityBytes,
    );
  }
  return new SharedArrayBuffer(HEAD_BYTES + capacityBytes);
}

/** The common part of both ends. */
class RingEnd {
  /** The numbers. Positions wrap at 32 bits, and their difference is exact. */
  protected readonly head: Int32Array<SharedArrayBuffer>;
  /** The bytes of the ring. */
  protected readonly bytes: Uint8Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.head = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** Bytes that are written and not read. */
  get length(): number {
    const { head } = this;
    return (Atomics.load(head, WRITTEN) - Atomics.load(head, READ)) | 0;
  }

  /** Whether at least half of the ring is free. */
  protected get hasRoom(): boolean {
    return this.length <= this.bytes.length / 2;
  }

  /** Clears the mark of a sleeper; true when it was set. */
  protected claim(sleeper: number): boolean {
    // Loads first, because that is cheap and the mark is mostly not set.
    return Atomics.load(this.head, sleeper) === 1 &&
      Atomics.exchange(this.head, sleeper, 0) === 1;
  }
}

/** The writing end. Only one thread may use it. */
export class RingWriter extends RingEnd {
  /**
   * Copies as much of `chunk` from `from` on as fits; returns the byte count.
   */
  write(chunk: Uint8Array, from: number): number {
    const { head, bytes } = this;
    const capacity = bytes.length;
    const free = capacity - this.length;
    const count = Math.min(free, chunk.length - from);
    if (count === 0) return 0;
    const position = Atomics.load(head, WRITTEN);
    const at = position & (capacity - 1);
    const first = Math.min(count, capacity - at);
    if (from === 0 && first === chunk.length) {
      bytes.set(chunk, at);
    } else {
      bytes.set(chunk.subarray(from, from + first), at);
      if (first < count) bytes.set(chunk.subarray(from + first, from + count));
    }
    Atomics.store(head, WRITTEN, (position + count) | 0);
    return count;
  }

  /** Ends the stream after the bytes that are in the ring. */
  end(): void {
    Atomics.compareExchange(this.head, END, OPEN, ENDED);
  }

  /** Ends the stream at once: bytes that are not read are lost. */
  cut(): void {
    Atomics.store(this.head, END, CUT);
  }

  /** After a write, `end` or `cut`: whether the reader has to be woken. */
  claimReader(): boolean {
    return this.claim(READER_SLEEPS);
  }

  /** Asks to be woken when half of the ring is free. False when it is now. */
  sleep(): boolean {
    Atomics.store(this.head, WRITER_SLEEPS, 1);
    return !(this.hasRoom && this.claim(WRITER_SLEEPS));
  }
}

/** The reading end. Only one thread may use it. */
export class RingReader extends RingEnd {
  /** A copy of the next bytes, at most `maxBytes`; null when there are none. */
  read(maxBytes: number): Uint8Array<ArrayBuffer> | null {
    const { head, bytes } = this;
    const count = Math.min(this.length, maxBytes);
    if (count === 0) return null;
    const capacity = bytes.length;
    const position = Atomics.load(head, READ);
    const at = position & (capacity - 1);
    const first = Math.min(count, capacity - at);
    const chunk = new Uint8Array(count);
    chunk.set(bytes.subarray(at, at + first));
    if (first < count) chunk.set(bytes.subarray(0, count - first), first);
    Atomics.store(head, READ, (position + count) | 0);
    return chunk;
  }

  /**
   * How the stream has ended: `ended` when the writer has ended it and all
   * bytes are read, `cut` when the writer has cut it. Null while it has not
   * ended.
   */
  get ending(): "ended" | "cut" | null {
    switch (Atomics.load(this.head, END)) {
      case OPEN:
        return null;
      case ENDED:
        // After the load above, so all bytes before the end are seen.
        return this.length === 0 ? "ended" : null;
      default:
        return "cut";
    }
  }

  /** After a read: whether the writer has to be woken. */
  claimWriter(): boolean {
    return this.hasRoom && this.claim(WRITER_SLEEPS);
  }

  /** Asks to be woken. False when there are bytes, or the stream has ended. */
  sleep(): boolean {
    Atomics.store(this.head, READER_SLEEPS, 1);
    if (this.length === 0 && this.ending === null) return true;
    Atomics.store(this.head, READER_SLEEPS, 0);
    return false;
  }
}
