/** Children that start and end as a test says, for all kinds of supervisors. */
import {
  type Atom,
  atom,
  type Pid,
  type Self,
  type Tuple,
} from "../../runtime/mod.ts";
import { genServer, ignore, refuse } from "../../std/gen_server/mod.ts";
import type { ChildSpec } from "../../std/supervisor/mod.ts";

type ChildArgument = {
  readonly testChildren: TestChildren;
  readonly id: string;
};

/** The result of a start that starts no child. */
type StartResult = { readonly reason: unknown } | "ignore";

const TestChild = genServer({
  name: "TestChild",
  trapExits: true,
  init: async (self, { testChildren, id }: ChildArgument) => {
    const delayMs = testChildren.delays.get(id) ?? 0;
    if (delayMs > 0) await self.receive("nothing", { timeoutMs: delayMs });
    const result = testChildren.startResults.get(id)?.shift();
    if (result === "ignore") return ignore;
    if (result !== undefined) {
      testChildren.events.push(`!${id}`);
      return refuse(result.reason);
    }
    testChildren.events.push(`+${id}`);
    testChildren.pids.set(id, self.pid as Pid);
    return { testChildren, id };
  },
  casts: {
    end: (server, reason: Atom | Tuple) => server.stop(reason),
    detach: ({ self }, from: Pid) => self.unlink(from),
  },
  terminate: async ({ self, state: { testChildren, id } }) => {
    const delayMs = testChildren.terminateDelays.get(id) ?? 0;
    if (delayMs > 0) await self.receive("nothing", { timeoutMs: delayMs });
    testChildren.events.push(`-${id}`);
  },
});

/** Makes the specifications of such children, and records their starts and ends. */
export class TestChildren {
  /** `+a` for a start, `!a` for a failed one, `-a` for a call of terminate. */
  events: string[] = [];
  /** The pid of the last start, by id. */
  readonly pids: Map<string, Pid> = new Map();
  /** The results of the next starts, by id. */
  readonly startResults: Map<string, StartResult[]> = new Map();
  /** How long a start takes, in ms, by id. */
  readonly delays: Map<string, number> = new Map();
  /** How long `terminate` takes, in ms, by id. */
  readonly terminateDelays: Map<string, number> = new Map();

  spec(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id,
      start: (self) => TestChild.startLink(self, { testChildren: this, id }),
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

  /** Makes the next `count` starts fail with a reason. */
  refuse(id: string, count: number, reason: unknown = atom("nope")): void {
    this.startResults.set(id, new Array<StartResult>(count).fill({ reason }));
  }

  /** The events since the last call. */
  take(): string {
    const events = this.events.join(" ");
    this.events = [];
    return events;
  }

  /** Ends a child from inside; its supervisor has got the `Exit` then. */
  async endChild(
    self: Self<unknown>,
    id: string,
    reason: unknown,
  ): Promise<void> {
    const pid = this.pid(id);
    const ref = self.monitor(pid);
    TestChild.at(self, pid).end(reason as Atom);
    await self.receive(ref);
  }

  /** Makes a child remove its link. */
  detach(self: Self<unknown>, id: string, from: Pid<never>): void {
    TestChild.at(self, this.pid(id)).detach(from as Pid);
  }
}
