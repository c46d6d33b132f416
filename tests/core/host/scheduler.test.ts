/**
 * The scheduler alone, in virtual time: who goes on when, and when the event
 * loop gets its turn. What an actor makes of its turn is in fairness.test.ts.
 */
import { describe, expect, test } from "vitest";
import {
  type Runnable,
  Scheduler,
  TURN_ENDED,
  TURN_GOES_ON,
} from "../../../runtime/core/host/scheduler.ts";
import { Pid } from "../../../runtime/core/terms/terms.ts";
import { FakeHost } from "../../helpers/fake_host.ts";

const SLICE_MS = 2;

function setUp(): { host: FakeHost; scheduler: Scheduler } {
  const host = new FakeHost();
  return { host, scheduler: new Scheduler(host, { sliceMs: SLICE_MS }) };
}

/**
 * Runs its body when it has a turn. Its turn takes one message, if the body does
 * not return another number, and ends if the body does not return "goes on".
 */
function runnable(
  body: (budget: number) => number | "goes on" | void,
): Runnable {
  const actor: Runnable = {
    pid: new Pid("a@a.host", 1, 0, 1, null),
    run: (budget) => {
      const taken = body(budget);
      if (taken !== "goes on") return taken ?? 1;
      actor.turn = TURN_GOES_ON;
      return 1;
    },
    // What it does in microtasks ends in nothing that the scheduler sees.
    isBusy: true,
    turnLeft: 0,
    cleanTurns: 0,
    turn: TURN_ENDED,
    takesOver: false,
    describe: () => "a runnable",
  };
  return actor;
}

