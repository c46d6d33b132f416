/**
 * Nodes that connect to each other at the same moment. However the attempts
 * cross, one connection survives, both nodes are notified once, and no message
 * that was sent before is lost, doubled or out of order.
 */
import { describe, expect, test } from "vitest";
import {
  type Carrier,
  type MemoryNetwork,
  memoryNetwork,
  type Network,
} from "../../../runtime/mod.ts";
import {
  addresses,
  eventsOf,
  HOST,
  type Logged,
  scattered,
  startNode,
} from "./raw_peer.ts";

/** A node that records the messages it receives. */
type Member = Logged & {
  readonly name: string;
  /** Received messages by sender, in order. */
  readonly heard: Map<string, number[]>;
  /** `+name` for a nodeup, `-name` for a nodedown. */
  readonly events: string[];
};

function watch({ node, logs }: Logged): Member {
  const heard = new Map<string, number[]>();
  const events = eventsOf(node);
  node.spawn<{ from: string; n: number }>(async (self) => {
    for await (const { from, n } of self) {
      heard.set(from, [...heard.get(from) ?? [], n]);
    }
  }, { name: "inbox" });
  return { node, logs, name: node.name, heard, events };
}

/** Number of deliveries on their way through `jittery` networks. */
type Traffic = { pending: number };

/**
 * Delays deliveries of carriers by up to five turns of the event loop, so that
 * events on one carrier may overtake events on another.
 */
function jittery(network: Network, traffic: Traffic): Network {
  const random = scattered(20_261);
  const delay = (carrier: Carrier): Carrier => ({
    remote: carrier.remote,
    get bufferedBytes() {
      return carrier.bufferedBytes;
    },
    open: (handlers) => {
      let last = Promise.resolve();
      const later = (deliver: () => void) => {
        traffic.pending++;
        last = last.then(() => turns(random(6))).then(() => {
          traffic.pending--;
          deliver();
        });
      };
      carrier.open({
        data: (chunk) => later(() => handlers.data(chunk)),
        drain: () => later(() => handlers.drain()),
        closed: (reason) => later(() => handlers.closed(reason)),
      });
    },
    write: (chunk) => carrier.write(chunk),
    close: (lingerMs) => carrier.close(lingerMs),
    destroy: () => carrier.destroy(),
  });
  return {
    connect: async (to) => {
      await turns(random(6));
      return delay(await network.connect(to));
    },
    listen: (at, accept) =>
      network.listen(at, (carrier) => accept(delay(carrier))),
  };
}

/**
 * Nodes with these names on one network in memory. `hasSettled`: whether there
 * are so many links and no deliveries on their way. Without this check, an
 * attempt that a peer has withdrawn in one round would be seen in the next
 * round as a handshake that was closed for no reason.
 */
async function inMemory(parts: readonly string[]): Promise<{
  network: MemoryNetwork;
  members: Member[];
  hasSettled: (links: number) => boolean;
}> {
  const network = memoryNetwork();
  const traffic = { pending: 0 };
  const members: Member[] = [];
  for (const part of parts) {
    // Each has an address of its own, so that all can use the same port.
    const name = `${part}@${part}.host`;
    members.push(watch(
      await startNode({
        name,
        network: jittery(network, traffic),
        port: 1,
        peerPort: 1,
      }),
    ));
  }
  const hasSettled = (links: number) =>
    network.links.length === links && traffic.pending === 0;
  return { network, members, hasSettled };
}

/** The same over TCP. */
async function overTcp(parts: readonly string[]): Promise<Member[]> {
  const names = parts.map((part) => `${part}@${HOST}`);
  const { peers, port } = await addresses(...names);
  return await Promise.all(
    names.map(async (name) =>
      watch(await startNode({ name, port: port(name), peers }))
    ),
  );
}

const MESSAGES = 3;

/** Sends numbers to every other member's inbox, without waiting. */
function greet(from: Member, all: readonly Member[]): void {
  for (const to of all) {
    if (to === from) continue;
    for (let n = 0; n < MESSAGES; n++) {
      from.node.send({ name: "inbox", node: to.name }, { from: from.name, n });
    }
  }
}

/** Lets the event loop turn `count` times. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Waits for a condition, and checks it in each turn of the event loop. */
async function soon(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`no ${what} within 5 s`);
    await turns(1);
  }
}

/** Each node sends to and connects to all others, `gaps[i]` turns late. */
async function meet(
  members: readonly Member[],
  gaps: readonly number[],
): Promise<void> {
  const outcomes = await Promise.all(members.map(async (member, i) => {
    await turns(gaps[i] ?? 0);
    greet(member, members);
    return await Promise.all(
      members.filter((other) => other !== member)
        .map((other) => member.node.tryConnect(other.name)),
    );
  }));
  expect(outcomes.flat().filter((outcome) => !outcome.isUp)).toEqual([]);
  const numbers = Array.from({ length: MESSAGES }, (_, n) => n);
  for (const member of members) {
    const others = members.filter((other) => other !== member)
      .map(({ name }) => name);
    const expected = Object.fromEntries(others.map((name) => [name, numbers]));
    await soon(
      () =>
        [...member.heard.values()].flat().length >= MESSAGES * others.length,
      `what was sent to ${member.name}`,
    );
    expect(Object.fromEntries(member.heard)).toEqual(expected);
    expect([...member.events].sort())
      .toEqual(others.map((name) => `+${name}`).sort());
    expect([...member.node.nodes()].sort()).toEqual(others.sort());
  }
}

