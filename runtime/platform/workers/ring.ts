/**
 * One direction of a connection between two threads: a ring of bytes in shared
 * memory, with one writer and one reader.
 *
 * It moves bytes and knows when the other end wants to be woken; it wakes
 * nobody itself, because a thread can only be woken by means of the runtime.
 * Nothing here waits and nothing here is a runtime's own.
 *
 * Both ends go by the same rule, so that no wake-up is ever lost: who is about
 * to sleep says so first and looks once more, and who has changed something
 * looks for sleepers afterwards. `Atomics` are sequentially consistent, so at
 * least one of the two sees the other. Who takes a sleeper's mark away wakes
 * it, so it is woken once.
 */

/** Where the numbers lie, each in a cache line of its own. */
const WRITTEN = 0;
const READ = 16;
const READER_SLEEPS = 32;
const WRITER_SLEEPS = 48;
const END = 64;
const HEAD_BYTES = 320;

/** What a writer has said about the end of its bytes. */
const OPEN = 0;
const ENDED = 1;
const CUT = 2;

/** Memory for a ring that holds `capacityBytes`, a power of two up to 1 GiB. */
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

/** What both ends see. */
class RingEnd {
  /** Positions are 32-bit numbers that wrap; their difference is exact. */
  protected readonly head: Int32Array<SharedArrayBuffer>;
  protected readonly bytes: Uint8Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.head = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** Bytes that were written and not read yet. */
  get length(): number {
    const { head } = this;
    return (Atomics.load(head, WRITTEN) - Atomics.load(head, READ)) | 0;
  }

  /** Whether at least half of the ring is free. */
  protected get hasRoom(): boolean {
    return this.length <= this.bytes.length / 2;
  }

  /** Takes a sleeper's mark away; true when it was there. */
  protected claim(sleeper: number): boolean {
    // Reading is cheap, and mostly nobody sleeps.
    return Atomics.load(this.head, sleeper) === 1 &&
      Atomics.exchange(this.head, sleeper, 0) === 1;
  }
}

/** The end that writes. Only one thread may have it. */
export class RingWriter extends RingEnd {
  /** Copies what fits of `chunk` from `from` on; returns how many bytes. */
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

  /** No more bytes follow; the reader takes first what is there. */
  end(): void {
    Atomics.compareExchange(this.head, END, OPEN, ENDED);
  }

  /** The end, at once: what was not read yet is lost. */
  cut(): void {
    Atomics.store(this.head, END, CUT);
  }

  /** After a write, an end or a cut: whether the reader has to be woken. */
  claimReader(): boolean {
    return this.claim(READER_SLEEPS);
  }

  /**
   * Asks to be woken when half of the ring is free. False when that is so
   * already.
   */
  sleep(): boolean {
    Atomics.store(this.head, WRITER_SLEEPS, 1);
    return !(this.hasRoom && this.claim(WRITER_SLEEPS));
  }
}

/** The end that reads. Only one thread may have it. */
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
   * Whether no more bytes will come: the writer has ended and all is read, or
   * it has cut. Null while that may still be.
   */
  get ending(): "ended" | "cut" | null {
    switch (Atomics.load(this.head, END)) {
      case OPEN:
        return null;
      case ENDED:
        // After the load above: what was written before the end is seen now.
        return this.length === 0 ? "ended" : null;
      default:
        return "cut";
    }
  }

  /** After a read: whether the writer has to be woken. */
  claimWriter(): boolean {
    return this.hasRoom && this.claim(WRITER_SLEEPS);
  }

  /** Asks to be woken. False when there is something to read, or the end. */
  sleep(): boolean {
    Atomics.store(this.head, READER_SLEEPS, 1);
    if (this.length === 0 && this.ending === null) return true;
    Atomics.store(this.head, READER_SLEEPS, 0);
    return false;
  }
}
