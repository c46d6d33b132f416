/** The state machine of process groups alone: its inputs and its messages. */
import { describe, expect, test } from "vitest";
import {
  type GroupEntry,
  type PgMessage,
  PgState,
} from "../../../runtime/kernel/groups/pg_state.ts";
import { Pid, tuple } from "../../../runtime/mod.ts";

/** The n-th actor of a node; equal ones are the same object. */
const pids = new Map<string, Pid>();
function pid(node: string, id: number): Pid {
  const key = `${node} ${id}`;
  const known = pids.get(key) ?? new Pid(node, id, 0, 1, null);
  pids.set(key, known);
  return known;
}

const me = pid("me", 0);
const [x, y] = [pid("me", 1), pid("me", 2)];
const peer = pid("other", 0);
const [p, q] = [pid("other", 1), pid("other", 2)];

/**
 * A state machine, its messages since the last look, and its monitors.
 */
class Rig {
  readonly said: unknown[][] = [];
  readonly monitored = new Set<Pid>();
  readonly state: PgState = new PgState(me, {
    send: (to, { type, from, ...rest }) => {
      expect(from).toBe(me);
      this.said.push([type, to, ...Object.values(rest)]);
    },
    discover: (node) => void this.said.push(["find", node]),
    monitor: (one) => {
      expect(this.monitored).not.toContain(one);
      this.monitored.add(one);
    },
    demonitor: (one) => expect(this.monitored.delete(one)).toBe(true),
    changed: (what, group, who) =>
      void this.said.push([`+${what}`, group, who]),
  });

  heard(): unknown[][] {
    return this.said.splice(0);
  }

  receive(message: PgMessage): unknown[][] {
    this.state.receive(message);
    return this.heard();
  }

  down(one: Pid): unknown[][] {
    expect(this.monitored.delete(one)).toBe(true);
    this.state.down(one);
    return this.heard();
  }

  /** Makes `peer` known, with these groups. */
  static met(...groups: readonly GroupEntry[]): Rig {
    const rig = new Rig();
    rig.state.receive({ type: "discover", from: peer });
    rig.state.receive({ type: "sync", from: peer, groups });
    rig.heard();
    return rig;
  }
}

const join = (group: unknown, ...who: Pid[]): PgMessage => {
  return { type: "join", from: peer, group, pids: who };
};
const leave = (who: Pid[], ...groups: unknown[]): PgMessage => {
  return { type: "leave", from: peer, pids: who, groups };
};

describe("members of the own node", () => {
  test("count as often as they join, and leave as often", () => {
    const { state, monitored } = Rig.met();
    state.join("g", [x, x, y]);
    expect(state.members("g")).toEqual([x, x, y]);
    expect([...monitored]).toEqual([peer, x, y]);
    expect(state.leave("g", [x, y, y])).toEqual([x, y]);
    expect(state.localMembers("g")).toEqual([x]);
    expect([...monitored]).toEqual([peer, x]);
    expect(state.leave("g", [y])).toEqual([]);
    expect(state.leave("h", [x])).toEqual([]);
    expect(state.leave("g", [x])).toEqual([x]);
    expect([state.groups(), state.localGroups()]).toEqual([[], []]);
    expect([...monitored]).toEqual([peer]);
  });

  test("are announced to the peers of that moment only", () => {
    const rig = Rig.met();
    rig.state.join("g", [x]);
    expect(rig.heard()).toEqual([["join", peer, "g", [x]], ["+join", "g", [
      x,
    ]]]);
    rig.state.leave("g", [x, y, x]);
    expect(rig.heard())
      .toEqual([["leave", peer, [x], ["g"]], ["+leave", "g", [x]]]);
    rig.state.leave("g", [x]);
    rig.state.join("g", []);
    expect(rig.heard()).toEqual([]);
  });

  test("leave all groups when they end, as often as they joined", () => {
    const rig = Rig.met();
    rig.state.join("g", [x, y, x]);
    rig.state.join("h", [x]);
    rig.heard();
    expect(rig.down(x)).toEqual([
      ["leave", peer, [x], ["g", "g", "h"]],
      ["+leave", "g", [x, x]],
      ["+leave", "h", [x]],
    ]);
    expect(rig.state.groups()).toEqual(["g"]);
    expect(rig.state.members("g")).toEqual([y]);
  });

  test("may have left before their exit is noticed", () => {
    const rig = Rig.met();
    rig.state.join("g", [x]);
    rig.state.leave("g", [x]);
    rig.heard();
    rig.state.down(x);
    expect(rig.heard()).toEqual([]);
  });
});

