/**
 * The link protocol and its neighbours, signal by signal, as in section "Link
 * Protocol" of the description of Erlang's distribution: one real node, and a
 * peer that is only a list of what it was told.
 */
import { describe, expect, test } from "vitest";
import { receiveSignal } from "../../../runtime/core/node/inbound.ts";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";
import type { Node } from "../../../runtime/core/node/node.ts";
import type { Remote, Way } from "../../../runtime/core/host/remote.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import { Pid, Ref } from "../../../runtime/core/terms/terms.ts";
import { Down, Exit, handler, reasons } from "../../../runtime/mod.ts";
import { type FakeHost, fakeNode } from "../../helpers/fake_host.ts";

const PEER = "b@fake";
const { noproc, noconnection } = reasons;

class Recorder implements Remote {
  readonly told: Signal[] = [];
  send(from: Pid, to: Pid, message: unknown): boolean {
    this.told.push({ type: "send", from, to, message });
    return true;
  }
  signal(_node: string, signal: Signal): boolean {
    this.told.push(signal);
    return true;
  }
  ready(): Promise<void> {
    return Promise.resolve();
  }
  way(): Way {
    return { isUp: true, hasRoom: true };
  }
  nodes(): readonly string[] {
    return [PEER];
  }
  /** What was told since this was asked last. */
  take(): Signal[] {
    return this.told.splice(0);
  }
}

class Fixture {
  readonly host: FakeHost;
  readonly node: Node;
  readonly remote = new Recorder();
  readonly actor: LocalActor;
  /** Messages that the actor got; it traps exits. */
  readonly got: unknown[] = [];
  readonly far = new Pid(PEER, 5, 0, 9, null);

  constructor() {
    const { host, node } = fakeNode();
    this.host = host;
    this.node = node;
    node.remote = this.remote;
    this.actor = this.spawn();
    host.settle();
  }

  spawn(trapExits = true): LocalActor {
    return this.node.spawnActor(
      handler(null, (state: null, message: unknown) => {
        this.got.push(message);
        return state;
      }),
      { trapExits },
      null,
    );
  }

  /** The peer tells the node something. */
  hear(...signals: Signal[]): void {
    for (const signal of signals) receiveSignal(this.node, signal);
    this.host.settle();
  }

  get here(): Pid {
    return this.actor.pid;
  }

  /** This side's entry: "none", "active", or the id that waits for its ack. */
  get entry(): string | number {
    const state = this.actor.links?.get(this.far);
    if (state === undefined) return "none";
    return state.active ? "active" : state.unlinkId;
  }

  // Signals from the peer's actor to ours.

  link(): Signal {
    return { type: "link", from: this.far, to: this.here };
  }
  unlink(id: number): Signal {
    return { type: "unlink", from: this.far, to: this.here, id };
  }
  unlinkAck(id: number): Signal {
    return { type: "unlinkAck", from: this.far, to: this.here, id };
  }
  linkExit(reason: unknown): Signal {
    return { type: "linkExit", from: this.far, to: this.here, reason };
  }

  // The same, the other way.

  get linkTold(): Signal {
    return { type: "link", from: this.here, to: this.far };
  }
  unlinkTold(id: number): Signal {
    return { type: "unlink", from: this.here, to: this.far, id };
  }
  ackTold(id: number): Signal {
    return { type: "unlinkAck", from: this.here, to: this.far, id };
  }
}

describe("link", () => {
  test("is told once, and not again while it is active", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.link(f.far);
    expect(f.remote.take()).toEqual([f.linkTold]);
    expect(f.entry).toBe("active");
  });

  test("is not told for a link that the peer has made", () => {
    const f = new Fixture();
    f.hear(f.link(), f.link());
    expect(f.entry).toBe("active");
    f.actor.link(f.far);
    expect(f.remote.take()).toEqual([]);
  });

  test("to a dead actor here is answered with an exit, its pid as given", () => {
    const f = new Fixture();
    const { creation } = f.node;
    const strangers = [
      new Pid(f.node.name, 77, 0, creation, null),
      new Pid(f.node.name, f.here.id, f.here.serial, creation + 1, null),
    ];
    for (const to of strangers) {
      f.hear({ type: "link", from: f.far, to });
      expect(f.remote.take()).toEqual([
        { type: "linkExit", from: to, to: f.far, reason: noproc },
      ]);
    }
  });
});