describe("order", () => {
  test("survives a turn that throws", () => {
    const { host, scheduler } = setUp();
    const turns: string[] = [];
    scheduler.enqueue(runnable(() => {
      throw new Error("a turn that throws");
    }));
    scheduler.enqueue(runnable(() => void turns.push("next")));
    expect(() => host.settle()).toThrow("a turn that throws");
    host.settle();
    scheduler.enqueue(runnable(() => void turns.push("later")));
    host.settle();
    expect(turns).toEqual(["next", "later"]);
  });

  test("is first in, first out, and a loser's turn comes round", () => {
    const { host, scheduler } = setUp();
    const turns: string[] = [];
    const actors = ["a", "b", "c"].map((name) => {
      let left = 3;
      const actor = runnable(() => {
        turns.push(name);
        if (--left > 0) scheduler.enqueue(actor);
      });
      return actor;
    });
    for (const actor of actors) scheduler.enqueue(actor);
    expect(turns).toEqual([]);
    expect(scheduler.runnable).toBe(3);
    host.settle();
    expect(turns.join("")).toBe("abcabcabc");
    expect(scheduler.runnable).toBe(0);
    expect(scheduler.turns).toBe(9);
  });

  test("holds when the queue grows while it is wrapped around", () => {
    const { host, scheduler } = setUp();
    const turns: number[] = [];
    const count = 1_000;
    const late = Array.from(
      { length: count },
      (_, i) => runnable(() => void turns.push(i)),
    );
    // These move the head of the ring, and then more come than it can hold.
    for (let i = 0; i < 50; i++) {
      scheduler.enqueue(runnable(() => {
        if (i === 49) { for (const actor of late) scheduler.enqueue(actor); }
      }));
    }
    host.settle();
    expect(turns).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test("gives a turn a bounded number of messages", () => {
    const { host, scheduler } = setUp();
    const budgets: number[] = [];
    const actor = runnable((budget) => {
      budgets.push(budget);
      if (budgets.length < 100) scheduler.enqueue(actor);
      return budget;
    });
    scheduler.enqueue(actor);
    host.settle();
    expect(Math.min(...budgets)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...budgets)).toBeLessThanOrEqual(64);
  });

  test("gives smaller budgets to slow messages", () => {
    const { host, scheduler } = setUp();
    const budgets: number[] = [];
    const actor = runnable((budget) => {
      budgets.push(budget);
      host.time += budget * 0.5;
      if (budgets.length < 50) scheduler.enqueue(actor);
      return budget;
    });
    scheduler.enqueue(actor);
    host.settle();
    expect(budgets.slice(10).every((budget) => budget <= 2)).toBe(true);
  });
});

/**
 * Lets work run for `totalMs` of virtual time and returns the longest time
 * between two macrotasks. `work` starts what then goes on for ever.
 */
function longestGap(
  host: FakeHost,
  totalMs: number,
  work: () => void,
): number {
  let longest = 0;
  const end = host.time + totalMs;
  let task: (() => void) | undefined = work;
  while (host.time < end) {
    const before = host.time;
    expect(task).toBeDefined();
    task?.();
    // The fake host throws when they never end.
    host.runMicrotasks();
    longest = Math.max(longest, host.time - before);
    task = host.macrotasks.shift();
  }
  return longest;
}

describe("a slice", () => {
  test("ends though actors keep each other busy", () => {
    const { host, scheduler } = setUp();
    const [a, b] = [0, 1].map((i): Runnable =>
      runnable(() => {
        host.time += 0.001;
        scheduler.enqueue(i === 0 ? b! : a!);
      })
    );
    const gap = longestGap(host, 100, () => scheduler.enqueue(a!));
    expect(gap).toBeGreaterThan(SLICE_MS / 2);
    expect(gap).toBeLessThan(SLICE_MS + 0.2);
  });

  test("ends though actors fall idle and wake each other in microtasks", () => {
    const { host, scheduler } = setUp();
    const [a, b] = [0, 1].map((i): Runnable =>
      runnable(() => {
        host.time += 0.001;
        host.microtask(() => scheduler.enqueue(i === 0 ? b! : a!));
        return "goes on";
      })
    );
    const gap = longestGap(host, 100, () => scheduler.enqueue(a!));
    expect(gap).toBeGreaterThan(SLICE_MS / 2);
    expect(gap).toBeLessThan(SLICE_MS + 0.2);
  });

  test("ends though many go on in microtasks", () => {
    const { host, scheduler } = setUp();
    const actors = Array.from({ length: 100 }, (): Runnable => {
      const actor = runnable(() => {
        host.microtask(() => {
          host.time += 0.001;
          scheduler.enqueue(actor);
        });
        return "goes on";
      });
      return actor;
    });
    const gap = longestGap(host, 100, () => {
      for (const actor of actors) scheduler.enqueue(actor);
    });
    expect(gap).toBeGreaterThan(SLICE_MS / 2);
    expect(gap).toBeLessThan(SLICE_MS + 0.2);
  });

  test("lasts as long as a single turn that is longer, and no more", () => {
    const { host, scheduler } = setUp();
    const actor = runnable(() => {
      host.time += 50;
      scheduler.enqueue(actor);
    });
    const gap = longestGap(host, 1_000, () => scheduler.enqueue(actor));
    expect(gap).toBe(50);
  });

  test("needs no macrotask chain when there is nothing to do", () => {
    const { host, scheduler } = setUp();
    scheduler.enqueue(runnable(() => {}));
    host.settle();
    expect(host.macrotasks).toEqual([]);
    expect(host.step()).toBe(false);
  });

  test("that is over lets no actor run before its macrotask", () => {
    const { host, scheduler } = setUp();
    let late = 0;
    scheduler.enqueue(runnable(() => void (host.time += 10)));
    scheduler.enqueue(runnable(() => void late++));
    host.runMicrotasks();
    scheduler.enqueue(runnable(() => void late++));
    host.runMicrotasks();
    expect(late).toBe(0);
    host.settle();
    expect(late).toBe(2);
  });
});

describe("the flush callback", () => {
  test("runs once at the end of a drain, if it was asked for", () => {
    const { host, scheduler } = setUp();
    const events: string[] = [];
    scheduler.onDrained(() => events.push("flush"));
    const talker = (name: string) =>
      runnable(() => {
        events.push(name);
        scheduler.poke();
      });
    scheduler.enqueue(talker("a"));
    scheduler.enqueue(talker("b"));
    scheduler.enqueue(runnable(() => void events.push("silent")));
    host.settle();
    expect(events).toEqual(["a", "b", "silent", "flush"]);
    scheduler.enqueue(runnable(() => void events.push("silent")));
    host.settle();
    expect(events.slice(4)).toEqual(["silent"]);
  });

  test("runs soon after a poke from outside", () => {
    const { host, scheduler } = setUp();
    let flushes = 0;
    scheduler.onDrained(() => void flushes++);
    scheduler.poke();
    scheduler.poke();
    expect(flushes).toBe(0);
    host.runMicrotasks();
    expect(flushes).toBe(1);
    host.settle();
    expect(flushes).toBe(1);
  });

  test("runs at the end of each slice while all actors are busy", () => {
    const { host, scheduler } = setUp();
    let flushes = 0;
    scheduler.onDrained(() => void flushes++);
    const actor = runnable(() => {
      host.time += 0.01;
      scheduler.poke();
      scheduler.enqueue(actor);
    });
    scheduler.enqueue(actor);
    for (let slices = 1; slices <= 20; slices++) {
      expect(host.step()).toBe(true);
      expect(flushes).toBeGreaterThanOrEqual(slices);
    }
  });

  test("is not forgotten when it is asked for after the slice", () => {
    const { host, scheduler } = setUp();
    let flushes = 0;
    scheduler.onDrained(() => void flushes++);
    scheduler.enqueue(runnable(() => void (host.time += 10)));
    host.runMicrotasks();
    scheduler.poke();
    host.runMicrotasks();
    host.settle();
    expect(flushes).toBe(1);
  });

  test("waits for actors that go on in microtasks", () => {
    const { host, scheduler } = setUp();
    const events: string[] = [];
    scheduler.onDrained(() => events.push("flush"));
    scheduler.enqueue(runnable(() => {
      host.microtask(() => {
        events.push("sent");
        scheduler.poke();
      });
      return "goes on";
    }));
    host.settle();
    expect(events).toEqual(["sent", "flush"]);
  });
});
