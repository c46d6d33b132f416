/**
 * One incarnation of a node: its name, and the number that tells this run of it
 * from earlier ones.
 */

export type Incarnation = {
  readonly node: string;
  readonly creation: number;
};

/** Whether an address (a pid or a ref) belongs to that incarnation. */
export function isOf(address: Incarnation, owner: Incarnation): boolean {
  return address.creation === owner.creation && address.node === owner.node;
}
