/**
 * The connections of a node to all other nodes. Implements `Remote` of the
 * core.
 *
 * There is at most one established connection for each peer. Connections are
 * made on demand: a signal to a node that is not connected starts an attempt
 * and waits for it. Which of several attempts counts is decided as in Erlang's
 * distribution protocol (simultaneous connects, "alive" connections), because a
 * BEAM node at the other end decides by the same rule. When a connection is
 * lost, signals on their way are lost with it; no signal is sent twice.
 */

import type { LogLevel } from "../../core/host/ports.ts";
import type { Node } from "../../core/node/node.ts";
import type { Remote, Way } from "../../core/host/remote.ts";
import type { Signal } from "../../core/host/signal.ts";
import type { Pid } from "../../core/terms/terms.ts";
import { receiveMessage, receiveSignal } from "../../core/node/inbound.ts";
import type { HandshakePeer } from "../../wire/handshake/messages.ts";
import {
  decideStatus,
  type ExistingConnection,
} from "../../wire/handshake/simultaneous.ts";
import { flag } from "../../wire/handshake/flags.ts";
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
import { confirmUp, type ConnectOutcome } from "../peers/connect_waiters.ts";
import {
  Connection,
  type ConnectionEnd,
  type ConnectionOwner,
} from "../peers/connection.ts";
import { type ConnectionInfo, connectionInfo } from "./connection_info.ts";
import { openCarrier } from "../epmd/discovery.ts";
import type { DistributionOptions } from "./options.ts";
import { reportRefusal } from "./refusals.ts";
import { describeFailure } from "../peers/failures.ts";
import { type DistributionLimits, withDefaults } from "./limits.ts";
import { Outbox } from "../peers/outbox.ts";
import { Peer } from "../peers/peer.ts";
import { addressOf } from "../limits/addresses.ts";
import { LogLimit } from "../limits/log_limit.ts";
import { Slots } from "../limits/slots.ts";
import { Ticks } from "../peers/ticks.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** Limit of peers, connected or being connected. */
const MAX_PEERS = 10_000;
/** How often this node dials after handshakes that a peer began have failed. */
const MAX_REDIALS = 3;

export class Distribution implements Remote, ConnectionOwner {
  readonly #node: Node;
  readonly #options: DistributionOptions;
  readonly #limits: Required<DistributionLimits>;
  readonly #handshake: HandshakeOptions;
  /**
   * Every peer that is connected or being connected, by name; at most
   * `MAX_PEERS`.
   */
  readonly #peers = new Map<string, Peer>();
  /**
   * The peer of each open connection and handshake. An incoming handshake is
   * absent until the peer has said its name.
   */
  readonly #peerOf = new Map<Connection, Peer>();
  /** Handshakes that peers have begun; at most `maxHandshakes`. */
  readonly #incoming: Slots<Connection>;
  /** Writes lines that peers without the cookie can cause. */
  readonly #logLimit: LogLimit;
  readonly #outbox: Outbox;
  readonly #ticks: Ticks;
  /** Set by `stop`, for ever: no peer is added after that. */
  #isStopped = false;

