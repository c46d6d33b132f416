/**
 * The functions of OTP's module `global` that other nodes call by erpc. One
 * decides a clash of names; by the others, a hidden node without names of its
 * own looks up and registers names.
 *
 * Arguments and results are those of Erlang/OTP ("global", reference manual).
 */

import type { ExportedFunction } from "../../core/node/functions.ts";
import type { Node } from "../../core/node/node.ts";
import type { Self } from "../../core/contract/self.ts";
import { atom, Pid } from "../../core/terms/terms.ts";
import { global, type GlobalSelf, type OnNode } from "./global.ts";
import { badarg } from "../shared/term_error.ts";
import type { Resolvers } from "./names/resolve.ts";

export function globalFunctions(
  node: Node,
  resolvers: Resolvers,
): Readonly<Record<string, ExportedFunction>> {
  const here = { owner: node, nodes: () => node.nodes() } as OnNode;
  const register = async (name: unknown, pid: unknown) => {
    if (!(pid instanceof Pid)) throw badarg();
    const isDone = await inActor(
      node,
      (self) => global.registerName(self, name, pid),
    );
    return atom(isDone ? "yes" : "no");
  };
  return {
    "global:resolve_it/4": (method, name, one, other) =>
      resolvers.resolve(method, name, one, other),
    "global:whereis_name/1": (name) =>
      global.whereisName(here, name) ?? undefined,
    "global:registered_names/0": () => global.registeredNames(here),
    "global:register_name/2": register,
    "global:unregister_name/1": async (name) => {
      await inActor(node, (self) => global.unregisterName(self, name));
      return atom("ok");
    },
    "global:sync/0": async () => {
      await inActor(node, (self) => global.sync(self));
      return atom("ok");
    },
  };
}

/** Runs `body` in an actor of its own, since only an actor can wait. */
function inActor<T>(
  node: Node,
  body: (self: GlobalSelf) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    node.spawnActor(
      async (self: Self<unknown>) => {
        try {
          resolve(await body(self as Self<never> & Self<unknown>));
        } catch (error) {
          reject(error);
        }
      },
      { label: "global" },
      null,
    );
  });
}