/** Cuts all connections and waits until each node has seen it, once. */
async function part(members: readonly Member[], round: number): Promise<void> {
  const [who] = members.slice(round % members.length);
  for (const member of members) {
    for (const other of members) {
      if (member === who || members.length > 2) {
        member.node.disconnect(other.name);
      }
    }
  }
  for (const member of members) {
    await soon(
      () => member.events.length === 2 * (members.length - 1),
      `the nodedowns of ${member.name}`,
    );
    expect(member.node.nodes()).toEqual([]);
    member.events.length = 0;
    member.heard.clear();
  }
}

function expectSilence(members: readonly Member[]): void {
  for (const { logs } of members) expect(logs.complaints).toEqual([]);
}

describe("in memory", () => {
  test.each([["the smaller", ["a", "b"]], ["the greater", ["b", "a"]]])(
    "two nodes, %s first, in hundreds of interleavings",
    async (_, parts) => {
      const { members, hasSettled } = await inMemory(parts);
      const random = scattered(12);
      const next = () => random(12);
      for (let round = 0; round < 300; round++) {
        await meet(members, [0, round === 0 ? 0 : next()]);
        await soon(() => hasSettled(1), "the other link to close");
        await part(members, round);
      }
      await soon(() => hasSettled(0), "the last link");
      expectSilence(members);
    },
  );

  test("four nodes, all pairs at once", async () => {
    const { members, hasSettled } = await inMemory(["c", "a", "d", "b"]);
    const random = scattered(12);
    const next = () => random(12);
    for (let round = 0; round < 100; round++) {
      await meet(members, [0, next(), next(), next()]);
      await soon(() => hasSettled(6), "the other links to close");
      await part(members, round);
    }
    expectSilence(members);
  });

  test("nodes that disconnect and connect again without a pause", async () => {
    const { members, hasSettled } = await inMemory(["a", "b"]);
    const [a, b] = members as [Member, Member];
    const random = scattered(8);
    const next = () => random(8);
    for (let round = 0; round < 300; round++) {
      const [quick, slow] = round % 2 === 0 ? [a, b] : [b, a];
      await quick.node.connect(slow.name);
      quick.node.disconnect(slow.name);
      await turns(round % 5);
      const [first, second] = await Promise.all([
        quick.node.tryConnect(slow.name),
        turns(next()).then(() => slow.node.tryConnect(quick.name)),
      ]);
      expect([first.isUp, second.isUp, round]).toEqual([true, true, round]);
      // A node that takes the old connection for alive soon sees its end.
      await soon(
        () =>
          hasSettled(1) && a.node.nodes().length === 1 &&
          b.node.nodes().length === 1,
        `one connection in round ${round}`,
      );
    }
    for (const member of members) {
      // Up and down alternate: no event came twice.
      const other = member === a ? b : a;
      expect(member.events.map((event) => event[0]).join(""))
        .toMatch(/^(\+-)+\+$/);
      expect(new Set(member.events.map((event) => event.slice(1))))
        .toEqual(new Set([other.name]));
    }
    expectSilence(members);
  });
});

describe("over TCP", () => {
  test.each([["the smaller", ["a", "b"]], ["the greater", ["b", "a"]]])(
    "two nodes, %s first",
    async (_, parts) => {
      const members = await overTcp(parts);
      const random = scattered(6);
      const next = () => random(6);
      for (let round = 0; round < 40; round++) {
        await meet(members, [0, round % 4 === 0 ? 0 : next()]);
        await part(members, round);
      }
      expectSilence(members);
    },
  );

  test("three nodes, all pairs at once", async () => {
    const members = await overTcp(["b", "a", "c"]);
    const random = scattered(6);
    const next = () => random(6);
    for (let round = 0; round < 15; round++) {
      await meet(members, [0, next(), next()]);
      await part(members, round);
    }
    expectSilence(members);
  });

  test("nodes that disconnect and connect again without a pause", async () => {
    const members = await overTcp(["a", "b"]);
    const [a, b] = members as [Member, Member];
    for (let round = 0; round < 40; round++) {
      const [quick, slow] = round % 2 === 0 ? [a, b] : [b, a];
      expect(await quick.node.connect(slow.name)).toBe(true);
      quick.node.disconnect(slow.name);
      await turns(round % 3);
      expect(await quick.node.tryConnect(slow.name)).toEqual({ isUp: true });
      await soon(
        () => a.node.nodes().length === 1 && b.node.nodes().length === 1,
        `one connection in round ${round}`,
      );
      greet(quick, members);
      await soon(
        () => slow.heard.get(quick.name)?.length === MESSAGES,
        "messages over the new connection",
      );
      slow.heard.clear();
    }
    for (const { events } of members) {
      expect(events.map((event) => event[0]).join("")).toMatch(/^(\+-)+\+$/);
    }
    expectSilence(members);
  });
});
