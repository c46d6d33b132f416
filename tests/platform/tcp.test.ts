/** TCP alone; the tests of all carriers are in carriers.test.ts. */
import * as net from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { CarrierError } from "../../runtime/net/carrier/carrier.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import { freePort } from "../helpers/ports.ts";
import { waitFor } from "../helpers/wait.ts";
import { bytes, End, HOST } from "./carriers.ts";

describe("tcp connects", () => {
  const network = createTcpNetwork();
  function failure(to: { host: string; port: number; timeoutMs: number }) {
    return network.connect(to).then(
      () => null,
      (error: unknown) => error,
    );
  }

  test("fail as refused where no process listens", async () => {
    const port = await freePort();
    const error = await failure({ host: HOST, port, timeoutMs: 5_000 });
    expect(error).toBeInstanceOf(CarrierError);
    expect(error).toMatchObject({ code: "refused" });
    expect(String(error)).toContain(`could not connect to ${HOST}:${port}`);
  });

  test("fail for an invalid port", async () => {
    const error = await failure({ host: HOST, port: 70_000, timeoutMs: 5_000 });
    expect(error).toBeInstanceOf(CarrierError);
    expect(error).toMatchObject({ code: "other" });
  });
});

describe("the end of a connection over tcp", () => {
  /** A carrier, and the peer's socket, which may end one direction only. */
  async function halfOpenPair(): Promise<[End, net.Socket]> {
    const accepted = Promise.withResolvers<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      accepted.resolve(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const { port } = server.address() as net.AddressInfo;
    const carrier = await createTcpNetwork()
      .connect({ host: HOST, port, timeoutMs: 5_000 });
    const end = new End(carrier);
    const peer = await accepted.promise;
    onTestFinished(() => {
      peer.destroy();
      server.close();
    });
    return [end, peer];
  }

  test("is reported at once when the peer ends, while bytes still wait", async () => {
    const [end, peer] = await halfOpenPair();
    peer.pause();
    while (end.carrier.write(new Uint8Array(1 << 20)));
    peer.end("last");
    await waitFor(() => end.closings.length > 0, { what: "the end" });
    expect(end.closings).toEqual(["closed by peer"]);
    expect(end.text).toBe("last");
    expect(end.carrier.bufferedBytes).toBe(0);
    // The socket is freed too, although the peer reads nothing.
    await new Promise<void>((resolve) => {
      peer.on("close", () => resolve());
      peer.resume();
    });
    expect(end.closings).toHaveLength(1);
  });

  test("is reported to the side that ends first when the peer has ended", async () => {
    const [end, peer] = await halfOpenPair();
    end.carrier.write(bytes("bye"));
    end.carrier.close(60_000);
    const heard: string[] = [];
    peer.on("data", (chunk) => heard.push(String(chunk)));
    await new Promise<void>((resolve) => peer.on("end", () => resolve()));
    expect(heard).toEqual(["bye"]);
    expect(end.closings).toEqual([]);
    peer.end();
    await waitFor(() => end.closings.length > 0, { what: "the end" });
    expect(end.closings).toEqual(["closed here"]);
  });

  test("is reported after the given time if the peer does not end", async () => {
    const [end, peer] = await halfOpenPair();
    end.carrier.close(50);
    await waitFor(() => end.closings.length > 0, { what: "the end" });
    expect(end.closings).toEqual(["closed here"]);
    expect(peer.destroyed).toBe(false);
  });
});
