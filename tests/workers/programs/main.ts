/**
 * A worker's module with a program. It reports its context and its progress to
 * the actor `report` of a node that its context names.
 */
import type {
  ExportedBehaviour,
  RunningNode,
  StartOptions,
} from "../../../runtime/mod.ts";

type Context = {
  readonly report: string;
  readonly then:
    | "return"
    | "throw"
    | "throw unreadable"
    | "wait"
    | "ignore"
    | "nest"
    | "fail late"
    | "say much";
  readonly signal: AbortSignal;
};

export const exports: Readonly<Record<string, ExportedBehaviour>> = {
  idle: () => () => {},
  other: () => () => {},
};
export const options: StartOptions = {
  functions: { "math:twice/1": (n: unknown) => Number(n) * 2 },
};

export default async function main(
  node: RunningNode,
  context: Context,
): Promise<void> {
  const report = { name: "report", node: context.report };
  node.send(report, { node: node.name, nodes: node.nodes() });
  switch (context.then) {
    case "return":
      return;
    case "throw":
      throw new RangeError("the program failed");
    case "throw unreadable": {
      const { proxy, revoke } = Proxy.revocable(new Error("hidden"), {});
      revoke();
      throw proxy;
    }
    case "nest":
      await node.startWorker({ module: import.meta.url });
      return;
    case "wait":
      await aborted(context.signal);
      node.send(report, "aborted");
      return;
    case "fail late":
      await aborted(context.signal);
      throw new RangeError("too late");
    case "say much":
      // Several times the capacity of the ring between two threads.
      for (let n = 0; n < 10; n++) node.send(report, new Uint8Array(100_000));
      return;
    case "ignore":
      await new Promise<never>(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
