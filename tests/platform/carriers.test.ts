/**
 * The tests of all carriers of this machine (TCP, TLS, a ring between threads),
 * and of both networks over sockets. Tests of one kind alone are in the file of
 * its name.
 */
import { describe, expect, test } from "vitest";
import {
  CarrierError,
  type Network,
} from "../../runtime/net/carrier/carrier.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import { createTlsNetwork } from "../../runtime/platform/sockets/tls.ts";
import { certificates } from "../helpers/certificates.ts";
import { waitFor } from "../helpers/wait.ts";
import { bytes, End, HOST, linkNetwork, listen, pair } from "./carriers.ts";

type Make = (highMarkBytes?: number) => Network;

const options = (highMarkBytes?: number) =>
  highMarkBytes === undefined ? {} : { highMarkBytes };
const kinds: readonly (readonly [kind: string, make: Make])[] = [
  ["tcp", (mark) => createTcpNetwork(options(mark))],
  ["tls", (mark) => createTlsNetwork({ ...certificates(), ...options(mark) })],
];

const carriers: typeof kinds = [
  ...kinds,
  ["worker", (mark) => linkNetwork(mark)],
];

describe.each(carriers)("%s carriers", (_, make) => {
  const network = make();

  test("carry bytes both ways, in order", async () => {
    const [a, b, listener] = await pair(network);
    expect(a.remote).toBe(`${HOST}:${listener.port}`);
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

  test("deliver bytes that arrived before open, even when the peer has ended", async () => {
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
    b.write(bytes("bytes that are never read"));
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

  test("destroy ends both ends, and each is notified once", async () => {
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
    // After this, a late reset has had its effect.
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

  test("hold back a writer that is too fast, and call drain", async () => {
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

describe.each(kinds)("%s listeners", (_, make) => {
  const network = make();

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
