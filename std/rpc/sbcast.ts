/**
 * A message to a name on many nodes, each of which says whether it is there.
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

/**
 * Asks the actor `rex` of each node, in an actor of its own, so that answers
 * that come late are nobody's.
 */
export async function broadcastTo(
  self: Pick<Self<never>, "call"> & Pick<Self, "spawn">,
  nodes: readonly string[],
  name: string,
  message: unknown,
): Promise<
  {
    readonly goodNodes: readonly string[];
    readonly badNodes: readonly string[];
  }
> {
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
      const [kind, node, there] = answer instanceof Tuple ? answer.items : [];
      if (kind !== REX || typeof node !== "symbol") continue;
      const known = Symbol.keyFor(node) ?? "";
      if (asked.delete(known) && there === node) good.add(known);
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
