/**
 * A node's connections to all other nodes: the `Remote` of the core.
 *
 * One established connection per peer at most, made on demand: a signal to a
 * node that is not connected starts an attempt and waits for it. Which of
 * several attempts counts is decided as in Erlang's distribution protocol
 * (simultaneous connects, "alive" connections), because BEAM nodes decide by
 * the same rule at the other end. When a connection is lost, what was on its
 * way is lost with it; nothing is sent twice.
 */

import type { Node } from "../core/node.ts";
import type { Remote, Signal } from "../core/signal.ts";
import type { Pid } from "../core/terms.ts";
import { receiveMessage, receiveSignal } from "../core/inbound.ts";
import {
  announce,
  baseFlags,
  decideStatus,
  flag,
  type HandshakePeer,
} from "../wire/handshake.ts";
import {
  Acceptor,
  type HandshakeOptions,
  Initiator,
} from "../wire/handshake_machine.ts";
import {
  complainAboutModes,
  complainAboutNodeName,
} from "../wire/node_name.ts";
import type { Carrier, Network } from "./carrier.ts";
import {
  Connection,
  type ConnectionEnd,
  type ConnectionOwner,
} from "./connection.ts";
import type { Discovery } from "./discovery.ts";
import { type DistributionLimits, withDefaults } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Peer } from "./peer.ts";
import { Ticks } from "./ticks.ts";

export type DistributionOptions = {
  readonly node: Node;
  readonly network: Network;
  readonly discovery: Discovery;
  readonly cookie: string;
  /** A hidden node is in nobody's `nodes()`. */
  readonly hidden: boolean;
  readonly limits?: DistributionLimits;
};

/** Nodes known at a time, connected or being connected. */
const MAX_PEERS = 10_000;

/** How an attempt to connect ended, for `connect`. */
export type ConnectOutcome =
  | { readonly isUp: true }
  | { readonly isUp: false; readonly why: string };

export class Distribution implements Remote, ConnectionOwner {
  readonly #node: Node;
  readonly #options: DistributionOptions;
  readonly #limits: Required<DistributionLimits>;
  readonly #handshake: HandshakeOptions;
  readonly #peers = new Map<string, Peer>();
  /** Whose connection it is or wants to be; absent before it gave a name. */
  readonly #peerOf = new Map<Connection, Peer>();
  readonly #incoming = new Set<Connection>();
  readonly #outbox: Outbox;
  readonly #ticks: Ticks;
  #isStopped = false;
  /** Why the last attempt to reach a peer failed. */
  readonly #failures = new Map<string, string>();

