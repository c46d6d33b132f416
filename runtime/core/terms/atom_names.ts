/**
 * Atoms as values of JavaScript: those that have a value of their own there
 * (`true`, `false`, `nil`, `undefined`), and all others as registered symbols.
 */

/** The atom of this name. */
export function nameAtom(name: string): unknown {
  if (name === "true") return true;
  if (name === "false") return false;
  if (name === "nil") return null;
  if (name === "undefined") return undefined;
  return Symbol.for(name);
}

/** The name of an atom; undefined for a value that is no atom. */
export function atomName(term: unknown): string | undefined {
  if (typeof term === "symbol") return Symbol.keyFor(term);
  if (typeof term === "boolean" || term === undefined) return String(term);
  return term === null ? "nil" : undefined;
}
