/** The size of the window: as large as a distant node needs, and no larger. */
import { describe, expect, test } from "vitest";
import { Window } from "../../../runtime/net/lanes/window.ts";
import {
  ACKNOWLEDGED_BYTES,
  FRAGMENT_BYTES,
  WINDOW_BYTES_MAX,
  WINDOW_BYTES_MIN,
} from "../../../runtime/wire/framing/fragments.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * A stream of fragments over a network of this rate and delay, behind a queue
 * like the buffers of a system.
 */
class Way {
  readonly window: Window;
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  #nowMs = 0;
  #freeAtMs = 0;
  #unacknowledged = 0;
  /** Acknowledgements on their way, in order. */
  readonly #coming: { atMs: number; bytes: number }[] = [];
  acknowledged = 0;

  constructor(bytesPerMs: number, delayMs: number) {
    this.window = new Window(() => this.#nowMs);
    this.#bytesPerMs = bytesPerMs;
    this.#delayMs = delayMs;
  }

  run(untilMs: number): void {
    for (;;) {
      while (!this.window.isFull) this.#send();
      const next = this.#coming.shift();
      if (next === undefined) throw new Error("expected an acknowledgement");
      if (next.atMs > untilMs) return;
      this.#nowMs = next.atMs;
      this.acknowledged += next.bytes;
      this.window.acknowledged(next.bytes);
    }
  }

  #send(): void {
    this.window.sent(FRAGMENT_BYTES);
    const begins = Math.max(this.#freeAtMs, this.#nowMs);
    this.#freeAtMs = begins + FRAGMENT_BYTES / this.#bytesPerMs;
    this.#unacknowledged += FRAGMENT_BYTES;
    if (this.#unacknowledged < ACKNOWLEDGED_BYTES) return;
    this.#coming.push({
      atMs: this.#freeAtMs + this.#delayMs,
      bytes: this.#unacknowledged,
    });
    this.#unacknowledged = 0;
  }
}

describe("a window", () => {
  test("is as small as it gets where acknowledgements come at once", () => {
    const way = new Way(300 * KIB, 0.05);
    way.run(2_000);
    expect(way.window.bytes).toBe(WINDOW_BYTES_MIN);
    // Nevertheless the network is kept busy.
    expect(way.acknowledged / 2_000 / KIB).toBeGreaterThan(295);
  });

  test.each([
    { bytesPerMs: 100 * KIB, delayMs: 20 },
    { bytesPerMs: 10 * KIB, delayMs: 100 },
  ])("grows to what a far node needs: %o", ({ bytesPerMs, delayMs }) => {
    const way = new Way(bytesPerMs, delayMs);
    way.run(3_000);
    const needed = bytesPerMs * delayMs;
    expect(way.window.bytes).toBeGreaterThanOrEqual(needed);
    expect(way.window.bytes).toBeLessThan(3 * needed);
    const before = way.acknowledged;
    way.run(6_000);
    const share = (way.acknowledged - before) / 3_000 / bytesPerMs;
    expect(share).toBeGreaterThan(0.95);
  });

  test("has an end", () => {
    const way = new Way(10 * MIB, 100);
    way.run(5_000);
    expect(way.window.bytes).toBe(WINDOW_BYTES_MAX);
  });

  test("takes no more for acknowledged than was sent", () => {
    const window = new Window(() => 0);
    window.acknowledged(100 * MIB);
    for (let bytes = 0; bytes < WINDOW_BYTES_MIN; bytes += FRAGMENT_BYTES) {
      expect(window.isFull).toBe(false);
      window.sent(FRAGMENT_BYTES);
    }
    expect(window.isFull).toBe(true);
    window.acknowledged(FRAGMENT_BYTES);
    expect(window.isFull).toBe(false);
  });

  test("stays as it is where time stands still", () => {
    const window = new Window(() => 7);
    for (let i = 0; i < 1_000; i++) {
      window.sent(FRAGMENT_BYTES);
      window.acknowledged(FRAGMENT_BYTES);
    }
    expect(window.bytes).toBe(WINDOW_BYTES_MIN);
  });
});
