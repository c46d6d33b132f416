/**
 * An actor as its own code sees it: `Actor` with all that it can do to other
 * actors. Behaviours get this object as `self`.
 *
 * Once an actor has ended, sending has no effect and every other method throws,
 * because code that still runs after the end must not change the node.
 */

import type { NamedTarget } from "../messages/named_target.ts";
import type {
  Behaviour,
  CallOptions,
  CallTarget,
  Destination,
  MonitorOptions,
  ReadySpawn,
  RemoteSpawn,
  RemoteSpawnOptions,
  Self,
  SendOutcome,
  SpawnOptions,
  TrySendOptions,
  ViaTarget,
} from "../contract/self.ts";
import type { LogLevel } from "../host/ports.ts";
import type { ExitReason } from "../messages/reasons.ts";
import { mustBeReason } from "../messages/reserved_reasons.ts";
import type { Pid, Ref } from "../terms/terms.ts";
import type { ActorRecord, AliasMode } from "../contract/record.ts";
import { call, expectReply, reply } from "../calls/calls.ts";
import { Cast, type ReplyTo } from "../messages/requests.ts";
import { setGroupLeader } from "../signals/group_leader.ts";
import type { ActorInfo } from "../contract/actor_info.ts";
import { infoOf } from "../sys/info.ts";
import { Actor } from "./actor.ts";
import { DEAD } from "../contract/run_state.ts";
import { noteOut } from "../sys/debugging.ts";
import { sendExitSignal } from "../signals/exits.ts";
import { Handler } from "../contract/behaviour.ts";
import { holdBack } from "../signals/holding.ts";
import { demonitor, monitor, monitorWith } from "../signals/monitors.ts";
import { link, unlink } from "../signals/links.ts";
import { ExitError, UsageError } from "../messages/errors.ts";
import {
  aliasOptions,
  checkSpawn,
  demonitorOptions,
  monitorOptions,
  noOptions,
  readySpawnOptions,
  remoteSpawnOptions,
  spawnOptions,
  trySendOptions,
} from "../contract/option_tables.ts";
import { isViaTarget } from "../contract/via.ts";

/**
 * Limit of first turns that run within one another. Each takes a dozen frames
 * or more of the stack of the actor that starts it, and a chain of supervisors
 * may have any length.
 */
const MAX_NESTED_FIRST_TURNS = 32;

/**
 * Takes the first turn within the turn of the actor that starts it, but without
 * an async context: as with any other handler, a floating rejection is not
 * reported as one of the starter.
 */
function takeFirstTurn(actor: ActorRecord): void {
  const { owner } = actor;
  const run = () => actor.run(1);
  const { turnTrace } = owner.scheduler;
  turnTrace?.beginTurn(actor.pid);
  owner.firstTurns++;
  try {
    if (owner.host.attribute(null, run) >= 0) turnTrace?.endTurn(actor.pid);
    else owner.scheduler.goesOn(actor);
  } finally {
    owner.firstTurns--;
  }
}

export class LocalActor extends Actor implements Self<unknown> {
  get isAlive(): boolean {
    return this.state !== DEAD;
  }

  get node(): string {
    return this.owner.name;
  }

  send<T>(to: Destination<T>, message: T): boolean {
    const target = (to as Pid<T> | undefined)?.target as
      | Actor
      | null
      | undefined;
    if (target != null && target.owner === this.owner && this.state !== DEAD) {
      this.turnLeft--;
      const { isolate } = this.owner;
      target.deliver(isolate === null ? message : isolate(message));
      return true;
    }
    if (this.state === DEAD) return true;
    if (isViaTarget(to)) return this.send(this.owner.findVia(to), message);
    this.turnLeft--;
    const hasRoom = this.owner.sendFrom(this.pid, to as Destination, message);
    // Within the node there is always room.
    if (!hasRoom) holdBack(this, (to as { readonly node: string }).node);
    return hasRoom;
  }

  trySend<T>(
    to: Destination<T>,
    message: T,
    options: TrySendOptions = {},
  ): SendOutcome {
    if (this.state === DEAD) return "ok";
    trySendOptions.check(options);
    const { isUp, hasRoom } = this.owner.way(
      this.pid,
      to as Destination<never>,
    );
    if (options.noConnect && !isUp) return "noconnect";
    if (options.noSuspend && !hasRoom) return "nosuspend";
    this.send(to, message);
    return "ok";
  }

