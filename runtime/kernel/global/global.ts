/**
 * global: names and locks that hold for a whole cluster.
 *
 * Every node has all names, so looking one up is a read of a local table.
 * Changes are made on all nodes under a lock, in the protocol of OTP's module
 * `global`, so that Hornbeam and BEAM nodes form one name space.
 *
 * Availability goes before consistency. Nodes that cannot reach each other go
 * on by themselves, and a name may then be given away on both sides; when they
 * meet again, each such clash is decided once, by the resolver that the name
 * was registered with. So a name is no mutual exclusion: its holder may lose
 * it, and by default its life, when a partition heals. `docs/global.md` tells
 * what holds when.
 */

import type { Node } from "../../core/node/node.ts";
import type { Destination, Self, Via } from "../../core/contract/self.ts";
import { CallError, UsageError } from "../../core/messages/errors.ts";
import { sendableKey } from "../../core/terms/key.ts";
import { Pid, printTerm } from "../../core/terms/terms.ts";
import { type GlobalInside, GlobalNames } from "./local_names.ts";
import { GlobalFault, GlobalOrder, type Order } from "./orders.ts";
import type { Change } from "./names/registrar.ts";
import { methodOf, type Resolver } from "./names/resolve.ts";
import { SERVER_NAME } from "./protocol/terms.ts";
import { isReserved } from "./locks/user_locks.ts";
import { nodeOf } from "../shared/self_or_node.ts";
import { keptName } from "../shared/term_map.ts";

/** The actor that asks; the messages that it accepts do not matter. */
export type GlobalSelf = Pick<
  Self<never>,
  "isAlive" | "pid" | "call" | "nodes"
>;

/** An actor's `self`, or a running node: what a look-up is made on. */
export type OnNode = Pick<Self<never>, "nodes">;

/** Options of a change of names. */
export type NameOptions = {
  /**
   * What becomes of the name when partitions meet and both have it. Default
   * `randomExit`. A function can only be given for an actor of this node.
   */
  readonly resolver?: Resolver;
  /** Longest wait until the change begins. Default 30,000. */
  readonly timeoutMs?: number;
};

/**
 * What is locked, and in whose name: several actors with the same requester
 * hold a lock together. Both may be any term; `global` itself is reserved.
 */
export type LockName = {
  readonly resource: unknown;
  readonly requester: unknown;
};

/** Options of `setLock` and `trans`. */
export type LockOptions = {
  /** Default: this node and all visible ones it is connected to. */
  readonly nodes?: readonly string[];
  /** Further tries after the first. Default: as many as there is time for. */
  readonly retries?: number;
  /** Longest wait for the lock. Default 30,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
};

/** What a transaction came to. */
export type TransResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false };

const TIMEOUT_MS = 30_000;

function namesOf(node: Node): GlobalNames {
  const { globalNames } = node;
  if (globalNames instanceof GlobalNames) return globalNames;
  throw new UsageError(
    `expected ${node.name} to take part in global, but it was started with ` +
      "global: false",
  );
}

async function order(self: GlobalSelf, what: Order): Promise<unknown> {
  namesOf(nodeOf(self));
  // The server keeps the time, and answers in any case.
  const answer = await self.call(SERVER_NAME, new GlobalOrder(what), {
    timeoutMs: Infinity,
  });
  if (answer instanceof GlobalFault) throw answer.error;
  return answer;
}

/**
 * What every node must be able to send to every other, in a list of all names:
 * one that cannot be sent would keep them from ever having the same.
 */
const KEY_MAX = 65_536;

/**
 * A term to keep, which nobody can write to. Throws `UsageError` for what
 * cannot be a name.
 */
function kept(what: string, term: unknown): unknown {
  let key: string;
  try {
    key = sendableKey(term);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // What is nested too deep is not printed.
    const got = error instanceof RangeError ? "" : `, got ${printTerm(term)}`;
    throw new UsageError(`expected ${what} to be a term${got}: ${why}`);
  }
  if (key.length <= KEY_MAX) return keptName(term);
  throw new UsageError(
    `expected ${what} to be a term of some ${KEY_MAX} characters at most, ` +
      `got one of ${key.length}`,
  );
}

function mustBeTime(timeoutMs: number): number {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return timeoutMs;
  throw new UsageError(
    `expected timeoutMs to be a number from 0 on, got ${printTerm(timeoutMs)}`,
  );
}

