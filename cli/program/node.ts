/**
 * Starts the node of a program. When it cannot start or connect, the error says
 * why in one line.
 */

import { setTimeout } from "node:timers/promises";
import {
  CarrierError,
  type ConnectOutcome,
  DuplicateNameError,
  type LogLevel,
  type LogRecord,
  NodeNameError,
  type RunningNode,
  start,
} from "../../runtime/mod.ts";
import { createLog } from "../../runtime/platform/host/log.ts";
import type { Program } from "./program.ts";
import {
  type CliError,
  describeThrown,
  failure,
  usageError,
} from "../shared/errors.ts";

/** Options of a node, from the command line. */
export type NodeOptions = {
  /** Without a name the node is not distributed. */
  readonly name?: string;
  readonly cookie?: string;
  readonly connect: readonly string[];
  readonly epmdPort?: number;
  /** Whether to host epmd where none runs. Default true. */
  readonly hostEpmd?: boolean;
  readonly port?: number;
  readonly hidden: boolean;
  readonly logLevel: LogLevel;
  /** Writes lines of the log. Default: to standard error. */
  readonly writeLog?: (line: string) => void;
};

/** How long to wait for a peer that is still starting. */
const CONNECT_WAIT_MS = 5_000;
const CONNECT_RETRY_MS = 100;
/** How many log records are held back while connecting. */
const MAX_HELD = 1_000;

/** Starts a node and connects it. Rejects with a `CliError`. */
export async function startNode(
  options: NodeOptions,
  program: Pick<Program, "exports" | "options">,
): Promise<RunningNode> {
  const log = heldLog(options);
  let node: RunningNode;
  try {
    node = await startNamed(options, program, log.write);
    for (const peer of options.connect) await connect(node, peer);
  } catch (error) {
    log.drop();
    throw error;
  }
  log.release();
  return node;
}

async function startNamed(
  options: NodeOptions,
  program: Pick<Program, "exports" | "options">,
  log: (record: LogRecord) => void,
): Promise<RunningNode> {
  const { name, cookie, epmdPort, hostEpmd, port, hidden } = options;
  const { exports } = program;
  if (name === undefined || cookie === undefined) {
    const { cookies: _, ...alone } = program.options;
    return await start({ ...alone, exports, log });
  }
  try {
    return await start({
      ...program.options,
      name,
      cookie,
      exports,
      hidden,
      log,
      ...(epmdPort === undefined ? {} : { epmdPort }),
      ...(hostEpmd === undefined ? {} : { hostEpmd }),
      ...(port === undefined ? {} : { port }),
    });
  } catch (error) {
    throw explainStart(error, options);
  }
}

function explainStart(error: unknown, options: NodeOptions): CliError {
  if (error instanceof NodeNameError) return usageError(error.message);
  if (error instanceof DuplicateNameError) {
    return failure(
      `a node named ${options.name} is running already (epmd on port ` +
        `${options.epmdPort}); stop it, or choose another name or --epmd-port`,
    );
  }
  if (error instanceof CarrierError && error.code === "in-use") {
    return failure(
      `port ${options.port} is in use; choose another --port, or leave it ` +
        "out to take a free one",
    );
  }
  if (error instanceof CarrierError && error.code === "refused") {
    return failure(
      `no epmd runs on port ${options.epmdPort}; start one (epmd -daemon), ` +
        "choose another --epmd-port, or leave out --no-host-epmd",
    );
  }
  const text = describeThrown(error);
  if (text.includes("expected epmd on")) {
    return failure(
      `another program than epmd listens on port ${options.epmdPort}; choose ` +
        "another --epmd-port, the same for all nodes",
    );
  }
  if (text.includes("could not listen on")) {
    return failure(
      `${options.name} cannot listen: this machine has no such address; use ` +
        "127.0.0.1 or a name of its own behind the @",
    );
  }
  return failure(`${options.name} could not start: ${text}`);
}

/** Connects to a peer, and waits for a peer that is still starting. */
async function connect(node: RunningNode, peer: string): Promise<void> {
  const deadline = performance.now() + CONNECT_WAIT_MS;
  for (;;) {
    const result = await node.tryConnect(peer);
    if (result.isUp) return;
    const isRunning = !/no such node|ECONNREFUSED/i.test(result.why);
    if (isRunning || performance.now() >= deadline) {
      await node.stop();
      throw explainConnect(peer, result);
    }
    await setTimeout(CONNECT_RETRY_MS);
  }
}

function explainConnect(
  peer: string,
  { why }: ConnectOutcome & { isUp: false },
): CliError {
  if (/cookie|digest/.test(why)) {
    return failure(
      `could not connect to ${peer}: most likely the cookies differ; give ` +
        "both nodes the same --cookie",
    );
  }
  if (/no such node|ECONNREFUSED/i.test(why)) {
    return failure(
      `could not connect to ${peer}: no such node is running; start it ` +
        "first, and give both nodes the same --epmd-port",
    );
  }
  return failure(`could not connect to ${peer}: ${why}`);
}

/**
 * A log that holds its records back until the node has started. When it does
 * not start, they are dropped, because the error says the same in one line.
 */
function heldLog({ logLevel, writeLog }: NodeOptions): {
  write(record: LogRecord): void;
  release(): void;
  drop(): void;
} {
  const log = createLog({
    level: logLevel,
    ...(writeLog === undefined ? {} : { write: writeLog }),
  });
  let held: LogRecord[] | null = [];
  return {
    write: (record) => {
      if (held === null || held.length >= MAX_HELD) log(record);
      else held.push(record);
    },
    release: () => {
      const records = held ?? [];
      held = null;
      for (const record of records) log(record);
    },
    drop: () => {
      held = [];
    },
  };
}
