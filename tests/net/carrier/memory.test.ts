import { describe, expect, test } from "vitest";
import {
  type Carrier,
  CarrierError,
} from "../../../runtime/net/carrier/carrier.ts";
import { createMemoryNetwork } from "../../../runtime/net/carrier/memory.ts";

/** Tasks that run when the test calls `run`. */
class Tasks {
  readonly #queue: (() => void)[] = [];
  readonly run = (callback: () => void): void =>
    void this.#queue.push(callback);
  /** Runs until nothing is left, promise callbacks in between. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10_000; i++) {
      await Promise.resolve();
      await Promise.resolve();
      const task = this.#queue.shift();
      if (task === undefined) return;
      task();
    }
    throw new Error("expected the tasks to end within 10000 steps");
  }
}

class End {
  readonly events: string[] = [];
  readonly carrier: Carrier;
  constructor(carrier: Carrier) {
    this.carrier = carrier;
  }
  open(): this {
    this.carrier.open({
      data: (chunk) => this.events.push(new TextDecoder().decode(chunk)),
      drain: () => this.events.push("(drain)"),
      closed: (reason) => this.events.push(`(${reason})`),
    });
    return this;
  }
  write(text: string): boolean {
    return this.carrier.write(new TextEncoder().encode(text));
  }
}

async function setUp(highMarkBytes = 10) {
  const tasks = new Tasks();
  const network = createMemoryNetwork({ macrotask: tasks.run, highMarkBytes });
  const accepted: End[] = [];
  const listener = await network.listen(
    { host: "b", port: 1 },
    (carrier) => accepted.push(new End(carrier)),
  );
  const dial = async (): Promise<[End, End]> => {
    const dialling = network.connect({ host: "b", port: 1, timeoutMs: 1 });
    await tasks.settle();
    return [new End(await dialling), accepted.at(-1)!];
  };
  return { tasks, network, listener, dial };
}

describe("memory network", () => {
  test("delivers later, in order, also bytes that arrived before open", async () => {
    const { tasks, dial } = await setUp();
    const [a, b] = await dial();
    expect(a.carrier.remote).toBe("b:1");
    a.open();
    b.write("early");
    a.write("1");
    a.write("2");
    expect(a.carrier.bufferedBytes).toBe(2);
    await tasks.settle();
    expect(a.events).toEqual(["early"]);
    b.open();
    expect(b.events).toEqual([]);
    a.write("3");
    await tasks.settle();
    expect(b.events).toEqual(["1", "2", "3"]);
    expect(a.carrier.bufferedBytes).toBe(0);
    expect(() => a.open()).toThrow("opened once");
  });

  test("holds back a writer above the mark", async () => {
    const { tasks, dial } = await setUp();
    const [a, b] = await dial();
    a.open();
    b.open();
    expect(a.write("0123456789")).toBe(true);
    expect(a.write("x")).toBe(false);
    expect(a.events).toEqual([]);
    await tasks.settle();
    expect(a.events).toEqual(["(drain)"]);
    expect(b.events).toEqual(["0123456789", "x"]);
    expect(a.write("y")).toBe(true);
  });

  test("close delivers what was written, destroy does not", async () => {
    const { tasks, network, dial } = await setUp();
    for (const how of ["close", "destroy"] as const) {
      const [a, b] = await dial();
      a.open();
      a.write("last");
      a.carrier[how](1);
      a.carrier.destroy();
      b.open();
      b.write("unheard");
      expect(a.write("too late")).toBe(true);
      await tasks.settle();
      expect(a.events).toEqual(["(closed here)"]);
      expect(b.events).toEqual(
        how === "close" ? ["last", "(closed by peer)"] : ["(reset by peer)"],
      );
    }
    expect(network.links).toEqual([]);
  });

  test("cuts the links that match", async () => {
    const { tasks, network, dial } = await setUp();
    const [a, b] = await dial();
    const [c] = await dial();
    for (const end of [a, b, c]) end.open();
    expect(network.links).toHaveLength(2);
    const [first] = network.links;
    expect(network.cut((link) => link.from === first!.from)).toBe(1);
    b.write("lost");
    await tasks.settle();
    expect([a.events, b.events, c.events]).toEqual([["(cut)"], ["(cut)"], []]);
    expect(network.links).toHaveLength(1);
    expect(network.cut()).toBe(1);
    expect(network.cut()).toBe(0);
  });

  test("refuses ports that are taken or not listened on", async () => {
    const { tasks, network, listener } = await setUp();
    await expect(network.listen({ host: "b", port: 1 }, () => {}))
      .rejects.toMatchObject({ code: "in-use" });
    const other = await network.listen({ host: "c", port: 0 }, () => {});
    expect(other.port).toBeGreaterThan(0);
    await listener.close();
    const dialling = network.connect({ host: "b", port: 1, timeoutMs: 1 })
      .catch((error: unknown) => error);
    await tasks.settle();
    const error = await dialling;
    expect(error).toBeInstanceOf(CarrierError);
    expect(error).toMatchObject({ code: "refused" });
    const again = await network.listen({ host: "b", port: 1 }, () => {});
    // A second close of the old listener does not close the new one.
    await listener.close();
    await expect(network.listen({ host: "b", port: 1 }, () => {}))
      .rejects.toMatchObject({ code: "in-use" });
    await again.close();
  });
});
