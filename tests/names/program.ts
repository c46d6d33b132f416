/**
 * A random program for `global` in a simulated cluster, decided by its seed:
 * names given, taken back and contested, locks, exits, and every fault that
 * the network and the nodes can have. At the end everything is healed, and the
 * judge checks the state.
 */

import {
  global,
  type GlobalSelf,
  NodeDown,
  type Pid,
  reasons,
  type ResolverFunction,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import { simulate, type Simulation } from "../../std/testing/mod.ts";
import { type Decision, judge, type Owner, type View } from "./judge.ts";

const nodeNames = ["n0@sim", "n1@sim", "n2@sim", "n3@sim"] as const;
const contestedNames = ["red", "green", "blue"] as const;
const lockNames = ["door", "gate"] as const;
/** A call that has not returned by then is taken for lost. */
const CALL_MS = 8_000;
const SLACK_MS = 21_000;
/** Longest time from a question to a resolver until it runs. */
const RESOLVING_MS = 10;
/** Silence is noticed early, so that a program need not be long. */
const limits = {
  suspectAfterMs: 1_000,
  downAfterMs: 2_000,
  setupTimeoutMs: 1_000,
};

/** The result of a program. */
export type Verdict = {
  readonly violations: readonly string[];
  readonly events: ReadonlyMap<string, number>;
  readonly steps: number;
};

type Pending = { readonly what: string; readonly atMs: number; node: string };

class Run {
  readonly #sim: Simulation;
  readonly #up = new Set<string>();
  readonly #owners: Owner[] = [];
  readonly #decisions: Decision[] = [];
  readonly #pending = new Set<Pending>();
  readonly #violations: string[] = [];
  readonly #lockers: { readonly node: RunningNode; readonly pid: Pid }[] = [];
  readonly events: Map<string, number> = new Map();
  /** Names that an actor may still take away, with how often. */
  readonly #contested = new Map<string, number>();
  #downs = 0;
  #lastDownMs = -Infinity;

  readonly #partitions: "heal" | "prevent";

  constructor(sim: Simulation, partitions: "heal" | "prevent") {
    this.#sim = sim;
    this.#partitions = partitions;
  }

  #count(what: string): void {
    this.events.set(what, (this.events.get(what) ?? 0) + 1);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#sim.below(items.length)] as T;
  }

  get #nodes(): readonly RunningNode[] {
    return [...this.#up].map((name) => this.#sim.node(name));
  }

  async #start(name: string): Promise<void> {
    const node = await this.#sim.start(name, {
      limits: limits,
      global: { partitions: this.#partitions },
    });
    this.#up.add(name);
    node.onNodeEvent((event) => {
      if (event instanceof NodeDown) this.#lost();
    });
  }

  #lost(): void {
    this.#downs++;
    this.#lastDownMs = this.#sim.timeMs;
  }

  /** An actor that lives until it is killed; its calls must return. */
  #act(
    node: RunningNode,
    what: string,
    body: (self: GlobalSelf & Self<unknown>) => Promise<unknown>,
  ): Pid {
    this.#count(what);
    return node.spawn(async (self: Self<unknown>) => {
      const pending = { what, atMs: this.#sim.timeMs, node: node.name };
      this.#pending.add(pending);
      try {
        await body(self as GlobalSelf & Self<unknown>);
      } finally {
        this.#pending.delete(pending);
        const tookMs = this.#sim.timeMs - pending.atMs;
        if (tookMs > CALL_MS + SLACK_MS) {
          this.#violations.push(`${what} took ${Math.round(tookMs)} ms`);
        }
      }
      for (;;) await self.receive();
    }) as Pid;
  }

  readonly #resolver: ResolverFunction = (name, one, other) => {
    this.#count("decision");
    const winner = this.#pick([one, other, null]);
    const downs = this.#downs;
    const isIncomplete = this.#isOverlapping() ||
      this.#sim.timeMs - this.#lastDownMs < RESOLVING_MS;
    this.#decisions.push({
      name: String(name),
      one,
      other,
      winner,
      downs,
      isIncomplete,
    });
    return winner;
  };

  #register(): void {
    const node = this.#pick(this.#nodes);
    const name = this.#pick(contestedNames);
    const resolver = this.#pick(["function", "randomExit"] as const);
    const again = this.#sim.below(5) === 0;
    const owner: Owner = {
      name,
      node,
      pid: null,
      isGiven: false,
      inWhole: this.#isWhole(),
      inOverlap: this.#isOverlapping(),
      isTaken: this.#contested.has(name),
    };
    this.#owners.push(owner);
    owner.pid = this.#act(node, again ? "reRegister" : "register", async (
      self,
    ) => {
      const options = {
        resolver: resolver === "function" ? this.#resolver : resolver,
        timeoutMs: CALL_MS,
      };
      if (again) {
        await this.#contest(
          name,
          () => global.reRegisterName(self, name, self.pid, options),
        );
      } else {
        owner.isGiven = await global.registerName(
          self,
          name,
          self.pid,
          options,
        );
        owner.inOverlap ||= this.#isOverlapping();
      }
    });
  }

  /** Whether a third node knows two nodes that do not know each other. */
  #isOverlapping(): boolean {
    const known = new Map(
      this.#nodes.map((node) => [node.name, global.inspect(node).known]),
    );
    return [...known.values()].some((names) =>
      names.some((one) =>
        names.some((other) =>
          one !== other && known.get(one)?.includes(other) === false
        )
      )
    );
  }

  #unregister(): void {
    const name = this.#pick(contestedNames);
    this.#act(
      this.#pick(this.#nodes),
      "unregister",
      (self) =>
        this.#contest(
          name,
          () => global.unregisterName(self, name, { timeoutMs: CALL_MS }),
        ),
    );
  }

  /**
   * An actor that has the name meanwhile may lose it. Where the caller
   * ends first, the end of the change is not known.
   */
  async #contest(name: string, body: () => Promise<void>): Promise<void> {
    this.#contested.set(name, (this.#contested.get(name) ?? 0) + 1);
    for (const owner of this.#owners) {
      if (owner.name === name) owner.isTaken = true;
    }
    await body();
    const count = (this.#contested.get(name) ?? 1) - 1;
    if (count === 0) this.#contested.delete(name);
    else this.#contested.set(name, count);
  }

  #lock(): void {
    const node = this.#pick(this.#nodes);
    const resource = this.#pick(lockNames);
    const isBrief = this.#sim.below(2) === 0;
    const pid = this.#act(node, isBrief ? "trans" : "lock", async (self) => {
      const lock = { resource, requester: self.pid };
      const options = { timeoutMs: CALL_MS };
      if (isBrief) await global.trans(self, lock, () => 0, options);
      else await global.setLock(self, lock, options);
    });
    this.#lockers.push({ node, pid });
  }

  #kill(): void {
    const owner = this.#pick(this.#owners);
    if (owner?.pid == null || !this.#isUp(owner.node)) return;
    this.#count("kill");
    this.#end(owner.node, owner.pid);
  }

  #end(node: RunningNode, pid: Pid): void {
    void node.run((self) => self.sendExit(pid, reasons.kill));
  }

  #isUp(node: RunningNode): boolean {
    return this.#up.has(node.name) && this.#sim.node(node.name) === node;
  }

  /** A fault of the network or of a node. */
  async #fault(): Promise<void> {
    const sim = this.#sim;
    const [a, b] = [this.#pick(nodeNames), this.#pick(nodeNames)];
    const kind: string = this.#pick(
      ["cut", "cut", "split", "overlap", "stall", "heal", "heal", "crash"],
    );
    this.#count(kind);
    switch (kind) {
      case "cut":
        sim.cut(a, b);
        return;
      case "split": {
        const at = 1 + sim.below(nodeNames.length - 1);
        sim.partition(nodeNames.slice(0, at), nodeNames.slice(at));
        return;
      }
      case "overlap":
        if (a !== b) sim.partition([a], [b]);
        return;
      case "stall":
        if (a !== b) sim.stall(a, b);
        return;
      case "heal":
        sim.heal();
        return;
      default:
        if (this.#up.has(a)) await this.#restart(a);
    }
  }

  async #restart(name: string): Promise<void> {
    this.#up.delete(name);
    this.#sim.crash(name);
    for (const pending of this.#pending) {
      if (pending.node === name) this.#pending.delete(pending);
    }
    this.#lost();
    await this.#sim.advance(this.#sim.below(500));
    await this.#start(name);
    this.#meet(name);
  }

  #meet(name: string): void {
    void this.#sim.node(name).tryConnect(this.#pick(nodeNames));
  }

  async program(): Promise<void> {
    const sim = this.#sim;
    const count = 2 + sim.below(nodeNames.length - 1);
    for (const name of nodeNames.slice(0, count)) await this.#start(name);
    for (const name of this.#up) this.#meet(name);
    const length = 6 + sim.below(10);
    for (let i = 0; i < length; i++) {
      const what = sim.below(12);
      if (what < 4) this.#register();
      else if (what < 5) this.#unregister();
      else if (what < 7) this.#lock();
      else if (what < 8) this.#kill();
      else if (what < 11) await this.#fault();
      else this.#meet(this.#pick([...this.#up]));
      await sim.advance(this.#pick([0, 2, 10, 60, 300, 2_500]));
    }
    await this.#settle();
  }

  /** All nodes are connected again, and no actor holds a lock. */
  async #settle(): Promise<void> {
    const sim = this.#sim;
    sim.heal();
    for (const { node, pid } of this.#lockers) {
      if (this.#isUp(node)) this.#end(node, pid);
    }
    // Losses that the network has delayed may still come.
    await sim.advance(50);
    for (let i = 0; i < 8; i++) {
      const [first, ...others] = this.#nodes;
      for (const node of others) {
        if (!this.#isWhole()) void node.tryConnect(first?.name ?? "");
      }
      const end = sim.timeMs + 3_000;
      await sim.until(() => this.#isWhole() || sim.timeMs >= end, {
        what: "a mesh",
      });
      await this.#rest();
      // Nodes that have met again compare their names.
      await sim.advance(1_500);
      // A stuck lock would be taken away after a while.
      if (this.#isWhole() || !this.#isQuiet()) break;
    }
    if (!this.#isWhole()) {
      this.#violations.push("the nodes do not find each other");
    }
    if (!this.#isQuiet()) this.#violations.push("global does not come to rest");
    for (const { what, node } of this.#pending) {
      this.#violations.push(`${what} on ${node} never returned`);
    }
  }

  #isWhole(): boolean {
    return this.#nodes.every((node) =>
      node.nodes().length === this.#up.size - 1
    );
  }

  async #rest(): Promise<void> {
    const end = this.#sim.timeMs + CALL_MS + SLACK_MS;
    await this.#sim.until(
      () => this.#isQuiet() || this.#sim.timeMs >= end,
      { what: "rest" },
    );
  }

  #isQuiet(): boolean {
    return this.#pending.size === 0 && this.#nodes.every((node) => {
      const { locks, pending } = global.inspect(node);
      return locks.length + pending.length === 0;
    });
  }

  #views(): readonly View[] {
    return this.#nodes.map((node) => viewOf(node));
  }

  verdict(): readonly string[] {
    return [
      ...this.#violations,
      ...judge({
        views: this.#views(),
        owners: this.#owners.filter(({ node }) => this.#isUp(node)),
        decisions: this.#decisions,
      }),
    ];
  }
}

function viewOf(node: RunningNode): View {
  const names = new Map<string, Pid>();
  for (const name of global.registeredNames(node)) {
    const pid = global.whereisName(node, name);
    if (pid !== null) names.set(String(name), pid);
  }
  const inside = global.inspect(node);
  return {
    node: node.name,
    names,
    locks: inside.locks.length,
    pending: inside.pending.length,
    known: inside.known,
  };
}

/** Runs the program of a seed; violations are in its result. */
export async function runProgram(seed: number): Promise<Verdict> {
  let run: Run | null = null;
  let violations: readonly string[] = [];
  try {
    const { steps } = await simulate(
      { seed, maxSteps: 400_000 },
      async (sim) => {
        // Of four programs one prevents overlapping partitions as OTP does.
        run = new Run(sim, seed % 4 === 0 ? "prevent" : "heal");
        await run.program();
        violations = run.verdict();
      },
    );
    const { events } = run as unknown as Run;
    return { violations, events, steps };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { violations: [why], events: new Map(), steps: 0 };
  }
}
