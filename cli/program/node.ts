/**
 * Starts the node of a program, and says in one line what kept it from
 * starting or connecting.
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

/** What the command line says about a node. */
export type NodeOptions = {
  /** Absent: the node is alone. */
  readonly name?: string;
  readonly cookie?: string;
  readonly connect: readonly string[];
  readonly epmdPort?: number;
  /** Whether to host epmd where none runs; true unless told. */
  readonly hostEpmd?: boolean;
  readonly port?: number;
  readonly hidden: boolean;
  readonly logLevel: LogLevel;
  /** Takes the log's lines; standard error by default. */
  readonly writeLog?: (line: string) => void;
};

/** How long a node to connect to may take to start. */
const CONNECT_WAIT_MS = 5_000;
const CONNECT_RETRY_MS = 100;
/** Log records that are held back while connecting, at most. */
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
  const said = describeThrown(error);
  if (said.includes("expected epmd on")) {
    return failure(
      `something else than epmd listens on port ${options.epmdPort}; choose ` +
        "another --epmd-port, the same for all nodes",
    );
  }
  if (said.includes("could not listen on")) {
    return failure(
      `${options.name} cannot listen: this machine has no such address; use ` +
        "127.0.0.1 or a name of its own behind the @",
    );
  }
  return failure(`${options.name} could not start: ${said}`);
}

/** Waits a little for a node that is only just starting. */
async function connect(node: RunningNode, peer: string): Promise<void> {
  const deadline = performance.now() + CONNECT_WAIT_MS;
  for (;;) {
    const outcome = await node.tryConnect(peer);
    if (outcome.isUp) return;
    const isThere = !/no such node|ECONNREFUSED/i.test(outcome.why);
    if (isThere || performance.now() >= deadline) {
      await node.stop();
      throw explainConnect(peer, outcome);
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
 * A log that waits until it is known whether the node starts: when it does
 * not, one line says why, and the log would only say it again.
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
