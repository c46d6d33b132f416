/**
 * The kernel actor `net_kernel`, which `net_adm:ping` calls and by which nodes
 * from before OTP 23 spawn; and `ping`, the calling side.
 *
 * It makes no connections: `net` does that. Any other call is answered with
 * `{error, notsup}`, so that no caller waits for its time limit.
 */

import { callOptions } from "../../core/contract/option_tables.ts";
import type { CallOptions, Self } from "../../core/contract/self.ts";
import type { Node } from "../../core/node/node.ts";
import type { Handler } from "../../core/contract/behaviour.ts";
import { Call } from "../../core/messages/requests.ts";
import { CallError } from "../../core/messages/errors.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName, nameAtom } from "../../core/terms/atom_names.ts";
import { type Complain, kernelActor } from "../shared/kernel_actor.ts";
import { itemsOf } from "../shared/tuple_items.ts";

const names = {
  yes: atom("yes"),
  isAuth: atom("is_auth"),
  getState: atom("get_state"),
  spawn: atom("spawn"),
  spawnLink: atom("spawn_link"),
  spawnOpt: atom("spawn_opt"),
  link: atom("link"),
} as const;

const NET_KERNEL = "net_kernel";

export function netKernelActor(
  node: Node,
  complain: Complain,
): Handler<unknown> {
  return kernelActor(complain, (message, self) => {
    if (!(message instanceof Call)) return;
    self.reply(message.from, answer(node, message));
  });
}

function answer(node: Node, { request, from }: Call): unknown {
  if (request === names.getState) return stateOf(node);
  const [kind, ...parts] = itemsOf(request);
  switch (kind) {
    case names.isAuth:
      return names.yes;
    case names.spawn:
    case names.spawnLink:
      return spawned(node, from.pid, parts, kind === names.spawnLink);
    case names.spawnOpt: {
      const [module, name, args, , link, leader] = parts;
      const call = [module, name, args, leader];
      return spawned(node, from.pid, call, link === names.link);
    }
    default:
      return notSupported();
  }
}

function notSupported(): Tuple {
  return new Tuple([atom("error"), atom("notsup")]);
}

/** What `net_kernel:get_state` has returned since OTP 25. */
function stateOf(node: Node): object {
  const host = node.name.slice(node.name.indexOf("@") + 1);
  return {
    started: atom("static"),
    name: nameAtom(node.name),
    name_type: atom("static"),
    name_domain: atom(host.includes(".") ? "longnames" : "shortnames"),
  };
}

function spawned(
  node: Node,
  from: Pid,
  [module, name, args, leader]: readonly unknown[],
  link: boolean,
): unknown {
  const [m, f] = [atomName(module), atomName(name)];
  if (m === undefined || f === undefined || !Array.isArray(args)) {
    return notSupported();
  }
  const groupLeader = leader instanceof Pid ? leader : from;
  const behaviour = `${m}:${f}`;
  return node.spawns.spawnCalled({ from, groupLeader, behaviour, args }, link);
}

/** The actor that pings; the messages that it accepts do not matter. */
export type PingSelf = Pick<Self, "node" | "call">;

/**
 * Whether a node can be reached, in the words of `net_adm:ping`. Connects to
 * the node if there is no connection. `timeoutMs` is 5,000 by default; without
 * an answer in that time the result is `pang`.
 */
export async function ping(
  self: PingSelf,
  node: string,
  options: CallOptions = {},
): Promise<"pong" | "pang"> {
  callOptions.check(options, "ping");
  const question = new Tuple([names.isAuth, nameAtom(self.node)]);
  try {
    const target = { name: NET_KERNEL, node };
    const answer = await self.call(target, question, options);
    return answer === names.yes ? "pong" : "pang";
  } catch (error) {
    if (error instanceof CallError) return "pang";
    throw error;
  }
}
