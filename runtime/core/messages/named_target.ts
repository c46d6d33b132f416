/** Names of actors, as destinations and as targets of monitors. */

/** A registered name on a node, as a destination or a target of monitors. */
export type NamedTarget = { readonly name: string; readonly node: string };