  ready(to: Destination<never>): Promise<void> {
    // For an ended actor this rejects, as `receive` does. Otherwise its loop of
    // sends, which have no effect any more, would never wait.
    if (this.state === DEAD) return this.receive();
    return this.#waitForNode(this.owner.ready(this.pid, to))
      .then(() => this.state === DEAD ? this.receive() : undefined);
  }

  spawn<T>(
    behaviour: Behaviour<T>,
    options: SpawnOptions = noOptions,
  ): Pid<T> {
    this.#mustBeAlive("spawn");
    checkSpawn(behaviour, options, spawnOptions);
    return this.owner.spawnActor(behaviour, options, this).pid as Pid<T>;
  }

  spawnLink<T>(
    behaviour: Behaviour<T>,
    options: SpawnOptions = noOptions,
  ): Pid<T> {
    const pid = this.spawn(behaviour, options);
    link(this, pid);
    return pid;
  }

  spawnReady<T>(
    behaviour: Handler<T>,
    options: SpawnOptions & { readonly link?: boolean } = noOptions,
  ): ReadySpawn<T> {
    this.#mustBeAlive("spawnReady");
    if (!(behaviour instanceof Handler)) {
      throw new UsageError(
        "expected spawnReady to be given a handler, got a function; use spawn, " +
          "since the first turn of a function has no known end",
      );
    }
    checkSpawn(behaviour, options, readySpawnOptions);
    const { owner } = this;
    const isTooDeep = owner.firstTurns >= MAX_NESTED_FIRST_TURNS;
    const actor = owner.spawnActor(behaviour, options, this, isTooDeep);
    if (options.link === true) link(this, actor.pid);
    if (!isTooDeep) takeFirstTurn(actor);
    const hasEnded = !actor.alive;
    return {
      pid: actor.pid as Pid<T>,
      hasEnded,
      reason: hasEnded ? actor.endReason : undefined,
    };
  }

  spawnMonitor<T>(
    behaviour: Behaviour<T>,
    options: SpawnOptions = noOptions,
  ): { pid: Pid<T>; ref: Ref } {
    const pid = this.spawn(behaviour, options);
    return { pid, ref: monitor(this, pid) };
  }

