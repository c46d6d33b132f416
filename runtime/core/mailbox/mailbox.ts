/**
 * An actor's mailbox: a ring buffer in arrival order.
 *
 * It is not a channel: it never waits, never refuses and knows no actor.
 * Unlimited by default, as in Erlang; limits are a policy of the actor.
 */

const empty: unknown[] = [];
const none = undefined;
/** A larger buffer that has become empty is freed. */
const KEEP_CAPACITY = 1024;

export class Mailbox {
  /** Length is zero or a power of two; empty until the first message. */
  #buffer: unknown[] = empty;
  /** Index of the oldest message. */
  #head = 0;
  /** Messages received since the start. A ref stores it when it is made. */
  received: number = 0;
  /** Number of messages; never above the buffer's length. */
  length = 0;

  push(message: unknown): void {
    const buffer = this.#buffer;
    const length = this.length;
    if (length === buffer.length) {
      this.#buffer = grown(buffer, this.#head);
      this.#head = 0;
      this.push(message);
      return;
    }
    buffer[(this.#head + length) & (buffer.length - 1)] = message;
    this.length = length + 1;
    this.received++;
  }

  /** The oldest message, removed. Only when `length` is above 0. */
  shift(): unknown {
    const buffer = this.#buffer;
    const head = this.#head;
    const message = buffer[head];
    // The slot is cleared so that the mailbox never keeps a message alive.
    buffer[head] = undefined;
    this.#head = (head + 1) & (buffer.length - 1);
    if (--this.length === 0 && buffer.length > KEEP_CAPACITY) this.clear();
    return message;
  }

  /**
   * Index behind the messages that arrived when no more than `mark` had been
   * received. A ref cannot be in a message that arrived before it was made.
   */
  indexSince(mark: number): number {
    return Math.max(0, this.length - (this.received - mark));
  }

  /** The message at `index` from the oldest on. */
  at(index: number): unknown {
    return this.#buffer[(this.#head + index) & (this.#buffer.length - 1)];
  }

  /** Removes one message; the others keep their order. */
  removeAt(index: number): unknown {
    if (index === 0) return this.shift();
    const buffer = this.#buffer;
    const mask = buffer.length - 1;
    const head = this.#head;
    const message = buffer[(head + index) & mask];
    // The shorter part is moved.
    if (index < this.length >> 1) {
      for (let i = index; i > 0; i--) {
        buffer[(head + i) & mask] = buffer[(head + i - 1) & mask];
      }
      buffer[head] = undefined;
      this.#head = (head + 1) & mask;
    } else {
      const last = this.length - 1;
      for (let i = index; i < last; i++) {
        buffer[(head + i) & mask] = buffer[(head + i + 1) & mask];
      }
      buffer[(head + last) & mask] = undefined;
    }
    this.length--;
    return message;
  }

  clear(): void {
    this.#buffer = empty;
    this.#head = 0;
    this.length = 0;
  }
}

/**
 * A full ring with room for as many again, its oldest message first. No method,
 * because private methods cost each mailbox a field.
 */
function grown(old: readonly unknown[], head: number): unknown[] {
  // A literal is several times faster to make than an array that is filled.
  if (old.length === 0) return [none, none, none, none, none, none, none, none];
  const buffer: unknown[] = new Array(old.length * 2).fill(undefined);
  for (let i = 0; i < old.length; i++) {
    buffer[i] = old[(head + i) & (old.length - 1)];
  }
  return buffer;
}
