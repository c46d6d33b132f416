/**
 * Mistakes in `global`, which its random programs must notice; see
 * `helpers/mutants.ts`.
 */

import { type Mutant, mutant } from "../helpers/mutants/mutants.ts";

export const mutants: readonly Mutant[] = [
  mutant(
    "names of ended actors stay",
    "kernel/global/state/tables.ts",
    "for (const { name } of [...this.#namesOf.get(pid) ?? []]) {",
    "for (const { name } of []) {",
  ),
  mutant(
    "locks of ended actors stay",
    "kernel/global/state/tables.ts",
    "for (const lock of [...this.#locks.values()]) this.#removeHolder(lock, pid);",
    "",
  ),
  mutant(
    "every requester gets a lock",
    "kernel/global/state/tables.ts",
    "      return false;\n    }\n    if (!lock.holders",
    "    }\n    if (!lock.holders",
  ),
  mutant(
    "the other side is not told the winner",
    "kernel/global/partitions/compare.ts",
    "if (winner !== other) theirs.push(opFor(winner, own));",
    "",
  ),
  mutant(
    "a name that is taken is given again",
    "kernel/global/names/registrar.ts",
    "if (known !== null) return null;",
    "",
  ),
  mutant(
    "a new node is not made known to our side",
    "kernel/global/partitions/joins.ts",
    "port.cast(node, write.newNodes(port.node, ops, joined, version, lock));",
    "void [version, joined];",
  ),
  mutant(
    "the lock of a join is kept",
    "kernel/global/partitions/joins.ts",
    "locking.releaseLock(join.lock, port.pid, join.nodes);",
    "",
  ),
  mutant(
    "both sides decide a clash",
    "kernel/global/partitions/compare.ts",
    "else if (own.pid !== other.pid && isSmaller(port.node, node)) {",
    "else if (own.pid !== other.pid) {",
  ),
];
