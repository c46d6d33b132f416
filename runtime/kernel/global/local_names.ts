/**
 * A node's own table of global names as its actors read it: plain look-ups,
 * without a message to the server.
 */

import type { Node } from "../../core/node/node.ts";
import type { NameService } from "../../core/node/options.ts";
import type { Pid } from "../../core/terms/terms.ts";
import type { ResolverFunction, Resolvers } from "./names/resolve.ts";
import type { LockId } from "./protocol/terms.ts";
import type { GlobalServer } from "./server.ts";

/** The state of `global` on a node, for tests and tools. */
export type GlobalInside = {
  /** The locks that are set on it. */
  readonly locks: readonly LockId[];
  /** Nodes that have the same table of names. */
  readonly known: readonly string[];
  /** Nodes that it is joining. */
  readonly pending: readonly string[];
};

/**
 * The names of one node, readable by all of its actors at any time. Empty until
 * the server has had its first turn.
 */
export class GlobalNames implements NameService {
  readonly resolvers: Resolvers;
  readonly #node: Node;
  #server: GlobalServer | null = null;

  constructor(node: Node, resolvers: Resolvers) {
    this.#node = node;
    this.resolvers = resolvers;
  }

  /** Shows this server's names from now on; an earlier server has ended. */
  serve(server: GlobalServer): void {
    this.#server = server;
  }

  whereis(name: unknown): Pid | null {
    const pid = this.#server?.tables.find(name)?.pid ?? null;
    return pid === null || this.#hasEnded(pid) ? null : pid;
  }

  /** Whether it is an actor of this node that has ended. */
  #hasEnded(pid: Pid): boolean {
    return this.#node.isOwnPid(pid) && this.#node.localActor(pid) === null;
  }

  /** See `Resolvers.add`. */
  addResolver(
    name: unknown,
    pid: Pid,
    resolver: ResolverFunction,
  ): (isGiven: boolean) => void {
    const { resolvers } = this;
    resolvers.sweep((name, pid) =>
      this.#server?.tables.find(name)?.pid === pid
    );
    return resolvers.add(name, pid, resolver);
  }

  names(): readonly unknown[] {
    const entries = this.#server?.tables.entries() ?? [];
    return entries.filter(({ pid }) => !this.#hasEnded(pid))
      .map(({ name }) => name);
  }

  inspect(): GlobalInside {
    return {
      locks: this.#server?.tables.locks() ?? [],
      known: this.#server?.members.known() ?? [],
      pending: this.#server?.joins.pending() ?? [],
    };
  }
}