describe("unlink", () => {
  test("is told with a fresh id that is never 0, and waits for its ack", () => {
    const f = new Fixture();
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) {
      f.actor.link(f.far);
      f.actor.unlink(f.far);
      const [, told] = f.remote.take();
      expect(told).toMatchObject({ type: "unlink", from: f.here, to: f.far });
      ids.push((told as { id: number }).id);
      expect(f.entry).toBe(ids.at(-1));
    }
    expect(Math.min(...ids)).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(3);
    f.hear(f.unlinkAck(ids[2]!));
    expect(f.entry).toBe("none");
  });

  test("is told only while the link is active", () => {
    const f = new Fixture();
    f.actor.unlink(f.far);
    expect(f.remote.take()).toEqual([]);
    f.hear(f.link());
    f.actor.unlink(f.far);
    f.actor.unlink(f.far);
    expect(f.remote.take()).toEqual([f.unlinkTold(1)]);
  });

  test("hides an exit signal of the old link that was on its way", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.hear(f.linkExit("too late"));
    expect(f.got).toEqual([]);
    expect(f.entry).toBe("none");
    f.hear(f.unlinkAck(1));
    expect(f.got).toEqual([]);
  });

  test("is acknowledged before anything else, dead or alive", () => {
    const f = new Fixture();
    f.hear(f.link(), f.unlink(41));
    expect(f.remote.take()).toEqual([f.ackTold(41)]);
    expect(f.entry).toBe("none");
    f.hear(f.linkExit("of no link"));
    expect(f.got).toEqual([]);
    // Also when there is no link, and when there is no actor.
    f.hear(f.unlink(42));
    expect(f.remote.take()).toEqual([f.ackTold(42)]);
    f.node.localActor(f.here)?.sendExit(f.here, reasons.kill);
    f.hear(f.unlink(43));
    expect(f.remote.take()).toEqual([f.ackTold(43)]);
  });

  test("from both sides at once leaves no link on either", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.hear(f.unlink(8));
    expect(f.entry).toBe(1);
    f.hear(f.unlinkAck(1));
    expect(f.entry).toBe("none");
    expect(f.remote.take())
      .toEqual([f.linkTold, f.unlinkTold(1), f.ackTold(8)]);
  });
});

describe("link after unlink", () => {
  test("is active at once, and the ack of the old one ends nothing", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.actor.link(f.far);
    expect(f.remote.take())
      .toEqual([f.linkTold, f.unlinkTold(1), f.linkTold]);
    f.hear(f.unlinkAck(1));
    expect(f.entry).toBe("active");
    f.hear(f.linkExit("x"));
    expect(f.got).toEqual([new Exit(f.far, "x")]);
    expect(f.entry).toBe("none");
  });

  test("and unlink again is not over before the second ack", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.hear(f.unlinkAck(1));
    expect(f.entry).toBe(2);
    f.hear(f.unlinkAck(2));
    expect(f.entry).toBe("none");
  });

  test("by the peer does not revive what waits for its ack", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.hear(f.link());
    expect(f.entry).toBe(1);
    f.hear(f.linkExit("unheard"));
    expect(f.got).toEqual([]);
  });

  test("by the peer counts once the ack was there", () => {
    const f = new Fixture();
    f.actor.link(f.far);
    f.actor.unlink(f.far);
    f.hear(f.unlinkAck(1), f.link());
    expect(f.entry).toBe("active");
  });
});

describe("an end", () => {
  test("is told to active links only, once each", () => {
    const f = new Fixture();
    const other = new Pid(PEER, 6, 0, 9, null);
    f.actor.link(f.far);
    f.actor.link(other);
    f.actor.unlink(other);
    f.remote.take();
    f.actor.sendExit(f.here, reasons.kill);
    expect(f.remote.take()).toEqual([
      { type: "linkExit", from: f.here, to: f.far, reason: reasons.killed },
    ]);
    expect(f.node.peers.size).toBe(0);
  });

  test("of the peer's actor acts on who does not trap", () => {
    const f = new Fixture();
    const mortal = f.spawn(false);
    mortal.link(f.far);
    f.hear({ type: "linkExit", from: f.far, to: mortal.pid, reason: "x" });
    expect(mortal.isAlive).toBe(false);
  });

  test("takes monitors with it and answers those of the peer", () => {
    const f = new Fixture();
    const ref = new Ref(PEER, 9, [4]);
    f.hear({ type: "monitor", from: f.far, target: f.here, ref });
    const own = f.actor.monitor(f.far);
    f.remote.take();
    f.actor.sendExit(f.here, "x");
    f.actor.sendExit(f.here, reasons.kill);
    expect(f.remote.take()).toEqual([
      { type: "demonitor", from: f.here, target: f.far, ref: own },
      {
        type: "down",
        target: f.here,
        from: f.here,
        to: f.far,
        ref,
        reason: reasons.killed,
      },
    ]);
  });
});

