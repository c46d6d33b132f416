/** How a listener that fails is opened again, with a network that tests play. */
import { describe, expect, test } from "vitest";
import {
  CarrierError,
  type Listener,
  type Network,
} from "../../../runtime/net/carrier/carrier.ts";
import {
  listenLastingly,
  REOPEN_MS,
  REOPEN_MS_MAX,
} from "../../../runtime/net/carrier/lasting_listener.ts";
import { FakeHost } from "../../helpers/fake_host.ts";

type Opened = {
  readonly port: number;
  readonly fail: (why: string) => void;
  isClosed: boolean;
};

/** A network whose `listen` fails when `refusal` is set. */
class PlayedNetwork implements Pick<Network, "listen"> {
  refusal: CarrierError | null = null;
  readonly opened: Opened[] = [];
  listen(
    at: { readonly port: number },
    _accept: unknown,
    failed: (why: string) => void = () => {},
  ): Promise<Listener> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    const one: Opened = {
      port: at.port === 0 ? 4_711 : at.port,
      fail: failed,
      isClosed: false,
    };
    this.opened.push(one);
    return Promise.resolve({
      port: one.port,
      close: () => Promise.resolve(void (one.isClosed = true)),
    });
  }
}

/** Lets all promise callbacks run. */
async function promises(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

async function world() {
  const host = new FakeHost();
  const network = new PlayedNetwork();
  const said: string[] = [];
  const listener = await listenLastingly({
    network,
    at: { host: "127.0.0.1", port: 0 },
    accept: () => {},
    timers: host,
    log: (level, message, fields) =>
      said.push([level, message, ...Object.values(fields)].join("; ")),
  });
  /** Lets the time until the next attempt pass; returns how long that was. */
  const next = async (): Promise<number> => {
    await promises();
    const [timer] = [...host.timers];
    if (timer === undefined) throw new Error("expected a timer");
    const waited = timer.due - host.time;
    host.time = timer.due;
    host.timers.delete(timer);
    timer.callback();
    await promises();
    return waited;
  };
  return { host, network, said, listener, next };
}

const noDescriptor = new CarrierError("other", "too many open files");

describe("a listener that fails", () => {
  test("is reported, closed and opened again on the same port", async () => {
    const { network, said, listener, next } = await world();
    network.opened[0]!.fail("no descriptors");
    expect(said).toEqual([
      "error; the listener on 127.0.0.1:4711 failed; it is opened again; " +
      "no descriptors",
    ]);
    await promises();
    expect(network.opened[0]!.isClosed).toBe(true);
    expect(await next()).toBe(REOPEN_MS);
    expect(network.opened.map(({ port }) => port)).toEqual([4_711, 4_711]);
    expect(said[1]).toBe(
      "warning; the listener on 127.0.0.1:4711 is open again",
    );
    expect(listener.port).toBe(4_711);
  });

  test("is tried again after growing times, with one more log line", async () => {
    const { network, said, next } = await world();
    network.refusal = noDescriptor;
    network.opened[0]!.fail("no descriptors");
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) waits.push(await next());
    expect(waits.slice(0, 3)).toEqual([100, 200, 400]);
    expect(waits.at(-1)).toBe(REOPEN_MS_MAX);
    expect(said).toHaveLength(2);
    expect(said[1]).toContain("could not be opened again");
    network.refusal = null;
    await next();
    expect(network.opened).toHaveLength(2);
    // The next failure begins anew.
    network.opened[1]!.fail("again");
    expect(await next()).toBe(REOPEN_MS);
    expect(network.opened).toHaveLength(3);
  });

  test("is reported once, and not after a later one has taken its place", async () => {
    const { network, said, next } = await world();
    const [first] = network.opened;
    first!.fail("one");
    first!.fail("two");
    await next();
    first!.fail("three");
    expect(said).toHaveLength(2);
    expect(network.opened).toHaveLength(2);
  });

  test("is not opened again once it was closed, at any moment", async () => {
    const { host, network, listener } = await world();
    network.opened[0]!.fail("no descriptors");
    await promises();
    await listener.close();
    expect(host.timers.size).toBe(0);
    expect(network.opened).toHaveLength(1);
    const other = await world();
    await other.listener.close();
    other.network.opened[0]!.fail("late");
    expect(other.said).toEqual([]);
    expect(other.host.timers.size).toBe(0);
    const third = await world();
    third.network.opened[0]!.fail("no descriptors");
    await promises();
    const [timer] = [...third.host.timers];
    timer!.callback();
    await third.listener.close();
    await promises();
    expect(third.network.opened.every(({ isClosed }) => isClosed)).toBe(true);
    expect(third.said).toHaveLength(1);
  });

  test("rejects when the first attempt fails", async () => {
    const network = new PlayedNetwork();
    network.refusal = noDescriptor;
    const host = new FakeHost();
    await expect(listenLastingly({
      network,
      at: { host: "127.0.0.1", port: 1 },
      accept: () => {},
      timers: host,
      log: () => {},
    })).rejects.toBe(noDescriptor);
    expect(host.timers.size).toBe(0);
  });
});
