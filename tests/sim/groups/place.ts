/**
 * A node of a schedule of groups, the groups that it must see, and `pg` and
 * `pg2` behind one interface. Knows no test runner; see `groups/schedule.ts`.
 */

import {
  Down,
  type GroupJoin,
  pg,
  pg2,
  Pg2Error,
  type Pid,
  type RunningNode,
  type Self,
  sys,
} from "../../../runtime/mod.ts";

/**
 * Counts of actions and events, which show that a schedule tested something.
 */
export type GroupTally = Record<string, number>;

export const groupNames: readonly unknown[] = ["red", Symbol.for("blue"), 7];
/** The members of each group, by the group's place in `groupNames`. */
export type View = readonly (readonly Pid[])[];

export function check(isSo: boolean, what: () => string): void {
  if (!isSo) throw new Error(what());
}

export function shown(view: View): string {
  return view.map((pids) =>
    pids.map((pid) => `${pid.node}/${pid.id}.${pid.serial}.${pid.creation}`)
      .sort().join(" ")
  ).join(" | ");
}

/** The functions of both that are tested, behind one interface. */
export type Api = {
  readonly name: "pg" | "pg2";
  start(node: RunningNode): void;
  members(node: RunningNode, group: unknown): readonly Pid[];
  localMembers(node: RunningNode, group: unknown): readonly Pid[];
  groups(node: RunningNode): readonly unknown[];
  /** Returns the pids that it has added or removed, at once. */
  join(node: RunningNode, group: unknown, pids: readonly Pid[]): boolean;
  leave(node: RunningNode, group: unknown, pids: readonly Pid[]): boolean;
};

export const ofPg: Api = {
  name: "pg",
  start: (node) => void pg.start(node),
  members: (node, group) => pg.members(node, group),
  localMembers: (node, group) => pg.localMembers(node, group),
  groups: (node) => pg.whichGroups(node),
  join: (node, group, pids) => {
    pg.join(node, group, pids);
    return true;
  },
  leave: (node, group, pids) => pg.leave(node, group, pids),
};

/**
 * Waits for no other node, because an actor that waits may crash with its node.
 */
export function change(changing: Promise<void>): void {
  changing.catch((error) => {
    check(error instanceof Pg2Error, () => String(error));
  });
}

export const ofPg2: Api = {
  name: "pg2",
  start: (node) => pg2.start(node),
  members: (node, group) =>
    pg2.whichGroups(node).includes(group) ? pg2.getMembers(node, group) : [],
  localMembers: (node, group) =>
    pg2.whichGroups(node).includes(group)
      ? pg2.getLocalMembers(node, group)
      : [],
  groups: (node) => pg2.whichGroups(node),
  join: (node, group, pids) => {
    for (const pid of pids) change(pg2.join(node, group, pid));
    return pg2.whichGroups(node).includes(group);
  },
  leave: (node, group, pids) => {
    const before = ofPg2.localMembers(node, group).length;
    for (const pid of pids) change(pg2.leave(node, group, pid));
    return ofPg2.localMembers(node, group).length < before;
  },
};

/** One node, and its expected state. */
export class Place {
  readonly node: RunningNode;
  readonly actors: Pid<string>[] = [];
  /** Members of this node, as often as they have joined. */
  mine: Pid[][] = groupNames.map(() => []);
  #scope: Pid;
  /** The members as its monitor's events give them. */
  told: Map<Pid, number>[] = groupNames.map(() => new Map());
  readonly api: Api;
  readonly #tally: GroupTally;
  readonly #holder: Pid<boolean>;

  constructor(node: RunningNode, api: Api, tally: GroupTally) {
    this.node = node;
    this.api = api;
    this.#tally = tally;
    api.start(node);
    this.#scope = this.scope;
    this.#holder = node.spawn(async (self: Self<boolean>) => {
      for await (const isHeld of self) {
        // It may be killed meanwhile.
        const act = isHeld ? sys.suspend : sys.resume;
        await act(self, this.scope).catch(() => {});
      }
    });
    if (api.name !== "pg") return;
    node.spawn((self: Self<unknown>) => this.#listen(self));
  }

  get scope(): Pid {
    return this.node.whereis(this.api.name) as Pid;
  }

  leaveAll(): void {
    this.refresh();
    for (const [i, pids] of this.mine.entries()) {
      this.api.leave(this.node, groupNames[i], pids.splice(0));
    }
  }

  /** Messages from other nodes wait until they are released. */
  hold(isHeld: boolean): void {
    this.node.send(this.#holder, isHeld);
  }

  async #listen(self: Self<unknown>): Promise<void> {
    for (;;) {
      const { groups, ref } = pg.monitorScope(self);
      this.told = groupNames.map(() => new Map());
      for (const { group, members } of groups) this.#note(group, members, 1);
      for (;;) {
        const event = await self.receive();
        if (event instanceof Down) break;
        const { type, group, pids } = event as GroupJoin;
        this.#tally[type] = (this.#tally[type] ?? 0) + 1;
        check((event as GroupJoin).ref === ref, () => "an event of another");
        this.#note(group, pids, type === "groupjoin" ? 1 : -1);
      }
    }
  }

  #note(group: unknown, pids: readonly Pid[], by: number): void {
    const counts = this.told[groupNames.indexOf(group)];
    for (const pid of pids) {
      const count = (counts?.get(pid) ?? 0) + by;
      check(count >= 0, () => `${pid} has left more often than joined`);
      if (count === 0) counts?.delete(pid);
      else counts?.set(pid, count);
    }
  }

  /** Events of ended actors and of an earlier scope are dropped. */
  refresh(): void {
    const { api, node, scope } = this;
    if (scope !== this.#scope) this.mine = groupNames.map(() => []);
    this.#scope = scope;
    this.mine = this.mine.map((pids, i) => {
      // Of `pg2`, the group may have been deleted meanwhile.
      const isGone = api.name === "pg2" &&
        this.#tally["delete"] !== undefined &&
        api.localMembers(node, groupNames[i]).length === 0;
      return isGone ? [] : pids.filter((pid) => node.isAlive(pid));
    });
  }

  view(): View {
    return groupNames.map((group) => this.api.members(this.node, group));
  }

  /** What holds at every moment. */
  checkNow(): void {
    this.refresh();
    const { node } = this;
    const local = groupNames.map((group) => this.api.localMembers(node, group));
    check(
      shown(local) === shown(this.mine),
      () => `${node.name} has ${shown(local)} and not ${shown(this.mine)}`,
    );
    const known = new Set([node.name, ...node.nodes()]);
    for (const pid of this.view().flat()) {
      check(known.has(pid.node), () => `${node.name} sees a phantom: ${pid}`);
    }
    if (this.api.name !== "pg") return;
    const full = groupNames.filter((group) =>
      pg.members(node, group).length > 0
    );
    check(
      pg.whichGroups(node).length === full.length,
      () => `${node.name} has an empty group`,
    );
  }

  checkTold(): void {
    if (this.api.name !== "pg") return;
    const told = this.told.map((counts) =>
      [...counts].flatMap(([pid, count]) => new Array<Pid>(count).fill(pid))
    );
    check(
      shown(told) === shown(this.view()),
      () =>
        `${this.node.name} was told of ${shown(told)} and not of ${
          shown(this.view())
        }`,
    );
  }
}
