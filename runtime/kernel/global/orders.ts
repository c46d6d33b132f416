/**
 * The requests that actors of a node make of its own `global_name_server`, and
 * that never cross to another node. `global.ts` sends them, `actor.ts` carries
 * them out.
 */

import type { Change } from "./names/registrar.ts";
import type { LockId } from "./protocol/terms.ts";

/** What an actor asks of the server of its own node. */
export type Order =
  | {
    readonly type: "change";
    readonly change: Change;
    readonly timeoutMs: number;
  }
  | {
    readonly type: "lock";
    readonly id: LockId;
    /** Null: this node and all visible nodes that it is connected to. */
    readonly nodes: readonly string[] | null;
    readonly retries: number;
    readonly timeoutMs: number;
  }
  | {
    readonly type: "unlock";
    readonly id: LockId;
    readonly nodes: readonly string[] | null;
  }
  | { readonly type: "sync"; readonly timeoutMs: number }
  | { readonly type: "leave" };

/**
 * An order as it is sent. It is an instance of a class, and no codec makes such
 * instances, so no other node can give orders.
 */
export class GlobalOrder {
  readonly order: Order;
  constructor(order: Order) {
    this.order = order;
  }
}

/**
 * The answer to an order that threw an error. Without it the caller would wait
 * for ever.
 */
export class GlobalFault {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}