async function change(
  self: GlobalSelf,
  wanted: Change,
  options: NameOptions,
): Promise<boolean> {
  const timeoutMs = mustBeTime(options.timeoutMs ?? TIMEOUT_MS);
  const result = await order(self, {
    type: "change",
    change: wanted,
    timeoutMs,
  });
  if (typeof result === "boolean") return result;
  throw new CallError(SERVER_NAME, wanted, result);
}

async function claim(
  self: GlobalSelf,
  type: "register" | "reRegister",
  [given, pid]: readonly [unknown, Pid],
  options: NameOptions,
): Promise<boolean> {
  const name = kept("the name", given);
  if (!(pid instanceof Pid)) {
    throw new UsageError(`expected a pid to name, got ${printTerm(pid)}`);
  }
  const { resolver = "randomExit" } = options;
  const method = methodOf(resolver);
  let settle: (isGiven: boolean) => void = () => {};
  if (typeof resolver === "function") {
    const owner = nodeOf(self);
    if (!owner.isOwnPid(pid)) {
      throw new UsageError(
        `expected a resolver by name for ${pid} of ${pid.node}, got a ` +
          "function, which only decides for actors of its own node",
      );
    }
    settle = namesOf(owner).addResolver(name, pid, resolver);
  }
  let isGiven = false;
  try {
    isGiven = await change(self, { type, name, pid, method }, options);
    return isGiven;
  } finally {
    settle(isGiven);
  }
}

/**
 * Gives an actor, of any node, a name in the cluster. Resolves with false when
 * the name is taken, and when the actor has another name already (see the
 * option `severalNames` of `start`).
 *
 * When it resolves with true, all nodes that were known have the name. Rejects
 * with a `CallError` with reason `timeout` when names are locked by others for
 * all that time; then nothing has happened. Throws `UsageError` for what is no
 * term or no pid. Must be called by a function actor, as all that wait here.
 *
 * @example
 * ```ts
 * import { global, type Self, start } from "hornbeam";
 *
 * await using node = await start();
 * await node.run(async (self: Self<string>) => {
 *   console.log(await global.registerName(self, "leader", self.pid));
 *   // prints: true
 *   global.send(self, "leader", "hello");
 *   console.log(await self.receive()); // prints: hello
 * });
 * ```
 */
function registerName(
  self: GlobalSelf,
  name: unknown,
  pid: Pid,
  options: NameOptions = {},
): Promise<boolean> {
  return claim(self, "register", [name, pid], options);
}

/** As `registerName`, whoever has the name; nobody is told of its loss. */
async function reRegisterName(
  self: GlobalSelf,
  name: unknown,
  pid: Pid,
  options: NameOptions = {},
): Promise<void> {
  await claim(self, "reRegister", [name, pid], options);
}

/** Takes a name back on all nodes. One that nobody has is no error. */
async function unregisterName(
  self: GlobalSelf,
  name: unknown,
  options: Pick<NameOptions, "timeoutMs"> = {},
): Promise<void> {
  const wanted = { type: "unregister", name: kept("the name", name) } as const;
  await change(self, wanted, options);
}

/**
 * Who has a name, as far as this node knows: a local read. An actor of another
 * node may have ended.
 */
function whereisName(who: OnNode, name: unknown): Pid<unknown> | null {
  return namesOf(nodeOf(who)).whereis(name) as Pid<unknown> | null;
}

/** All names that this node knows, in no order. */
function registeredNames(who: OnNode): readonly unknown[] {
  return namesOf(nodeOf(who)).names();
}

/**
 * Sends to whoever has a name, and returns who that is. Throws `UsageError`
 * when nobody has it, and what `self.send` throws.
 */
function send(
  self: OnNode & { send<T>(to: Destination<T>, message: T): boolean },
  name: unknown,
  message: unknown,
): Pid {
  const pid = whereisName(self, name);
  if (pid === null) {
    throw new UsageError(
      `expected ${printTerm(name)} to be a global name, but nobody has it`,
    );
  }
  self.send(pid, message);
  return pid;
}

/** What is locked on this node and whom it knows, for tests and tools. */
function inspect(who: OnNode): GlobalInside {
  return namesOf(nodeOf(who)).inspect();
}

function checkedLock(lock: LockName): LockName {
  const resource = kept("the resource", lock.resource);
  const requester = kept("the requester", lock.requester);
  if (isReserved(resource)) {
    throw new UsageError(
      "expected a resource of one's own to lock, got global, under which " +
        "names are changed",
    );
  }
  return { resource, requester };
}

function checkedNodes(
  nodes: readonly string[] | undefined,
): readonly string[] | null {
  if (nodes === undefined) return null;
  const isList: boolean = Array.isArray(nodes);
  if (
    isList && nodes.length > 0 &&
    nodes.every((node) => typeof node === "string" && node !== "")
  ) return nodes;
  throw new UsageError(
    `expected a list of node names to lock on, got ${printTerm(nodes)}`,
  );
}

