/**
 * What a term may be at most, in both directions. Limits that count bytes are
 * those of frames and inputs; these are the ones that bytes do not bound.
 */

/**
 * Tuples, lists and maps inside each other. Nothing here recurses, so this is
 * about the memory that depth costs and about what others do with the term.
 */
export const TERM_DEPTH_MAX = 100_000;

/**
 * Maps inside keys of maps inside keys ... Each level costs a comparison of
 * all that is in the key.
 */
export const KEY_LEVELS_MAX = 16;

/** Different atoms that one peer may send. */
export const PEER_ATOMS_MAX = 100_000;

/** Different atoms that a thread learns from all its peers. */
export const THREAD_ATOMS_MAX = 1_000_000;

/** Different atoms that keys of objects may become at one peer. */
export const KEY_ATOMS_MAX = 10_000;

/** Binaries from here on are not copied into the output. */
export const CHUNKED_BYTES_MIN: number = 64 * 1024;

/** Bytes of one outgoing term. */
export const TERM_BYTES_MAX: number = 256 * 1024 * 1024;

/**
 * Levels of a term for which the reader and the writer call themselves; they
 * keep deeper ones in a list.
 */
export const RECURSION_MAX = 64;
