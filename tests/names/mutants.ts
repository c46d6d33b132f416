/**
 * Mistakes in `global`, which its random programs must notice; see
 * `helpers/mutants.ts`.
 */

import { type Mutant, mutant } from "../helpers/mutants.ts";

export const mutants: readonly Mutant[] = [
  mutant(
    "names of the dead stay",
    "kernel/global_tables.ts",
    "for (const key of [...this.#namesOf.get(pid) ?? []]) this.#delete(key);",
    "",
  ),
  mutant(
    "locks of the dead stay",
    "kernel/global_tables.ts",
    "for (const lock of [...this.#locks.values()]) this.#release(lock, pid);",
    "",
  ),
  mutant(
    "everybody gets a lock",
    "kernel/global_tables.ts",
    "      return false;\n    }\n    if (!lock.holders",
    "    }\n    if (!lock.holders",
  ),
  mutant(
    "who is refused keeps what it has",
    "kernel/global_locking.ts",
    "this.release(id, holder, all);",
    "",
  ),
  mutant(
    "a change misses a node",
    "kernel/global_registrar.ts",
    "const others = known().filter((node) => node !== port.node);",
    "const others = known().slice(1);",
  ),
  mutant(
    "a name that is taken is given again",
    "kernel/global_registrar.ts",
    "if (known !== null) return null;",
    "",
  ),
  mutant(
    "the lock of a batch is kept",
    "kernel/global_registrar.ts",
    "locking.release(this.#lock, port.pid, nodes);",
    "",
  ),
  mutant(
    "who joins is not made known to our side",
    "kernel/global_joins.ts",
    "port.cast(node, say.newNodes(port.node, ops, joined, version, lock));",
    "void [version, joined];",
  ),
  mutant(
    "the lock of a join is kept",
    "kernel/global_joins.ts",
    "locking.release(join.lock, port.pid, join.nodes);",
    "",
  ),
  mutant(
    "both sides decide a clash",
    "kernel/global_compare.ts",
    "else if (own.pid !== other.pid && isSmaller(port.node, node)) {",
    "else if (own.pid !== other.pid) {",
  ),
  mutant(
    "the other side does not learn who has won",
    "kernel/global_compare.ts",
    "if (winner !== other) theirs.push(opFor(winner, own));",
    "",
  ),
  mutant(
    "names of the other side are not taken over",
    "kernel/global_compare.ts",
    'if (own === null) ours.push({ type: "insert", entry: other });',
    "if (own === null) continue;",
  ),
];
