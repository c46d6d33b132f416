/**
 * Serving the calls of erpc that other nodes make. The protocol is in
 * `erpc.ts`; what may be called in `core/node/functions.ts`.
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
  type Outcome,
  uncaught,
} from "./call_offered.ts";

const names = {
  return: atom("return"),
  throw: atom("throw"),
  exit: atom("exit"),
  error: atom("error"),
} as const;

/** Lets others call what this node offers. */
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

/** An actor that calls a function and ends as that does. */
function applied(functions: Functions, called: Called): AnyBehaviour {
  return async () => {
    const outcome = await callOffered(functions, called);
    if (outcome.class !== "return") throw uncaught(outcome);
  };
}

function resultOf(ref: unknown, outcome: Outcome): Tuple {
  switch (outcome.class) {
    case "return":
    case "throw":
      return new Tuple([ref, names[outcome.class], outcome.value]);
    case "exit":
      return new Tuple([ref, names.exit, outcome.reason]);
    case "error":
      return new Tuple([ref, names.error, outcome.reason, outcome.stack]);
    default:
      return outcome satisfies never;
  }
}
