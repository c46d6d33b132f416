/** How a node stays registered when the process that hosts epmd changes. */
import { describe, expect, onTestFinished, test } from "vitest";
import { DuplicateNameError, names } from "../../../runtime/net/epmd/client.ts";
import { EpmdPresence } from "../../../runtime/net/epmd/presence.ts";
import { start } from "../../../runtime/start.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { freePort } from "../../helpers/ports.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  at,
  LOOPBACK,
  network,
  platform,
  realEpmd,
  records,
  serve,
  spawnRealEpmd,
} from "./epmds.ts";

function presence(
  epmdPort: number,
  nodeName: string,
  more: { mayHost?: boolean } = {},
): EpmdPresence {
  const one = new EpmdPresence({
    network,
    platform,
    nodeName,
    listenPort: 5_555,
    hidden: false,
    epmdPort,
    retryMs: 20,
    ...more,
  });
  onTestFinished(() => one.stop());
  return one;
}

async function listed(epmdPort: number): Promise<string> {
  const all = await names(at(epmdPort)).catch(() => []);
  return all.map((one) => one.name).sort().join(" ");
}

describe("epmd presence", () => {
  test("hosts epmd where none runs, and other nodes register with it", async () => {
    const port = await freePort();
    const a = presence(port, "a@127.0.0.1");
    const b = presence(port, "b@127.0.0.1");
    expect((await a.start()).creation).toBeGreaterThanOrEqual(4);
    await b.start();
    expect([a.isHosting, b.isHosting]).toEqual([true, false]);
    expect(await listed(port)).toBe("a b");
    await b.stop();
    await waitFor(async () => await listed(port) === "a", { what: "a alone" });
    await a.stop();
    await expect(names(at(port))).rejects.toMatchObject({ code: "refused" });
  });

  test("allows many nodes to start at the same moment", async () => {
    const port = await freePort();
    const all = ["a", "b", "c", "d", "e"]
      .map((part) => presence(port, `${part}@127.0.0.1`));
    await Promise.all(all.map((one) => one.start()));
    expect(all.filter((one) => one.isHosting)).toHaveLength(1);
    expect(await listed(port)).toBe("a b c d e");
  });

  test("stays registered when the host of epmd ends, several times", async () => {
    const port = await freePort();
    const all = ["a", "b", "c", "d"]
      .map((part) => presence(port, `${part}@127.0.0.1`));
    for (const one of all) await one.start();
    const parts = new Map(all.map((one, i) => [one, "abcd"[i]!]));
    while (parts.size > 1) {
      const host = all.find((one) => one.isHosting)!;
      parts.delete(host);
      await host.stop();
      const left = [...parts.values()].join(" ");
      await waitFor(
        async () =>
          await listed(port) === left &&
          all.filter((one) => one.isHosting).length === 1 &&
          [...parts.keys()].every((one) => one.isRegistered),
        { what: `new registrations of ${left}` },
      );
    }
  });

  test("says which name is taken and what to do", async () => {
    const port = await freePort();
    await presence(port, "a@127.0.0.1").start();
    const twin = presence(port, "a@localhost");
    const error = await twin.start().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DuplicateNameError);
    expect(String(error)).toContain("no other node named a on this machine");
    expect(String(error)).toContain("start a@localhost under another name");
  });

  test("does not host epmd when it may not", async () => {
    const port = await freePort();
    const shy = presence(port, "a@127.0.0.1", { mayHost: false });
    await expect(shy.start()).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining("allow hostEpmd"),
    });
    expect(shy.isHosting).toBe(false);
  });

  test("logs that it hosts, and warns when it has taken over the port", async () => {
    const port = await freePort();
    const a = presence(port, "first@127.0.0.1");
    const b = presence(port, "second@127.0.0.1");
    await a.start();
    await b.start();
    await a.stop();
    await waitFor(() => b.isRegistered && b.isHosting, { what: "the port" });
    const said = (node: string) =>
      records.filter((record) => record.node === node)
        .map(({ level, message }) => `${level} ${message}`);
    expect(said("first@127.0.0.1"))
      .toContain(`info hosting epmd on ${LOOPBACK}:${port}`);
    expect(said("first@127.0.0.1").join()).not.toContain("warning");
    expect(said("second@127.0.0.1"))
      .toContain(`warning took over epmd's port ${LOOPBACK}:${port}`);
  });

  test("leaves the port to another epmd when it may not host", async () => {
    const server = await serve();
    const { port } = server;
    const shy = presence(port, "shy@127.0.0.1", { mayHost: false });
    await shy.start();
    await server.close();
    await waitFor(
      () =>
        records.some(({ node, message }) =>
          node === "shy@127.0.0.1" && message.startsWith("could not register")
        ),
      { what: "an attempt in vain" },
    );
    expect(shy.isHosting).toBe(false);
    await serve({ port });
    await waitFor(async () => await listed(port) === "shy", {
      what: "its registration",
    });
    expect(shy.isHosting).toBe(false);
  });

  test("is an option of a node", async () => {
    const epmdPort = await freePort();
    const options = { name: "a@127.0.0.1", cookie: "secret", epmdPort };
    await expect(start({ ...options, hostEpmd: false })).rejects
      .toMatchObject({ name: "CarrierError", code: "refused" });
    await expect(start({ ...options, hostEpmd: "no" as never })).rejects
      .toThrow("hostEpmd");
    await serve({ port: epmdPort });
    const node = await start({ ...options, hostEpmd: false });
    expect(await listed(epmdPort)).toBe("a");
    await node.stop();
  });
});

describe.skipIf(!hasBeam("epmd"))("the real epmd", () => {
  test("is used where it runs, and is replaced when it ends", async () => {
    const port = await freePort();
    const child = await realEpmd(port);
    const a = presence(port, "a@127.0.0.1");
    const b = presence(port, "b@127.0.0.1");
    await Promise.all([a.start(), b.start()]);
    expect([a.isHosting, b.isHosting]).toEqual([false, false]);
    expect(await listed(port)).toBe("a b");
    await child.stop();
    await waitFor(async () => await listed(port) === "a b", {
      what: "new registrations",
    });
    expect([a.isHosting, b.isHosting].filter(Boolean)).toHaveLength(1);
  });

  test("can start again when its port is free", async () => {
    const port = await freePort();
    const first = await realEpmd(port);
    const shy = presence(port, "a@127.0.0.1", { mayHost: false });
    await shy.start();
    await first.stop();
    await waitFor(() => !shy.isRegistered, { what: "the loss" });
    spawnRealEpmd(port);
    await waitFor(async () => await listed(port) === "a", {
      what: "the registration with the new one",
    });
    expect(shy.isHosting).toBe(false);
  });
});