describe("a monitor of the peer", () => {
  test("without a target is answered at once, by pid, name and old pid", () => {
    const f = new Fixture();
    const targets = [
      "nobody",
      new Pid(f.node.name, 77, 0, f.node.creation, null),
      new Pid(f.node.name, f.here.id, 0, f.node.creation + 1, null),
    ];
    for (const [i, target] of targets.entries()) {
      const ref = new Ref(PEER, 9, [i]);
      f.hear({ type: "monitor", from: f.far, target, ref });
      expect(f.remote.take()).toEqual([
        { type: "down", target, to: f.far, ref, reason: noproc },
      ]);
    }
  });

  test("by name is answered with the name, and ends at demonitor", () => {
    const f = new Fixture();
    f.actor.register("me");
    const [one, two] = [1, 2].map((i) => new Ref(PEER, 9, [i])) as [Ref, Ref];
    for (const ref of [one, two]) {
      f.hear({ type: "monitor", from: f.far, target: "me", ref });
    }
    f.actor.unregister("me");
    // Another object for the same ref, as a codec would make it.
    const copy = new Ref(PEER, 9, [1]);
    f.hear({ type: "demonitor", from: f.far, target: "me", ref: copy });
    f.actor.sendExit(f.here, reasons.kill);
    expect(f.remote.take()).toEqual([
      {
        type: "down",
        target: "me",
        from: f.here,
        to: f.far,
        ref: two,
        reason: reasons.killed,
      },
    ]);
  });
});

describe("a lost connection", () => {
  test("breaks links and fires monitors once, and waits for no ack", () => {
    const f = new Fixture();
    const other = new Pid(PEER, 6, 0, 9, null);
    f.actor.link(f.far);
    f.actor.link(other);
    f.actor.unlink(other);
    const refs = [
      f.actor.monitor(f.far),
      f.actor.monitor({ name: "x", node: PEER }),
    ];
    const taken = f.actor.monitor(f.far);
    f.actor.demonitor(taken);
    f.hear({
      type: "monitor",
      from: f.far,
      target: f.here,
      ref: new Ref(PEER, 9, [1]),
    });
    f.remote.take();
    for (let i = 0; i < 2; i++) {
      f.node.peerDown(PEER, true, "cut");
      f.host.settle();
    }
    expect(f.got).toEqual([
      new Down(refs[0]!, f.far, noconnection),
      new Down(refs[1]!, { name: "x", node: PEER }, noconnection),
      new Exit(f.far, noconnection),
    ]);
    expect(f.actor.links?.size).toBe(0);
    expect(f.actor.watchers?.size).toBe(0);
    expect(f.actor.monitors?.size).toBe(0);
    expect(f.node.peers.size).toBe(0);
    f.actor.sendExit(f.here, reasons.kill);
    expect(f.remote.take()).toEqual([]);
  });

  test("causes no signal to a lost peer when actors end", () => {
    const f = new Fixture();
    const others = [5, 6, 7].map((id) => new Pid(PEER, id, 0, 9, null));
    // Two links each, monitors, and a local link that spreads the end.
    const mortals = [f.spawn(false), f.spawn(false), f.spawn(false)];
    for (const mortal of mortals) {
      for (const pid of others) {
        mortal.link(pid);
        mortal.monitor(pid);
      }
      f.hear({
        type: "monitor",
        from: f.far,
        target: mortal.pid,
        ref: new Ref(PEER, 9, [mortal.pid.id]),
      });
    }
    mortals[0]!.link(mortals[2]!.pid);
    f.actor.link(mortals[1]!.pid);
    f.remote.take();
    f.node.peerDown(PEER, true, "cut");
    f.host.settle();
    // Any signal would make a new connection.
    expect(f.remote.take()).toEqual([]);
    expect(mortals.map((one) => one.isAlive)).toEqual([false, false, false]);
    expect(f.got).toEqual([new Exit(mortals[1]!.pid, noconnection)]);
    expect(f.node.peers.size).toBe(0);
  });
});

describe("pids of an earlier incarnation of this node", () => {
  test("are dead: noproc, nothing sent, nothing asked elsewhere", () => {
    const f = new Fixture();
    const { id, serial } = f.here;
    const stale = new Pid(f.node.name, id, serial, f.node.creation + 1, null);
    f.actor.send(stale as Pid<unknown>, "lost");
    f.actor.sendExit(stale, reasons.kill);
    const ref = f.actor.monitor(stale);
    f.actor.link(stale);
    f.actor.unlink(stale);
    f.host.settle();
    expect(f.got).toEqual([
      new Down(ref, stale, noproc),
      new Exit(stale, noproc),
    ]);
    f.hear(
      { type: "send", from: f.far, to: stale, message: "lost" },
      { type: "exit", from: f.far, to: stale, reason: reasons.kill },
      { type: "linkExit", from: f.far, to: stale, reason: "x" },
    );
    expect(f.actor.isAlive).toBe(true);
    expect(f.got).toHaveLength(2);
    expect(f.remote.take()).toEqual([]);
  });
});
