/**
 * The serving side of erpc: calls that other nodes make. `erpc.ts` describes
 * the protocol; `core/node/functions.ts` holds the functions that may be
 * called.
 */

import type { Node } from "../../core/node/node.ts";
import type { AnyBehaviour } from "../../core/contract/behaviour.ts";
import type { Self } from "../../core/contract/self.ts";
import type { Functions } from "../../core/node/functions.ts";
import { atom, Tuple } from "../../core/terms/terms.ts";
import { EXECUTE_CALL, EXECUTE_CAST } from "./call.ts";
import {
  type Called,
  callOffered,
  type CallOutcome,
  uncaught,
} from "./call_offered.ts";

const names = {
  return: atom("return"),
  throw: atom("throw"),
  exit: atom("exit"),
  error: atom("error"),
} as const;

/** Lets other nodes call the functions that this node offers. */
export function serveErpc(node: Node): void {
  const { functions, internals } = node;
  internals.set(
    `${EXECUTE_CALL}/4`,
    (ref, module, name, args): AnyBehaviour => async (self: Self) => {
      const outcome = await callOffered(functions, { module, name, args });
      self.exit(resultOf(ref, outcome));
    },
  );
  internals.set(
    `${EXECUTE_CAST}/3`,
    (module, name, args) => applied(functions, { module, name, args }),
  );
  internals.set(
    "erlang:apply/3",
    (module, name, args) => applied(functions, { module, name, args }),
  );
}

/** An actor that calls a function and ends as the function does. */
function applied(functions: Functions, called: Called): AnyBehaviour {
  return async () => {
    const outcome = await callOffered(functions, called);
    if (outcome.type !== "return") throw uncaught(outcome);
  };
}

function resultOf(ref: unknown, outcome: CallOutcome): Tuple {
  switch (outcome.type) {
    case "return":
    case "throw":
      return new Tuple([ref, names[outcome.type], outcome.value]);
    case "exit":
      return new Tuple([ref, names.exit, outcome.reason]);
    case "error":
      return new Tuple([ref, names.error, outcome.reason, outcome.stack]);
    default:
      return outcome satisfies never;
  }
}
