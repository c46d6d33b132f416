/**
 * The messages between scopes of process groups, as OTP's module `pg` writes
 * them. Hornbeam nodes use the same messages among themselves.
 *
 * | message | on the wire |
 * |---|---|
 * | discover | `{discover, Scope}`; later releases may add a version |
 * | sync | a cast of `{sync, Scope, [{Group, [Pid]}]}` |
 * | join | `{join, Scope, Group, Pid or [Pid]}` |
 * | leave | `{leave, Scope, Pid or [Pid], [Group]}` |
 */

import { Cast } from "../../core/messages/requests.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import type { GroupEntry, PgMessage } from "./pg_state.ts";
import { itemsOf } from "../shared/tuple_items.ts";

const names = {
  discover: atom("discover"),
  sync: atom("sync"),
  join: atom("join"),
  leave: atom("leave"),
} as const;

export function toWire(message: PgMessage): Tuple | Cast {
  const name = names[message.type];
  const { from } = message;
  switch (message.type) {
    case "discover":
      return new Tuple([name, from]);
    case "sync": {
      const groups = message.groups.map((entry) => new Tuple(entry));
      return new Cast(new Tuple([name, from, groups]));
    }
    case "join":
      return new Tuple([name, from, message.group, oneOrMany(message.pids)]);
    case "leave":
      return new Tuple([name, from, oneOrMany(message.pids), message.groups]);
    default:
      return message satisfies never;
  }
}

/** Null for a term that is no message of a scope. */
export function fromWire(term: unknown): PgMessage | null {
  const isCast = term instanceof Cast;
  const [name, from, ...rest] = itemsOf(isCast ? term.request : term);
  if (!(from instanceof Pid)) return null;
  if (isCast) {
    const groups = name === names.sync ? entriesOf(rest[0]) : null;
    return groups === null ? null : { type: "sync", from, groups };
  }
  switch (name) {
    case names.discover:
      return { type: "discover", from };
    case names.join: {
      const pids = pidsOf(rest[1]);
      return pids === null
        ? null
        : { type: "join", from, group: rest[0], pids };
    }
    case names.leave: {
      const pids = pidsOf(rest[0]);
      const groups = rest[1];
      return pids === null || !Array.isArray(groups)
        ? null
        : { type: "leave", from, pids, groups };
    }
    default:
      return null;
  }
}

function oneOrMany(pids: readonly Pid[]): unknown {
  return pids.length === 1 ? pids[0] : pids;
}

/** A pid or a list of pids; null for anything else. */
export function pidsOf(term: unknown): readonly Pid[] | null {
  if (term instanceof Pid) return [term];
  return Array.isArray(term) && term.every((pid) => pid instanceof Pid)
    ? term
    : null;
}

function entriesOf(term: unknown): readonly GroupEntry[] | null {
  if (!Array.isArray(term)) return null;
  const entries: GroupEntry[] = [];
  for (const item of term) {
    const [name, members, ...more] = itemsOf(item);
    const pids = pidsOf(members);
    if (pids === null || more.length > 0) return null;
    entries.push([name, pids]);
  }
  return entries;
}
