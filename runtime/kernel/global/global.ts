/**
 * global: names and locks that hold for a whole cluster.
 *
 * Every node has all names, so a look-up is a read of a local table. Changes
 * are made on all nodes under a lock, in the protocol of OTP's module `global`,
 * so that Hornbeam and BEAM nodes form one name space.
 *
 * Availability goes before consistency. Nodes that cannot reach each other go
 * on without each other, and then a name may be registered on both sides. When
 * the sides meet again, each such clash is decided once, by the resolver that
 * the name was registered with. So a name is no mutual exclusion: its holder
 * may lose it when a partition heals, and by default the holder is killed then.
 * `docs/global.md` says what holds when.
 */

import { option, OptionTable } from "../../core/messages/options.ts";
import { errorText } from "../../core/terms/error_text.ts";
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

/** The calling actor; the messages that it accepts do not matter. */
export type GlobalSelf = Pick<
  Self<never>,
  "isAlive" | "pid" | "call" | "nodes"
>;

/** An actor's `self` or a running node, on which a look-up is made. */
export type OnNode = Pick<Self<never>, "nodes">;

/** Options of a change of names. */
export type NameOptions = {
  /**
   * Decides when partitions meet and both have the name. Default `randomExit`.
   * A function can only be given for an actor of this node.
   */
  readonly resolver?: Resolver;
  /** Longest wait until the change begins. Default 30,000. */
  readonly timeoutMs?: number;
};

/**
 * A lock: its resource and its requester. Several actors with the same
 * requester hold a lock together. Both may be any term, except that the
 * resource `global` is reserved.
 */
export type LockName = {
  readonly resource: unknown;
  readonly requester: unknown;
};

/** Options of `setLock` and `trans`. */
export type LockOptions = {
  /** Default: this node and all visible nodes that it is connected to. */
  readonly nodes?: readonly string[];
  /** Further tries after the first. Default: until the time limit. */
  readonly retries?: number;
  /** Longest wait for the lock. Default 30,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
};

/** The result of a transaction; not `ok`: the resource could not be locked. */
export type TransResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false };

const TIMEOUT_MS = 30_000;

const nameOptions = new OptionTable<NameOptions>("registerName", {
  // `methodOf` checks the names of resolvers.
  resolver: option.either(option.text, option.callback),
  timeoutMs: option.timeout,
});

const lockOptions = new OptionTable<LockOptions>("setLock", {
  nodes: option.list,
  retries: option.endlessCount,
  timeoutMs: option.timeout,
});

const syncOptions = new OptionTable<{ readonly timeoutMs?: number }>("sync", {
  timeoutMs: option.timeout,
});

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
  // The server keeps the time limit, and answers in any case.
  const answer = await self.call(SERVER_NAME, new GlobalOrder(what), {
    timeoutMs: Infinity,
  });
  if (answer instanceof GlobalFault) throw answer.error;
  return answer;
}

/**
 * Longest key of a name. Nodes send each other lists of all names, and a name
 * that cannot be sent would keep two nodes from ever having the same names.
 */
const KEY_MAX = 65_536;

/**
 * A copy of a term that cannot be written to. Throws `UsageError` for a term
 * that cannot be a name.
 */
function kept(what: string, term: unknown): unknown {
  let key: string;
  try {
    key = sendableKey(term);
  } catch (error) {
    const why = errorText(error);
    // A term that is nested too deep is not printed.
    const got = error instanceof RangeError ? "" : `, got ${printTerm(term)}`;
    throw new UsageError(`expected ${what} to be a term${got}: ${why}`);
  }
  if (key.length <= KEY_MAX) return keptName(term);
  throw new UsageError(
    `expected ${what} to be a term of some ${KEY_MAX} characters at most, ` +
      `got one of ${key.length}`,
  );
}

async function change(
  self: GlobalSelf,
  wanted: Change,
  options: NameOptions,
): Promise<boolean> {
  nameOptions.check(options);
  const { timeoutMs = TIMEOUT_MS } = options;
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
  nameOptions.check(options);
  const { resolver = "randomExit" } = options;
  const method = methodOf(resolver);
  let confirmResolver: (isGiven: boolean) => void = () => {};
  if (typeof resolver === "function") {
    const owner = nodeOf(self);
    if (!owner.isOwnPid(pid)) {
      throw new UsageError(
        `expected a resolver by name for ${pid} of ${pid.node}, got a ` +
          "function, which only decides for actors of its own node",
      );
    }
    confirmResolver = namesOf(owner).addResolver(name, pid, resolver);
  }
  let isGiven = false;
  try {
    isGiven = await change(self, { type, name, pid, method }, options);
    return isGiven;
  } finally {
    confirmResolver(isGiven);
  }
}

