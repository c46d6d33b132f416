// Actors that have filled a connection get no turn until there is room, and no
// other actor waits. The network is a faucet that the tests open and close.
import { beforeEach, describe, expect, test } from "vitest";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";
import type { Node } from "../../../runtime/core/node/node.ts";
import type { Remote, Way } from "../../../runtime/core/host/remote.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import type { AnyBehaviour } from "../../../runtime/core/contract/behaviour.ts";
import type { SpawnOptions } from "../../../runtime/core/contract/self.ts";
import { Pid, Ref } from "../../../runtime/core/terms/terms.ts";
import {
  type Destination,
  Exit,
  handler,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import { park } from "../../helpers/actors.ts";
import { type FakeHost, fakeNode } from "../../helpers/fake_host.ts";

/** Takes everything, and says of some nodes that they have no room. */
class Faucet implements Remote {
  readonly full: Set<string> = new Set();
  readonly sent: unknown[] = [];
  /** The waits for each node, and their number since the start. */
  readonly waiting: { node: string; from: Pid; resolve: () => void }[] = [];
  waits = 0;

  send(_from: Pid, to: Pid, message: unknown): boolean {
    this.sent.push(message);
    return !this.full.has(to.node);
  }
  signal(node: string, signal: Signal): boolean {
    this.sent.push("message" in signal ? signal.message : signal.type);
    return !this.full.has(node);
  }
  ready(node: string, from: Pid): Promise<void> {
    this.waits++;
    return new Promise((resolve) => {
      this.waiting.push({ node, from, resolve });
    });
  }
  way(node: string): Way {
    return { isUp: true, hasRoom: !this.full.has(node) };
  }
  nodes(): readonly string[] {
    return ["b@fake", "c@fake"];
  }
  /** There is room again. */
  open(node: string): void {
    this.full.delete(node);
    const waiting = this.waiting.splice(0);
    for (const one of waiting) {
      if (one.node === node) one.resolve();
      else this.waiting.push(one);
    }
  }
}

const b = new Pid<unknown>("b@fake", 5, 0, 9, null);
const c = new Pid<unknown>("c@fake", 6, 0, 9, null);

let host: FakeHost;
let node: Node;
let faucet: Faucet;
let got: unknown[];

beforeEach(() => {
  ({ host, node } = fakeNode({ name: "a@fake" }));
  faucet = new Faucet();
  node.remote = faucet;
  got = [];
  faucet.full.add("b@fake");
});

function spawn(behaviour: AnyBehaviour, options: SpawnOptions = {}) {
  return node.spawnActor(behaviour, options, null);
}

function send(actor: LocalActor, ...messages: unknown[]): void {
  for (const message of messages) {
    node.sendFrom(node.pid, actor.pid, message);
  }
}

/** Sends on what it receives, and notes it. */
const relay = (to: Destination = b) => async (self: Self): Promise<void> => {
  for await (const message of self) {
    got.push(message);
    self.send(to, message);
  }
};

describe("a function actor", () => {
  test("goes on to its receive, and no further until there is room", async () => {
    const actor = spawn(async (self: Self) => {
      got.push(self.send(b, 1), self.send(b, 2));
      for await (const message of self) got.push(message);
    });
    send(actor, "one", "two");
    await host.settleAsync();
    expect(faucet.sent).toEqual([1, 2]);
    expect(got).toEqual([false, false]);
    expect(actor.status).toBe("held");
    expect(actor.mailbox.length).toBe(2);
    // Once for each node, however often it sends.
    expect(faucet.waiting).toMatchObject([{ node: "b@fake", from: actor.pid }]);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got.slice(2)).toEqual(["one", "two"]);
    expect(actor.status).toBe("waiting");
    expect(actor.heldBy).toBeNull();
  });

  test("is held with an empty mailbox as well, once a message comes", async () => {
    const actor = spawn(relay());
    send(actor, 1);
    await host.settleAsync();
    expect(actor.status).toBe("waiting");
    send(actor, 2);
    await host.settleAsync();
    expect(got).toEqual([1]);
    expect(actor.status).toBe("held");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual([1, 2]);
  });

  test("is let go when there is room before it has come to a receive", async () => {
    const actor = spawn(relay());
    send(actor, 1);
    await host.settleAsync();
    faucet.open("b@fake");
    await host.settleAsync();
    expect(actor.isHeld).toBe(false);
    send(actor, 2, 3);
    await host.settleAsync();
    expect(got).toEqual([1, 2, 3]);
  });

  test("is held again whenever it fills the connection again", async () => {
    const actor = spawn(relay());
    send(actor, 1, 2, 3, 4);
    for (let n = 1; n <= 4; n++) {
      await host.settleAsync();
      expect(got).toHaveLength(n);
      expect(actor.isHeld).toBe(true);
      faucet.open("b@fake");
      faucet.full.add("b@fake");
    }
    expect(faucet.waits).toBe(4);
  });

  test.each<[string, (self: Self) => Promise<unknown>]>([
    ["with a pattern", (self) => self.receive((m) => m === "two")],
    ["that only looks", (self) => self.receive({ timeoutMs: 0 })],
    ["by type", (self) => self.receive("typed")],
    ["with a time-out", (self) => self.receive({ timeoutMs: 1_000 })],
  ])("is held at a receive %s", async (_, receive) => {
    const actor = spawn(async (self: Self) => {
      await self.receive();
      self.send(b, 1);
      got.push(await receive(self));
    });
    send(actor, "go", "one", "two", { type: "typed" });
    await host.settleAsync();
    expect(got).toEqual([]);
    expect(actor.status).toBe("held");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toHaveLength(1);
  });

  test("has its time-outs wait", async () => {
    const actor = spawn(async (self: Self) => {
      self.send(b, 1);
      got.push(await self.receive({ timeoutMs: 50 }));
      got.push(await self.receive({ timeoutMs: 50 }));
    });
    await host.settleAsync();
    host.advance(1_000);
    await host.settleAsync();
    expect(got).toEqual([]);
    expect(actor.status).toBe("held");
    // What comes meanwhile is there before the time-out is told.
    send(actor, "late");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["late"]);
    host.advance(50);
    await host.settleAsync();
    expect(got).toEqual(["late", undefined]);
  });

  test("is held too when it sent while it waited for something else", async () => {
    let goOn = () => {};
    const foreign = new Promise<void>((resolve) => goOn = resolve);
    const actor = spawn(async (self: Self) => {
      await foreign;
      self.send(b, 1);
      got.push(await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    goOn();
    await host.settleAsync();
    expect(faucet.sent).toEqual([1]);
    expect(actor.status).toBe("held");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["one"]);
  });

  test("waits for all nodes that it has filled", async () => {
    faucet.full.add("c@fake");
    const actor = spawn(async (self: Self) => {
      for (const to of [b, c, b]) self.send(to, 1);
      got.push(await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(faucet.waits).toBe(2);
    for (const name of ["c@fake", "b@fake"]) {
      expect(got).toEqual([]);
      expect(actor.status).toBe("held");
      faucet.open(name);
      await host.settleAsync();
    }
    expect(got).toEqual(["one"]);
  });

  test("may wait for room by itself", async () => {
    const actor = spawn(async (self: Self) => {
      self.send(b, 1);
      await self.ready(b);
      got.push("ready", await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(got).toEqual([]);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["ready", "one"]);
  });

  test("goes on with an aborted receive, and is held at the next", async () => {
    const abort = new AbortController();
    let goOn = () => {};
    const foreign = new Promise<void>((resolve) => goOn = resolve);
    const actor = spawn(async (self: Self) => {
      self.send(b, 1);
      await self.receive({ signal: abort.signal }).catch(() => got.push("no"));
      await foreign;
      got.push(await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(actor.status).toBe("held");
    abort.abort(new Error("enough"));
    await host.settleAsync();
    expect(got).toEqual(["no"]);
    expect(actor.status).toBe("running");
    goOn();
    await host.settleAsync();
    expect(got).toEqual(["no"]);
    expect(actor.status).toBe("held");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["no", "one"]);
  });
});

describe("a handler actor", () => {
  const handle = (_: null, message: unknown, self: Self): null => {
    got.push(message);
    self.send(b, message);
    return null;
  };

  test("ends its handler, and gets no turn until there is room", async () => {
    const actor = spawn(handler(null, (_: null, message: unknown, self) => {
      got.push(message, self.send(b, message), self.send(b, message));
      return null;
    }));
    send(actor, 1, 2, 3);
    await host.settleAsync();
    expect(got).toEqual([1, false, false]);
    expect(actor.status).toBe("held");
    expect(actor.mailbox.length).toBe(2);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got.slice(3)).toEqual([2, true, true, 3, true, true]);
  });

  test("is held after what it sends when it begins", async () => {
    const actor = spawn(handler((self: Self) => self.send(b, 1), (
      hadRoom: boolean,
      message: unknown,
    ) => {
      got.push(message);
      return hadRoom;
    }));
    send(actor, 1);
    await host.settleAsync();
    expect(got).toEqual([]);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual([1]);
  });

  test("is held among many, and only those that have filled it", async () => {
    const senders = Array.from(
      { length: 20 },
      () => spawn(handler(null, handle)),
    );
    const others = Array.from(
      { length: 20 },
      (_, i) =>
        spawn(handler(null, (_: null, message: unknown, self: Self) => {
          self.send(c, `${i}:${message}`);
          return null;
        })),
    );
    for (const actor of [...senders, ...others]) send(actor, 1, 2, 3);
    await host.settleAsync();
    expect(got).toHaveLength(20);
    expect(senders.map(({ status }) => status)).toEqual(Array(20).fill("held"));
    expect(faucet.sent.filter((m) => typeof m === "string")).toHaveLength(60);
    expect(others.map(({ status }) => status))
      .toEqual(Array(20).fill("waiting"));
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toHaveLength(60);
  });
});

describe("a sender of any kind", () => {
  const alias = new Ref("b@fake", 9, [1, 2, 3]);
  const call = { pid: b, tag: alias };

  test.each<[string, (self: Self) => unknown]>([
    ["to a pid", (self) => self.send(b, 1)],
    ["to a name", (self) => self.send({ name: "x", node: "b@fake" }, 1)],
    ["to an alias", (self) => self.send(alias as Destination, 1)],
    ["a cast", (self) => self.cast(b as Pid<never>, 1)],
    ["a reply", (self) => self.reply(call, 1)],
    [
      "where it may not connect",
      (self) => self.trySend(b, 1, { noConnect: true }),
    ],
  ])("%s is held", async (_, act) => {
    const actor = spawn(async (self: Self) => {
      act(self);
      got.push(await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(faucet.sent).toHaveLength(1);
    expect(actor.status).toBe("held");
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["one"]);
  });

  test("nothing because it may not wait is not held", async () => {
    const actor = spawn(async (self: Self) => {
      got.push(self.trySend(b, 1, { noSuspend: true }), await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(got).toEqual(["nosuspend", "one"]);
    expect(faucet.sent).toEqual([]);
  });

  test("links, monitors and exit signals is not held", async () => {
    const actor = spawn(async (self: Self) => {
      self.link(b);
      self.demonitor(self.monitor(b));
      self.sendExit(b, "over");
      self.unlink(b);
      got.push(await self.receive());
    });
    send(actor, "one");
    await host.settleAsync();
    expect(faucet.sent)
      .toEqual(["link", "monitor", "demonitor", "exit", "unlink"]);
    expect(got).toEqual(["one"]);
  });

  test("as one of the runtime's own is not held", async () => {
    const actor = spawn(relay());
    actor.isExempt = true;
    send(actor, 1, 2, 3);
    await host.settleAsync();
    expect(got).toEqual([1, 2, 3]);
    expect(faucet.waits).toBe(0);
  });
});

describe("a held actor", () => {
  /** Held, with a message in its mailbox. */
  async function held(options: SpawnOptions = {}): Promise<LocalActor> {
    const actor = spawn(async (self: Self) => {
      self.signal.addEventListener("abort", () => got.push("aborted"));
      self.send(b, 1);
      try {
        got.push(await self.receive());
      } catch (error) {
        got.push((error as Error).name);
      }
    }, options);
    send(actor, "one");
    await host.settleAsync();
    expect(actor.status).toBe("held");
    return actor;
  }

  test.each([
    ["kill", reasons.kill, reasons.killed],
    ["any other reason", "over", "over"],
  ])("is ended by an exit signal with %s at once", async (_, reason, seen) => {
    const actor = await held({ name: "mortal" });
    const watcher = spawn(async (self: Self) => {
      self.monitor(actor.pid);
      self.sendExit(actor.pid, reason);
      got.push(await self.receive());
    });
    await host.settleAsync();
    expect(actor.alive).toBe(false);
    expect(watcher.alive).toBe(false);
    expect(node.names.whereis("mortal")).toBeNull();
    expect(got).toContainEqual(
      expect.objectContaining({ type: "DOWN", reason: seen }),
    );
    expect(got).toContain("aborted");
    expect(got).toContain("KilledError");
    // Room comes too late for it, and another may have its place.
    const heirs = [spawn(relay(c)), spawn(relay(c))];
    expect(heirs.map(({ pid }) => pid.id)).toContain(actor.pid.id);
    const before = got.length;
    faucet.open("b@fake");
    for (const heir of heirs) send(heir, "two");
    await host.settleAsync();
    expect(got.slice(before)).toEqual(["two", "two"]);
  });

  test("that traps exits is told when there is room", async () => {
    const actor = await held({ trapExits: true });
    const from = spawn(async (self: Self) => {
      self.sendExit(actor.pid, "please");
      await self.receive();
    });
    await host.settleAsync();
    expect(actor.alive).toBe(true);
    expect(actor.mailbox.length).toBe(2);
    expect(actor.mailbox.at(1)).toEqual(new Exit(from.pid, "please"));
    expect(got).toEqual([]);
  });

  test("is told of its end when it waits for room, as by receive", async () => {
    const actor = spawn(async (self: Self) => {
      try {
        // It would go on for ever, since nothing that it sends is refused now.
        for (;;) if (!self.send(b, 1)) await self.ready(b);
      } catch (error) {
        got.push((error as Error).name);
      } finally {
        void self.ready(b).finally(() => got.push("again"));
      }
    });
    await host.settleAsync();
    spawn((self: Self) => self.sendExit(actor.pid, reasons.kill));
    await host.settleAsync();
    expect(actor.alive).toBe(false);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["KilledError"]);
  });

  test("ends with its node", async () => {
    const actor = await held();
    node.stop();
    await host.settleAsync();
    expect(actor.alive).toBe(false);
    faucet.open("b@fake");
    await host.settleAsync();
    expect(got).toEqual(["aborted", "KilledError"]);
  });

  test("costs no turns while it is held", async () => {
    await held();
    spawn(park);
    await host.settleAsync();
    const { turns } = node.scheduler;
    host.advance(10_000);
    await host.settleAsync();
    expect(node.scheduler.turns).toBe(turns);
  });
});
