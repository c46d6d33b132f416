/**
 * How the names of two nodes, and of all that these already know, become one
 * table: the handshake of OTP's `global`, active and passive side.
 *
 * 1. Both introduce themselves when the connection is up (`initConnect`), each
 *    with a tag that the other must repeat, and confirm what they have heard.
 * 2. One of them locks names on all nodes of its side and on the other node,
 *    then the other one on its side, under the same lock.
 * 3. Both send their names, compare, and send what the other has to change.
 * 4. Each applies all changes, tells its side (`newNodes`), and unlocks.
 *
 * A node joins one other at a time. Between two Hornbeam nodes the one with the
 * smaller name begins; with a BEAM node either may. Whatever is not done in
 * time is given up and begun anew.
 */

import type { Pid } from "../../../core/terms/terms.ts";
import { compareNames, type Verdict } from "./compare.ts";
import type { Locking } from "../locks/locking.ts";
import type { Members } from "../state/members.ts";
import type { GlobalPort, Undo } from "../state/port.ts";
import type { GlobalTables } from "../state/tables.ts";
import {
  bossOf,
  globalResource,
  isSmaller,
  joinLock,
  type LockId,
  type NameEntry,
  PROTOCOL_VERSION,
  type ServerMessage,
  write,
} from "../protocol/terms.ts";
import { termEquals } from "../../../core/terms/order.ts";

/** Longest join, resolvers included. */
const JOIN_MS = 20_000;
/** Before a BEAM node is asked, which may be about to ask. */
const BEAM_DELAY_MS = 100;
/** Between Hornbeam nodes, so that a crowd does not ask at once. */
const DELAY_MS = 8;
/** First and longest rest after the other side could not be locked. */
const REST_MS = 16;
const REST_MAX_MS = 1_000;

/** What is known of the other end of a handshake. */
type Peer = {
  readonly tag: unknown;
  readonly version: number;
  readonly locker: Pid;
};

/** A handshake with a node whose names are not ours yet. */
type Session = {
  readonly node: string;
  /** What it must repeat. */
  readonly tag: number;
  /** Null until it has introduced itself. */
  peer: Peer | null;
  /** It has locked its side and waits for ours. */
  isAsking: boolean;
  names: readonly NameEntry[] | null;
  verdict: Verdict | null;
  resolved: Extract<ServerMessage, { readonly type: "resolved" }> | null;
};

/** The one handshake that has got to its locks. */
type Join = {
  readonly session: Session;
  readonly peer: Peer;
  readonly lock: LockId;
  /** Where it is held, or asked for. */
  readonly nodes: readonly string[];
  stage: "locking" | "asking" | "comparing";
  readonly endTimer: Undo;
};

export type JoinsParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly members: Members;
  readonly locking: Locking;
  /** Something has changed that somebody may wait for. */
  readonly changed: () => void;
};

export class Joins {
  readonly #parts: JoinsParts;
  readonly #sessions = new Map<string, Session>();
  #join: Join | null = null;
  #lastTag = 0;
  #tries = 0;
  #endPause: Undo | null = null;

  constructor(parts: JoinsParts) {
    this.#parts = parts;
  }

  /** Whether no handshake is under way. */
  get isIdle(): boolean {
    return this.#join === null && this.#sessions.size === 0;
  }

