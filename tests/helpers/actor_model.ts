/**
 * What links, monitors, exits and names of one node should come to, written
 * down a second time and as plainly as possible: sets and loops over all
 * actors, no queues, no timers, no scheduling.
 *
 * A turn is what one actor does in one go. Signals act at once; messages wait
 * until the turn has ended, and then each actor reads its own.
 */

/** Exit reasons by name; "kill" is special as in the reference manual. */
export type Reason = string;

/** Actors are numbers in order of spawning, taken modulo how many there are. */
export type Op =
  | { op: "spawn"; how: "plain" | "link" | "monitor"; traps: boolean }
  | { op: "link" | "unlink" | "monitor"; to: number }
  | { op: "monitorName" | "unregister"; name: string }
  | { op: "register"; name: string; to: number }
  | { op: "demonitor"; ref: number; flush: boolean }
  | { op: "sendExit"; to: number; reason: Reason }
  | { op: "exit" | "throw"; reason: Reason }
  | { op: "traps"; traps: boolean }
  | { op: "send"; to: number; text: string };

/** A message, as text: `exit 3 x`, `down 5 3 x`, `hello`. */
export type Message = string;

class ModelActor {
  alive = true;
  traps: boolean;
  reason: Reason | null = null;
  name: string | null = null;
  mailbox: Message[] = [];
  /** Everything it has read. */
  read: Message[] = [];
  readonly links: Set<number> = new Set();
  /** Target and what Down will show, by number of the ref. */
  readonly monitors: Map<number, { target: number; shown: string }> = new Map();

  constructor(traps: boolean) {
    this.traps = traps;
  }
}

export class Model {
  readonly actors: ModelActor[] = [];
  /** How many refs have been made, and by whom. */
  readonly refOwners: number[] = [];
  crashes = 0;
  /** What calls returned or threw, in order. */
  readonly results: unknown[] = [];

  spawn(traps: boolean): number {
    return this.actors.push(new ModelActor(traps)) - 1;
  }

  holder(name: string): number | null {
    const id = this.actors.findIndex((actor) => actor.name === name);
    return id < 0 ? null : id;
  }

  /** Lets one actor act until it ends or has done everything. */
  turn(id: number, ops: readonly Op[]): void {
    const actor = this.actors[id]!;
    for (const op of ops) {
      if (!actor.alive) break;
      this.#apply(id, actor, op);
    }
    for (const one of this.actors) one.read.push(...one.mailbox.splice(0));
  }

  #apply(id: number, actor: ModelActor, op: Op): void {
    switch (op.op) {
      case "spawn": {
        const child = this.spawn(op.traps);
        if (op.how === "link") this.#link(id, child);
        if (op.how === "monitor") this.#monitor(id, child, `#${child}`);
        return;
      }
      case "link":
        return this.#link(id, this.#pick(op.to));
      case "unlink": {
        const to = this.#pick(op.to);
        actor.links.delete(to);
        this.actors[to]!.links.delete(id);
        return;
      }
      case "monitor": {
        const to = this.#pick(op.to);
        return this.#monitor(id, to, `#${to}`);
      }
      case "monitorName":
        return this.#monitor(id, this.holder(op.name), op.name);
      case "demonitor":
        return this.#demonitor(id, op.ref, op.flush);
      case "sendExit":
        return this.#exitSignal(id, this.#pick(op.to), op.reason);
      case "exit":
        return this.#end(id, op.reason);
      case "throw":
        this.crashes++;
        return this.#end(id, op.reason);
      case "traps":
        actor.traps = op.traps;
        return;
      case "send": {
        const to = this.actors[this.#pick(op.to)]!;
        if (to.alive) to.mailbox.push(op.text);
        return;
      }
      case "register":
        return this.#register(op.name, this.actors[this.#pick(op.to)]!);
      case "unregister": {
        const holder = this.holder(op.name);
        this.results.push(holder === null ? "refused" : "done");
        if (holder !== null) this.actors[holder]!.name = null;
        return;
      }
      default:
        op satisfies never;
    }
  }

  #pick(number: number): number {
    return number % this.actors.length;
  }

  #link(a: number, b: number): void {
    if (a === b) return;
    if (!this.actors[b]!.alive) return this.#brokenLink(b, a, "noproc");
    this.actors[a]!.links.add(b);
    this.actors[b]!.links.add(a);
  }

  #monitor(id: number, target: number | null, shown: string): void {
    const ref = this.refOwners.push(id) - 1;
    const actor = this.actors[id]!;
    if (target === null || !this.actors[target]!.alive) {
      actor.mailbox.push(`down ${ref} ${shown} noproc`);
    } else {
      actor.monitors.set(ref, { target, shown });
    }
  }

  #demonitor(id: number, number: number, flush: boolean): void {
    if (this.refOwners.length === 0) return;
    const actor = this.actors[id]!;
    const ref = number % this.refOwners.length;
    const owner = this.refOwners[ref]!;
    const isWatched = this.actors[owner]!.monitors.get(ref)?.target === id;
    if (owner !== id && isWatched) {
      this.results.push("refused");
      return;
    }
    this.results.push(actor.monitors.delete(ref));
    if (!flush) return;
    actor.mailbox = actor.mailbox.filter((message) =>
      !message.startsWith(`down ${ref} `)
    );
  }

  #register(name: string, actor: ModelActor): void {
    const isRefused = !actor.alive || actor.name !== null ||
      this.holder(name) !== null;
    this.results.push(isRefused ? "refused" : "done");
    if (!isRefused) actor.name = name;
  }

  #exitSignal(from: number, to: number, reason: Reason): void {
    const actor = this.actors[to]!;
    if (!actor.alive) return;
    if (reason === "kill") this.#end(to, "killed");
    else if (actor.traps) actor.mailbox.push(`exit ${from} ${reason}`);
    else if (reason !== "normal" || from === to) this.#end(to, reason);
  }

  #brokenLink(from: number, to: number, reason: Reason): void {
    const actor = this.actors[to]!;
    if (!actor.alive) return;
    if (actor.traps) actor.mailbox.push(`exit ${from} ${reason}`);
    else if (reason !== "normal") this.#end(to, reason);
  }

  #end(id: number, reason: Reason): void {
    const actor = this.actors[id]!;
    actor.alive = false;
    actor.reason = reason;
    actor.name = null;
    actor.mailbox = [];
    actor.monitors.clear();
    for (const watcher of this.actors) {
      for (const [ref, { target, shown }] of watcher.monitors) {
        if (target !== id) continue;
        watcher.monitors.delete(ref);
        watcher.mailbox.push(`down ${ref} ${shown} ${reason}`);
      }
    }
    for (const peer of [...actor.links]) {
      actor.links.delete(peer);
      this.actors[peer]!.links.delete(id);
      this.#brokenLink(id, peer, reason);
    }
  }
}
