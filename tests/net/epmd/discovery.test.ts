import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Discovery,
  epmdDiscovery,
  firstOf,
  fixedPortDiscovery,
  staticDiscovery,
} from "../../../runtime/net/epmd/discovery.ts";
import { register } from "../../../runtime/net/epmd/client.ts";
import { startEpmdServer } from "../../../runtime/net/epmd/server.ts";
import { createHost } from "../../../runtime/platform/host/host.ts";
import { createTcpNetwork } from "../../../runtime/platform/sockets/tcp.ts";
import { NodeNameError } from "../../../runtime/wire/shared/node_name.ts";

describe("static discovery", () => {
  test("knows its table", async () => {
    const table = staticDiscovery({
      "b@127.0.0.1": "127.0.0.1:9001",
      "c@host.example": "[::1]:9002",
      "d@x": "some-host:65535",
    });
    expect(await table.resolve("b@127.0.0.1"))
      .toEqual({ host: "127.0.0.1", port: 9001 });
    expect(await table.resolve("c@host.example"))
      .toEqual({ host: "::1", port: 9002 });
    expect(await table.resolve("d@x"))
      .toEqual({ host: "some-host", port: 65535 });
    expect(await table.resolve("e@x")).toBeNull();
    expect(await table.resolve("constructor")).toBeNull();
  });

  test.each(["", "9001", "host", "host:", ":1", "::1:1", "host:1x", "[::1]"])(
    "refuses the address %j",
    (address) => {
      expect(() => staticDiscovery({ "b@x": address })).toThrow(
        'expected the address of b@x as "host:port"',
      );
    },
  );

  test("refuses invalid ports and names", () => {
    expect(() => staticDiscovery({ "b@x": "host:0" })).toThrow("got 0");
    expect(() => staticDiscovery({ "b@x": "host:65536" })).toThrow(RangeError);
    expect(() => staticDiscovery({ b: "host:1" })).toThrow(NodeNameError);
  });
});

describe("fixed port discovery", () => {
  test("takes the host from the name", async () => {
    const fixed = fixedPortDiscovery(4_711);
    expect(await fixed.resolve("b@some-host"))
      .toEqual({ host: "some-host", port: 4_711 });
    await expect(fixed.resolve("b")).rejects.toThrow(NodeNameError);
    expect(() => fixedPortDiscovery(0)).toThrow(RangeError);
  });
});

describe("epmd discovery", () => {
  test("asks the epmd on the node's host", async () => {
    const network = createTcpNetwork();
    const platform = createHost({ log: () => {} });
    const server = await startEpmdServer({
      network,
      platform,
      port: 0,
      nodeName: "x@127.0.0.1",
    });
    if (server === "already-running") throw new Error("expected a free port");
    onTestFinished(() => server.close());
    const address = { network, timers: platform, epmdPort: server.port };
    const registration = await register({
      ...address,
      host: "127.0.0.1",
      name: "b",
      listenPort: 4_711,
      hidden: false,
    });
    onTestFinished(() => registration.close());
    const discovery = epmdDiscovery(address);
    expect(await discovery.resolve("b@127.0.0.1"))
      .toEqual({ host: "127.0.0.1", port: 4_711 });
    expect(await discovery.resolve("c@127.0.0.1")).toBeNull();
    await expect(discovery.resolve("c")).rejects.toThrow(NodeNameError);
    await server.close();
    await expect(discovery.resolve("b@127.0.0.1"))
      .rejects.toMatchObject({ code: "refused" });
  });
});

describe("firstOf", () => {
  const nobody: Discovery = { resolve: () => Promise.resolve(null) };
  const failing: Discovery = {
    resolve: () => Promise.reject(new Error("no answer")),
  };
  const table = staticDiscovery({ "b@x": "host:1" });

  test("goes on until one way knows the node", async () => {
    const all = firstOf(nobody, failing, table);
    expect(await all.resolve("b@x")).toEqual({ host: "host", port: 1 });
    expect(await firstOf(nobody, table).resolve("c@x")).toBeNull();
    expect(await firstOf().resolve("c@x")).toBeNull();
  });

  test("fails when one way has failed and no way knows the node", async () => {
    await expect(firstOf(failing, nobody).resolve("b@x"))
      .rejects.toThrow("no answer");
  });
});
