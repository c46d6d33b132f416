/**
 * The behaviours that rows of two and more nodes spawn on any of them, and the
 * start of a benchmark's node. `bench_process.erl` has the same on the BEAM.
 */

import {
  type Behaviour,
  handler,
  type LogRecord,
  type Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
  stop,
} from "../../runtime/mod.ts";
import {
  BATCH,
  DONE,
  type GO_ON,
  letOthersRun,
  type Report,
} from "../inside/turns.ts";

export const FIRST = "first@127.0.0.1";
export const SECOND = "second@127.0.0.1";
/** Known to all, since the nodes use loopback only and end within seconds. */
export const COOKIE = "bench";

export type Payload = Uint8Array<ArrayBuffer>;
/** What the owner of a row is sent. */
export type Message = Report | Payload;

/** Bytes that are no valid UTF-8, so that they are bytes on every side. */
export function payloadOf(bytes: number): Payload {
  return new Uint8Array(bytes).fill(255);
}

/** Counts messages, and reports to the owner at the end. */
function counter(count: number, owner: Pid<Report>): Behaviour<Payload> {
  return handler(0, (seen, _payload: Payload, self) => {
    if (seen + 1 < count) return seen + 1;
    self.send(owner, DONE);
    return stop();
  });
}

/** Sends every message back to the owner. */
function echo(owner: Pid<Payload>): Behaviour<Payload> {
  return handler(null, (state, payload: Payload, self) => {
    self.send(owner, payload);
    return state;
  });
}

/** Sends `rounds` messages of that size to each of the actors, in turn. */
function sender(
  rounds: number,
  to: readonly Pid<Payload>[],
  bytes: number,
): Behaviour<typeof GO_ON> {
  return (self: Self<typeof GO_ON>) =>
    sendRounds(self, rounds, to, payloadOf(bytes));
}

/** The behaviours that each node of a benchmark exports. */
export const behaviours: {
  readonly counter: typeof counter;
  readonly echo: typeof echo;
  readonly sender: typeof sender;
} = { counter, echo, sender };

/**
 * As `sender`, in an actor whose mailbox is empty. It ends its turn now and
 * then: with backpressure alone it would send until the connection's buffers
 * are full, and timers would wait as long.
 */
export async function sendRounds<M>(
  self: Self<M | typeof GO_ON>,
  rounds: number,
  to: readonly Pid<Payload>[],
  payload: Payload,
): Promise<void> {
  let left = BATCH;
  for (let round = 0; round < rounds; round++) {
    for (const pid of to) {
      if (!self.send(pid, payload)) await self.ready(pid);
      if (--left > 0) continue;
      await letOthersRun(self);
      left = BATCH;
    }
  }
}

/** Options of a benchmark's node. */
export type NodeOptions = Pick<
  StartOptions,
  "name" | "peers" | "connect" | "limits" | "exports"
>;

/** Starts a node that needs no epmd and exports the behaviours. */
export function startNode(options: NodeOptions): Promise<RunningNode> {
  return start({
    cookie: COOKIE,
    epmdPort: false,
    exports: behaviours,
    log,
    ...options,
  });
}

/** Writes warnings and errors only, not to mix other lines with the figures. */
function log(record: LogRecord): void {
  if (record.level === "warning" || record.level === "error") {
    console.error(`${record.node} ${record.level}: ${record.message}`);
  }
}
