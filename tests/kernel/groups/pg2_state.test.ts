/** The state machine of `pg2` alone: groups and their members. */
import { describe, expect, test } from "vitest";
import {
  type GroupLength,
  MAX_DELETED,
  Pg2State,
} from "../../../runtime/kernel/groups/pg2_state.ts";
import { Pid } from "../../../runtime/mod.ts";

const me = new Pid("me", 0, 0, 1, null);
const [x, y] = [1, 2].map((id) => new Pid("me", id, 0, 1, null)) as [Pid, Pid];
const [peer, third] = ["other", "third"].map((node) =>
  new Pid(node, 0, 0, 1, null)
) as [Pid, Pid];
const p = new Pid("other", 1, 0, 1, null);
const [v, w] = [1, 2].map((id) => new Pid("beam", id, 0, 1, null)) as [
  Pid,
  Pid,
];

class Rig {
  readonly said: unknown[][] = [];
  readonly monitored = new Set<Pid>();
  readonly state: Pg2State = new Pg2State(me, {
    send: (to, { type, from: _, ...rest }) => {
      this.said.push([type, to, ...Object.values(rest)]);
    },
    discover: (node) => void this.said.push(["find", node]),
    monitor: (one) => {
      expect(this.monitored).not.toContain(one);
      this.monitored.add(one);
    },
    demonitor: (one) => expect(this.monitored.delete(one)).toBe(true),
  });

  heard(): unknown[][] {
    return this.said.splice(0);
  }

  groups(from: Pid, ...lengths: readonly GroupLength[]): unknown[][] {
    this.state.receive({ type: "groups", from, lengths });
    return this.heard();
  }

  static met(...peers: readonly Pid[]): Rig {
    const rig = new Rig();
    for (const from of peers) rig.state.receive({ type: "discover", from });
    rig.heard();
    return rig;
  }
}

describe("groups", () => {
  test("exist from create to delete, with members or without", () => {
    const { state } = new Rig();
    expect([state.join("g", x), state.leave("g", x)]).toEqual([false, false]);
    expect([state.members("g"), state.localMembers("g")]).toEqual([null, null]);
    state.create("g");
    state.create("g");
    expect([state.groups(), state.members("g")]).toEqual([["g"], []]);
    expect(state.join("g", x)).toBe(true);
    state.join("g", x);
    expect(state.members("g")).toEqual([x, x]);
    expect(state.leave("g", y)).toBe(true);
    state.leave("g", x);
    expect(state.localMembers("g")).toEqual([x]);
    state.delete("g");
    state.delete("g");
    expect([state.groups(), state.members("g")]).toEqual([[], null]);
    state.create("g");
    expect(state.members("g")).toEqual([]);
  });

  test("peers are told, and a new peer is told all groups before members", () => {
    const rig = Rig.met(peer);
    rig.state.create("g");
    rig.state.create("g");
    rig.state.delete("g");
    rig.state.create("h");
    rig.state.join("h", x);
    expect(rig.heard()).toEqual([
      ["groups", peer, [["g", 1]]],
      ["groups", peer, [["g", 2]]],
      ["groups", peer, [["h", 1]]],
      ["join", peer, "h", [x]],
    ]);
    rig.state.receive({ type: "discover", from: third });
    expect(rig.heard()).toEqual([
      ["groups", third, [["g", 2], ["h", 1]]],
      ["sync", third, [["h", [x]]]],
      ["discover", third],
    ]);
  });

  test("newer groups of a peer are taken and passed on, once", () => {
    const rig = Rig.met(peer, third);
    expect(rig.groups(peer, ["g", 1])).toEqual([["groups", third, [["g", 1]]]]);
    expect(rig.groups(third, ["g", 1])).toEqual([]);
    expect(rig.groups(third, ["g", 2], ["h", 3])).toEqual([
      ["groups", peer, [["g", 2], ["h", 3]]],
    ]);
    expect(rig.groups(peer, ["g", 1])).toEqual([]);
    expect(rig.state.groups()).toEqual(["h"]);
  });

  test("a deleted group does not come back, nor do its members", () => {
    const rig = Rig.met(peer);
    rig.state.create("g");
    rig.state.join("g", x);
    rig.heard();
    expect(rig.groups(peer, ["g", 2])).toEqual([["leave", peer, [x], ["g"]]]);
    expect(rig.groups(peer, ["g", 1])).toEqual([]);
    expect(rig.state.has("g")).toBe(false);
    rig.state.create("g");
    rig.state.join("g", y);
    rig.heard();
    // Deleted and created again on another node, in one message.
    rig.groups(peer, ["g", 5]);
    expect(rig.state.members("g")).toEqual([]);
    // Two concurrent creations are one.
    rig.state.create("h");
    rig.state.join("h", x);
    rig.groups(peer, ["h", 1]);
    expect(rig.state.members("h")).toEqual([x]);
  });

  test("members of peers are hidden while there is no group", () => {
    const rig = Rig.met(peer);
    rig.state.receive({ type: "sync", from: peer, groups: [["g", [p]]] });
    expect(rig.state.members("g")).toBe(null);
    rig.groups(peer, ["g", 1]);
    expect(rig.state.members("g")).toEqual([p]);
    rig.state.down(peer);
    expect(rig.state.members("g")).toEqual([]);
  });

  test("the groups deleted last are remembered, up to a limit", () => {
    const rig = new Rig();
    for (let i = 0; i <= MAX_DELETED; i++) {
      rig.state.create(i);
      rig.state.delete(i);
    }
    rig.groups(peer, [0, 1], [1, 1]);
    expect(rig.state.groups()).toEqual([0]);
  });

  test("a forgotten group is created also for peers that remember it", () => {
    const [rig, other] = [new Rig(), Rig.met(peer)];
    for (let i = 0; i <= MAX_DELETED; i++) {
      rig.state.create(i);
      rig.state.delete(i);
    }
    // In another order of deletions, other groups are forgotten.
    other.groups(peer, [0, 2]);
    rig.state.receive({ type: "discover", from: peer });
    rig.heard();
    rig.state.create(0);
    const [told] = rig.heard();
    expect(told?.slice(0, 2)).toEqual(["groups", peer]);
    other.groups(peer, ...told?.[2] as GroupLength[]);
    expect(other.state.groups()).toEqual([0]);
  });

  test("names are terms, and later changes of a term do not matter", () => {
    const { state } = new Rig();
    const name = ["a", 1];
    state.create(name);
    name.push(2);
    state.join(["a", 1], x);
    expect(state.members(["a", 1n])).toEqual([x]);
    expect(state.groups()).toEqual([["a", 1]]);
    expect(() => state.create(new Date())).toThrow(TypeError);
  });
});

