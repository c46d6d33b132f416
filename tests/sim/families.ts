/** Supervised children that fail as the seed decides, for random schedules. */
import {
  type Atom,
  atom,
  type Behaviour,
  Exit,
  type Pid,
  reasons,
  type Self,
} from "../../runtime/mod.ts";
import { type Starting, startLink } from "../../std/proc_lib/mod.ts";
import type { ChildSpec } from "../../std/supervisor/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";

export const boom: Atom = atom("boom");

/** One life of a child, and when it was in force. */
type Life = { readonly id: string; readonly pid: Pid; isOver: boolean };

/**
 * Children that say when they start and end. Their messages are reasons to
 * end with; they may also fail by themselves, or be slow.
 */
export class Lives {
  readonly sim: Simulation;
  readonly all: Life[] = [];
  /** Ids of which two lives ran at the same time. */
  readonly overlaps: string[] = [];
  /** Starts that failed. */
  failures = 0;
  /** Percentages. */
  failing = 0;
  slow = 0;
  deaf = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  #happens(percent: number): boolean {
    return this.sim.below(100) < percent;
  }

  spec(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
    return {
      id,
      start: async (self) => {
        const { pid } = await startLink(
          self,
          (starting) => this.#life(id, starting),
        );
        return pid as Pid;
      },
      shutdown: 50,
      ...options,
    };
  }

  #life(id: string, starting: Starting): Behaviour<unknown> {
    return async (self: Self<unknown>) => {
      self.trapExits = true;
      if (this.#happens(this.slow)) {
        await self.receive("nothing", { timeoutMs: this.sim.below(4) });
      }
      if (this.#happens(this.failing)) {
        this.failures++;
        starting.initFail("unlucky", reasons.normal);
      }
      if (this.last(id)?.isOver === false) this.overlaps.push(id);
      const life: Life = { id, pid: self.pid as Pid, isOver: false };
      this.all.push(life);
      using _over = { [Symbol.dispose]: () => void (life.isOver = true) };
      starting.initAck();
      const isDeaf = this.#happens(this.deaf);
      for (;;) {
        const message = await self.receive();
        if (!(message instanceof Exit)) self.exit(message);
        if (isDeaf) continue;
        await self.receive("nothing", { timeoutMs: this.sim.below(4) });
        self.exit(message.reason);
      }
    };
  }

  /** The live children. */
  get living(): readonly Life[] {
    return this.all.filter(({ isOver }) => !isOver);
  }

  /** The last life of a child. */
  last(id: string): Life | undefined {
    return this.all.findLast((life) => life.id === id);
  }

  /** How often a child has started. */
  count(id: string): number {
    return this.all.filter((life) => life.id === id).length;
  }
}
