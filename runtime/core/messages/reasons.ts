/** Exit reasons: why an actor ended. */

import { type Atom, atom } from "../terms/terms.ts";

/** Why an actor ended: any term. `reasons.normal` ends no linked actor. */
export type ExitReason = unknown;

/** The atoms that exit reasons are made of. */
export const reasons: {
  /** The actor is done. Over a link it ends no other actor. */
  readonly normal: Atom;
  /** The actor was asked to end, and ended in good order. */
  readonly shutdown: Atom;
  /** In `sendExit`: ends the receiver, trapping or not. */
  readonly kill: Atom;
  /** What the links and monitors of a killed actor see. */
  readonly killed: Atom;
  /** There was no such actor. */
  readonly noproc: Atom;
  /** The connection to the actor's node is lost; the actor may be alive. */
  readonly noconnection: Atom;
} = {
  normal: atom("normal"),
  shutdown: atom("shutdown"),
  kill: atom("kill"),
  killed: atom("killed"),
  noproc: atom("noproc"),
  noconnection: atom("noconnection"),
};

/** The exit reason in place of one that cannot be read. */
const UNREADABLE = "(unprintable)";

/**
 * The reason itself, or a text in place of one that throws when it is examined:
 * an error with a getter that throws, a revoked proxy. The code that runs when
 * an actor ends (notifications, reports, restarts) can then rely on it.
 */
export function readableReason(reason: ExitReason): ExitReason {
  if (typeof reason !== "object" && typeof reason !== "function") return reason;
  try {
    if (!(reason instanceof Error)) return reason;
    const { name, message } = reason;
    // Reports read both, and each may be of any type. The stack is not read
    // here, since its text is made when it is read first: on Deno that takes
    // longer than the restart of a server. `errorStack` reads it safely.
    for (const part of [name, message]) String(part);
    return reason;
  } catch {
    return UNREADABLE;
  }
}
