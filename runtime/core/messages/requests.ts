/**
 * Messages that ask an actor for something: calls, casts and the requests of
 * OTP's module `sys`. `calls/` sends and answers them.
 */

import { atom, ImproperList, type Pid, Ref } from "../terms/terms.ts";

/**
 * Where a reply goes. Treat it as opaque; it may be sent on to other actors.
 */
export type ReplyTo = {
  readonly pid: Pid;
  /** The caller's alias. A caller on a BEAM node may choose any term. */
  readonly tag: unknown;
  /** The caller is on a BEAM node and expects `{Tag, Reply}`. */
  readonly isOtp?: true;
};

/** A request as the called actor receives it; `self.reply(call.from, …)`. */
export class Call<Q = unknown> {
  readonly type = "call";
  readonly from: ReplyTo;
  readonly request: Q;
  constructor(from: ReplyTo, request: Q) {
    this.from = from;
    this.request = request;
  }
}

/** A request that expects no reply. */
export class Cast<Q = unknown> {
  readonly type = "cast";
  readonly request: Q;
  constructor(request: Q) {
    this.request = request;
  }
}

/**
 * A request of OTP's `sys` module to any of its processes: `get_state`,
 * `suspend`, `{terminate, Reason}` … Handler actors answer it by themselves;
 * a function actor receives it, and answers with `self.reply`.
 */
export class SystemRequest {
  readonly type = "system";
  readonly from: ReplyTo;
  readonly request: unknown;
  constructor(from: ReplyTo, request: unknown) {
    this.from = from;
    this.request = request;
  }
}

const ALIAS = atom("alias");

/**
 * The alias in a tag of `ReplyTo`, if the caller expects its reply there: OTP
 * writes `[alias|Ref]`, and for a call of many servers `[[alias|Ref]|Anything]`.
 */
export function aliasOf(tag: unknown): Ref | undefined {
  // With a proper tail the second form is an array.
  const isList = tag instanceof ImproperList;
  const head: unknown = isList ? tag.items[0] : Array.isArray(tag) && tag[0];
  if (head instanceof ImproperList) return aliasOf(head);
  return isList && head === ALIAS && tag.items.length === 1 &&
      tag.tail instanceof Ref
    ? tag.tail
    : undefined;
}
