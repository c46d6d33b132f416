/**
 * The simulated network: its links delay, stall and break, and split written
 * bytes into other pieces, as TCP may.
 *
 * Each direction of a link keeps its order. The seed decides which direction
 * delivers next, how long a piece takes and where it is split.
 */

import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
  type Network,
} from "../../runtime/mod.ts";
import type { Choice, SimHost, World } from "./sim_world.ts";

/** Above this many bytes in flight `write` returns false. */
const HIGH_MARK_BYTES = 64 * 1024;

type Accept = (carrier: Carrier) => void;

export class SimNetwork {
  readonly #world: World;
  readonly #maxLatencyMs: number;
  /** The node that listens on each port now. */
  readonly #listeners = new Map<number, { node: string; accept: Accept }>();
  /** The node that each port belongs to, also when it does not listen now. */
  readonly #places = new Map<number, string>();
  /** Attempts to connect that were not answered yet. */
  readonly #dials = new Set<Dial>();
  /** Links that their listener has not accepted yet. */
  readonly #unseen = new Set<Arrival>();
  /** Both ends of each link, until an end was told that it is closed. */
  readonly #ends = new Set<SimCarrier>();
  /** Directions that deliver nothing: `from>to`. */
  readonly #blocked = new Set<string>();

  constructor(world: World, maxLatencyMs: number) {
    this.#world = world;
    this.#maxLatencyMs = maxLatencyMs;
    world.sources.push((choices) => this.#addChoices(choices));
    world.arrivals.push(() => this.#nextArrival());
  }

  /** The network interface of one node, in use until its host is dropped. */
  of(host: SimHost): Network {
    const node = host.name;
    return {
      connect: (to) => this.#connect(host, to.port, to.timeoutMs),
      listen: (at, accept) => this.#listen(node, at.port, accept),
    };
  }

  block(from: string, to: string): void {
    this.#blocked.add(`${from}>${to}`);
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(`${from}>${to}`);
  }

  unblockAll(): void {
    this.#blocked.clear();
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** Breaks every link between two nodes; both are notified after a delay. */
  cut(a: string, b: string): number {
    let cut = 0;
    for (const end of [...this.#ends]) {
      if (end.node !== a || end.peerNode !== b || end.isClosed) continue;
      end.breakBoth("the link was cut");
      cut++;
    }
    return cut;
  }

  /** Ends the process of a node: its ports are closed and its links break. */
  dropNode(node: string): void {
    for (const [port, listener] of this.#listeners) {
      if (listener.node === node) this.#listeners.delete(port);
    }
    for (const dial of this.#dials) {
      if (dial.from === node) this.#dials.delete(dial);
    }
    for (const arrival of this.#unseen) {
      if (arrival.node === node) this.#unseen.delete(arrival);
    }
    for (const end of [...this.#ends]) {
      if (end.node === node) end.vanish();
    }
  }

  latency(): number {
    return this.#maxLatencyMs * this.#world.random.u32() / 0x1_0000_0000;
  }

  forget(end: SimCarrier): void {
    this.#ends.delete(end);
  }

  #connect(host: SimHost, port: number, timeoutMs: number): Promise<Carrier> {
    // Code of a crashed node may still run in this step, without any effect.
    if (host.isDead) return new Promise(() => {});
    const from = host.name;
    const arrivesAt = this.#world.now + this.latency();
    return new Promise((resolve, reject) => {
      this.#dials.add({ from, port, arrivesAt, timeoutMs, resolve, reject });
    });
  }

  /** Answers a dial at the time that `#nextOfDial` gave. */
  #answerDial(dial: Dial): void {
    this.#dials.delete(dial);
    if (this.#isHeldUp(dial)) {
      dial.reject(new CarrierError("timeout", "no answer"));
      return;
    }
    const listener = this.#listeners.get(dial.port);
    if (listener === undefined) {
      dial.reject(
        new CarrierError("refused", `no node listens on port ${dial.port}`),
      );
      return;
    }
    const [near, far] = this.#pair(dial.from, listener.node, dial.port);
    this.#world.note(`${dial.from} connected to ${listener.node}`);
    const { node, accept } = listener;
    this.#unseen.add({ node, accept: () => accept(far) });
    dial.resolve(near);
  }

  #isHeldUp({ from, port }: Dial): boolean {
    const to = this.#places.get(port);
    return to !== undefined &&
      (this.isBlocked(from, to) || this.isBlocked(to, from));
  }

  /** The virtual time at which the dial is answered or times out. */
  #nextOfDial(dial: Dial): number {
    if (this.#world.paused.has(dial.from)) return Infinity;
    return dial.arrivesAt + (this.#isHeldUp(dial) ? dial.timeoutMs : 0);
  }

  #pair(from: string, to: string, port: number): [SimCarrier, SimCarrier] {
    const near = new SimCarrier(this, this.#world, from, to, `sim:${port}`);
    const far = new SimCarrier(this, this.#world, to, from, `sim:${from}`);
    near.join(far);
    far.join(near);
    this.#ends.add(near);
    this.#ends.add(far);
    return [near, far];
  }

  #listen(node: string, port: number, accept: Accept): Promise<Listener> {
    if (this.#listeners.has(port)) {
      return Promise.reject(
        new CarrierError("in-use", `port ${port} is in use`),
      );
    }
    this.#listeners.set(port, { node, accept });
    this.#places.set(port, node);
    return Promise.resolve({
      port,
      close: () => {
        this.#listeners.delete(port);
        return Promise.resolve();
      },
    });
  }

  #addChoices(choices: Choice[]): void {
    const { now, paused } = this.#world;
    for (const dial of this.#dials) {
      if (this.#nextOfDial(dial) > now) continue;
      choices.push({ happen: () => this.#answerDial(dial) });
    }
    for (const arrival of this.#unseen) {
      if (paused.has(arrival.node)) continue;
      choices.push({
        happen: () => {
          this.#unseen.delete(arrival);
          this.#world.note(`${arrival.node} accepted`);
          arrival.accept();
        },
      });
    }
    for (const end of this.#ends) {
      if (end.nextAt > now || this.#isStopped(end)) continue;
      choices.push({ happen: () => end.deliver() });
    }
  }

  #isStopped(end: SimCarrier): boolean {
    return this.#world.paused.has(end.node) ||
      this.isBlocked(end.peerNode, end.node);
  }

  #nextArrival(): number {
    const { now, paused } = this.#world;
    let next = Infinity;
    for (const dial of this.#dials) {
      next = Math.min(next, this.#nextOfDial(dial));
    }
    for (const arrival of this.#unseen) {
      if (!paused.has(arrival.node)) next = Math.min(next, now);
    }
    for (const end of this.#ends) {
      if (end.nextAt < next && !this.#isStopped(end)) next = end.nextAt;
    }
    return next;
  }
}

/** An attempt to connect. */
type Dial = {
  readonly from: string;
  readonly port: number;
  readonly arrivesAt: number;
  readonly timeoutMs: number;
  readonly resolve: (carrier: Carrier) => void;
  readonly reject: (error: CarrierError) => void;
};

type Arrival = { readonly node: string; readonly accept: () => void };

/** Bytes on their way to an end, or (null) the notice that it is closed. */
type Piece = {
  readonly at: number;
  readonly bytes: Uint8Array | null;
  readonly reason: string;
};

/** One end of a link. It holds the pieces that are on their way to it. */
class SimCarrier implements Carrier {
  readonly node: string;
  readonly peerNode: string;
  readonly remote: string;
  readonly #network: SimNetwork;
  readonly #world: World;
  #peer: SimCarrier | null = null;
  #handlers: CarrierHandlers | null = null;
  readonly #incoming: Piece[] = [];
  /** Bytes that were written here and not delivered to the peer yet. */
  bufferedBytes = 0;
  /** Whether `write` has returned false and `drain` was not called since. */
  #mustDrain = false;
  #isClosed = false;
  /** Whether the process of this end is gone: nothing is delivered to it. */
  #isVanished = false;
  /** When the last piece arrives; later ones do not overtake it. */
  #lastAt = 0;

  constructor(
    network: SimNetwork,
    world: World,
    node: string,
    peerNode: string,
    remote: string,
  ) {
    this.#network = network;
    this.#world = world;
    this.node = node;
    this.peerNode = peerNode;
    this.remote = remote;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  join(peer: SimCarrier): void {
    this.#peer = peer;
  }

  open(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isClosed || this.#isVanished) return true;
    this.bufferedBytes += chunk.length;
    this.#peer?.arrive(chunk, "");
    this.#mustDrain ||= this.bufferedBytes > HIGH_MARK_BYTES;
    return !this.#mustDrain;
  }

  close(_lingerMs: number): void {
    this.#close("closed by peer");
  }

  destroy(): void {
    this.#close("closed by peer");
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peer?.arrive(null, reason);
    this.#incoming.length = 0;
    this.arrive(null, "closed");
  }

  /** Ends this end's process: the peer is notified, this end is not. */
  vanish(): void {
    this.#isVanished = true;
    this.#incoming.length = 0;
    if (!this.#isClosed) this.#peer?.arrive(null, "connection reset");
    this.#network.forget(this);
  }

  breakBoth(reason: string): void {
    for (const end of [this, this.#peer]) {
      if (end === null || end.#isClosed) continue;
      end.#isClosed = true;
      end.#incoming.length = 0;
      end.arrive(null, reason);
    }
  }

  arrive(bytes: Uint8Array | null, reason: string): void {
    if (this.#isVanished || (this.#isClosed && bytes !== null)) return;
    const at = Math.max(
      this.#lastAt,
      this.#world.now + this.#network.latency(),
    );
    this.#lastAt = at;
    this.#incoming.push({ at, bytes, reason });
  }

  get nextAt(): number {
    if (this.#handlers === null) return Infinity;
    return this.#incoming[0]?.at ?? Infinity;
  }

  deliver(): void {
    const piece = this.#incoming.shift();
    const handlers = this.#handlers;
    if (piece === undefined || handlers === null) return;
    if (piece.bytes === null) {
      this.#world.note(`${this.node} lost its link to ${this.peerNode}`);
      this.#isClosed = true;
      this.#incoming.length = 0;
      this.#network.forget(this);
      handlers.closed(piece.reason);
      return;
    }
    const bytes = this.#cut(piece.bytes, piece.at);
    this.#world.note(`${this.node} heard ${this.peerNode}`);
    const peer = this.#peer;
    if (peer !== null) peer.delivered(bytes.length);
    handlers.data(bytes);
  }

  /** Sometimes splits a piece; the rest of it is delivered later. */
  #cut(bytes: Uint8Array, at: number): Uint8Array {
    if (bytes.length < 2 || !this.#world.random.chance(0.1)) return bytes;
    const head = 1 + this.#world.random.below(bytes.length - 1);
    this.#incoming.unshift({ at, bytes: bytes.subarray(head), reason: "" });
    return bytes.subarray(0, head);
  }

  /** The peer's node has got this many bytes. */
  delivered(bytes: number): void {
    this.bufferedBytes -= bytes;
    if (!this.#mustDrain || this.bufferedBytes > HIGH_MARK_BYTES / 2) return;
    this.#mustDrain = false;
    if (!this.#isClosed && !this.#isVanished) this.#handlers?.drain();
  }
}
