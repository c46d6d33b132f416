/**
 * When a terminated worker counts as lost: its thread has not taken the order to
 * end, and not because the machine is busy. With threads that the tests play.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  Calls,
  createPorts,
  offer,
} from "../../runtime/platform/workers/control.ts";
import type { ThreadExit } from "../../runtime/platform/workers/thread.ts";
import { HostedWorker } from "../../runtime/workers/hosted_worker.ts";
import type { StartOrder, WorkerApi } from "../../runtime/workers/protocol.ts";

/** A worker whose thread does what the test says. */
function played(options: {
  /** Whether the runtime can stop a busy thread. */
  readonly stopsBusy: boolean;
  /** What the thread does with the order to quit; absent: it is busy. */
  readonly quit?: (end: () => void) => void;
}): { worker: HostedWorker; did: string[]; end: () => void } {
  const did: string[] = [];
  const exited = Promise.withResolvers<ThreadExit>();
  const end = (): void => exited.resolve({ code: 1, error: null });
  const [here, there] = createPorts();
  onTestFinished(() => {
    here.close();
    there.close();
  });
  const { quit } = options;
  if (quit !== undefined) {
    offer<Pick<WorkerApi, "quit">>(there, {
      quit: () => {
        did.push("took the order");
        quit(end);
        return undefined as never;
      },
    });
  }
  const worker = new HostedWorker({
    order: { name: "w@127.0.0.1" } as StartOrder,
    thread: {
      exited: exited.promise,
      terminate: () => void did.push("terminate"),
    },
    calls: new Calls<WorkerApi>(here, "w@127.0.0.1"),
    onExit: () => Promise.resolve(),
    restart: () => Promise.reject(new Error("expected no restart")),
    stopsBusy: options.stopsBusy,
  });
  return { worker, did, end };
}

/** Later than the time in which a busy thread is given up. */
const LATE_MS = 900;

describe("a terminated worker", () => {
  test("that takes the order and ends late is not lost", async () => {
    const { worker, did } = played({
      stopsBusy: false,
      quit: (end) => void setTimeout(end, LATE_MS),
    });
    const exit = await worker.terminate();
    expect(exit).toEqual({ type: "terminated", isLost: false });
    expect(worker.state).toBe("ended");
    expect(did).toEqual(["took the order", "terminate"]);
  });

  test("that ends at once is not lost", async () => {
    const { worker } = played({ stopsBusy: false, quit: (end) => end() });
    expect(await worker.terminate())
      .toEqual({ type: "terminated", isLost: false });
  });

  test("that is too busy to take the order is lost, and terminated", async () => {
    const { worker, did } = played({ stopsBusy: false });
    expect(await worker.terminate())
      .toEqual({ type: "terminated", isLost: true });
    expect(worker.state).toBe("lost");
    expect(did).toEqual(["terminate"]);
  });

  test("of a runtime that stops busy threads is not lost if it ends late", async () => {
    const { worker, did, end } = played({ stopsBusy: true });
    const exit = worker.terminate();
    expect(did).toEqual(["terminate"]);
    setTimeout(end, 2_500);
    expect(await exit).toEqual({ type: "terminated", isLost: false });
  });

  test("is not asked to stop first while it loads its module", async () => {
    const { worker, did, end } = played({ stopsBusy: true });
    expect(worker.state).toBe("starting");
    const exit = worker.stop({ timeoutMs: 60_000 });
    expect(did).toEqual(["terminate"]);
    end();
    expect(await exit).toEqual({ type: "terminated", isLost: false });
  });
});
