/**
 * A node that BEAM nodes can use.
 *
 * ```text
 * node cli/main.ts run examples/beam_peer.ts --name ts@127.0.0.1 --cookie
 * secret iex --name a@127.0.0.1 --cookie secret
 * ```
 *
 * It has an actor `echo`, a server `counter`, and the functions
 * `math_ts:add/2` and `math_ts:fail/1`; docs/beam.md shows how to use them
 * in iex. `echo` has the global name `ts_echo` and is in the `pg` group
 * `ts_group`. `names_ts:register/1`, `unregister/1` and `stop/1` give global
 * names to actors that do nothing else, and `groups_ts:join/1` and `leave/1`
 * put such actors into groups of `pg`. It runs until it is told to end.
 */

import {
  atom,
  Call,
  Cast,
  Down,
  Float,
  float,
  global,
  handler,
  pg,
  Pid,
  printTerm,
  Ref,
  type RunningNode,
  type Self,
  type StartOptions,
  stop,
  Tuple,
  tuple,
} from "../runtime/mod.ts";

/** Every term is returned unchanged: integral floats stay floats. */
export const options: Pick<StartOptions, "exact" | "functions"> = {
  exact: true,
  functions: {
    "math_ts:add/2": add,
    "math_ts:fail/1": (what: unknown): never => {
      throw new Error(`failed on purpose: ${printTerm(what)}`);
    },
  },
};

type Numeric = number | bigint | Float;

/** As in Erlang: integers are exact, and with a float the sum is a float. */
function add(a: unknown, b: unknown): Numeric {
  mustBeNumeric(a);
  mustBeNumeric(b);
  if (!isInteger(a) || !isInteger(b)) return float(Number(a) + Number(b));
  const sum = BigInt(a) + BigInt(b);
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
}

function mustBeNumeric(n: unknown): asserts n is Numeric {
  if (typeof n === "number" || typeof n === "bigint") return;
  if (n instanceof Float) return;
  throw new TypeError(`expected a number to add, got ${printTerm(n)}`);
}

/** With `exact`, an integral float is a `Float`. */
function isInteger(n: Numeric): n is number | bigint {
  return typeof n === "bigint" || Number.isInteger(n);
}

/** `{From, Msg}` is answered with `{echo, Msg}`; From may be an alias. */
async function echo(self: Self<unknown>): Promise<void> {
  for await (const message of self) {
    if (!(message instanceof Tuple) || message.length !== 2) continue;
    const [from, text] = message.items;
    if (from instanceof Pid || from instanceof Ref) {
      self.send(from as Pid<Tuple> | Ref, tuple(atom("echo"), text));
    }
  }
}

/**
 * Calls `{add, N}` and `value`, cast `reset`; call `crash` ends it. A handler,
 * so that `sys:get_state/1` and its like are answered as well.
 */
const counter = handler(
  0 as Numeric,
  (total, message: unknown, self: Self<unknown>) => {
    if (message instanceof Cast && message.request === atom("reset")) return 0;
    if (!(message instanceof Call)) return total;
    const { from, request } = message;
    if (request === atom("crash")) return stop(tuple(atom("bad"), "crash"));
    if (request instanceof Tuple && request.items[0] === atom("add")) {
      total = add(total, request.items[1]);
    } else if (request !== atom("value")) {
      self.reply(from, tuple(atom("error"), atom("unknown_request")));
      return total;
    }
    self.reply(from, total);
    return total;
  },
);

/** Restarts `counter` whenever it has ended. */
async function keepCounting(self: Self<unknown>): Promise<void> {
  for (;;) {
    self.spawnMonitor(counter, { name: "counter" });
    // Its name is free before the `Down` comes.
    while (!((await self.receive()) instanceof Down));
  }
}

/** Owns a name or is a member, until it is killed. */
async function idle(self: Self<never>): Promise<void> {
  for (;;) await self.receive();
}

/** Global names, each registered by a new actor. */
function offerNames(node: RunningNode): void {
  node.exportFunction("names_ts:register/1", async (name: unknown) => {
    const owner = node.spawn(idle, { label: "owner" });
    let isDone = false;
    try {
      isDone = await node.run((self) => global.registerName(self, name, owner));
    } finally {
      if (!isDone) await kill(node, owner);
    }
    return atom(isDone ? "yes" : "no");
  });
  node.exportFunction("names_ts:unregister/1", async (name: unknown) => {
    await node.run((self) => global.unregisterName(self, name));
    return atom("ok");
  });
  // Whether there was an owner on this node; then it has been ended.
  node.exportFunction("names_ts:stop/1", async (name: unknown) => {
    const owner = global.whereisName(node, name);
    if (owner?.node !== node.name) return false;
    await kill(node, owner);
    return true;
  });
}

/** Groups: an actor for each, which joins as often as it is asked to. */
function offerGroups(node: RunningNode): void {
  const all = new Set<string>();
  const memberOf = (group: unknown): Pid | undefined =>
    pg.localMembers(node, group).find((pid) => all.has(String(pid)));
  node.exportFunction("groups_ts:join/1", (group: unknown) => {
    const member = memberOf(group) ?? node.spawn(idle, { label: "member" });
    all.add(String(member));
    pg.join(node, group, member);
    return atom("ok");
  });
  node.exportFunction("groups_ts:leave/1", async (group: unknown) => {
    const member = memberOf(group);
    if (member === undefined) return atom("not_joined");
    pg.leave(node, group, member);
    if (memberOf(group) === undefined) {
      all.delete(String(member));
      await kill(node, member);
    }
    return atom("ok");
  });
}

/** Resolves when the actor has ended. */
function kill(node: RunningNode, pid: Pid): Promise<void> {
  return node.run(async (self: Self<Down>) => {
    const ref = self.monitor(pid);
    self.sendExit(pid, atom("kill"));
    await self.receive(ref);
  });
}

export default async function beamPeer(
  node: RunningNode,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const known = node.spawn(echo, { name: "echo" });
  pg.join(node, atom("ts_group"), known);
  offerNames(node);
  offerGroups(node);
  // With two nodes of this program the name belongs to one of their echoes.
  await node.run((self) =>
    global.registerName(self, atom("ts_echo"), known, {
      resolver: "randomNotify",
    })
  );
  node.spawn(keepCounting, { label: "counter keeper" });
  console.log(`ready ${node.name}`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
