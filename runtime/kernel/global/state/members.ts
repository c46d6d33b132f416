/**
 * The nodes that take part in `global`, as one of them sees them.
 *
 * A member is a node whose server this node monitors. It is `known` once both
 * have the same table of names, and `synced` once it has said so itself
 * (`in_sync`) or has been joined directly.
 *
 * ```text
 *            ensure             joined, or told by a joined node
 * (no member) ----> monitored ----------------------------------> known
 *      ^                 ^                                          |
 *      |                 |____________rejoin (version = null)_______|
 *      |____drop: server or node is gone, or this node left it______|
 * ```
 */

import type { GlobalPort, Undo } from "./port.ts";
import type { Versions } from "../protocol/terms.ts";

export type Member = {
  readonly node: string;
  /**
   * The version of the protocol that both speak; null while the member is not
   * known. Changes of names go to exactly those members where it is a number.
   */
  version: number | null;
  /** Whether it is synced. May be true before `version` is a number. */
  isSynced: boolean;
  /** Whether it runs this runtime; false until its `init_connect` says so. */
  isHornbeam: boolean;
  /** Whether an `init_connect` has come since its server is monitored. */
  isIntroduced: boolean;
  /** Takes the monitor back. Called once, when the member is dropped. */
  readonly stopMonitor: Undo;
};

export class Members {
  readonly #port: GlobalPort;
  /** Called after each removal from `#members`, for any reason. */
  readonly #lost: (member: Member, reason: unknown) => void;
  /** By node name. The server of each is monitored. */
  readonly #members = new Map<string, Member>();

  constructor(
    port: GlobalPort,
    lost: (member: Member, reason: unknown) => void,
  ) {
    this.#port = port;
    this.#lost = lost;
  }

  get(node: string): Member | undefined {
    return this.#members.get(node);
  }

  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /**
   * The member of that name. If it is new, its server is monitored from now on,
   * which connects to the node.
   */
  ensure(node: string): Member {
    const known = this.#members.get(node);
    if (known !== undefined) return known;
    const member: Member = {
      node,
      version: null,
      isSynced: false,
      isHornbeam: false,
      isIntroduced: false,
      stopMonitor: this.#port.monitorServer(node, (reason) => {
        if (this.#members.get(node) === member) this.drop(node, reason);
      }),
    };
    this.#members.set(node, member);
    return member;
  }

  /** Removes a member, and calls `lost`. */
  drop(node: string, reason: unknown): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    this.#members.delete(node);
    member.stopMonitor();
    this.#lost(member, reason);
  }

  isKnown(node: string): boolean {
    return (this.#members.get(node)?.version ?? null) !== null;
  }

  isHornbeam(node: string): boolean {
    return this.#members.get(node)?.isHornbeam ?? false;
  }

  known(): readonly string[] {
    return this.versions().map(([node]) => node);
  }

  versions(): Versions {
    return this.all().flatMap(({ node, version }) =>
      version === null ? [] : [[node, version] as const]
    );
  }

  synced(): readonly string[] {
    return this.all().flatMap(({ node, isSynced }) => isSynced ? [node] : []);
  }
}