describe("processes of BEAM nodes", () => {
  test("are counted and monitored, and leave one by one", () => {
    const { state, monitored } = new Rig();
    expect(state.joinForeign("g", v)).toBe(false);
    for (const group of ["g", "h"]) state.create(group);
    for (const pid of [v, v, w]) state.joinForeign("g", pid);
    state.joinForeign("h", v);
    state.join("g", x);
    expect(state.members("g")).toEqual([x, v, v, w]);
    expect(state.localMembers("g")).toEqual([x]);
    expect([...monitored]).toEqual([v, w, x]);
    expect(state.leaveForeign("none", v)).toBe(false);
    for (const pid of [v, w, w]) state.leaveForeign("g", pid);
    expect(state.members("g")).toEqual([x, v]);
    expect([...monitored]).toEqual([v, x]);
    state.leaveForeign("g", v);
    expect([...monitored]).toEqual([v, x]);
    state.leaveForeign("h", v);
    expect([...monitored]).toEqual([x]);
  });

  test("that end leave all groups", () => {
    const rig = new Rig();
    for (const group of ["g", "h"]) {
      rig.state.create(group);
      rig.state.joinForeign(group, v);
      rig.state.joinForeign(group, v);
    }
    rig.state.joinForeign("g", w);
    rig.state.down(v);
    expect([rig.state.members("g"), rig.state.members("h")])
      .toEqual([[w], []]);
    rig.monitored.delete(v);
    rig.state.joinForeign("h", v);
    expect(rig.monitored).toContain(v);
  });

  test("go with their group", () => {
    const rig = new Rig();
    rig.state.create("g");
    rig.state.joinForeign("g", v);
    rig.state.delete("g");
    expect([...rig.monitored]).toEqual([]);
    rig.state.create("g");
    expect(rig.state.members("g")).toEqual([]);
  });

  test("an exchange adds what is missing, and no more", () => {
    const { state } = new Rig();
    state.create("g");
    state.joinForeign("g", v);
    state.joinForeign("g", v);
    state.exchanged([["g", [v, w]], ["h", [v, v]], ["empty", []]]);
    expect(state.members("g")).toEqual([v, v, w]);
    expect(state.members("h")).toEqual([v, v]);
    expect(state.entries()).toEqual([
      ["g", [v, v, w]],
      ["h", [v, v]],
      ["empty", []],
    ]);
    state.exchanged([["g", [w, w]]]);
    expect(state.members("g")).toEqual([v, v, w, w]);
  });
});
