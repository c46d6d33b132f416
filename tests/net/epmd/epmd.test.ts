import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { CarrierError } from "../../../runtime/net/carrier/carrier.ts";
import {
  DuplicateNameError,
  EpmdError,
  lookup,
  names,
} from "../../../runtime/net/epmd/client.ts";
import { startEpmdServer } from "../../../runtime/net/epmd/server.ts";
import { epmd } from "../../fixtures/handshake_captures.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";
import { freePort } from "../../helpers/ports.ts";
import { spawnProcess } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  at,
  join,
  LOOPBACK,
  network,
  platform,
  realEpmd,
  records,
  serve,
} from "./epmds.ts";

/** A plain connection: the bytes it has received, and whether it is closed. */
class Raw {
  readonly socket: Socket;
  got = "";
  isClosed = false;
  constructor(port: number) {
    this.socket = connect(port, LOOPBACK);
    onTestFinished(() => void this.socket.destroy());
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.isClosed = true);
    this.socket.on("data", (chunk: Uint8Array) => this.got += toHex(chunk));
  }
  send(hex: string): this {
    this.socket.write(fromHex(hex));
    return this;
  }
  async closed(): Promise<string> {
    await waitFor(() => this.isClosed, { what: "the end of a connection" });
    return this.got;
  }
}

describe("embedded epmd", () => {
  test("registers, looks up and lists", async () => {
    const { port } = await serve();
    const one = await join(port, "one");
    const two = await join(port, "two", { listenPort: 7_777, hidden: true });
    expect(one.creation).toBeGreaterThanOrEqual(4);
    expect(two.creation).not.toBe(one.creation);
    expect(await lookup(at(port), "two")).toEqual({
      name: "two",
      port: 7_777,
      hidden: true,
      highestVersion: 6,
      lowestVersion: 5,
      extra: new Uint8Array(0),
    });
    expect(await lookup(at(port), "three")).toBeNull();
    expect(await names(at(port))).toEqual([
      { name: "one", port: 5_555 },
      { name: "two", port: 7_777 },
    ]);
  });

  test("frees a name with its connection and counts incarnations", async () => {
    const { port } = await serve();
    const creations: number[] = [];
    for (let i = 0; i < 3; i++) {
      const registration = await join(port, "one");
      creations.push(registration.creation);
      registration.close();
      await waitFor(async () => await lookup(at(port), "one") === null, {
        what: "the name to be free",
      });
    }
    const [first, second, third] = creations as [number, number, number];
    expect([second, third]).toEqual([first + 1, first + 2]);
  });

  test("skips the small creations when the count wraps", async () => {
    const { port } = await serve({
      platform: { ...platform, randomU32: () => 0xffff_ffff },
    });
    expect((await join(port, "one")).creation).toBe(4);
  });

  test("refuses a name that is taken", async () => {
    const { port } = await serve();
    await join(port, "one");
    const error = await join(port, "one").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DuplicateNameError);
    expect(String(error)).toContain("one");
    expect(String(error)).toContain("give this one another name");
    expect(await names(at(port))).toHaveLength(1);
  });

  test("does not start when the port is taken", async () => {
    const { port } = await serve();
    expect(
      await startEpmdServer({ network, platform, port, nodeName: "x@y" }),
    ).toBe("already-running");
  });

  test("serves loopback only", async () => {
    await expect(serve({ host: "0.0.0.0" })).rejects.toThrow(
      "expected a loopback address",
    );
  });

  test("answers with the same bytes as Erlang's epmd", async () => {
    const { port } = await serve({
      platform: { ...platform, randomU32: () => 0x6b02c351 },
    });
    const alive = new Raw(port).send(epmd.alive);
    await waitFor(() => alive.got === epmd.aliveAnswer, { what: "an answer" });
    const twin = new Raw(port).send(epmd.alive);
    await waitFor(() => twin.got === epmd.aliveDuplicate, {
      what: "a refusal",
    });
    const lookups = new Raw(port);
    // A request that arrives in pieces.
    lookups.send(epmd.portPlease.slice(0, 6));
    await waitFor(() => !lookups.socket.connecting, { what: "a connection" });
    lookups.send(epmd.portPlease.slice(6));
    expect(await lookups.closed()).toBe(epmd.portAnswer);
    expect(await new Raw(port).send(epmd.kill).closed()).toBe("4e4f");
    expect(await new Raw(port).send(epmd.stop).closed()).toBe("");
    expect(await new Raw(port).send(epmd.dump).closed()).toBe("");
    expect(await names(at(port))).toEqual([{ name: "ts1", port: 5_555 }]);
  });

  test("closes the connection on garbage, without an answer", async () => {
    const { port } = await serve();
    for (const hex of [epmd.garbage, "ffff", "0000", "000178", "0401ff"]) {
      expect(await new Raw(port).send(hex).closed()).toBe("");
    }
    expect(await names(at(port))).toEqual([]);
  });

  test("closes a silent connection, but not that of a registered node", async () => {
    const { port } = await serve({ requestTimeoutMs: 50 });
    const registered = new Raw(port).send(epmd.alive);
    await waitFor(() => registered.got !== "", { what: "an answer" });
    const silent = new Raw(port);
    const slow = new Raw(port).send("0010");
    const refused = new Raw(port).send(epmd.alive);
    expect(await silent.closed()).toBe("");
    expect(await slow.closed()).toBe("");
    expect(await refused.closed()).toBe(epmd.aliveDuplicate);
    expect(registered.isClosed).toBe(false);
    expect(await names(at(port))).toHaveLength(1);
  });

  test("serves look-ups while as many nodes as may be are registered", async () => {
    const { port } = await serve({ maxConnections: 8 });
    const nodes = [];
    for (let i = 0; i < 6; i++) nodes.push(await join(port, `held${i}`));
    const refused = await join(port, "late").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DuplicateNameError);
    expect(records.map(({ message }) => message).join("\n"))
      .toMatch(/expected fewer than 6 registered nodes/);
    for (let i = 0; i < 20; i++) {
      expect(await lookup(at(port), "held3")).toMatchObject({ name: "held3" });
    }
    expect(await names(at(port))).toHaveLength(6);
    await nodes[0]!.close();
    await join(port, "late");
  });

  test("clients that send nothing keep no request out", async () => {
    const { port } = await serve({ maxConnections: 8 });
    await join(port, "one");
    for (let i = 0; i < 20; i++) new Raw(port);
    expect(await lookup(at(port), "one")).toMatchObject({ name: "one" });
    expect(await names(at(port))).toHaveLength(1);
  });
});

