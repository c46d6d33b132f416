/** Servers and clients of epmd for tests. Each is closed when its test ends. */
import { onTestFinished } from "vitest";
import type { LogRecord } from "../../../runtime/core/host/ports.ts";
import type { Network } from "../../../runtime/net/carrier/carrier.ts";
import {
  type EpmdAddress,
  type EpmdRegistration,
  names,
  register,
  type Registration,
} from "../../../runtime/net/epmd/client.ts";
import {
  type EpmdServer,
  type EpmdServerOptions,
  startEpmdServer,
} from "../../../runtime/net/epmd/server.ts";
import {
  createHost,
  type PlatformHost,
} from "../../../runtime/platform/host/host.ts";
import { createTcpNetwork } from "../../../runtime/platform/sockets/tcp.ts";
import { type SpawnedProcess, spawnProcess } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";

export const network: Network = createTcpNetwork();
/** The log records of the servers and presences of a file. */
export const records: LogRecord[] = [];
export const platform: PlatformHost = createHost({
  log: (record) => records.push(record),
});
export const LOOPBACK = "127.0.0.1";

/** How to reach an epmd. */
export function at(epmdPort: number, timeoutMs = 5_000): EpmdAddress {
  return { network, timers: platform, host: LOOPBACK, epmdPort, timeoutMs };
}

/** An embedded epmd on a free port, for one test. */
export async function serve(
  options: Partial<EpmdServerOptions> = {},
): Promise<EpmdServer> {
  const server = await startEpmdServer({
    network,
    platform,
    port: 0,
    nodeName: "host@127.0.0.1",
    ...options,
  });
  if (server === "already-running") throw new Error("expected a free port");
  onTestFinished(() => server.close());
  return server;
}

/** Registers a name, for one test. */
export async function join(
  epmdPort: number,
  name: string,
  more: Partial<EpmdRegistration> = {},
): Promise<Registration> {
  const registration = await register({
    ...at(epmdPort),
    name,
    listenPort: 5_555,
    hidden: false,
    ...more,
  });
  onTestFinished(() => registration.close());
  return registration;
}

/** Starts Erlang's epmd, for one test. */
export function spawnRealEpmd(port: number): SpawnedProcess {
  const child = spawnProcess("epmd", [
    ...["-port", String(port), "-address", LOOPBACK],
  ]);
  onTestFinished(() => void child.stop());
  return child;
}

/** The same, and waits until it serves. */
export async function realEpmd(port: number): Promise<SpawnedProcess> {
  const child = spawnRealEpmd(port);
  await waitFor(async () => (await names(at(port))).length === 0, {
    what: "epmd",
  });
  return child;
}
