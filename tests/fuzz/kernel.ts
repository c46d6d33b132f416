/**
 * The actors of the kernel with random messages of two bad peers, which have
 * the cookie: the messages of `global`, `pg`, `pg2`, `rex`, `net_kernel`, `user`
 * and `logger_proxy` with anything in their places, spawn requests, and all
 * other control messages. In every case the node goes on to serve a
 * good peer, and nothing of the bad ones is left when they are gone.
 */
import type { LogRecord } from "../../runtime/core/host/ports.ts";
import type { Remote } from "../../runtime/core/host/remote.ts";
import type { Signal } from "../../runtime/core/host/signal.ts";
import { Call, Cast } from "../../runtime/core/messages/requests.ts";
import { receiveSignal } from "../../runtime/core/node/inbound.ts";
import type { Self } from "../../runtime/core/contract/self.ts";
import type { Node } from "../../runtime/core/node/node.ts";
import { atom, Pid, printTerm, Tuple } from "../../runtime/core/terms/terms.ts";
import { global } from "../../runtime/kernel/global/global.ts";
import { pg } from "../../runtime/kernel/groups/pg.ts";
import { pg2 } from "../../runtime/kernel/groups/pg2.ts";
import { startKernel } from "../../runtime/kernel/kernel.ts";
import { type FakeHost, fakeNode } from "../helpers/fake_host.ts";
import { type Draw, type Note, pick, runAsync, type Tally } from "./inputs.ts";
import { bad, CREATION, GOOD, kernelNames, Maker } from "./kernel_messages.ts";
import { refOf } from "./signals.ts";

/** How many milliseconds pass at the end, so that all time limits are over. */
const AFTER_MS = 60_000;

/** Other nodes, as the node under test sees them. */
class Others implements Remote {
  readonly up = new Set<string>();
  readonly sent: { readonly to: string; readonly message: unknown }[] = [];
  /** Called for a node that cannot be reached. */
  onLost: (node: string) => void = () => {};

  send(_from: Pid, to: Pid, message: unknown): boolean {
    this.#send(to.node, message);
    return true;
  }

  signal(node: string, signal: Signal): boolean {
    this.#send(node, "message" in signal ? signal.message : signal);
    return true;
  }

  #send(to: string, message: unknown): void {
    this.sent.push({ to, message });
    if (!this.up.has(to)) this.onLost(to);
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  way(node: string): ReturnType<Remote["way"]> {
    const isUp = this.up.has(node);
    return { isUp, hasRoom: true, isBeam: node === "beam@fake" };
  }

  nodes(): readonly string[] {
    return [...this.up];
  }
}

/** A node with its kernel, on which one function may be called. */
class Attacked {
  readonly host: FakeHost;
  readonly node: Node;
  readonly others = new Others();
  /** An actor that is linked to nothing, for messages and exits. */
  readonly victim: Pid;
  readonly #actors: number;

  constructor() {
    const { host, node } = fakeNode({
      functions: { "m:f/1": (value: unknown) => value },
      exports: {
        worker: () => async (self: Self<unknown>) => void await self.receive(),
      },
    });
    this.host = host;
    this.node = node;
    node.joinCluster(this.others);
    this.others.onLost = (peer) => host.microtask(() => node.peerLost(peer));
    startKernel(node, {
      stats: () => ({}),
      output: () => {},
      inspectable: true,
      global: {},
      disconnect: (peer) => this.down(peer),
    });
    pg.start(this.at);
    pg2.create(this.at, "own");
    this.victim = node.spawnActor(
      async (self: Self<unknown>) => {
        for (;;) await self.receive();
      },
      {},
      null,
    ).pid;
    this.#actors = node.actorCount;
  }

  get at(): { pid: Pid; owner: Node; nodes: () => readonly string[] } {
    const { node } = this;
    return { pid: node.pid, owner: node, nodes: () => node.nodes() };
  }

  up(peer: string): void {
    if (this.others.up.has(peer)) return;
    this.others.up.add(peer);
    this.node.peerUp(peer, true);
  }

  down(peer: string): void {
    if (!this.others.up.delete(peer)) return;
    this.node.peerDown(peer, true, "closed");
  }

  /** How many actors there are more than at the start. */
  get more(): number {
    return this.node.actorCount - this.#actors;
  }
}

/** Messages of the log that show an unexpected error. */
function faults(records: readonly LogRecord[]): string[] {
  return records.filter(({ message, level, category }) =>
    // `logger` is what other nodes have logged.
    category !== "logger" &&
    (message.includes("could not handle") || level === "error")
  ).map(({ message, fields }) => `${message} ${printTerm(fields)}`);
}

