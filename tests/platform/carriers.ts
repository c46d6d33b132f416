/** Carriers for tests, closed when the test ends. */
import { onTestFinished } from "vitest";
import type {
  Carrier,
  Listener,
  Network,
} from "../../runtime/net/carrier/carrier.ts";
import {
  createLink,
  WorkerCarrier,
} from "../../runtime/platform/workers/carrier.ts";
import { waitFor } from "../helpers/wait.ts";

export const HOST = "127.0.0.1";

/** A carrier, with all that it has delivered. */
export class End {
  readonly carrier: Carrier;
  readonly chunks: Uint8Array[] = [];
  readonly closings: string[] = [];
  drains = 0;
  constructor(carrier: Carrier, open = true) {
    this.carrier = carrier;
    onTestFinished(() => carrier.destroy());
    if (open) this.open();
  }
  open(): void {
    this.carrier.open({
      data: (chunk) => this.chunks.push(chunk),
      drain: () => this.drains++,
      closed: (reason) => this.closings.push(reason),
    });
  }
  get received(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  get text(): string {
    return new TextDecoder().decode(
      Uint8Array.from(this.chunks.flatMap((chunk) => [...chunk])),
    );
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A listener with the carriers it accepts, closed when the test ends. */
export async function listen(
  network: Network,
  port = 0,
): Promise<{ listener: Listener; accepted: Carrier[] }> {
  const accepted: Carrier[] = [];
  const listener = await network.listen({ host: HOST, port }, (carrier) => {
    accepted.push(carrier);
  });
  onTestFinished(() => listener.close());
  return { listener, accepted };
}

/** Two connected carriers, the dialling one first. */
export async function pair(
  network: Network,
): Promise<[Carrier, Carrier, Listener]> {
  const { listener, accepted } = await listen(network);
  const dialled = await network.connect({
    host: HOST,
    port: listener.port,
    timeoutMs: 5_000,
  });
  await waitFor(() => accepted.length === 1, { what: "an accepted carrier" });
  return [dialled, accepted[0]!, listener];
}

/** Links of a worker carrier, both ends in this thread, as a network. */
export function linkNetwork(highMarkBytes?: number): Network {
  const accepts = new Map<number, (carrier: Carrier) => void>();
  let lastPort = 0;
  const end = (end: ReturnType<typeof createLink>[0], port: number) =>
    new WorkerCarrier(end, {
      remote: `${HOST}:${port}`,
      ...(highMarkBytes === undefined ? {} : { highMarkBytes }),
    });
  return {
    connect: ({ port }) => {
      const [here, there] = createLink();
      accepts.get(port)?.(end(there, ++lastPort));
      return Promise.resolve(end(here, port));
    },
    listen: (_, accept) => {
      const port = ++lastPort;
      accepts.set(port, accept);
      const close = () => Promise.resolve(void accepts.delete(port));
      return Promise.resolve({ port, close });
    },
  };
}
