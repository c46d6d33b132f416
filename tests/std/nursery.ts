/** Children that do what a test says, for supervisors of every kind. */
import {
  type Atom,
  atom,
  type Down,
  type Pid,
  type Self,
  type Tuple,
} from "../../runtime/mod.ts";
import { genServer, ignore, refuse } from "../../std/gen_server/mod.ts";
import type { ChildSpec } from "../../std/supervisor/mod.ts";

type Order = { readonly nursery: Nursery; readonly id: string };

/** What a start is to come to, instead of a child. */
type Fate = { readonly reason: unknown } | "ignore";

const Kid = genServer({
  name: "Kid",
  trapExits: true,
  init: async (self, { nursery, id }: Order) => {
    const delayMs = nursery.delays.get(id) ?? 0;
    if (delayMs > 0) await self.receive("nothing", { timeoutMs: delayMs });
    const fate = nursery.fates.get(id)?.shift();
    if (fate === "ignore") return ignore;
    if (fate !== undefined) {
      nursery.events.push(`!${id}`);
      return refuse(fate.reason);
    }
    nursery.events.push(`+${id}`);
    nursery.pids.set(id, self.pid as Pid);
    return { nursery, id };
  },
  casts: {
    finish: (server, reason: Atom | Tuple) => server.stop(reason),
    detach: ({ self }, from: Pid) => self.unlink(from),
  },
  terminate: async ({ self, state: { nursery, id } }) => {
    const delayMs = nursery.lastWords.get(id) ?? 0;
    if (delayMs > 0) await self.receive("nothing", { timeoutMs: delayMs });
    nursery.events.push(`-${id}`);
  },
});

/** Makes children and sees what becomes of them. */
export class Nursery {
  /** `+a` for a start, `!a` for one that failed, `-a` for an end with words. */
  events: string[] = [];
  /** By id, the last one. */
  readonly pids: Map<string, Pid> = new Map();
  /** What the next starts come to. */
  readonly fates: Map<string, Fate[]> = new Map();
  /** How long a start takes, in ms. */
  readonly delays: Map<string, number> = new Map();
  /** How long an end in good order takes, in ms. */
  readonly lastWords: Map<string, number> = new Map();

  spec(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id,
      start: (self) => Kid.startLink(self, { nursery: this, id }),
      ...options,
    };
  }

  specs(ids: string, options: Partial<ChildSpec> = {}): readonly ChildSpec[] {
    return [...ids].map((id) => this.spec(id, options));
  }

  pid(id: string): Pid {
    const pid = this.pids.get(id);
    if (pid === undefined) throw new Error(`expected ${id} to have started`);
    return pid;
  }

  /** The next `count` starts fail with a reason. */
  refuse(id: string, count: number, reason: unknown = atom("nope")): void {
    this.fates.set(id, new Array<Fate>(count).fill({ reason }));
  }

  /** What has happened since it was asked last. */
  take(): string {
    const events = this.events.join(" ");
    this.events = [];
    return events;
  }

  /** A child ends by itself; its supervisor has its `Exit` then. */
  async finish(
    self: Self<unknown>,
    id: string,
    reason: unknown,
  ): Promise<void> {
    const pid = this.pid(id);
    const ref = self.monitor(pid);
    Kid.at(self, pid).finish(reason as Atom);
    await self.receive(ref);
  }

  /** A child takes back its link. */
  detach(self: Self<unknown>, id: string, from: Pid<never>): void {
    Kid.at(self, this.pid(id)).detach(from as Pid);
  }
}

/** How an actor ends that is monitored from before `act`. */
export async function endOf(
  self: Self<unknown>,
  pid: Pid<never>,
  act: () => unknown,
): Promise<unknown> {
  const ref = self.monitor(pid as Pid);
  await act();
  return (await self.receive(ref) as Down).reason;
}

/** What a promise rejects with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${String(value)}`);
    },
    (error: unknown) => error,
  );
}

/** The reason of a refusal. */
export async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return (await failure(promise) as { readonly reason: unknown }).reason;
}