/**
 * Gives an actor, of any node, a name in the cluster. Resolves with false when
 * the name is taken, and when the actor has another name already (see the
 * option `severalNames` of `start`).
 *
 * When it resolves with true, all nodes that were known have the name. Rejects
 * with a `CallError` with reason `timeout` when other nodes keep names locked
 * for all of that time; then nothing has changed. Throws `UsageError` for a
 * name that is no term and for a pid that is none. Like all functions of
 * `global` that wait, it must be called by a function actor.
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

/**
 * As `registerName`, but also takes a name that another actor has. The actor
 * that loses the name is not notified.
 */
async function reRegisterName(
  self: GlobalSelf,
  name: unknown,
  pid: Pid,
  options: NameOptions = {},
): Promise<void> {
  await claim(self, "reRegister", [name, pid], options);
}

/** Removes a name on all nodes. A name that no actor has is no error. */
async function unregisterName(
  self: GlobalSelf,
  name: unknown,
  options: Pick<NameOptions, "timeoutMs"> = {},
): Promise<void> {
  const wanted = { type: "unregister", name: kept("the name", name) } as const;
  await change(self, wanted, options);
}

/**
 * The actor that has a name, or null, by the table of this node. An actor of
 * another node may have ended.
 */
function whereisName(who: OnNode, name: unknown): Pid<unknown> | null {
  return namesOf(nodeOf(who)).whereis(name) as Pid<unknown> | null;
}

/** All names that this node knows, in no order. */
function registeredNames(who: OnNode): readonly unknown[] {
  return namesOf(nodeOf(who)).names();
}

/**
 * Sends to the actor that has a name, and returns its pid. Throws `UsageError`
 * when no actor has the name, and the errors of `self.send`.
 */
function send(
  self: OnNode & { send<T>(to: Destination<T>, message: T): boolean },
  name: unknown,
  message: unknown,
): Pid {
  const pid = whereisName(self, name);
  if (pid === null) {
    throw new UsageError(
      `expected ${printTerm(name)} to be a global name, but no actor has it`,
    );
  }
  self.send(pid, message);
  return pid;
}

/** The locks on this node and the nodes that it knows, for tests and tools. */
function inspect(who: OnNode): GlobalInside {
  return namesOf(nodeOf(who)).inspect();
}

function checkedLock(lock: LockName): LockName {
  const resource = kept("the resource", lock.resource);
  const requester = kept("the requester", lock.requester);
  if (isReserved(resource)) {
    throw new UsageError(
      "expected a resource other than global to lock: names are changed " +
        "under that one",
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
 * Locks a resource on nodes, with the calling actor as a holder. Resolves with
 * true when it is locked on all of them that can be reached, as in OTP, and
 * with false when a node refuses; then nothing is locked. After a refusal it
 * tries again at random times, until the retries are used up or the time is
 * over.
 *
 * The lock is free again when all of its holders have given it back or ended,
 * or their nodes are lost. Deadlocks of several locks are not detected. Across
 * a partition both sides may hold the same lock. Throws `UsageError`.
 */
async function setLock(
  self: GlobalSelf,
  lock: LockName,
  options: LockOptions = {},
): Promise<boolean> {
  lockOptions.check(options);
  const { retries = Infinity, timeoutMs = TIMEOUT_MS } = options;
  return await order(self, {
    type: "lock",
    id: checkedLock(lock),
    nodes: checkedNodes(options.nodes),
    retries,
    timeoutMs,
  }) === true;
}

/** Gives a lock back, and resolves when all nodes have confirmed it. */
async function delLock(
  self: GlobalSelf,
  lock: LockName,
  options: Pick<LockOptions, "nodes"> = {},
): Promise<void> {
  lockOptions.check(options, "delLock");
  await order(self, {
    type: "unlock",
    id: checkedLock(lock),
    nodes: checkedNodes(options.nodes),
  });
}

/**
 * Runs a function while a resource is locked. Resolves with `{ ok: false }`
 * when it could not be locked; see `setLock`. Rejects with the error of the
 * function. The lock is given back in any case.
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
  lockOptions.check(options, "trans");
  // The same nodes are locked and unlocked, also if others connect meanwhile.
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
 * the same names. Rejects with a `CallError` with reason `timeout` when they do
 * not have them within `timeoutMs` (default 30,000; Infinity waits for ever).
 */
async function sync(
  self: GlobalSelf,
  options: { readonly timeoutMs?: number } = {},
): Promise<void> {
  syncOptions.check(options);
  const { timeoutMs = TIMEOUT_MS } = options;
  if (await order(self, { type: "sync", timeoutMs }) === true) return;
  throw new CallError(SERVER_NAME, "sync", "timeout");
}

/**
 * Leaves all nodes that take part in `global`, in such a way that none of them
 * takes it for a fault of the network. Resolves with their names; the
 * connections end within a second.
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
