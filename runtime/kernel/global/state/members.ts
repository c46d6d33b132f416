/**
 * The nodes that take part in `global`, as far as one of them knows.
 *
 * A member is a node whose server is watched. It is `known` once its names and
 * ours are one table, and `synced` when it has been heard of directly.
 */

import type { GlobalPort, Undo } from "./port.ts";
import type { Versions } from "../protocol/terms.ts";

export type Member = {
  readonly node: string;
  /** Null: its names and ours are not one table. */
  version: number | null;
  isSynced: boolean;
  /** Whether it runs this runtime; false until it has said so. */
  isHornbeam: boolean;
  /** Whether it has introduced itself since it was first watched. */
  isIntroduced: boolean;
  readonly stopMonitor: Undo;
};

export class Members {
  readonly #port: GlobalPort;
  readonly #lost: (member: Member, reason: unknown) => void;
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

  /** The member of that name; it is watched from now on, and connected to. */
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

  /** Forgets a node, and tells. */
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