/**
 * Locks a resource on nodes, in the calling actor's name. Resolves with true
 * when it is locked on all of them that can be reached, as in OTP, with false
 * when one refuses; then nothing is locked. Tries again at random times until
 * it has done so, the retries are used up or the time is over.
 *
 * The lock is free again when all that hold it have given it back or ended, or
 * their nodes are lost. Nobody looks for deadlocks of several locks. Across a
 * partition both sides may hold the same lock. Throws `UsageError`.
 */
async function setLock(
  self: GlobalSelf,
  lock: LockName,
  options: LockOptions = {},
): Promise<boolean> {
  const { retries = Infinity } = options;
  if (retries !== Infinity && !(Number.isInteger(retries) && retries >= 0)) {
    throw new UsageError(
      `expected retries to be a whole number from 0 on, got ${
        printTerm(retries)
      }`,
    );
  }
  return await order(self, {
    type: "lock",
    id: checkedLock(lock),
    nodes: checkedNodes(options.nodes),
    retries,
    timeoutMs: mustBeTime(options.timeoutMs ?? TIMEOUT_MS),
  }) === true;
}

/** Gives a lock back, and resolves when all nodes have said so. */
async function delLock(
  self: GlobalSelf,
  lock: LockName,
  options: Pick<LockOptions, "nodes"> = {},
): Promise<void> {
  await order(self, {
    type: "unlock",
    id: checkedLock(lock),
    nodes: checkedNodes(options.nodes),
  });
}

/**
 * Runs a function while a resource is locked. Resolves with `{ ok: false }`
 * when it could not be locked; see `setLock`. Rejects with what the function
 * throws. The lock is given back in any case.
 *
 * @example
 * ```ts
 * import { global, start } from "hornbeam";
 *
 * await using node = await start();
 * const done = await node.run((self) =>
 *   global.trans(self, { resource: "ledger", requester: self.pid }, () => 42)
 * );
 * console.log(done.ok && done.value); // prints: 42
 * ```
 */
async function trans<T>(
  self: GlobalSelf,
  lock: LockName,
  body: () => T | Promise<T>,
  options: LockOptions = {},
): Promise<TransResult<T>> {
  // The same ones to be locked and unlocked, whoever comes in the meantime.
  const nodes = options.nodes ?? [nodeOf(self).name, ...self.nodes()];
  if (!await setLock(self, lock, { ...options, nodes })) return { ok: false };
  try {
    return { ok: true, value: await body() };
  } finally {
    if (self.isAlive) await delLock(self, lock, { nodes });
  }
}

/**
 * Resolves when this node and all visible nodes that it is connected to have
 * the same names. Rejects with a `CallError` with reason `timeout` when that is
 * not so within `timeoutMs` (default 30,000; Infinity waits for ever).
 */
async function sync(
  self: GlobalSelf,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  const timeoutMs = mustBeTime(options.timeoutMs ?? TIMEOUT_MS);
  if (await order(self, { type: "sync", timeoutMs }) === true) return;
  throw new CallError(SERVER_NAME, "sync", "timeout");
}

/**
 * Leaves all nodes that take part in `global`, so that none of them takes it
 * for a fault of the network. Resolves with their names; the connections end
 * within a second.
 */
async function disconnect(self: GlobalSelf): Promise<readonly string[]> {
  return await order(self, { type: "leave" }) as readonly string[];
}

/**
 * Names and locks of a cluster; see the functions. A name is a destination as
 * well: `self.call({ via: global, name: "db" }, request)`.
 */
export const global: Via & {
  readonly registerName: typeof registerName;
  readonly reRegisterName: typeof reRegisterName;
  readonly unregisterName: typeof unregisterName;
  readonly whereisName: typeof whereisName;
  readonly registeredNames: typeof registeredNames;
  readonly send: typeof send;
  readonly setLock: typeof setLock;
  readonly delLock: typeof delLock;
  readonly trans: typeof trans;
  readonly sync: typeof sync;
  readonly disconnect: typeof disconnect;
  readonly inspect: typeof inspect;
} = {
  find: (node, name) =>
    namesOf(node as Node).whereis(name) as Pid<unknown> | null,
  register: (self, name) => registerName(self, name, self.pid),
  registerName,
  reRegisterName,
  unregisterName,
  whereisName,
  registeredNames,
  send,
  setLock,
  delLock,
  trans,
  sync,
  disconnect,
  inspect,
};
