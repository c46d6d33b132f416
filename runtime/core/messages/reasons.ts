/** Exit reasons: why an actor ended. */

import { type Atom, atom } from "../terms/terms.ts";

/** Why an actor ended: any term. `reasons.normal` ends no linked actor. */
export type ExitReason = unknown;

/** The atoms that exit reasons are made of. */
export const reasons: {
  /** The actor is done. Over a link it ends no other actor. */
  readonly normal: Atom;
  /** The actor was told to end, and ended in good order. */
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
