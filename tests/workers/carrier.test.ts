/**
 * A worker carrier between two threads. The tests of all carriers are in
 * `tests/platform/carriers.test.ts`, those of the ring in `ring.test.ts`.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Carrier } from "../../runtime/net/carrier/carrier.ts";
import {
  createLink,
  type LinkEnd,
  WorkerCarrier,
  WorkerCarriers,
} from "../../runtime/platform/workers/carrier.ts";
import {
  startThread,
  type Thread,
} from "../../runtime/platform/workers/thread.ts";
import { RingReader } from "../../runtime/platform/workers/ring.ts";
import { WatchPolicy } from "../../runtime/platform/host/watch_policy.ts";
import { waitFor } from "../helpers/wait.ts";
import { End } from "../platform/carriers.ts";

const program = new URL("./programs/echo_thread.ts", import.meta.url);

/** A carrier to a thread that sends all bytes back. */
function echo(
  capacity: number,
  vanish = Infinity,
  make = (end: LinkEnd): Carrier => new WorkerCarrier(end, { remote: "echo" }),
): { carrier: Carrier; thread: Thread } {
  const [here, end] = createLink(capacity);
  const thread = startThread(program, { end, vanish }, [end.port], "echo");
  onTestFinished(async () => {
    thread.terminate();
    await thread.exited;
  });
  return { carrier: make(here), thread };
}

/** `count` bytes whose values depend on their place in the stream. */
function stream(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = (i * 31) >>> 3;
  return bytes;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Whether two streams are equal; a printed difference would be too long. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

describe("a link with another thread", () => {
  test.each([
    // Rings smaller than most chunks, as large as a frame, and as usual.
    [64, 200_000],
    [4_096, 2_000_000],
    [256 * 1024, 8_000_000],
  ])("with rings of %d bytes carries chunks of any size", async (ring, all) => {
    const { carrier, thread } = echo(ring);
    const end = new End(carrier);
    const bytes = stream(all);
    let size = 1;
    for (let at = 0; at < all; at += size) {
      size = size * 11 % 20_011;
      carrier.write(bytes.subarray(at, at + size));
    }
    await waitFor(() => end.received >= all, {
      what: "all bytes to come back",
      timeoutMs: 15_000,
    });
    expect(isSame(joined(end.chunks), bytes)).toBe(true);
    expect(carrier.bufferedBytes).toBe(0);
    carrier.close(5_000);
    expect((await thread.exited).code).toBe(0);
  });

  test("carries a chunk that is far larger than the ring", async () => {
    const { carrier } = echo(64 * 1024);
    const end = new End(carrier);
    const bytes = stream(4 * 1024 * 1024);
    expect(carrier.write(bytes)).toBe(false);
    await waitFor(() => end.received >= bytes.length, {
      what: "the chunk to come back",
      timeoutMs: 15_000,
    });
    expect(isSame(joined(end.chunks), bytes)).toBe(true);
    expect(end.drains).toBe(1);
  });

  test("wakes both ends again and again in a conversation", async () => {
    const { carrier } = echo(64);
    let answered = (_: Uint8Array): void => {};
    const end = new End(carrier, false);
    carrier.open({
      data: (chunk) => answered(chunk),
      drain: () => end.drains++,
      closed: (reason) => end.closings.push(reason),
    });
    for (let n = 0; n < 2_000; n++) {
      const answer = new Promise<Uint8Array>((resolve) => answered = resolve);
      carrier.write(Uint8Array.of(n));
      expect(await answer).toEqual(Uint8Array.of(n));
    }
    expect([end.drains, end.closings]).toEqual([0, []]);
  });

  test("delivers what a thread wrote before it vanished", async () => {
    const carriers = new WorkerCarriers();
    const { carrier, thread } = echo(
      256 * 1024,
      100_000,
      (end) => carriers.take("w@test", end),
    );
    const end = new End(carrier, false);
    const bytes = stream(100_000);
    carrier.write(bytes);
    await thread.exited;
    carriers.lose("w@test", "gone");
    end.open();
    await waitFor(() => end.closings.length === 1, { what: "the end" });
    expect(end.closings).toEqual(["gone"]);
    expect(isSame(joined(end.chunks), bytes)).toBe(true);
  });
});

describe("a carrier that has room again", () => {
  test("reports it between two writes, and never inside one", async () => {
    const [end, { inward, port }] = createLink(64);
    onTestFinished(() => port.close());
    const reader = new RingReader(inward);
    const carrier = new WorkerCarrier(end, {
      remote: "peer",
      highMarkBytes: 1,
    });
    onTestFinished(() => carrier.destroy());
    let drains = 0;
    carrier.open({
      data: () => {},
      // As a connection does: it writes another frame.
      drain: () => void (drains++ === 0 && carrier.write(Uint8Array.of(9))),
      closed: () => {},
    });
    expect(carrier.write(new Uint8Array(66))).toBe(false);
    expect(reader.read(64)).toHaveLength(64);
    // A frame of three chunks. From the first one on, all fit into the ring.
    for (const byte of [1, 2, 3]) {
      expect(carrier.write(Uint8Array.of(byte))).toBe(true);
    }
    expect(drains).toBe(0);
    await waitFor(() => drains === 1, { what: "the news of room" });
    expect(reader.read(64)).toEqual(Uint8Array.of(0, 0, 1, 2, 3, 9));
  });
});

describe("watching for more", () => {
  /** How often it watches in so many sleeps, if watching always fails. */
  const tries = (policy: WatchPolicy, sleeps: number): number => {
    let count = 0;
    for (let i = 0; i < sleeps; i++) {
      if (!policy.mayWatch()) continue;
      count++;
      policy.miss();
    }
    return count;
  };

  test("stops where it fails, and starts again where it succeeds", () => {
    const policy = new WatchPolicy(2);
    expect(tries(policy, 100_000)).toBeLessThan(1_600);
    while (!policy.mayWatch());
    policy.hit();
    for (let i = 0; i < 1_000; i++) {
      expect(policy.mayWatch()).toBe(true);
      policy.hit();
    }
    // A single failure between successes has no effect.
    policy.miss();
    expect(policy.mayWatch()).toBe(true);
  });

  test("is never done on a machine with one core", () => {
    expect(tries(new WatchPolicy(1), 1_000)).toBe(0);
  });
});