  constructor(options: DistributionOptions) {
    this.#options = options;
    const node = this.#node = options.node;
    this.#limits = withDefaults(options.limits ?? {});
    this.#incoming = new Slots(this.#limits.maxHandshakes);
    this.#logLimit = new LogLimit({
      host: node.host,
      burst: this.#limits.logBurst,
      log: (level, message, fields) => node.log(level, "net", message, fields),
    });
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
        node.log("warning", "net", `${peer.name} is suspect: it is silent`, {
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
      // Later, as a connection would fail, and never during this call.
      this.#node.host.microtask(() => this.#node.peerLost(nodeName));
      return true;
    }
    return this.#outbox.signal(peer, signal);
  }

  ready(nodeName: string, from: Pid): Promise<void> {
    return this.#outbox.waitForRoom(this.#peers.get(nodeName), from);
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

  /** Figures of the connections that are up. */
  connections(): readonly ConnectionInfo[] {
    return [...this.#peers.values()].map(connectionInfo)
      .filter((info) => info !== null);
  }

  // -- Connecting

  /** Connects to a node, if it is not connected. Never rejects. */
  async connect(nodeName: string): Promise<ConnectOutcome> {
    if (nodeName === this.#node.name) return { isUp: true };
    const why = this.#complainAbout(nodeName);
    if (why !== null) return { isUp: false, why };
    const known = this.#peers.get(nodeName);
    // The peer may have ended that connection already; then it is dialled.
    if (known?.isUp && (await this.#outcome(known)).isUp) return { isUp: true };
    const peer = this.#peerFor(nodeName);
    if (peer === null) return { isUp: false, why: "the node has stopped" };
    return await this.#outcome(peer);
  }

  #outcome(peer: Peer): Promise<ConnectOutcome> {
    const outcome = peer.connectWaiters.wait();
    if (peer.isUp) confirmUp(peer, this.#node.host);
    return outcome;
  }

  /** Ends the connection to a node; returns whether there was one. */
  disconnect(nodeName: string): boolean {
    const connection = this.#peers.get(nodeName)?.connection ?? null;
    connection?.close({ reason: "disconnect", detail: "disconnected" });
    return connection !== null;
  }

  /** Takes over a carrier that a peer has opened. */
  accept(carrier: Carrier): void {
    if (this.#isStopped) {
      carrier.destroy();
      return;
    }
    const connection = this.#connection(carrier, new Acceptor(this.#handshake));
    const address = addressOf(carrier.remote);
    this.#incoming.take(connection, address)?.abort({
      reason: "crowded",
      detail: "too many handshakes; its address held the most",
    });
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
      // Still there: a peer that was dialled, or was expected to dial.
      if (this.#peers.get(peer.name) === peer) this.#giveUp(peer, end.detail);
    }
    for (const connection of this.#incoming.all()) connection.close(end);
    this.#logLimit.close();
  }

  /** The record of a peer. A new peer is dialled. Null when that cannot be. */
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
      this.#node.log(
        "error",
        "net",
        `cannot connect to ${nodeName}: too many nodes`,
      );
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
    peer.becomeDialling();
    try {
      const carrier = await openCarrier(
        peer.name,
        { ...this.#options, timeoutMs: this.#limits.setupTimeoutMs },
        () => this.#isWanted(peer),
      );
      if (carrier !== null) this.#shakeHands(peer, carrier);
    } catch (error) {
      if (!this.#isWanted(peer)) return;
      this.#giveUp(peer, errorText(error));
    }
  }

  /** Whether to go on dialling: no handshake of the peer has come first. */
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
    peer.becomeHandshaking(connection);
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
    this.#incoming.hasSpoken(connection);
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
      peer.becomeChallenged(connection);
      connection.isSecond = true;
    } else {
      const previous = peer.becomeHandshaking(connection);
      // Closed after it was replaced, so that its end changes nothing.
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
    // Only an attempt of this node can cross with the peer's. A node makes one
    // attempt at a time, so an earlier attempt of the peer is dead.
    return peer.attempt === null || peer.attempt.isIncoming
      ? "none"
      : "pending";
  }

  #refusalOf(peer: HandshakePeer): string | null {
    return complainAboutModes(this.#node.name, peer.name);
  }

  up(connection: Connection, from: HandshakePeer): void {
    this.#incoming.prove(connection);
    this.#incoming.release(connection);
    const peer = this.#peerOf.get(connection);
    if (peer === undefined) return;
    const refusal = this.#refusalOf(from);
    if (refusal !== null) {
      connection.close({ reason: "not-allowed", detail: refusal });
      return;
    }
    if (connection === peer.challenger) {
      // The peer has dialled before this node saw the end of the old
      // connection.
      peer.promoteChallenger();
      peer.connection?.close({
        reason: "replaced",
        detail: "the peer has connected again",
      });
      // A listener of that event may have stopped the node.
      if (peer.attempt === null) return;
    }
    peer.isVisible = !this.#options.hidden &&
      (from.flags & flag.published) !== 0n;
    const link = beamLink(
      this.#handshake.own.flags,
      from,
      this.#options.terms,
    );
    const { fits, refusals } = peer.becomeUp(
      connection,
      from.creation,
      link,
    );
    connection.landBy((start, length) =>
      peer.codec.land?.(start, length) ?? null
    );
    if (!fits) this.#node.peerLost(peer.name);
    for (const refusal of refusals) {
      reportRefusal(this.#node, peer.name, refusal);
    }
    this.#node.peerUp(peer.name, peer.isVisible);
    this.#outbox.openLane(peer);
    confirmUp(peer, this.#node.host);
  }

  frame(connection: Connection, payload: Uint8Array, bytes: number): void {
    const peer = this.#peerOf.get(connection);
    if (peer === undefined || peer.connection !== connection) return;
    if (this.#outbox.takeAcknowledgement(peer, payload, bytes)) return;
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
    this.#incoming.release(connection);
    const peer = this.#peerOf.get(connection);
    this.#peerOf.delete(connection);
    if (peer !== undefined && peer.connection === connection) {
      this.#connectionLost(peer, end);
      return;
    }
    const failure = describeFailure(connection, peer, end);
    if (failure !== null) this.#logLimit.log(failure);
    if (connection === peer?.challenger) {
      peer.challenger = null;
    } else if (connection === peer?.attempt) {
      peer.becomeUnconnected();
      if (connection.isIncoming) this.#redial(peer, end.detail);
      else if (end.reason === "superseded") this.#awaitIncoming(peer);
      else this.#giveUp(peer, end.detail);
    }
  }

  /**
   * A handshake that a peer of this name began has failed. It may have been an
   * impostor, so signals that wait for the real peer must not be lost: this
   * node dials.
   */
  #redial(peer: Peer, why: string): void {
    if (this.#isStopped || !peer.isNeeded || peer.redials >= MAX_REDIALS) {
      this.#giveUp(peer, why);
      return;
    }
    peer.redials++;
    void this.#dial(peer);
  }

  /** The peer has answered `nok`, because it dials this node itself. */
  #awaitIncoming(peer: Peer): void {
    this.#node.timers.set(this.#limits.setupTimeoutMs, () => {
      if (
        this.#peers.get(peer.name) !== peer || peer.isUp || peer.isConnecting
      ) return;
      const why = `${peer.name} said that it dials this node, and did not`;
      if (peer.connectWaiters.count === 0) this.#repeat("warning", peer, why);
      this.#giveUp(peer, why);
    });
  }

  /** An established connection has ended. */
  #connectionLost(peer: Peer, end: ConnectionEnd): void {
    peer.becomeLost();
    this.#outbox.wakeAllSenders(peer);
    if (end.reason === "bad-data") {
      const message = `closed the connection to ${peer.name}: ${end.detail}`;
      this.#repeat("error", peer, message);
    }
    if (peer.attempt === null) this.#peers.delete(peer.name);
    peer.reset();
    const cause = `${end.reason}: ${end.detail}`;
    this.#node.peerDown(peer.name, peer.isVisible, cause);
    if (peer.attempt !== null) return;
    const why = `the connection ended right after the handshake: ${cause}`;
    peer.connectWaiters.tellAll({ isUp: false, why });
  }

  /** There will be no connection: signals that wait are lost. */
  #giveUp(peer: Peer, why: string): void {
    peer.becomeUnconnected();
    if (this.#peers.get(peer.name) === peer) this.#peers.delete(peer.name);
    this.#repeat("debug", peer, `no connection to ${peer.name}: ${why}`);
    this.#outbox.wakeAllSenders(peer);
    this.#node.peerLost(peer.name);
    peer.connectWaiters.tellAll({ isUp: false, why });
  }

  /** Logs a line about a peer that the peer can cause again and again. */
  #repeat(level: LogLevel, { name }: Peer, message: string): void {
    this.#logLimit.log({
      level,
      kind: "peer",
      source: `with ${name}`,
      message,
    });
  }
}
