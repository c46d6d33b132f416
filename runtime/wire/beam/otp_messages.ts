/**
 * Translates tuples of OTP to the messages of the runtime, such as `Call`. The
 * other direction is the table in `core/messages/otp_terms.ts`.
 *
 * An object of the runtime is translated anywhere in a message that is sent. In
 * this direction only a whole message is translated, and only a call, a cast or
 * a system request. The receiving node makes the other messages itself; a tuple
 * of that form that arrives was sent by an actor as an ordinary message.
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
import { atom, ImproperList, Pid, Ref, Tuple } from "../../core/terms/terms.ts";

const names = {
  genCall: atom("$gen_call"),
  genCast: atom("$gen_cast"),
  system: atom("system"),
  ioRequest: atom("io_request"),
  alias: atom("alias"),
} as const;

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