  spawnOn<T>(
    node: string,
    behaviour: string,
    args: readonly unknown[] = [],
    options: RemoteSpawnOptions = {},
  ): Promise<RemoteSpawn<T>> {
    this.#mustBeAlive("spawnOn");
    remoteSpawnOptions.check(options);
    return this.#waitForNode(
      this.owner.spawns.request<T>(this, node, behaviour, args, options),
    );
  }

  exit(reason: ExitReason): never {
    mustBeReason(reason);
    throw new ExitError(reason);
  }

  sendExit(to: Pid, reason: ExitReason): void {
    mustBeReason(reason);
    if (this.state !== DEAD) sendExitSignal(this.owner, this.pid, to, reason);
  }

  link(to: Pid): void {
    this.#mustBeAlive("link");
    link(this, to);
  }

  unlink(to: Pid): void {
    this.#mustBeAlive("unlink");
    unlink(this, to);
  }

  monitor(
    target: Pid | string | NamedTarget,
    options?: MonitorOptions,
  ): Ref {
    this.#mustBeAlive("monitor");
    monitorOptions.check(options);
    const ref = this.makeRef();
    if (options?.alias !== undefined) this.#addAlias(ref, options.alias);
    monitorWith(this, ref, target, { tag: options?.tag });
    return ref;
  }

  alias(options?: { readonly once?: boolean }): Ref {
    this.#mustBeAlive("alias");
    aliasOptions.check(options);
    const ref = this.makeRef();
    this.#addAlias(ref, options?.once ? "once" : "explicit");
    return ref;
  }

  unalias(alias: Ref): boolean {
    // An actor can only deactivate its own aliases.
    if (!this.aliases?.has(alias)) return false;
    return this.owner.aliases.remove(alias);
  }

  #addAlias(ref: Ref, mode: AliasMode): void {
    this.owner.aliases.add(ref, {
      actor: this,
      mode,
      takeMessage: null,
    });
  }

  call<R>(
    to: CallTarget,
    request: unknown,
    options: CallOptions = {},
  ): Promise<R> {
    this.#mustBeAlive("call");
    return call(this, to, request, options) as Promise<R>;
  }

  expectReply<R>(
    target: Pid<never>,
    announce: (from: ReplyTo) => void,
    options: CallOptions = {},
  ): Promise<R> {
    this.#mustBeAlive("expectReply");
    return expectReply(this, target, announce, options) as Promise<R>;
  }

  cast(to: Destination<never>, request: unknown): boolean {
    return this.send(to as Destination<Cast>, new Cast(request));
  }

  reply(to: ReplyTo, value: unknown): boolean {
    if (this.state === DEAD) return true;
    const hasRoom = reply(this, to, value);
    if (this.isSpecial) noteOut(this, to, value);
    if (!hasRoom) holdBack(this, to.pid.node);
    return hasRoom;
  }

  demonitor(ref: Ref, options?: { readonly flush?: boolean }): boolean {
    this.#mustBeAlive("demonitor");
    demonitorOptions.check(options);
    return demonitor(this, ref, options?.flush ?? false);
  }

  setGroupLeader(of: Pid, leader: Pid): void {
    this.#mustBeAlive("setGroupLeader");
    setGroupLeader(this.owner, of, leader);
  }

  sendAfter<T>(delayMs: number, to: Destination<T>, message: T): Ref {
    this.#mustBeAlive("sendAfter");
    return this.owner.actorTimers.sendAfter(
      this.pid,
      delayMs,
      to as Destination,
      message,
    );
  }

  startTimer(delayMs: number, message: unknown): Ref {
    this.#mustBeAlive("startTimer");
    return this.owner.actorTimers.start(this, delayMs, message);
  }

  cancelTimer(ref: Ref): number | null {
    return this.state === DEAD ? null : this.owner.actorTimers.cancel(ref);
  }

  readTimer(ref: Ref): number | null {
    return this.owner.actorTimers.read(ref);
  }

  register(name: string, pid: Pid = this.pid): void {
    this.#mustBeAlive("register");
    this.owner.names.register(name, pid);
  }

  unregister(name: string): void {
    this.#mustBeAlive("unregister");
    this.owner.names.unregister(name);
  }

  whereis(name: string | ViaTarget): Pid | null {
    return typeof name === "string"
      ? this.owner.names.whereis(name)
      : name.via.find(this.owner, name.name);
  }

  registered(): readonly string[] {
    return this.owner.names.registered();
  }

  isActorAlive(pid: Pid): boolean {
    return this.owner.isActorAlive(pid);
  }

  info(pid: Pid = this.pid): ActorInfo | null {
    const actor = this.owner.localActor(pid);
    return actor === null ? null : infoOf(actor);
  }

  hibernate(): void {
    if (this.mailbox.length === 0) this.mailbox.clear();
  }

  makeRef(): Ref {
    return this.owner.makeRefOf(this);
  }

  log(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const pid = String(this.pid);
    try {
      fields = { pid, ...fields };
    } catch (error) {
      // A getter of the fields has thrown.
      fields = { pid, error };
    }
    this.owner.logActor(level, message, fields);
  }

  logs(level: LogLevel): boolean {
    return this.owner.host.logs?.(level) ?? true;
  }

  nodes(): readonly string[] {
    return this.owner.nodes();
  }

  monitorNodes(on = true): void {
    this.#mustBeAlive("monitorNodes");
    this.owner.nodeEvents.subscribe(this, on);
  }

  /** Marks a wait as one for the node, so that a simulator allows it. */
  #waitForNode<T>(promise: Promise<T>): Promise<T> {
    this.nodeWaits++;
    this.owner.scheduler.handOver(this);
    return promise.finally(() => {
      this.nodeWaits--;
      const { scheduler } = this.owner;
      scheduler.turnTrace?.beginTurn(this.pid);
      scheduler.goesOn(this);
    });
  }

  #mustBeAlive(what: string): void {
    if (this.state === DEAD) {
      throw new UsageError(
        `expected ${what} to be called by a live actor, but ${this.pid} ` +
          "has ended; stop using self once a receive has rejected",
      );
    }
  }
}
