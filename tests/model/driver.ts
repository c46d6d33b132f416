/**
 * The actors of a run: they do what they are told, one order per message, and
 * note what they do and what they receive.
 *
 * Half of them are functions and half are handlers; a handler cannot wait, so
 * it leaves out what needs waiting.
 */

import {
  type AnyBehaviour,
  atom,
  Call,
  CallError,
  Down,
  Exit,
  handler,
  type Pid,
  printTerm,
  reasons,
  type Ref,
  type Self,
  SpawnError,
  stop,
  Timeout,
  UsageError,
} from "../../runtime/mod.ts";
import type { Doing } from "./history.ts";
import {
  actorNames,
  type Data,
  type Due,
  FAR_MS,
  isAllowed,
  isOfType,
  type Order,
  type Request,
  type Style,
  styleOf,
} from "./orders.ts";
import { reasonOf, type Recorder } from "./recorder.ts";

/** A behaviour that is announced to the recorder. */
export function driver(
  recorder: Recorder,
  spawn: number | null,
  style: Style,
): AnyBehaviour {
  const behaviour = style.isHandler
    ? handlerDriver(recorder, style)
    : functionDriver(recorder, style);
  recorder.announce(behaviour, { spawn });
  return behaviour;
}

function functionDriver(recorder: Recorder, style: Style): AnyBehaviour {
  return async (self: Self) => {
    const driver = new Driver(recorder, self, style);
    while (!driver.isDone) await driver.take(await self.receive());
  };
}

function handlerDriver(recorder: Recorder, style: Style): AnyBehaviour {
  return handler(
    (self: Self) => new Driver(recorder, self, style),
    (driver, message: unknown) => {
      void driver.take(message);
      return driver.isDone ? stop() : driver;
    },
  );
}

class Driver {
  readonly #recorder: Recorder;
  readonly #self: Self;
  readonly #id: number;
  readonly #isHandler: boolean;
  readonly #monitors: Ref[] = [];
  readonly #aliases: Ref[] = [];
  /** Counts what this actor sends, to any actor. */
  #k = 0;
  isDone = false;

  constructor(recorder: Recorder, self: Self, style: Style) {
    this.#recorder = recorder;
    this.#self = self;
    this.#id = recorder.actorOf(self.pid);
    this.#isHandler = style.isHandler;
    if (style.trap && !self.trapExits) this.#trap(true);
    if (style.isShort) this.#exit(9);
  }

  #add<E extends Omit<Doing, "actor">>(event: E): E {
    const full = { actor: this.#id, ...event };
    this.#recorder.add(full as unknown as Doing);
    return full;
  }

  /** Anything that comes, but selected data, which `#select` takes. */
  take(message: unknown): void | Promise<void> {
    if (isOfType<Order>(message, "order")) return this.#perform(message);
    if (isOfType<Data>(message, "data")) return this.#data(message, false);
    if (message instanceof Call) return this.#called(message);
    if (message instanceof Down) return this.#down(message);
    const is = message instanceof Exit
      ? {
        is: "exited",
        from: this.#recorder.actorOf(message.from),
        reason: reasonOf(message.reason),
      } as const
      : message instanceof Timeout || isOfType<Due>(message, "due")
      ? {
        is: "timeout",
        ref: this.#recorder.refOf(message.ref as Ref),
        nowMs: this.#recorder.nowMs,
      } as const
      : { is: "strange", what: printTerm(message) } as const;
    this.#add(is);
  }

