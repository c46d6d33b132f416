/**
 * Translates the messages of the runtime, such as `Call`, `Down` and `Timeout`,
 * to the tuples of OTP, and some of these tuples back.
 *
 * | here | on a BEAM node |
 * |---|---|
 * | `Call` | `{'$gen_call', {Pid, Tag}, Request}` |
 * | `Cast` | `{'$gen_cast', Request}` |
 * | `SystemRequest` | `{system, {Pid, Tag}, Request}` |
 * | `Down` | `{'DOWN', Ref, process, Pid or {Name, Node}, Reason}` |
 * | `Exit` | `{'EXIT', Pid, Reason}` |
 * | `Timeout` | `{timeout, Ref, Message}` |
 * | `NodeUp`, `NodeDown` | `{nodeup, Node}`, `{nodedown, Node}` |
 *
 * Such an object is translated anywhere in a message that is sent. In the other
 * direction only a whole message is translated, and only a call, a cast or a
 * system request. The receiving node makes the other messages itself; a tuple of
 * that form that arrives was sent by an actor as an ordinary message.
 *
 * Some terms go back to their sender and must be the same to the last bit, also
 * on a node that reads 1.0 as 1. These are the tag of a call (unless it has a
 * form that holds no number), and the request to an io server, which is text to
 * be printed. They are read once more, exactly.
 */

import {
  aliasOf,
  Call,
  Cast,
  type ReplyTo,
  SystemRequest,
} from "../../core/messages/requests.ts";
import {
  Down,
  Exit,
  NodeDown,
  NodeUp,
  Timeout,
} from "../../core/messages/runtime_messages.ts";
import type { NamedTarget } from "../../core/messages/named_target.ts";
import { atom, ImproperList, Pid, Ref, Tuple } from "../../core/terms/terms.ts";

const names = {
  genCall: atom("$gen_call"),
  genCast: atom("$gen_cast"),
  system: atom("system"),
  ioRequest: atom("io_request"),
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

/** Reads the current message once more, with integral floats as `Float`. */
export interface Rereader {
  rereadExactly(): unknown;
}

/**
 * A whole message in the form that its receiver gets. `source` is null when the
 * message was read exactly.
 */
export function fromOtp(term: unknown, source: Rereader | null): unknown {
  if (!(term instanceof Tuple)) return term;
  const { items } = term;
  switch (items[0]) {
    case names.genCast:
      return items.length === 2 ? new Cast(items[1]) : term;
    case names.genCall:
    case names.system: {
      const from = items.length === 3 ? replyTo(items[1], source) : undefined;
      if (from === undefined) return term;
      return items[0] === names.system
        ? new SystemRequest(from, items[2])
        : new Call(from, items[2]);
    }
    case names.ioRequest:
      return source?.rereadExactly() ?? term;
    default:
      return term;
  }
}

function replyTo(
  from: unknown,
  source: Rereader | null,
): ReplyTo | undefined {
  if (!(from instanceof Tuple) || from.items.length !== 2) return undefined;
  const [pid, tag] = from.items;
  if (!(pid instanceof Pid)) return undefined;
  if (source === null || isPlainTag(tag)) return { pid, tag, isOtp: true };
  const { items } = source.rereadExactly() as Tuple;
  return { pid, tag: (items[1] as Tuple).items[1], isOtp: true };
}

/** Whether a tag is `Ref` or `[alias|Ref]`, as nearly all tags are. */
function isPlainTag(tag: unknown): boolean {
  return tag instanceof Ref || (tag instanceof ImproperList &&
    tag.items.length === 1 && tag.items[0] === names.alias &&
    tag.tail instanceof Ref);
}

/**
 * The reply in a message `{Tag, Value}` whose tag is an alias. Undefined for any
 * other message.
 */
export function replyOf(
  term: unknown,
): { readonly alias: Ref; readonly value: unknown } | undefined {
  if (!(term instanceof Tuple) || term.items.length !== 2) return undefined;
  const alias = aliasOf(term.items[0]);
  return alias === undefined ? undefined : { alias, value: term.items[1] };
}
