/**
 * What every network over sockets must do: one suite for TCP and TLS, and the
 * carriers it looks at.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Carrier,
  CarrierError,
  type Listener,
  type Network,
} from "../../runtime/net/carrier.ts";
import { waitFor } from "../helpers/wait.ts";

export const host = "127.0.0.1";

/** A carrier with everything it delivered. */
export class End {
  readonly carrier: Carrier;
  readonly chunks: Uint8Array[] = [];
  readonly closings: string[] = [];
  drains = 0;
  constructor(carrier: Carrier, open = true) {
    this.carrier = carrier;
    onTestFinished(() => carrier.destroy());
    if (open) this.open();
  }
  open(): void {
    this.carrier.open({
      data: (chunk) => this.chunks.push(chunk),
      drain: () => this.drains++,
      closed: (reason) => this.closings.push(reason),
    });
  }
  get received(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  get text(): string {
    return new TextDecoder().decode(
      Uint8Array.from(this.chunks.flatMap((chunk) => [...chunk])),
    );
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A listener with what it accepted, closed when the test ends. */
export async function listen(
  network: Network,
  port = 0,
): Promise<{ listener: Listener; accepted: Carrier[] }> {
  const accepted: Carrier[] = [];
  const listener = await network.listen({ host, port }, (carrier) => {
    accepted.push(carrier);
  });
  onTestFinished(() => listener.close());
  return { listener, accepted };
}

/** Two connected carriers, the dialling one first. */
export async function pair(
  network: Network,
): Promise<[Carrier, Carrier, Listener]> {
  const { listener, accepted } = await listen(network);
  const dialled = await network.connect({
    host,
    port: listener.port,
    timeoutMs: 5_000,
  });
  await waitFor(() => accepted.length === 1, { what: "an accepted carrier" });
  return [dialled, accepted[0]!, listener];
}

/** The suite. `make` gives a network with that high mark. */
export function describeCarriers(
  kind: string,
  make: (highMarkBytes?: number) => Network,
): void {
  const network = make();

  describe(`${kind} carriers`, () => {
    test("carry bytes both ways, in order", async () => {
      const [a, b, listener] = await pair(network);
      expect(a.remote).toBe(`${host}:${listener.port}`);
      expect(b.remote).toMatch(/^127\.0\.0\.1:\d+$/);
      const left = new End(a);
      const right = new End(b);
      for (let i = 0; i < 200; i++) a.write(bytes(`${i},`));
      b.write(bytes("back"));
      const all = Array.from({ length: 200 }, (_, i) => `${i},`).join("");
      await waitFor(() => right.text === all, { what: "all numbers" });
      await waitFor(() => left.text === "back", { what: "the answer" });
      expect(left.chunks[0]!.constructor).toBe(Uint8Array);
    });

    test("deliver what came before open, even when the peer is gone", async () => {
      const [a, b] = await pair(network);
      const left = new End(a);
      a.write(bytes("early"));
      a.close(5_000);
      const right = new End(b, false);
      // A round trip on another connection: the bytes above have arrived.
      await pair(network);
      right.open();
      await waitFor(() => right.closings.length === 1, { what: "the end" });
      expect(right.text).toBe("early");
      expect(right.closings).toEqual(["closed by peer"]);
      await waitFor(() => left.closings.length === 1, { what: "our end" });
      expect(left.closings).toEqual(["closed here"]);
    });

    test("close delivers what was written, also against unread data", async () => {
      const [a, b] = await pair(network);
      const left = new End(a);
      const right = new End(b);
      b.write(bytes("something that nobody reads"));
      a.write(new Uint8Array(3_000_000));
      a.close(5_000);
      await waitFor(() => right.closings.length === 1, { what: "the end" });
      expect(right.received).toBe(3_000_000);
      await waitFor(() => left.closings.length === 1, { what: "our end" });
      expect(left.chunks).toEqual([]);
    });

    test("close gives up after its linger time", async () => {
      const [a, b] = await pair(network);
      const left = new End(a);
      // The peer never opens, so it never reads and never ends.
      for (let i = 0; i < 64; i++) a.write(new Uint8Array(1_000_000));
      expect(a.bufferedBytes).toBeGreaterThan(0);
      a.close(20);
      await waitFor(() => left.closings.length === 1, { what: "the end" });
      expect(a.bufferedBytes).toBe(0);
      b.destroy();
    });

    test("destroy ends both ends, and each hears of it once", async () => {
      const [a, b] = await pair(network);
      const left = new End(a);
      const right = new End(b);
      a.destroy();
      a.destroy();
      a.close(10);
      expect(a.write(bytes("into the void"))).toBe(true);
      await waitFor(() => left.closings.length + right.closings.length === 2, {
        what: "both ends",
      });
      b.write(bytes("too late"));
      b.close(10);
      // Whatever a late reset may still cause has had its chance after this.
      await pair(network);
      expect(left.closings).toEqual(["closed here"]);
      expect(right.closings).toHaveLength(1);
      expect(right.chunks).toEqual([]);
    });

    test("report a close that came before open", async () => {
      const [a, b] = await pair(network);
      new End(a).carrier.destroy();
      b.destroy();
      await pair(network);
      const right = new End(b);
      expect(right.closings).toEqual([]);
      await waitFor(() => right.closings.length === 1, { what: "the end" });
    });

    test("refuse to be opened twice", async () => {
      const [a] = await pair(network);
      const left = new End(a);
      expect(() => left.open()).toThrow("opened once");
    });

    test("hold back a writer that is too fast and call it again", async () => {
      const [a, b] = await pair(make(200_000));
      const left = new End(a);
      let written = 0;
      let room = true;
      for (let i = 0; room && i < 1_000; i++) {
        room = a.write(new Uint8Array(100_000));
        written += 100_000;
      }
      expect(room).toBe(false);
      expect(a.bufferedBytes).toBeGreaterThan(200_000);
      expect(left.drains).toBe(0);
      const right = new End(b);
      await waitFor(() => left.drains === 1, { what: "the drain" });
      await waitFor(() => right.received === written, { what: "all bytes" });
      expect(a.bufferedBytes).toBe(0);
      expect(a.write(bytes("x"))).toBe(true);
    });
  });

  describe(`${kind} listeners`, () => {
    test("refuse a port that is taken", async () => {
      const { listener } = await listen(network);
      const error = await listen(network, listener.port).then(
        () => null,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(CarrierError);
      expect(error).toMatchObject({ code: "in-use" });
    });

    test("free their port at once and leave carriers open", async () => {
      const [a, b, listener] = await pair(network);
      const right = new End(b);
      await listener.close();
      await listener.close();
      const again = await listen(network, listener.port);
      expect(again.listener.port).toBe(listener.port);
      a.write(bytes("still here"));
      await waitFor(() => right.text === "still here", { what: "the text" });
      a.destroy();
    });
  });
}
