/**
 * The groups with one mistake each, as in `tests/model/mutants.ts`: random
 * schedules must notice every one of them.
 */

import {
  type Mutant,
  mutant as mutantOf,
} from "../../helpers/mutants/mutants.ts";

function mutant(
  name: string,
  file: string,
  find: string,
  replace: string,
): Mutant {
  return mutantOf(name, `kernel/groups/${file}.ts`, find, replace);
}

/** The first few are tried in every run, all of them at night. */
export const groupMutants: readonly Mutant[] = [
  mutant(
    "members of a lost node stay",
    "pg_state",
    "this.#dropPart(pid, group);",
    "",
  ),
  mutant(
    "what is synced is added to what is known",
    "pg_state",
    "pids });\n      this.#takeOut(peer, group, pids);",
    "pids });",
  ),
  mutant(
    "one that ends leaves each group once",
    "pg_state",
    "pids.map(() => group)",
    "[group]",
  ),
  mutant(
    "what comes late makes a peer of who is gone",
    "pg_scope",
    "if (isUp) this.#state.receive(said);",
    "if (isUp || true) this.#state.receive(said);",
  ),
  mutant(
    "a deletion is undone by who has not heard of it",
    "pg2_state",
    "if (length <= group.length) return false;",
    "if (length === group.length) return false;",
  ),
  mutant(
    "members outlive their group",
    "pg2_state",
    "if (isOver) this.#empty(name);",
    "",
  ),
  mutant(
    "groups stay when they are empty",
    "pg_state",
    "if (group.parts.size === 0) this.#groups.delete(group.name);",
    "",
  ),
  mutant(
    "look-ups are those of before",
    "pg_state",
    "group.all = null;",
    "",
  ),
  mutant(
    "who is no peer can join",
    "pg_state",
    'case "join":\n        if (this.#peers.has(from)) {',
    'case "join":\n        if (this.#peers.has(from) || true) {',
  ),
  mutant(
    "whoever is met is told nothing",
    "pg_state",
    "this.#sendAll(peer);\n    this.#outputs",
    "this.#outputs",
  ),
  mutant(
    "a scope that comes back asks nobody",
    "pg_scope",
    "for (const node of this.#node.nodes()) state.nodeUp(node);",
    "",
  ),
  mutant(
    "nodes that come up are not looked for",
    "pg_scope",
    "this.#state.nodeUp(message.node);",
    "",
  ),
  mutant(
    "whoever is met does not hear of groups",
    "pg2_state",
    'if (message.type === "sync") this.#sendGroups(to);',
    "",
  ),
  mutant(
    "news of groups is not passed on",
    "pg2_state",
    "if (news.length > 0) this.#tell(news, message.from);",
    "",
  ),
];
