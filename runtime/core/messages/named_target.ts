/** Names of actors, as destinations and as targets of monitors. */

/** A registered name on a node: a destination and a thing to monitor. */
export type NamedTarget = { readonly name: string; readonly node: string };