async function kernelInput(draw: Draw, note: Note): Promise<boolean> {
  const attacked = new Attacked();
  const { host, node } = attacked;
  for (const peer of bad) attacked.up(peer);
  await host.settleAsync();
  const history: string[] = [];
  for (let count = 1 + draw(8); count > 0; count--) {
    const peer = pick(draw, bad);
    attacked.up(peer);
    const locals = [...node.actors()].map(({ pid }) => pid);
    const signal = new Maker(draw, peer, locals).signal();
    history.push(printTerm(Object.values(signal)));
    note(history.join("\n"));
    receiveSignal(node, signal);
    if (draw(2) === 0) await host.settleAsync();
    if (draw(6) === 0) host.advance(draw(3_000));
    if (draw(10) === 0) attacked.down(peer);
  }
  await host.settleAsync();
  const wasAnswered = attacked.others.sent.length > 0;
  await expectService(attacked);
  const found = faults(host.records);
  if (found.length > 0) throw new Error(found.join("\n"));
  node.stop();
  return wasAnswered;
}

/** The bad peers are gone; a good one comes, uses the node, and goes. */
async function expectService(attacked: Attacked): Promise<void> {
  const { host, node, at } = attacked;
  const others = [...attacked.others.up];
  for (const peer of others) attacked.down(peer);
  for (let i = 0; i < 6; i++) {
    host.advance(AFTER_MS / 6);
    await host.settleAsync();
  }
  attacked.others.sent.length = 0;
  const expectThat = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`expected ${what}`);
  };
  for (const { links, monitors, watchers } of node.actors()) {
    const there = [
      ...[...links?.keys() ?? []].map((pid) => pid.node),
      ...[...watchers?.values() ?? []].map(({ to }) => to.node),
      ...[...monitors?.values() ?? []].map(({ remote }) => remote?.node),
    ];
    expectThat(
      there.every((one) => one === undefined || one === node.name),
      `no link or monitor of a lost peer, got ${there}`,
    );
  }
  for (const name of kernelNames) {
    expectThat(node.names.holder(name) !== null, `an actor ${name}`);
  }
  // One is for blocking calls of rex. Others were spawned by the bad peers.
  expectThat(attacked.more <= 10, `few actors, got ${attacked.more} more`);
  expectThat(
    global.registeredNames(at).every((name) =>
      global.whereisName(at, name)?.node === node.name
    ),
    "no names of lost peers",
  );
  for (const group of pg.whichGroups(at)) {
    expectThat(
      pg.members(at, group).every((pid) => pid.node === node.name),
      "no members of lost peers",
    );
  }
  attacked.up(GOOD);
  const good = new Pid(GOOD, 1, 0, CREATION, null);
  const question = new Tuple([atom("is_auth"), atom(GOOD)]);
  const tag = refOf(() => 1, { node: GOOD, creation: CREATION });
  const say = (name: string, message: unknown): void =>
    receiveSignal(node, { type: "sendNamed", from: good, name, message });
  say("net_kernel", new Call({ pid: good, tag, isOtp: true }, question));
  say("rex", new Tuple([good, atom("features_request")]));
  say("pg", new Tuple([atom("join"), good, "good", good]));
  // A peer that has not been discovered has no members yet.
  say(
    "pg",
    new Cast(new Tuple([atom("sync"), good, [new Tuple(["good", [good]])]])),
  );
  await host.settleAsync();
  const answers = attacked.others.sent.map(({ message }) =>
    message instanceof Tuple ? message.items : []
  );
  expectThat(
    answers.some(([, it]) => it === atom("yes")),
    "net_kernel to answer",
  );
  expectThat(
    answers.some(([kind]) => kind === atom("features_reply")),
    "rex to answer",
  );
  expectThat(pg.members(at, "good").length === 1, "pg to know the member");
  attacked.down(GOOD);
  await host.settleAsync();
  expectThat(pg.members(at, "good").length === 0, "pg to forget the member");
  await expectNames(attacked);
}

/** A name can be registered, is found, and can be freed. */
async function expectNames({ host, node, at }: Attacked): Promise<void> {
  let result: unknown = "nothing";
  node.spawnActor(
    async (self: Self<unknown>) => {
      result = await global.registerName(self, "my own", self.pid);
      await self.receive();
    },
    {},
    null,
  );
  for (let i = 0; i < 40 && result === "nothing"; i++) {
    await host.settleAsync();
    if (result === "nothing") host.advance(1_000);
  }
  if (result !== true) throw new Error(`expected a name, got ${result}`);
  if (global.whereisName(at, "my own") === null) {
    throw new Error("expected the name to be found");
  }
}

export function fuzzKernel(first: number, count: number): Promise<Tally> {
  return runAsync(first, count, kernelInput);
}