describe("look-ups", () => {
  test("give frozen lists, which later changes leave as they were", () => {
    const { state } = Rig.met(["g", [p]]);
    state.join("g", [x]);
    const members = state.members("g") as Pid[];
    expect(() => members.push(y)).toThrow(TypeError);
    expect(() => (state.localMembers("none") as Pid[]).push(y)).toThrow();
    state.join("g", [y]);
    expect(members).toHaveLength(2);
    expect(state.members("g")).toHaveLength(3);
    expect(state.members("g")).toBe(state.members("g"));
    expect(state.localMembers("g")).toEqual([x, y]);
  });

  test.each([
    ["text and its bytes", "é", new TextEncoder().encode("é")],
    ["numbers", 1, 1n],
    ["great numbers", 2n ** 64n, 2n ** 64n],
    ["tuples", tuple("a", [1]), tuple("a", [1])],
    ["objects", { a: 1 }, new Map([[Symbol.for("a"), 1]])],
    ["true", true, Symbol.for("true")],
    ["null", null, Symbol.for("nil")],
  ])("%s: equal names are one group", (_, one, other) => {
    const { state } = new Rig();
    state.join(one, [x]);
    expect(state.members(other)).toEqual([x]);
    state.join(other, [y]);
    expect(state.groups()).toEqual([one]);
    state.leave(other, [x, y]);
    expect(state.groups()).toEqual([]);
  });

  test("different names are different groups, also if they print alike", () => {
    const { state } = new Rig();
    const names = ["a", Symbol.for("a"), "1", 1, tuple("a"), "{b1:a}", -0, 0];
    names.forEach((name) => state.join(name, [x]));
    expect(state.groups()).toHaveLength(names.length);
    for (const name of [new Date(), Symbol("local"), () => {}]) {
      expect(() => state.join(name, [x])).toThrow(TypeError);
    }
    expect(state.groups()).toHaveLength(names.length);
  });

  test("a name is copied, so later changes of it do not matter", () => {
    const { state } = new Rig();
    const name = ["room", { number: 1 }];
    state.join(name, [x]);
    (name[1] as { number: number }).number = 2;
    const [kept] = state.groups() as [[string, { number: number }]];
    expect(() => kept[1].number = 3).toThrow(TypeError);
    expect(state.members(["room", { number: 1 }])).toEqual([x]);
  });
});