  #data({ id, from, k, me }: Data, isSelective: boolean): void {
    this.#add({ is: "data", id, from, k, isSelective });
    if (this.#recorder.actorOf(me) !== from) {
      this.#add({ is: "strange", what: `pid ${me} from actor ${from}` });
    }
  }

  #called({ from, request }: Call): void {
    const { call, from: caller, k } = request as Request;
    this.#add({ is: "called", call, from: caller, k });
    this.#self.reply(from, { by: this.#id, of: call });
  }

  #down({ ref, target, reason }: Down): void {
    this.#add({
      is: "down",
      ref: this.#recorder.refOf(ref),
      target: "name" in target
        ? { name: target.name, node: target.node }
        : this.#recorder.actorOf(target),
      reason: reasonOf(reason),
    });
    for (const name of actorNames) this.#whereis(name);
  }

  #perform(order: Order): void | Promise<void> {
    const { op, peer, node, name } = order;
    switch (op.do) {
      case "send":
        return this.#send(peer, order.isLate);
      case "alias":
        return this.#alias(op.x % 2 === 0);
      case "unalias":
        return this.#unalias();
      case "sendAlias":
        return this.#sendAlias(op.x);
      case "sendName":
        return this.#sendName(node, name, op.x % 2 === 0);
      case "volley":
        this.#send(peer, false);
        this.#send(peer, false);
        this.#sendExit(peer, 11);
        this.#send(peer, false);
        return this.#send(peer, false);
      case "spawn":
      case "spawnLink":
      case "spawnMonitor":
        return this.#spawn(op.do, node, op.y);
      case "link":
        return this.#link(peer);
      case "unlink":
        return this.#unlink(peer);
      case "monitor":
        return this.#monitor(peer);
      case "monitorName":
        return this.#monitorName(node, name, op.x % 2 === 0);
      case "demonitor":
        return this.#demonitor(op.x, op.y % 2 === 0);
      case "exit":
        return this.#exit(op.x);
      case "sendExit":
        return this.#sendExit(peer, op.x);
      case "trap":
        return this.#trap(op.x % 2 === 0);
      case "register":
        return this.#register(name, op.y % 3 === 0 ? peer : this.#self.pid);
      case "unregister":
        return this.#unregister(name);
      case "whereis":
        return this.#whereis(name);
      case "call":
        return this.#call(op.y % 4 === 0 ? { name, node } : peer, op.x);
      case "timer":
        return this.#timer(
          op.x < 8 ? op.x : FAR_MS,
          op.y % 2 === 0 ? this.#self.pid : peer,
        );
      case "cancelTimer":
        return this.#cancelTimer(op.x);
      case "selective":
        return this.#select(op.x, op.y);
      default:
        op.do satisfies never;
    }
  }

  #send(to: Pid, isLate: boolean): void {
    const id = this.#recorder.fresh();
    const k = ++this.#k;
    const peer = this.#recorder.actorOf(to);
    this.#add({ is: "send", id, to: peer, k, isLate, alias: null });
    this.#self.send(to as Pid<unknown>, this.#message(id, k));
  }

  #message(id: number, k: number): Data {
    return { type: "data", id, from: this.#id, k, me: this.#self.pid };
  }

  #alias(isOnce: boolean): void {
    const ref = this.#self.alias({ once: isOnce });
    this.#aliases.push(ref);
    const number = this.#recorder.addAlias(this.#id, ref);
    this.#add({ is: "alias", ref: number, isOnce });
  }

  #unalias(): void {
    const ref = this.#aliases.pop();
    if (ref === undefined) return;
    const wasActive = this.#self.unalias(ref);
    this.#add({ is: "unalias", ref: this.#recorder.refOf(ref), wasActive });
  }

  /** Under the alias of any actor. */
  #sendAlias(which: number): void {
    const { aliases } = this.#recorder;
    const alias = aliases[which % aliases.length];
    if (alias === undefined) return;
    const id = this.#recorder.fresh();
    const k = ++this.#k;
    const { owner, ref, number } = alias;
    this.#add({ is: "send", id, to: owner, k, isLate: false, alias: number });
    this.#self.send(ref, this.#message(id, k));
  }

  #sendName(node: string, name: string, isPlain: boolean): void {
    const id = this.#recorder.fresh();
    const k = ++this.#k;
    const to = isPlain && node === this.#self.node ? name : { name, node };
    try {
      this.#self.send(to, this.#message(id, k));
      const holder = { name, node };
      this.#add({ is: "send", id, to: holder, k, isLate: false, alias: null });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      // The refusal says that no actor has the name, and so must whereis.
      this.#add({ is: "whereis", name, found: null });
      this.#whereis(name);
    }
  }

  #spawn(
    how: "spawn" | "spawnLink" | "spawnMonitor",
    node: string,
    y: number,
  ): void | Promise<void> {
    const isHere = node === this.#self.node && (y & 4) === 0;
    if (!isHere && this.#isHandler) return;
    const spawn = this.#recorder.fresh();
    const link = how === "spawnLink";
    this.#add({ is: "spawn", spawn, node, link });
    const style = styleOf(y);
    if (!isHere) return this.#spawnOn(how, node, spawn, style);
    const behaviour = driver(this.#recorder, spawn, style) as (
      self: Self,
    ) => void;
    const options = { trapExits: style.trap };
    if (how === "spawnMonitor") {
      const { pid, ref } = this.#self.spawnMonitor(behaviour, options);
      this.#spawned(spawn, pid, ref);
    } else {
      this.#spawned(spawn, this.#self[how](behaviour, options), null);
    }
  }

  async #spawnOn(
    how: "spawn" | "spawnLink" | "spawnMonitor",
    node: string,
    spawn: number,
    style: Style,
  ): Promise<void> {
    try {
      const args = [spawn, style];
      const { pid, ref } = await this.#self.spawnOn(node, "driver", args, {
        link: how === "spawnLink",
        monitor: how === "spawnMonitor",
      });
      this.#spawned(spawn, pid, ref);
    } catch (error) {
      if (!(error instanceof SpawnError)) throw error;
      this.#add({ is: "unspawned", spawn, reason: error.reason });
    }
  }

  #spawned(spawn: number, pid: Pid, ref: Ref | null): void {
    const child = this.#recorder.actorOf(pid);
    const number = ref === null ? null : this.#recorder.refOf(ref);
    this.#add({ is: "spawned", spawn, child, ref: number });
    if (ref !== null) this.#monitors.push(ref);
  }

  #link(to: Pid): void {
    if (to === this.#self.pid) return;
    const peer = this.#recorder.actorOf(to);
    this.#add({ is: "link", peer, k: ++this.#k });
    this.#self.link(to);
  }

  #unlink(to: Pid): void {
    if (to === this.#self.pid) return;
    this.#self.unlink(to);
    this.#add({ is: "unlink", peer: this.#recorder.actorOf(to) });
  }

  #monitor(to: Pid): void {
    const ref = this.#self.monitor(to);
    this.#monitors.push(ref);
    this.#add({
      is: "monitor",
      ref: this.#recorder.refOf(ref),
      target: this.#recorder.actorOf(to),
    });
  }

  #monitorName(node: string, name: string, isPlain: boolean): void {
    const target = isPlain && node === this.#self.node ? name : { name, node };
    const ref = this.#self.monitor(target);
    this.#monitors.push(ref);
    this.#add({
      is: "monitor",
      ref: this.#recorder.refOf(ref),
      target: { name, node },
    });
  }

  /** -1 is the newest. */
  #demonitor(which: number, flush: boolean): void {
    const ref = this.#monitors.at(which % this.#monitors.length);
    if (ref === undefined) return;
    const wasActive = this.#self.demonitor(ref, { flush });
    const number = this.#recorder.refOf(ref);
    this.#add({ is: "demonitor", ref: number, flush, wasActive });
  }

  #exit(x: number): void {
    if (x < 2) {
      this.#add({ is: "exit", reason: ":normal" });
      this.isDone = true;
      return;
    }
    const reason = this.#reason(x - 2);
    this.#add({ is: "exit", reason: reasonOf(reason) });
    this.#self.exit(reason);
  }

  /** Mostly a reason that no other exit has. */
  #reason(x: number): unknown {
    switch (x) {
      case 0:
      case 1:
        return reasons.kill;
      case 2:
        return reasons.normal;
      case 3:
        return atom("oops");
      default:
        return `r${this.#recorder.fresh()}`;
    }
  }

  #sendExit(to: Pid, x: number): void {
    const reason = this.#reason(x);
    this.#add({
      is: "sendExit",
      to: this.#recorder.actorOf(to),
      reason: reasonOf(reason),
      k: ++this.#k,
    });
    this.#self.sendExit(to, reason);
  }

  #trap(on: boolean): void {
    this.#self.trapExits = on;
    this.#add({ is: "trap", on });
  }

  #register(name: string, pid: Pid): void {
    const isDone = isAllowed(() => this.#self.register(name, pid));
    const of = this.#recorder.actorOf(pid);
    this.#add({ is: "register", name, of, isDone });
  }

  #unregister(name: string): void {
    const isDone = isAllowed(() => this.#self.unregister(name));
    this.#add({ is: "unregister", name, isDone });
  }

  #whereis(name: string): void {
    const pid = this.#self.whereis(name);
    const found = pid === null ? null : this.#recorder.actorOf(pid);
    this.#add({ is: "whereis", name, found });
  }

  async #call(to: Pid | { name: string; node: string }, x: number) {
    if (this.#isHandler) return;
    const call = this.#recorder.fresh();
    const k = ++this.#k;
    const target = "name" in to ? to : this.#recorder.actorOf(to);
    this.#add({ is: "call", call, to: target, k });
    const request: Request = { call, from: this.#id, k };
    try {
      const { by, of } = await this.#self.call<{ by: number; of: number }>(
        to,
        request,
        { timeoutMs: x * 4 },
      );
      this.#add({ is: "answer", call, by, of });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#add({ is: "uncall", call, reason: reasonOf(error.reason) });
    }
  }

  /** On this node only, where nothing is lost on the way. */
  #timer(delayMs: number, to: Pid): void {
    const { node, pid } = this.#self;
    if (to.node !== node) return this.#timer(delayMs, pid);
    const { nowMs, timers } = this.#recorder;
    const ref = to === pid
      ? this.#self.startTimer(delayMs, "due")
      : this.#timerTo(delayMs, to);
    timers.push(ref);
    this.#add({
      is: "timer",
      ref: this.#recorder.refOf(ref),
      to: this.#recorder.actorOf(to),
      dueMs: nowMs + delayMs,
    });
  }

  #timerTo(delayMs: number, to: Pid): Ref {
    const due: Due = { type: "due", ref: null };
    due.ref = this.#self.sendAfter(delayMs, to as Pid<unknown>, due);
    return due.ref;
  }

  /** Of any actor on this node; 0 is the newest. */
  #cancelTimer(which: number): void {
    const timers = this.#recorder.timers
      .filter((ref) => ref.node === this.#self.node);
    const ref = timers.at(-1 - which % timers.length);
    if (ref === undefined) return;
    const { nowMs } = this.#recorder;
    const wasActive = this.#self.cancelTimer(ref) !== null;
    const number = this.#recorder.refOf(ref);
    this.#add({ is: "cancel", ref: number, nowMs, wasActive });
  }

  async #select(timeoutMs: number, y: number): Promise<void> {
    if (this.#isHandler) return;
    const wanted = (message: unknown): message is Data =>
      isOfType<Data>(message, "data") && message.from % 2 === y % 2;
    const found = await this.#self.receive(wanted, { timeoutMs });
    if (found !== undefined) this.#data(found, true);
  }
}
