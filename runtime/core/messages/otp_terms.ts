/**
 * The messages of the runtime as terms of OTP, for BEAM nodes and for what `sys`
 * shows of an actor.
 *
 * | here | in OTP |
 * |---|---|
 * | `Call` | `{'$gen_call', {Pid, Tag}, Request}` |
 * | `Cast` | `{'$gen_cast', Request}` |
 * | `SystemRequest` | `{system, {Pid, Tag}, Request}` |
 * | `Down` | `{'DOWN', Ref, process, Pid or {Name, Node}, Reason}` |
 * | `Exit` | `{'EXIT', Pid, Reason}` |
 * | `Timeout` | `{timeout, Ref, Message}` |
 * | `NodeUp`, `NodeDown` | `{nodeup, Node}`, `{nodedown, Node}` |
 *
 * `wire/beam/otp_messages.ts` has the other direction.
 */

import { atom, ImproperList, Pid, Tuple } from "../terms/terms.ts";
import type { NamedTarget } from "./named_target.ts";
import { Call, Cast, type ReplyTo, SystemRequest } from "./requests.ts";
import { Down, Exit, NodeDown, NodeUp, Timeout } from "./runtime_messages.ts";

const names = {
  genCall: atom("$gen_call"),
  genCast: atom("$gen_cast"),
  system: atom("system"),
  alias: atom("alias"),
  down: atom("DOWN"),
  process: atom("process"),
  exit: atom("EXIT"),
  timeout: atom("timeout"),
  nodeUp: atom("nodeup"),
  nodeDown: atom("nodedown"),
} as const;

/**
 * `{Pid, Tag}`. A tag of our own is an alias, which OTP writes `[alias|Ref]`.
 */
function fromTerm({ pid, tag, isOtp }: ReplyTo): Tuple {
  const term = isOtp ? tag : new ImproperList([names.alias], tag);
  return new Tuple([pid, term]);
}

function targetTerm(target: Pid | NamedTarget): unknown {
  if (target instanceof Pid) return target;
  return new Tuple([atom(target.name), atom(target.node)]);
}

/** The term to write for an instance, by its prototype. */
export const counterparts: ReadonlyMap<object, (value: object) => unknown> =
  makeCounterparts();

function makeCounterparts(): Map<object, (value: object) => unknown> {
  const all = new Map<object, (value: object) => unknown>();
  const add = <T extends object>(prototype: T, term: (value: T) => unknown) =>
    all.set(prototype, term as (value: object) => unknown);
  add(
    Call.prototype,
    (call) => new Tuple([names.genCall, fromTerm(call.from), call.request]),
  );
  add(Cast.prototype, (cast) => new Tuple([names.genCast, cast.request]));
  add(
    SystemRequest.prototype,
    ({ from, request }) => new Tuple([names.system, fromTerm(from), request]),
  );
  add(Down.prototype, ({ ref, target, reason, tag }) =>
    new Tuple([
      tag === undefined ? names.down : tag,
      ref,
      names.process,
      targetTerm(target),
      reason,
    ]));
  add(
    Exit.prototype,
    ({ from, reason }) => new Tuple([names.exit, from, reason]),
  );
  add(
    Timeout.prototype,
    ({ ref, message }) => new Tuple([names.timeout, ref, message]),
  );
  add(NodeUp.prototype, ({ node }) => new Tuple([names.nodeUp, atom(node)]));
  add(
    NodeDown.prototype,
    ({ node }) => new Tuple([names.nodeDown, atom(node)]),
  );
  return all;
}

/** The term of OTP for a message, if it has one, else the message itself. */
export function asOtpTerm(message: unknown): unknown {
  if (typeof message !== "object" || message === null) return message;
  let prototype: object | null;
  try {
    prototype = Object.getPrototypeOf(message) as object | null;
  } catch {
    // A revoked proxy has no prototype that can be read.
    return message;
  }
  const term = prototype === null ? undefined : counterparts.get(prototype);
  return term === undefined ? message : term(message);
}
