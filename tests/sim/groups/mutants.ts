/**
 * Mutants of the groups, as in `tests/model/mutants.ts`, one mistake each:
 * random schedules must notice every one of them.
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
    "an actor that ends leaves each group once",
    "pg_state",
    "pids.map(() => group)",
    "[group]",
  ),
  mutant(
    "a late message makes a peer of a scope that is gone",
    "pg_scope",
    "if (isUp) this.#state.receive(said);",
    "if (isUp || true) this.#state.receive(said);",
  ),
  mutant(
    "a deletion is undone by a node that does not know of it",
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
    "look-ups return old lists",
    "pg_state",
    "group.all = null;",
    "",
  ),
  mutant(
    "an unknown scope can join",
    "pg_state",
    'case "join":\n        if (this.#peers.has(from)) {',
    'case "join":\n        if (this.#peers.has(from) || true) {',
  ),
  mutant(
    "a new peer is sent nothing",
    "pg_state",
    "this.#sendAll(peer);\n    this.#outputs",
    "this.#outputs",
  ),
  mutant(
    "a restarted scope asks no node",
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
    "a new peer is not sent the groups",
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