describe("epmd client", () => {
  test("fails as refused where no epmd runs", async () => {
    const port = await freePort();
    const error = await lookup(at(port), "one").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CarrierError);
    expect(error).toMatchObject({ code: "refused" });
  });

  /** A listener that answers each request with these bytes, or never. */
  async function fake(hex: string | null): Promise<number> {
    const listener = await network.listen(
      { host: LOOPBACK, port: 0 },
      (one) => {
        onTestFinished(() => one.destroy());
        one.open({
          data: () => {
            if (hex === null) return;
            one.write(fromHex(hex));
            one.close(100);
          },
          drain: () => {},
          closed: () => {},
        });
      },
    );
    onTestFinished(() => listener.close());
    return listener.port;
  }

  test("gives up on an epmd that does not answer", async () => {
    const port = await fake(null);
    for (
      const attempt of [
        () => lookup(at(port, 30), "one"),
        () => names(at(port, 30)),
        () => join(port, "one", { timeoutMs: 30 }),
      ]
    ) {
      await expect(attempt()).rejects.toMatchObject({
        code: "timeout",
        message: expect.stringContaining("answer within 30 ms"),
      });
    }
  });

  test("refuses malformed answers", async () => {
    const port = await fake("ff".repeat(8));
    for (
      const attempt of [
        () => lookup(at(port), "one"),
        () => names(at(port)),
        () => join(port, "one"),
      ]
    ) await expect(attempt()).rejects.toThrow(EpmdError);
  });

  test("refuses answers that end early or never", async () => {
    await expect(lookup(at(await fake("7700")), "one")).rejects
      .toThrow("closed without an answer");
    await expect(lookup(at(await fake("")), "one")).rejects
      .toThrow("closed without an answer");
    const long = await fake(
      epmd.portAnswer.slice(0, -4) + "ffff" +
        "00".repeat(3_000),
    );
    await expect(lookup(at(long), "one")).rejects.toThrow("at most 1024");
  });

  test("is notified when its registration is lost, not when it closes it", async () => {
    const server = await serve();
    const lost: string[] = [];
    const onLost = (reason: string) => lost.push(reason);
    const one = await join(server.port, "one", { onLost });
    await join(server.port, "two", { onLost });
    one.close();
    await waitFor(() => server.names().length === 1, { what: "one name" });
    await server.close();
    await waitFor(() => lost.length > 0, { what: "the loss" });
    expect(lost).toHaveLength(1);
  });
});

describe.skipIf(!hasBeam("epmd"))("the real epmd", () => {
  test("serves Hornbeam's client", async () => {
    const port = await freePort();
    await realEpmd(port);
    const one = await join(port, "one", { hidden: true });
    expect(one.creation).toBeGreaterThanOrEqual(4);
    expect(await lookup(at(port), "one"))
      .toMatchObject({ name: "one", port: 5_555, hidden: true });
    expect(await lookup(at(port), "two")).toBeNull();
    expect(await names(at(port))).toEqual([{ name: "one", port: 5_555 }]);
    await expect(join(port, "one")).rejects.toThrow(DuplicateNameError);
    one.close();
    await waitFor(async () => await lookup(at(port), "one") === null, {
      what: "the name to be free",
    });
  });
});

describe.skipIf(!hasBeam("erl"))("a BEAM node with our epmd", () => {
  test("registers with it, is found, finds others and leaves", async () => {
    const server = await serve();
    await join(server.port, "ours", { listenPort: 7_777 });
    const erl = spawnProcess("erl", [
      ...["-noshell", "-noinput", "-start_epmd", "false"],
      ...["-name", "beam@127.0.0.1", "-setcookie", "secret", "-eval"],
      `{ok, All} = net_adm:names("127.0.0.1"),
       {port, Port, Version} = erl_epmd:port_please("ours", "127.0.0.1"),
       io:format("names ~w port ~w version ~w creation ~w~n",
         [[list_to_atom(N) || {N, _} <- lists:sort(All)], Port, Version,
          erlang:system_info(creation)]).`,
    ], { env: { ERL_EPMD_PORT: String(server.port) } });
    onTestFinished(() => void erl.stop());
    const line = await erl.waitForLine(
      /^names (\S+) port (\d+) version (\d+) creation (\d+)$/,
      15_000,
    );
    expect(line.slice(1, 4)).toEqual(["[beam,ours]", "7777", "6"]);
    expect(Number(line[4])).toBeGreaterThanOrEqual(4);
    const entry = await lookup(at(server.port), "beam");
    expect(entry).toMatchObject({ name: "beam", hidden: false });
    await erl.stop();
    await waitFor(() => server.names().length === 1, { what: "its end" });
  });
});
