/**
 * Sends a message to a name on many nodes, each of which replies whether an
 * actor has the name. The requests go to `rex`, OTP's remote execution server:
 * `{Asker, {sbcast, Name, Message}}`, whose reply is `{rex, Node, Node}` where
 * an actor has the name.
 */

import {
  atom,
  Call,
  Down,
  type Pid,
  type Self,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";

const REX = atom("rex");

/** The result of `sbcast`. */
export type BroadcastResult = {
  /** Nodes on which an actor had the name. */
  readonly goodNodes: readonly string[];
  /** Nodes without such an actor, and nodes that were not reached. */
  readonly badNodes: readonly string[];
};

/**
 * Asks the actor `rex` of each node. The questions are asked by an actor of
 * their own, so that late replies do not come to the caller.
 */
export async function broadcastTo(
  self: Pick<Self<never>, "call"> & Pick<Self, "spawn">,
  nodes: readonly string[],
  name: string,
  message: unknown,
): Promise<BroadcastResult> {
  const asker = self.spawn(async (me: Self<unknown>) => {
    const { from } = await me.receive((m): m is Call => m instanceof Call);
    const caller = me.monitor(from.pid);
    const asked = new Map(nodes.map((node) => [node, ask(me, node)]));
    const good = new Set<string>();
    while (asked.size > 0) {
      const answer = await me.receive();
      if (answer instanceof Down) {
        if (answer.ref === caller) return;
        for (const [node, ref] of asked) {
          if (ref === answer.ref) asked.delete(node);
        }
        continue;
      }
      const [tag, node, found] = answer instanceof Tuple ? answer.items : [];
      if (tag !== REX || typeof node !== "symbol") continue;
      const name = Symbol.keyFor(node) ?? "";
      if (asked.delete(name) && found === node) good.add(name);
    }
    me.reply(from, {
      goodNodes: nodes.filter((node) => good.has(node)),
      badNodes: nodes.filter((node) => !good.has(node)),
    });
  }, { label: "rpc sbcast" });
  const ask = (me: Self<unknown>, node: string) => {
    const ref = me.monitor({ name: "rex", node });
    const request = tuple(atom("sbcast"), atom(name), message);
    me.send({ name: "rex", node }, tuple(me.pid as Pid, request));
    return ref;
  };
  return await self.call(asker, null, { timeoutMs: Infinity });
}
