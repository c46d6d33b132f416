/** How a node leaves epmd: its name is free when `stop` has resolved. */
import { describe, expect, onTestFinished, test } from "vitest";
import type {
  Carrier,
  CarrierHandlers,
  Network,
} from "../../../runtime/net/carrier/carrier.ts";
import { lookup, register } from "../../../runtime/net/epmd/client.ts";
import { EpmdPresence } from "../../../runtime/net/epmd/presence.ts";
import { start } from "../../../runtime/start.ts";
import { encodeAliveAnswer } from "../../../runtime/wire/epmd/messages.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { freePort } from "../../helpers/ports.ts";
import { at, platform, realEpmd, serve } from "./epmds.ts";

/** An epmd that registers each name, and ends connections on demand. */
class FakeEpmd {
  readonly closes: number[] = [];
  readonly connections: CarrierHandlers[] = [];
  readonly network: Network = {
    connect: () => {
      let handlers: CarrierHandlers | null = null;
      const carrier: Carrier = {
        remote: "epmd",
        bufferedBytes: 0,
        open: (given) => {
          handlers = given;
          this.connections.push(given);
        },
        write: () => {
          const answer = { result: 0, creation: 7 };
          queueMicrotask(() => handlers?.data(encodeAliveAnswer(answer, 6)));
          return true;
        },
        close: (lingerMs) => void this.closes.push(lingerMs),
        destroy: () => {},
      };
      return Promise.resolve(carrier);
    },
    listen: () => Promise.reject(new Error("expected no listener")),
  };
}

/** Whether a promise is settled once all that is ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.finally(() => settled = true);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return settled;
}

describe("a node that leaves epmd", () => {
  test("waits until epmd has closed", async () => {
    const epmd = new FakeEpmd();
    const presence = new EpmdPresence({
      network: epmd.network,
      platform,
      nodeName: "a@127.0.0.1",
      listenPort: 5_555,
      hidden: false,
      epmdPort: 4_369,
    });
    await presence.start();
    const stopping = presence.stop();
    expect(epmd.closes).toHaveLength(1);
    expect(await isSettled(stopping)).toBe(false);
    epmd.connections[0]!.closed("closed here");
    expect(await isSettled(stopping)).toBe(true);
    expect(await isSettled(presence.stop())).toBe(true);
  });

  test("does not wait when epmd has closed before", async () => {
    const epmd = new FakeEpmd();
    const registration = await register({
      ...at(4_369),
      network: epmd.network,
      name: "a",
      listenPort: 5_555,
      hidden: false,
    });
    epmd.connections[0]!.closed("closed by peer");
    expect(await isSettled(registration.close())).toBe(true);
  });

  test("frees its name at once in the embedded epmd", async () => {
    const server = await serve();
    for (let round = 0; round < 20; round++) {
      const registration = await register({
        ...at(server.port),
        name: "a",
        listenPort: 5_555,
        hidden: false,
      });
      await registration.close();
      expect(await lookup(at(server.port), "a")).toBeNull();
    }
  });
});

describe.skipIf(!hasBeam("epmd"))("starts and stops under one name", () => {
  test("never find the name taken at a real epmd", async () => {
    const epmdPort = await freePort();
    await realEpmd(epmdPort);
    for (let round = 0; round < 60; round++) {
      const node = await start({
        name: "again@127.0.0.1",
        cookie: "secret",
        epmdPort,
      });
      await node.stop();
    }
    expect(await lookup(at(epmdPort), "again")).toBeNull();
  });

  test("never find it taken at the embedded epmd of another node", async () => {
    const epmdPort = await freePort();
    const common = { cookie: "secret", epmdPort };
    const host = await start({ ...common, name: "host@127.0.0.1" });
    onTestFinished(() => host.stop());
    for (let round = 0; round < 60; round++) {
      const node = await start({ ...common, name: "again@127.0.0.1" });
      await node.stop();
    }
  });
});