describe("peers", () => {
  test("a new peer is sent all groups and asked for all of its groups", () => {
    const rig = new Rig();
    rig.state.join("g", [x, x]);
    rig.heard();
    expect(rig.receive({ type: "discover", from: peer })).toEqual([
      ["sync", peer, [["g", [x, x]]]],
      ["discover", peer],
    ]);
    expect(rig.monitored).toContain(peer);
    // A second question is answered again, without a question back.
    expect(rig.receive({ type: "discover", from: peer }))
      .toEqual([["sync", peer, [["g", [x, x]]]]]);
  });

  test("a peer that answers first is sent all groups before any change", () => {
    const rig = new Rig();
    rig.state.join("g", [x]);
    rig.heard();
    expect(rig.receive({ type: "sync", from: peer, groups: [["g", [p]]] }))
      .toEqual([
        ["sync", peer, [["g", [x]]]],
        ["discover", peer],
        ["+join", "g", [p]],
      ]);
    expect(rig.state.members("g")).toEqual([x, p]);
  });

  test("a node that comes up is sent a discover", () => {
    const rig = new Rig();
    rig.state.nodeUp("other");
    expect(rig.heard()).toEqual([["find", "other"]]);
  });

  test("messages of unknown scopes change nothing", () => {
    const rig = new Rig();
    expect(rig.receive(join("g", p))).toEqual([]);
    expect(rig.receive(leave([p], "g"))).toEqual([]);
    expect([rig.state.groups(), [...rig.monitored]]).toEqual([[], []]);
  });

  test("a peer answers for its own node only", () => {
    const rig = Rig.met(["g", [p, x, pid("third", 1)]], ["h", [x]]);
    expect(rig.state.members("g")).toEqual([p]);
    rig.receive(join("h", x, pid("third", 1)));
    expect(rig.state.groups()).toEqual(["g"]);
    rig.state.join("g", [x]);
    rig.heard();
    expect(rig.receive(leave([x], "g"))).toEqual([]);
    expect(rig.state.members("g")).toEqual([p, x]);
  });

  test("their members count as ours do", () => {
    const rig = Rig.met(["g", [p]]);
    expect(rig.receive(join("g", p, q))).toEqual([["+join", "g", [p, q]]]);
    expect(rig.state.members("g")).toEqual([p, p, q]);
    expect(rig.receive(leave([p], "g", "none", "g", "g")))
      .toEqual([["+leave", "g", [p]], ["+leave", "g", [p]]]);
    expect(rig.state.members("g")).toEqual([q]);
    expect(rig.state.localMembers("g")).toEqual([]);
    expect(rig.receive(leave([q], "g"))).toEqual([["+leave", "g", [q]]]);
    expect(rig.state.groups()).toEqual([]);
  });

  test("a sync replaces what was known, and only the difference is reported", () => {
    const rig = Rig.met(["g", [p, p, q]], ["h", [q]]);
    const groups: GroupEntry[] = [["g", [p, q]], ["i", [p]], ["g", [q]]];
    expect(rig.receive({ type: "sync", from: peer, groups })).toEqual([
      ["+leave", "g", [p]],
      ["+leave", "h", [q]],
      ["+join", "g", [q]],
      ["+join", "i", [p]],
    ]);
    expect(rig.state.members("g")).toEqual([p, q, q]);
    expect(rig.state.groups()).toEqual(["g", "i"]);
    expect(rig.receive({ type: "sync", from: peer, groups })).toEqual([]);
  });

  test("the members of a lost peer leave, and no empty group stays", () => {
    const rig = Rig.met(["g", [p, p]], ["h", [q]]);
    rig.state.join("g", [x]);
    rig.heard();
    expect(rig.down(peer)).toEqual([
      ["+leave", "g", [p, p]],
      ["+leave", "h", [q]],
    ]);
    expect(rig.state.groups()).toEqual(["g"]);
    expect(rig.receive(join("h", q))).toEqual([]);
    rig.state.join("h", [x]);
    expect(rig.heard()).toEqual([["+join", "h", [x]]]);
  });

  test("two scopes of one node, one after the other, are two peers", () => {
    const rig = Rig.met(["g", [p]]);
    const anew = pid("other", 9);
    rig.receive({ type: "discover", from: anew });
    rig.receive({ type: "sync", from: anew, groups: [["g", [p, q]]] });
    expect(rig.state.members("g")).toEqual([p, p, q]);
    rig.down(peer);
    expect(rig.state.members("g")).toEqual([p, q]);
    expect(rig.state.peers()).toEqual([anew]);
  });

  test("names that are no terms change nothing", () => {
    const rig = Rig.met(["g", [p]], ["h", [p]]);
    const bad = new Date();
    expect(() => rig.receive(leave([p], "g", bad))).toThrow(TypeError);
    expect(() => rig.receive(join(bad, p))).toThrow(TypeError);
    const groups: GroupEntry[] = [["i", [p]], [bad, [p]]];
    expect(() => rig.receive({ type: "sync", from: peer, groups }))
      .toThrow(TypeError);
    expect(rig.heard()).toEqual([]);
    expect(rig.state.groups()).toEqual(["g", "h"]);
  });
});