  /** Nodes with which a handshake is under way. */
  pending(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  // -- Beginning and ending

  /** Introduces this node to another. */
  beginSession(node: string): void {
    const { port, members } = this.#parts;
    // A tag of an earlier incarnation must not fit by accident.
    this.#lastTag = this.#lastTag === 0
      ? port.random(2 ** 31)
      : this.#lastTag + 1;
    const tag = this.#lastTag;
    if (!members.isKnown(node)) {
      this.#sessions.set(node, {
        node,
        tag,
        peer: null,
        isAsking: false,
        names: null,
        verdict: null,
        resolved: null,
      });
    }
    port.cast(node, write.initConnect(port.node, tag, port.pid));
  }

  /** Ends a handshake, whatever has come of it. */
  endSession(node: string): void {
    const session = this.#sessions.get(node);
    if (session === undefined) return;
    this.#sessions.delete(node);
    if (this.#join?.session === session) this.#dropJoin();
  }

  /** Begins anew, and has the other do so. */
  #restartSession(session: Session): void {
    const { port } = this.#parts;
    if (this.#sessions.get(session.node) !== session) return;
    this.endSession(session.node);
    if (session.peer !== null) {
      const { tag } = session.peer;
      port.send(session.node, write.cancelConnect(port.node, tag));
    }
    this.beginSession(session.node);
  }

  /** Gives back the locks of the join under way. */
  #dropJoin(): void {
    const join = this.#join;
    if (join === null) return;
    this.#join = null;
    join.endTimer();
    const { locking, port } = this.#parts;
    // While it is locking, whoever locks gives back.
    if (join.stage !== "locking") {
      locking.releaseLock(join.lock, port.pid, join.nodes);
    }
    this.#chooseLater();
  }

  /** What was put off is not put off any longer. */
  #chooseNow(): void {
    this.#endPause?.();
    this.#endPause = null;
    this.#chooseLater();
  }

  // -- What the other end says

  introduced(
    message: Extract<ServerMessage, { readonly type: "initConnect" }>,
  ): void {
    const { port } = this.#parts;
    const session = this.#sessions.get(message.node);
    if (session === undefined) return;
    if (session.peer !== null) {
      // It has begun anew, so what we had begun with it is void.
      if (this.#join?.session === session) this.#dropJoin();
      session.isAsking = false;
      session.names = session.verdict = session.resolved = null;
    }
    const { tag, version, locker } = message;
    session.peer = {
      tag,
      locker,
      version: Math.min(version, PROTOCOL_VERSION),
    };
    port.send(message.node, write.initConnectAck(port.node, tag, session.tag));
    this.#chooseLater();
  }

  confirmed(
    message: Extract<ServerMessage, { readonly type: "initConnectAck" }>,
  ): void {
    const session = this.#sessions.get(message.node);
    // One that is meant for an earlier handshake is followed by another.
    if (session === undefined || session.peer === null) return;
    if (!termEquals(message.tag, session.tag)) return;
    if (!termEquals(message.senderTag, session.peer.tag)) {
      this.#restartSession(session);
    }
  }

  cancelled(
    message: Extract<ServerMessage, { readonly type: "cancelConnect" }>,
  ): void {
    const session = this.#sessionOf(message);
    if (session === null) return;
    this.endSession(message.node);
    this.beginSession(message.node);
  }

  lockSet(message: Extract<ServerMessage, { readonly type: "lockSet" }>): void {
    const { port, members } = this.#parts;
    const session = this.#sessionOf(message);
    if (session === null) {
      const known = this.#sessions.get(message.node);
      if (!message.isSet) return;
      if (known?.peer != null) {
        port.send(message.node, write.cancelConnect(port.node, known.peer.tag));
      } else if (known === undefined && members.isKnown(message.node)) {
        port.cast(message.node, write.inSync(port.node));
      }
      return;
    }
    const join = this.#join;
    if (join?.session !== session || join.stage === "locking") {
      session.isAsking = message.isSet;
      if (message.isSet) this.#chooseNow();
    } else if (join.stage === "asking") {
      if (message.isSet) {
        this.#exchangeNames(join);
      } else {
        // Two pairs that share a node may each keep the other from it.
        this.#backOff();
        this.#dropJoin();
      }
    }
  }

  exchanged(
    message: Extract<ServerMessage, { readonly type: "exchange" }>,
  ): void {
    const session = this.#sessionOf(message);
    if (session === null) return;
    session.names = message.names;
    const join = this.#join;
    if (join?.session === session && join.stage === "comparing") {
      this.#decideClashes(join);
    }
  }

  resolved(
    message: Extract<ServerMessage, { readonly type: "resolved" }>,
  ): void {
    const session = this.#sessionOf(message);
    if (session === null) return;
    session.resolved = message;
    if (this.#join?.session === session) this.#finishJoin(this.#join);
  }

  #sessionOf(
    { node, tag }: { readonly node: string; readonly tag: unknown },
  ): Session | null {
    const session = this.#sessions.get(node);
    return session !== undefined && termEquals(session.tag, tag)
      ? session
      : null;
  }

  // -- Choosing and locking

  /** Chooses a node to join, after a while in which another may ask. */
  #chooseLater(): void {
    if (this.#join !== null || this.#endPause !== null) return;
    const { port } = this.#parts;
    const asking = this.#asking();
    if (asking === null && this.#candidates().length === 0) return;
    const delay = asking !== null
      ? 0
      : this.#candidates().some((node) => this.#parts.members.isHornbeam(node))
      ? port.random(DELAY_MS)
      : BEAM_DELAY_MS + port.random(BEAM_DELAY_MS);
    const endTimer = port.timer(delay, () => {
      this.#endPause = null;
      this.#choose();
    });
    this.#endPause = endTimer;
  }

  #asking(): Session | null {
    for (const session of this.#sessions.values()) {
      if (session.isAsking && session.peer !== null) return session;
    }
    return null;
  }

  #candidates(): readonly string[] {
    const { port, members } = this.#parts;
    return [...this.#sessions.values()].flatMap(({ node, peer }) =>
      peer !== null && !members.isKnown(node) &&
        (!members.isHornbeam(node) || isSmaller(port.node, node))
        ? [node]
        : []
    );
  }

  #choose(): void {
    if (this.#join !== null) return;
    const { port } = this.#parts;
    const asking = this.#asking();
    if (asking !== null) {
      this.#lockSides(asking, false);
      return;
    }
    const candidates = this.#candidates();
    const chosen = candidates[port.random(Math.max(candidates.length, 1))];
    const session = chosen === undefined ? null : this.#sessions.get(chosen);
    if (session != null) this.#lockSides(session, true);
  }

  /** Locks our side, and the other node as well if nobody has asked us. */
  #lockSides(session: Session, isFirst: boolean): void {
    const { port, members, locking } = this.#parts;
    const { node, peer } = session;
    if (peer === null) return;
    const lock = joinLock(port.pid, peer.locker);
    const side = [port.node, ...members.known()];
    const second = isFirst ? [port.node, node] : [port.node];
    const steps = [[bossOf(side)], second, side];
    const join: Join = {
      session,
      peer,
      lock,
      nodes: [...new Set(steps.flat())],
      stage: "locking",
      endTimer: port.timer(JOIN_MS, () => this.#giveUp(join)),
    };
    this.#join = join;
    session.isAsking = false;
    const isOver = () => this.#join !== join;
    const attempt = { id: lock, holder: port.pid, steps, isOver };
    locking.takeLock(attempt, (outcome) => {
      // One that has joined us meanwhile would not learn of the other side.
      const isWhole = members.known().every((one) => join.nodes.includes(one));
      const isLocked = outcome.isLocked && isWhole && this.#join === join;
      if (outcome.isLocked && !isLocked) {
        locking.releaseLock(lock, port.pid, join.nodes);
      }
      if (this.#join !== join) return;
      const isAgreed = !isFirst || session.isAsking;
      if (isAgreed || isLocked) {
        session.isAsking = false;
        port.cast(
          node,
          write.lockSet(port.pid, isLocked, members.known(), peer.tag),
        );
      }
      if (!isLocked) {
        this.#join = null;
        join.endTimer();
        this.#retryLater(outcome.refusedBy);
        return;
      }
      join.stage = "asking";
      if (isAgreed) this.#exchangeNames(join);
    });
  }

  #retryLater(refusedBy: readonly string[]): void {
    if (this.#endPause !== null) return;
    const again = { refusedBy, tries: this.#tries++ };
    this.#endPause = this.#parts.locking.retryLater(
      globalResource,
      again,
      () => {
        this.#endPause = null;
        this.#choose();
      },
    );
  }

  /** Waits for a random time that nothing shortens but being asked. */
  #backOff(): void {
    if (this.#endPause !== null) return;
    const { port } = this.#parts;
    const longest = Math.min(REST_MS * 2 ** this.#tries++, REST_MAX_MS);
    this.#endPause = port.timer(1 + port.random(longest), () => {
      this.#endPause = null;
      this.#choose();
    });
  }

  #giveUp(join: Join): void {
    if (this.#join !== join) return;
    this.#parts.port.log(
      "warning",
      `global: could not join names with ${join.session.node} within ` +
        `${JOIN_MS} ms; it is tried again`,
    );
    this.#restartSession(join.session);
  }

  // -- Comparing

  /** Both sides are locked. */
  #exchangeNames(join: Join): void {
    const { port, tables } = this.#parts;
    const { session, peer } = join;
    join.stage = "comparing";
    port.cast(
      session.node,
      write.exchange(port.node, tables.entries(), peer.tag),
    );
    if (session.names !== null) this.#decideClashes(join);
  }

  #decideClashes(join: Join): void {
    const { port, members } = this.#parts;
    const { session, peer } = join;
    const names = session.names ?? [];
    compareNames(this.#parts, session.node, names, (verdict) => {
      if (this.#join !== join) return;
      session.verdict = verdict;
      const known = members.versions();
      port.cast(
        session.node,
        write.resolved(port.node, verdict.theirs, known, peer.tag),
      );
      this.#finishJoin(join);
    });
  }

  /** Both have decided: makes it so on this side. */
  #finishJoin(join: Join): void {
    const { port, tables, members, changed } = this.#parts;
    const { session, peer, lock } = join;
    const { verdict, resolved } = session;
    if (verdict === null || resolved === null) return;
    const ops = [...verdict.ours, ...resolved.ops];
    const side = members.known();
    const others = resolved.known.filter(([node]) => node !== port.node);
    for (const op of ops) tables.apply(op);
    const joined = [[session.node, peer.version] as const, ...others];
    for (const node of side) {
      if (node === session.node) continue;
      const { version } = peer;
      port.cast(node, write.newNodes(port.node, ops, joined, version, lock));
    }
    this.#tries = 0;
    this.#sessions.delete(session.node);
    this.add([[session.node, peer.version]]);
    const member = members.get(session.node);
    if (member !== undefined) member.isSynced = true;
    this.add(others);
    // Also those that were known before: they may not know us.
    for (const [node] of others) port.cast(node, write.inSync(port.node));
    this.#dropJoin();
    changed();
  }

  /** These nodes have the same names as we have now. */
  add(nodes: Parameters<typeof write.newNodes>[2]): readonly string[] {
    const { port, members } = this.#parts;
    const added: string[] = [];
    for (const [node, version] of nodes) {
      if (node === port.node || members.isKnown(node)) continue;
      members.ensure(node).version = version;
      this.endSession(node);
      added.push(node);
    }
    return added;
  }
}
