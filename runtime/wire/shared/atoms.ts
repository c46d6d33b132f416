/**
 * Names of atoms, and the limit on how many atoms peers make a thread learn.
 */

/** An atom's name has at most this many characters, as in Erlang. */
const ATOM_LENGTH_MAX = 255;

export function isAtomName(name: string): boolean {
  if (!name.isWellFormed() || name.length > 2 * ATOM_LENGTH_MAX) return false;
  // A name has at most as many characters as it has UTF-16 units.
  return name.length <= ATOM_LENGTH_MAX || [...name].length <= ATOM_LENGTH_MAX;
}

/**
 * How many atoms the thread may still learn, over all connections. Atoms are
 * never freed, so this bounds the memory that peers can take.
 */
export type AtomBudget = { remaining: number };
