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

import type { Node } from "../../core/node/node.ts";
import type { Remote, Way } from "../../core/host/remote.ts";
import type { Signal } from "../../core/host/signal.ts";
import { internRef, type Pid } from "../../core/terms/terms.ts";
import { receiveMessage, receiveSignal } from "../../core/node/inbound.ts";
import {
  decideStatus,
  type ExistingConnection,
  flag,
  type HandshakePeer,
} from "../../wire/handshake/messages.ts";
import {
  Acceptor,
  type HandshakeOptions,
  Initiator,
} from "../../wire/handshake/machine.ts";
import {
  complainAboutModes,
  complainAboutNodeName,
} from "../../wire/shared/node_name.ts";
import { beamLink, handshakeOptions } from "./capabilities.ts";
import type { Carrier } from "../carrier/carrier.ts";
import {
  Connection,
  type ConnectionEnd,
  type ConnectionOwner,
} from "../peers/connection.ts";
import { type ConnectionInfo, connectionInfo } from "./connection_info.ts";
import { openCarrier } from "../epmd/discovery.ts";
import type { DistributionOptions } from "./options.ts";
import { describeFailure, type Failure } from "../peers/failures.ts";
import { type DistributionLimits, withDefaults } from "./limits.ts";
import { Outbox } from "../peers/outbox.ts";
import { Peer, type Refusal } from "../peers/peer.ts";
import { Ticks } from "../peers/ticks.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** Nodes known at a time, connected or being connected. */
const MAX_PEERS = 10_000;
/** Attempts of our own in place of failed ones that a peer had begun. */
const MAX_REDIALS = 3;

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

  constructor(options: DistributionOptions) {
    this.#options = options;
    const node = this.#node = options.node;
    this.#limits = withDefaults(options.limits ?? {});
    this.#outbox = new Outbox(node, this.#limits.highMarkBytes);
    this.#handshake = handshakeOptions(options);
    node.scheduler.onDrained(() => this.#outbox.flushAll());
    this.#ticks = new Ticks({
      host: node.host,
      suspectAfterMs: this.#limits.suspectAfterMs,
      downAfterMs: this.#limits.downAfterMs,
      netTicktimeMs: this.#limits.netTicktimeMs,
      peers: () => this.#peers.values(),
      suspect: (peer, silentMs) => {
        this.#log("warning", `${peer.name} is suspect: it is silent`, {
          silentMs: Math.round(silentMs),
        });
        node.nodeEvents.suspect(peer.name, true);
      },
      trust: ({ name }) => node.nodeEvents.suspect(name, false),
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
    return this.#outbox.send(peer, from, to, message);
  }

  signal(nodeName: string, signal: Signal): boolean {
    const peer = this.#peerFor(nodeName);
    if (peer === null) {
      // As late as a real connection would fail, and never within the caller.
      this.#node.host.microtask(() => this.#node.peerLost(nodeName));
      return true;
    }
    return this.#outbox.signal(peer, signal);
  }

  ready(nodeName: string, from: Pid): Promise<void> {
    return this.#outbox.room(this.#peers.get(nodeName), from);
  }

  way(nodeName: string, from: Pid): Way {
    return this.#outbox.way(this.#peers.get(nodeName), from);
  }

  nodes(): readonly string[] {
    const names: string[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.isUp && peer.isVisible) names.push(peer.name);
    }
    return names;
  }

  /** Figures of what is up. */
  connections(): readonly ConnectionInfo[] {
    return [...this.#peers.values()].map(connectionInfo)
      .filter((info) => info !== null);
  }

  // -- Connecting

  /** Connects, unless that is so already. Never rejects. */
  connect(nodeName: string): Promise<ConnectOutcome> {
    if (nodeName === this.#node.name) return Promise.resolve({ isUp: true });
    const complaint = this.#complainAbout(nodeName);
    if (complaint !== null) {
      return Promise.resolve({ isUp: false, why: complaint });
    }
    const peer = this.#peerFor(nodeName);
    if (peer === null) {
      return Promise.resolve({ isUp: false, why: "the node has stopped" });
    }
    if (peer.isUp) return Promise.resolve({ isUp: true });
    return new Promise((resolve) => {
      peer.waiting.push((why) =>
        resolve(why === null ? { isUp: true } : { isUp: false, why })
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
    for (const peer of this.#peers.values()) this.#outbox.writeOut(peer);
    this.#isStopped = true;
    this.#ticks.stop();
    const end = { reason: "disconnect", detail: "the node stops" } as const;
    for (const peer of [...this.#peers.values()]) {
      peer.challenger?.close(end);
      peer.attempt?.close(end);
      peer.connection?.close(end);
      // One that is being looked for, or that wanted to connect itself.
      if (this.#peers.get(peer.name) === peer) this.#gone(peer, end.detail);
    }
    for (const connection of [...this.#incoming]) connection.close(end);
  }

  /** The peer's record; starts to connect when there is no connection. */
  #peerFor(nodeName: string): Peer | null {
    const known = this.#peers.get(nodeName);
    if (known !== undefined) return known;
    if (
      this.#isStopped || nodeName === this.#node.name ||
      this.#complainAbout(nodeName) !== null
    ) return null;
    const peer = this.#addPeer(nodeName);
    if (peer !== null) void this.#dial(peer);
    return peer;
  }

  #complainAbout(nodeName: string): string | null {
    return complainAboutNodeName(nodeName) ??
      complainAboutModes(this.#node.name, nodeName);
  }

  #addPeer(nodeName: string): Peer | null {
    if (this.#peers.size >= MAX_PEERS) {
      this.#log("error", `cannot connect to ${nodeName}: too many nodes`);
      return null;
    }
    const peer = new Peer({
      name: nodeName,
      self: { node: this.#node.name, creation: this.#node.creation },
      pids: this.#node.pids,
      maxFrameBytes: this.#limits.maxFrameBytes,
      now: () => this.#node.host.now(),
    });
    this.#peers.set(nodeName, peer);
    return peer;
  }

  async #dial(peer: Peer): Promise<void> {
    peer.isDialling = true;
    try {
      const carrier = await openCarrier(
        peer.name,
        { ...this.#options, timeoutMs: this.#limits.setupTimeoutMs },
        () => this.#isWanted(peer),
      );
      if (carrier !== null) this.#shakeHands(peer, carrier);
    } catch (error) {
      if (!this.#isWanted(peer)) return;
      peer.isDialling = false;
      this.#gone(peer, errorText(error));
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
      connection.answer("not_allowed", `refused ${from.name}: ${refusal}`);
      return;
    }
    const known = this.#peers.get(from.name);
    const existing = this.#existing(known);
    const status = decideStatus(this.#node.name, from.name, existing);
    if (status === "close") {
      connection.close({
        reason: "superseded",
        detail: `another handshake with ${from.name} is in progress`,
      });
      return;
    }
    const peer = status === "nok" ? null : known ?? this.#addPeer(from.name);
    if (peer === null) {
      connection.answer(status === "nok" ? status : "not_allowed");
      return;
    }
    this.#peerOf.set(connection, peer);
    if (status === "alive") {
      peer.challenger = connection;
      connection.isSecond = true;
    } else {
      const previous = peer.attempt;
      peer.isDialling = false;
      peer.attempt = connection;
      // After `attempt` was replaced, so that its end means nothing any more.
      previous?.close({
        reason: "superseded",
        detail: `${from.name}'s own attempt goes on`,
      });
    }
    connection.answer(status);
  }

  #existing(peer: Peer | undefined): ExistingConnection {
    if (peer === undefined) return "none";
    if (peer.isUp) return peer.challenger === null ? "up" : "up-pending";
    // Only an attempt whose name is out can cross with the peer's. And a node
    // makes one attempt at a time: an earlier one of its own is dead.
    return peer.attempt === null || this.#incoming.has(peer.attempt)
      ? "none"
      : "pending";
  }

  #refusalOf(peer: HandshakePeer): string | null {
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
      // Whoever was told of that may have stopped the node.
      if (peer.attempt === null) return;
    }
    peer.attempt = null;
    peer.isVisible = !this.#options.hidden &&
      (from.flags & flag.published) !== 0n;
    const link = beamLink(
      this.#handshake.own.flags,
      from,
      this.#options.terms,
    );
    const { fits, refusals } = peer.established(
      connection,
      from.creation,
      link,
    );
    connection.landBy((start, length) =>
      peer.codec.land?.(start, length) ?? null
    );
    if (!fits) this.#node.peerLost(peer.name);
    for (const refusal of refusals) this.#refused(peer, refusal);
    this.#node.peerUp(peer.name, peer.isVisible);
    this.#outbox.opened(peer);
    for (const tell of peer.waiting.splice(0)) tell(null);
  }

  /** What had waited cannot be sent; whoever waits for an answer gets one. */
  #refused(peer: Peer, { signal, error }: Refusal): void {
    this.#log("warning", `a signal could not be sent to ${peer.name}`, {
      error: errorText(error),
    });
    if (signal.type !== "spawnRequest") return;
    // What was read again holds copies of refs of this node.
    const ref = internRef(this.#node.host.pids, signal.ref);
    const to = signal.from;
    const flags = { link: false, monitor: false };
    const type = "spawnReply";
    receiveSignal(this.#node, { type, ref, to, flags, result: "badarg" });
  }

  frame(connection: Connection, payload: Uint8Array, bytes: number): void {
    const peer = this.#peerOf.get(connection);
    if (peer === undefined || peer.connection !== connection) return;
    if (this.#outbox.concerns(peer, payload, bytes)) return;
    const node = this.#node;
    peer.codec.decode(payload, {
      message: (id, serial, message) =>
        receiveMessage(node, id, serial, message),
      signal: (signal) => receiveSignal(node, signal),
    });
  }

  drain(connection: Connection): void {
    const peer = this.#peerOf.get(connection);
    if (peer !== undefined) this.#outbox.drained(peer);
  }

  ended(connection: Connection, end: ConnectionEnd): void {
    const wasIncoming = this.#incoming.delete(connection);
    const peer = this.#peerOf.get(connection);
    this.#peerOf.delete(connection);
    if (peer !== undefined && peer.connection === connection) {
      this.#lost(peer, end);
      return;
    }
    const failure = describeFailure(connection, peer, end, wasIncoming);
    if (failure !== null) this.#logFailure(failure);
    if (connection === peer?.challenger) {
      peer.challenger = null;
    } else if (connection === peer?.attempt) {
      peer.attempt = null;
      if (wasIncoming) this.#tryOurselves(peer, end.detail);
      else if (end.reason === "superseded") this.#awaitIncoming(peer);
      else this.#gone(peer, end.detail);
    }
  }

  /**
   * A handshake that the peer began has failed, and perhaps it was not the
   * peer. What waits for the real one must not be lost with it.
   */
  #tryOurselves(peer: Peer, why: string): void {
    if (this.#isStopped || !peer.isNeeded || peer.redials >= MAX_REDIALS) {
      this.#gone(peer, why);
      return;
    }
    peer.redials++;
    void this.#dial(peer);
  }

  /** The peer answered `nok`: its own attempt is on the way to us. */
  #awaitIncoming(peer: Peer): void {
    this.#node.timers.set(this.#limits.setupTimeoutMs, () => {
      if (
        this.#peers.get(peer.name) !== peer || peer.isUp || peer.isConnecting
      ) return;
      const why = `${peer.name} wanted to connect itself and did not`;
      if (peer.waiting.length === 0) this.#log("warning", why);
      this.#gone(peer, why);
    });
  }

  /** An established connection has ended. */
  #lost(peer: Peer, end: ConnectionEnd): void {
    peer.connection = null;
    if (peer.challenger !== null) {
      peer.attempt = peer.challenger;
      peer.challenger = null;
    }
    this.#outbox.releaseWaiting(peer);
    if (end.reason === "bad-data") {
      this.#log(
        "error",
        `closed the connection to ${peer.name}: ${end.detail}`,
      );
    }
    if (peer.attempt === null) this.#peers.delete(peer.name);
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
    this.#log("debug", `no connection to ${peer.name}: ${why}`);
    this.#outbox.releaseWaiting(peer);
    this.#node.peerLost(peer.name);
    for (const tell of peer.waiting.splice(0)) tell(why);
  }

  #logFailure({ level, message, reason }: Failure): void {
    this.#log(level, message, { reason });
  }

  #log(
    level: "debug" | "info" | "warning" | "error",
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void {
    this.#node.log(level, "net", message, fields);
  }
}