  constructor(options: DistributionOptions) {
    this.#options = options;
    const node = this.#node = options.node;
    this.#limits = withDefaults(options.limits ?? {});
    this.#outbox = new Outbox(node, this.#limits.highMarkBytes);
    this.#handshake = {
      own: {
        name: node.name,
        flags: options.hidden ? baseFlags : baseFlags | flag.published,
        creation: node.creation,
        announcement: announce(0),
      },
      cookie: () => options.cookie,
      md5: node.host.md5,
      randomU32: node.host.randomU32,
    };
    node.scheduler.onDrained(() => this.#outbox.flushAll());
    this.#ticks = new Ticks({
      host: node.host,
      suspectAfterMs: this.#limits.suspectAfterMs,
      downAfterMs: this.#limits.downAfterMs,
      peers: () => this.#peers.values(),
      suspect: (peer, silentMs) =>
        this.#log("warning", `${peer.name} is suspect: it is silent`, {
          silentMs: Math.round(silentMs),
        }),
      down: (peer, silentMs) =>
        peer.connection?.close({
          reason: "tick-timeout",
          detail: `silent for ${Math.round(silentMs)} ms`,
        }),
    });
  }

  // -- Remote

  send(from: Pid, to: Pid, message: unknown): boolean {
    const peer = this.#peerFor(to.node);
    if (peer === null) return true;
    if (!peer.isUp) peer.assume(to.creation);
    this.#outbox.refuseWhenFull(peer, message);
    peer.codec.encodeSend(from, to, message, peer.out);
    return this.#outbox.wrote(peer);
  }

  signal(nodeName: string, signal: Signal): boolean {
    const peer = this.#peerFor(nodeName);
    if (peer === null) {
      // As late as a real connection would fail, and never within the caller.
      this.#node.host.microtask(() => this.#node.peerLost(nodeName));
      return true;
    }
    if (signal.type === "sendNamed") {
      this.#outbox.refuseWhenFull(peer, signal.message);
    }
    const to = "to" in signal ? signal.to : null;
    if (to !== null && !peer.isUp) peer.assume(to.creation);
    try {
      peer.codec.encode(signal, peer.out);
    } catch (error) {
      this.#encodeRefused(peer, signal, error);
    }
    return this.#outbox.wrote(peer);
  }

  /**
   * What a user sends raises at the sender. An exit reason that cannot be
   * encoded must not keep its receiver from learning of the end.
   */
  #encodeRefused(peer: Peer, signal: Signal, error: unknown): void {
    if (
      signal.type !== "linkExit" && signal.type !== "down" &&
      signal.type !== "exit"
    ) throw error;
    this.#log("warning", "an exit reason could not be sent as it is", {
      error: error instanceof Error ? error.message : String(error),
    });
    const reason = String(
      signal.reason instanceof Error ? signal.reason.message : "unencodable",
    );
    peer.codec.encode({ ...signal, reason }, peer.out);
  }

  ready(nodeName: string): Promise<void> {
    const peer = this.#peers.get(nodeName);
    if (peer === undefined || this.#outbox.hasRoom(peer)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => peer.waitingForRoom.push(resolve));
  }

  nodes(): readonly string[] {
    const names: string[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.isUp && peer.isVisible) names.push(peer.name);
    }
    return names;
  }

  // -- Connecting

  /** Connects, unless that is so already. Never rejects. */
  connect(nodeName: string): Promise<ConnectOutcome> {
    if (nodeName === this.#node.name) return Promise.resolve({ isUp: true });
    const complaint = complainAboutNodeName(nodeName) ??
      complainAboutModes(this.#node.name, nodeName);
    if (complaint !== null) {
      return Promise.resolve({ isUp: false, why: complaint });
    }
    const peer = this.#peerFor(nodeName);
    if (peer === null) {
      return Promise.resolve({ isUp: false, why: "the node has stopped" });
    }
    if (peer.isUp) return Promise.resolve({ isUp: true });
    return new Promise((resolve) => {
      peer.waiting.push((isUp) =>
        resolve(
          isUp ? { isUp } : {
            isUp,
            why: this.#failures.get(nodeName) ?? "no connection",
          },
        )
      );
    });
  }

  /** Ends the connection to a node; returns whether there was one. */
  disconnect(nodeName: string): boolean {
    const connection = this.#peers.get(nodeName)?.connection ?? null;
    connection?.close({ reason: "disconnect", detail: "disconnected" });
    return connection !== null;
  }

  /** A carrier that somebody else opened. */
  accept(carrier: Carrier): void {
    if (this.#isStopped || this.#incoming.size >= this.#limits.maxHandshakes) {
      carrier.destroy();
      if (!this.#isStopped) {
        this.#log("warning", `refused ${carrier.remote}: too many handshakes`);
      }
      return;
    }
    const connection = this.#connection(
      carrier,
      new Acceptor(this.#handshake),
    );
    this.#incoming.add(connection);
    connection.open();
  }

  stop(): void {
    this.#outbox.flushAll();
    this.#isStopped = true;
    this.#ticks.stop();
    const end: ConnectionEnd = {
      reason: "disconnect",
      detail: "the node stops",
    };
    for (const peer of [...this.#peers.values()]) {
      peer.attempt?.close(end);
      peer.challenger?.close(end);
      peer.connection?.close(end);
      if (peer.isConnecting) this.#gone(peer, end.detail);
    }
    for (const connection of [...this.#incoming]) connection.close(end);
  }

  /** The peer's record; starts to connect when there is no connection. */
  #peerFor(nodeName: string): Peer | null {
    const known = this.#peers.get(nodeName);
    if (known !== undefined) return known;
    if (
      this.#isStopped || nodeName === this.#node.name ||
      complainAboutNodeName(nodeName) !== null
    ) return null;
    const peer = this.#addPeer(nodeName);
    if (peer !== null) void this.#dial(peer);
    return peer;
  }

  #addPeer(nodeName: string): Peer | null {
    if (this.#peers.size >= MAX_PEERS) {
      this.#log("error", `cannot connect to ${nodeName}: too many nodes`);
      return null;
    }
    const peer = new Peer({
      name: nodeName,
      self: { node: this.#node.name, creation: this.#node.creation },
      pids: this.#node.host.pids,
      maxFrameBytes: this.#limits.maxFrameBytes,
    });
    this.#peers.set(nodeName, peer);
    return peer;
  }

  async #dial(peer: Peer): Promise<void> {
    peer.isDialling = true;
    try {
      const address = await this.#options.discovery.resolve(peer.name);
      if (address === null) throw new Error("no such node is registered");
      if (!this.#isWanted(peer)) return;
      const carrier = await this.#options.network.connect({
        ...address,
        timeoutMs: this.#limits.setupTimeoutMs,
      });
      if (!this.#isWanted(peer)) {
        carrier.destroy();
        return;
      }
      this.#shakeHands(peer, carrier);
    } catch (error) {
      if (!this.#isWanted(peer)) return;
      peer.isDialling = false;
      this.#gone(peer, error instanceof Error ? error.message : String(error));
    }
  }

  /** Whether dialling still makes sense: nobody was quicker. */
  #isWanted(peer: Peer): boolean {
    return peer.isDialling && this.#peers.get(peer.name) === peer;
  }

  #shakeHands(peer: Peer, carrier: Carrier): void {
    const machine = new Initiator(
      this.#handshake,
      peer.name,
      () => peer.attempt === connection,
    );
    const connection = this.#connection(carrier, machine);
    peer.isDialling = false;
    peer.attempt = connection;
    this.#peerOf.set(connection, peer);
    connection.open(machine.start());
  }

  #connection(carrier: Carrier, machine: Initiator | Acceptor): Connection {
    return new Connection({
      carrier,
      machine,
      owner: this,
      host: this.#node.host,
      setupTimeoutMs: this.#limits.setupTimeoutMs,
      maxFrameBytes: this.#limits.maxFrameBytes,
    });
  }

  // -- ConnectionOwner

  ask(connection: Connection, from: HandshakePeer): void {
    const refusal = this.#refusalOf(from);
    if (refusal !== null) {
      this.#log("warning", `refused ${from.name}: ${refusal}`);
      connection.answer("not_allowed");
      return;
    }
    const known = this.#peers.get(from.name);
    const status = decideStatus(
      this.#node.name,
      from.name,
      known === undefined
        ? "none"
        : known.challenger !== null
        ? "up-pending"
        : known.isUp
        ? "up"
        : known.isConnecting
        ? "pending"
        : "none",
    );
    if (status === "close") {
      connection.close({
        reason: "superseded",
        detail: `another handshake with ${from.name} is in progress`,
      });
      return;
    }
    if (status === "nok") {
      connection.answer(status);
      return;
    }
    const peer = known ?? this.#addPeer(from.name);
    if (peer === null) {
      connection.answer("not_allowed");
      return;
    }
    this.#peerOf.set(connection, peer);
    if (status === "alive") {
      peer.challenger = connection;
    } else {
      const own = peer.attempt;
      peer.isDialling = false;
      peer.attempt = connection;
      // After `attempt` was replaced, so that its end means nothing any more.
      own?.close({
        reason: "superseded",
        detail: `${from.name}'s own attempt goes on`,
      });
    }
    connection.answer(status);
  }

  #refusalOf(peer: HandshakePeer): string | null {
    if (this.#isStopped) return "this node stops";
    if (peer.name === this.#node.name) return "it has the name of this node";
    if (peer.announcement === null) {
      return "it is not a Hornbeam node, and Erlang's terms are not spoken yet";
    }
    return complainAboutModes(this.#node.name, peer.name);
  }

  up(connection: Connection, from: HandshakePeer): void {
    this.#incoming.delete(connection);
    const peer = this.#peerOf.get(connection);
    if (peer === undefined) return;
    const refusal = this.#refusalOf(from);
    if (refusal !== null) {
      connection.close({ reason: "not-allowed", detail: refusal });
      return;
    }
    if (connection === peer.challenger) {
      // The peer came back before the loss of its old connection was seen.
      peer.challenger = null;
      peer.attempt = connection;
      peer.connection?.close({
        reason: "replaced",
        detail: "the peer has connected anew",
      });
    }
    peer.attempt = null;
    this.#failures.delete(peer.name);
    peer.isVisible = !this.#options.hidden &&
      (from.flags & flag.published) !== 0n;
    const fits = peer.established(connection, from.creation);
    if (!fits) this.#node.peerLost(peer.name);
    this.#node.peerUp(peer.name, peer.isVisible);
    this.#outbox.flush(peer);
    for (const tell of peer.waiting.splice(0)) tell(true);
  }

  frame(connection: Connection, payload: Uint8Array): void {
    const peer = this.#peerOf.get(connection);
    if (peer === undefined || peer.connection !== connection) return;
    const node = this.#node;
    peer.codec.decode(payload, {
      message: (id, serial, message) =>
        receiveMessage(node, id, serial, message),
      signal: (signal) => receiveSignal(node, signal),
    });
  }

  drain(connection: Connection): void {
    const peer = this.#peerOf.get(connection);
    if (peer !== undefined) this.#outbox.wakeWaiting(peer);
  }

  ended(connection: Connection, end: ConnectionEnd): void {
    const wasIncoming = this.#incoming.delete(connection);
    const peer = this.#peerOf.get(connection);
    this.#peerOf.delete(connection);
    const silent = end.reason === "superseded" || end.reason === "disconnect";
    if (!silent && (peer === undefined || peer.connection !== connection)) {
      const which = wasIncoming
        ? `a handshake from ${connection.remote}`
        : `the handshake with ${peer?.name ?? connection.remote}`;
      this.#log("warning", `${which} failed: ${end.detail}`, {
        reason: end.reason,
      });
    }
    if (peer === undefined) return;
    if (connection === peer.challenger) {
      peer.challenger = null;
    } else if (connection === peer.connection) {
      this.#lost(peer, end);
    } else if (connection === peer.attempt) {
      peer.attempt = null;
      if (end.reason === "superseded" && !this.#isStopped) {
        this.#awaitIncoming(peer);
      } else this.#gone(peer, end.detail);
    }
  }

  /** The peer answered `nok`: its own attempt is on the way to us. */
  #awaitIncoming(peer: Peer): void {
    this.#node.timers.set(this.#limits.setupTimeoutMs, () => {
      if (
        this.#peers.get(peer.name) === peer && !peer.isUp && !peer.isConnecting
      ) this.#gone(peer, `${peer.name} wanted to connect itself and did not`);
    });
  }

  /** An established connection has ended. */
  #lost(peer: Peer, end: ConnectionEnd): void {
    const isReplaced = end.reason === "replaced";
    peer.connection = null;
    this.#outbox.releaseWaiting(peer);
    if (end.reason === "bad-data") {
      this.#log(
        "error",
        `closed the connection to ${peer.name}: ${end.detail}`,
      );
    }
    if (!isReplaced) this.#peers.delete(peer.name);
    peer.reset();
    this.#node.peerDown(
      peer.name,
      peer.isVisible,
      `${end.reason}: ${end.detail}`,
    );
  }

  /** An attempt has come to nothing. */
  #gone(peer: Peer, why: string): void {
    peer.isDialling = false;
    peer.attempt = null;
    if (this.#peers.get(peer.name) === peer) this.#peers.delete(peer.name);
    if (this.#failures.size > MAX_PEERS) this.#failures.clear();
    this.#failures.set(peer.name, why);
    this.#log("debug", `no connection to ${peer.name}: ${why}`);
    this.#outbox.releaseWaiting(peer);
    this.#node.peerLost(peer.name);
    for (const tell of peer.waiting.splice(0)) tell(false);
  }

  #log(
    level: "debug" | "info" | "warning" | "error",
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void {
    this.#node.log(level, "net", message, fields);
  }
}
