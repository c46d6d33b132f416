/** TCP alone; the tests of all carriers are in carriers.test.ts. */
import { describe, expect, test } from "vitest";
import { CarrierError } from "../../runtime/net/carrier/carrier.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import { freePort } from "../helpers/ports.ts";
import { HOST } from "./carriers.ts";

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
