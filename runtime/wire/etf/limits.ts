/**
 * Limits of terms in both directions, for sizes that a limit of bytes does not
 * bound: depth, atoms, and what a BEAM node could not take. Also the sizes from
 * which on the reader and the writer work in another way.
 */

/**
 * Levels of tuples, lists and maps inside each other. Depth costs no stack here,
 * so this limit is about memory, and about code elsewhere that may recurse.
 */
export const TERM_DEPTH_MAX = 100_000;

/**
 * Levels of maps inside keys of maps. Each level costs a comparison of the whole
 * key.
 */
export const KEY_LEVELS_MAX = 16;

/** Different atoms that one peer may send. */
export const PEER_ATOMS_MAX = 100_000;

/** Different atoms that a thread learns from all its peers. */
export const THREAD_ATOMS_MAX = 1_000_000;

/** Different atoms that keys of objects may become at one peer. */
export const KEY_ATOMS_MAX = 10_000;

/** A binary of this size or more is not copied into the output. */
export const CHUNKED_BYTES_MIN: number = 64 * 1024;

/** Bytes of one outgoing term. */
export const TERM_BYTES_MAX: number = 256 * 1024 * 1024;

/**
 * Levels of a term for which the reader and the writer call themselves. They
 * keep deeper levels in a list.
 */
export const RECURSION_MAX = 64;
