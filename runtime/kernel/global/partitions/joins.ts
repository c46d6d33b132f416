/**
 * Joins the names of two nodes, and of all nodes that either of them knows, to
 * one table: the handshake of OTP's `global`, active and passive side.
 *
 * 1. Both introduce themselves when the connection is up (`initConnect`), each
 *    with a tag that the other must repeat, and acknowledge the introduction.
 * 2. One of them locks names on all nodes of its side and on the other node.
 *    Then the other node locks its side, under the same lock.
 * 3. Both send their names, compare, and send the changes that the other side
 *    has to make.
 * 4. Each applies all changes, tells its side (`newNodes`), and unlocks.
 *
 * `session.ts` has the states of a handshake.
 */

import { compareNames } from "./compare.ts";
import type { Join, Session } from "./session.ts";
import type { Locking } from "../locks/locking.ts";
import type { Members } from "../state/members.ts";
import type { GlobalPort, Undo } from "../state/port.ts";
import type { GlobalTables } from "../state/tables.ts";
import {
  bossOf,
  globalResource,
  isSmaller,
  joinLock,
  PROTOCOL_VERSION,
  type ServerMessage,
  write,
} from "../protocol/terms.ts";
import { termEquals } from "../../../core/terms/order.ts";

/** Longest join, resolvers included. */
const JOIN_MS = 20_000;
/** Pause before a BEAM node is asked, because it may be about to ask. */
const BEAM_DELAY_MS = 100;
/** Longest pause between Hornbeam nodes, so that many do not ask at once. */
const DELAY_MS = 8;
/** First and longest pause after the other side could not be locked. */
const REST_MS = 16;
const REST_MAX_MS = 1_000;

export type JoinsParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly members: Members;
  readonly locking: Locking;
  /** Called when members have become known or synced. */
  readonly changed: () => void;
};

export class Joins {
  readonly #parts: JoinsParts;
  /** By node: the handshakes that are under way. */
  readonly #sessions = new Map<string, Session>();
  /**
   * The join under way, whose session is one of `#sessions`. An attempt of an
   * earlier join may still be answered, and then gives its locks back.
   */
  #join: Join | null = null;
  /** The last tag given; random at first, then growing. 0: none yet. */
  #lastTag = 0;
  /** Joins in a row that could not be locked; 0 after one that was finished. */
  #tries = 0;
  /** Stops the pause after which a node is chosen; null outside of a pause. */
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

  /** Introduces this node to another; opens a session unless it is known. */
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

  /** Ends a session, in any stage. */
  endSession(node: string): void {
    const session = this.#sessions.get(node);
    if (session === undefined) return;
    this.#sessions.delete(node);
    if (this.#join?.session === session) this.#dropJoin();
  }

  /** Ends a session and opens another, on both nodes. */
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

  /** Ends the join, if there is one, and gives its locks back. */
  #dropJoin(): void {
    const join = this.#join;
    if (join === null) return;
    this.#join = null;
    join.endTimer();
    const { locking, port } = this.#parts;
    // In the stage `locking` the callback of the attempt gives them back.
    if (join.stage !== "locking") {
      locking.releaseLock(join.lock, port.pid, join.nodes);
    }
    this.#chooseLater();
  }

  /** Ends a pause, and chooses at once if a node asks. */
  #chooseNow(): void {
    this.#endPause?.();
    this.#endPause = null;
    this.#chooseLater();
  }

  // -- Messages of the other node

  introduced(
    message: Extract<ServerMessage, { readonly type: "initConnect" }>,
  ): void {
    const { port } = this.#parts;
    const session = this.#sessions.get(message.node);
    if (session === undefined) return;
    if (session.peer !== null) {
      // Its server was restarted, so all state of the session is void.
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
    // One for an earlier session; another acknowledgement will follow.
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
        // Two pairs that share a node may each keep it from the other pair.
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

  /** Chooses a node to join, after a pause in which another node may ask. */
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

  /**
   * Locks our side. `isFirst`: the other node has not asked us, so it is locked
   * as well.
   */
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
      // A node that has joined us meanwhile would not be told of the other
      // side.
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

  /** Pauses for a random time, which only a node that asks shortens. */
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

  /** Once both have decided: makes all changes on this side, and unlocks. */
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
    // Also to nodes that were known before: they may not know us.
    for (const [node] of others) port.cast(node, write.inSync(port.node));
    this.#dropJoin();
    changed();
  }

  /** Makes nodes known: they have the same names now. Returns the new ones. */
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
