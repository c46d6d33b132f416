/** The heap of timers, against a sorted list and with virtual time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../runtime/core/messages/errors.ts";
import { type Timer, Timers } from "../../../runtime/core/host/timers.ts";
import { FakeHost } from "../../helpers/fake_host.ts";
import { share } from "../../helpers/share.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

describe("timers", () => {
  test("fire in order of deadline, then of setting", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: string[] = [];
    for (const [name, ms] of [["c", 30], ["a", 10], ["b", 20], ["d", 30]]) {
      timers.set(ms as number, () => fired.push(name as string));
    }
    host.advance(29);
    expect(fired).toEqual(["a", "b"]);
    host.advance(1);
    expect(fired).toEqual(["a", "b", "c", "d"]);
    expect(timers.size).toBe(0);
    expect(host.timers.size).toBe(0);
  });

  test("cost the platform nothing when each is cancelled before the next", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      timers.cancel(timers.set(5_000, () => fired.push(i)));
    }
    expect(host.timersSet).toBe(1);
    // One that is set in time keeps what is armed, or arms anew.
    timers.set(6_000, () => fired.push(-1));
    host.settle();
    expect(host.timers.size).toBe(1);
    host.advance(6_000);
    expect(fired).toEqual([-1]);
    timers.cancel(timers.set(10, () => fired.push(0)));
    host.settle();
    expect(host.timers.size).toBe(0);
    timers.set(1, () => fired.push(-2));
    host.settle();
    host.advance(1);
    expect(fired).toEqual([-1, -2]);
  });

  test("are never early, not even with a platform that is", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: number[] = [];
    timers.set(10.25, () => fired.push(host.time));
    // A platform that cuts off fractions, or whose clock runs ahead.
    for (const early of [9.75, 10, 10.2]) {
      host.time = early;
      const [timer] = host.timers;
      host.fire(timer!);
      expect(fired).toEqual([]);
      expect(host.timers.size).toBe(1);
    }
    host.advance(5);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(10.25);
  });

  test("tell what is left, when asked and when cancelled", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const timer = timers.set(100, () => {
      throw new Error("expected a cancelled timer not to fire");
    });
    host.advance(40);
    expect(timers.read(timer)).toBe(60);
    expect(timers.cancel(timer)).toBe(60);
    expect(timers.cancel(timer)).toBeNull();
    expect(timers.read(timer)).toBeNull();
    // At the end of the turn nothing is left that could keep a program alive.
    host.settle();
    expect(host.timers.size).toBe(0);
    host.advance(1_000);

    const late = timers.set(10, () => {});
    host.time += 25;
    expect(timers.read(late)).toBe(0);
    host.advance(0);
    expect(timers.read(late)).toBeNull();
    expect(timers.cancel(late)).toBeNull();
  });

  test("may set and cancel others when they fire", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: string[] = [];
    const victim = timers.set(10, () => fired.push("victim"));
    const first = timers.set(5, () => {
      fired.push("first");
      timers.cancel(victim);
      expect(timers.cancel(first)).toBeNull();
      timers.set(0, () => fired.push("next"));
      timers.set(3, () => fired.push("last"));
    });
    host.advance(100);
    expect(fired).toEqual(["first", "next", "last"]);
    expect(timers.size).toBe(0);
  });

  test("with delay 0 do not starve the platform when they set themselves", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    let fired = 0;
    const again = () => {
      fired++;
      timers.set(0, again);
    };
    timers.set(0, again);
    for (let i = 1; i <= 5; i++) {
      const [timer] = host.timers;
      host.fire(timer!);
      expect(fired).toBe(i);
    }
  });

  test("reach beyond what a platform timer can", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: number[] = [];
    timers.set(60 * DAY_MS, () => fired.push(host.time));
    timers.set(2 ** 31, () => fired.push(host.time));
    timers.set(2 ** 40, () => fired.push(host.time));
    host.advance(2 ** 31 - 1);
    expect(fired).toEqual([]);
    host.advance(1);
    expect(fired).toEqual([2 ** 31]);
    // One that is set meanwhile and comes first is not held up by the others.
    timers.set(5, () => fired.push(host.time));
    host.advance(5);
    expect(fired.at(-1)).toBe(2 ** 31 + 5);
    host.advance(60 * DAY_MS);
    expect(fired.at(-1)).toBe(60 * DAY_MS);
    host.advance(2 ** 40);
    expect(fired.at(-1)).toBe(2 ** 40);
    expect(fired).toHaveLength(4);
  });

  test("refuse delays that are no time", () => {
    const timers = new Timers(new FakeHost());
    for (const delay of [-1, Number.NaN, -Infinity, "5", null, undefined, 1n]) {
      expect(() => timers.set(delay as number, () => {})).toThrow(UsageError);
    }
    expect(timers.size).toBe(0);
  });

  test("of Infinity never fire, and hold up no other", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const fired: string[] = [];
    const never = timers.set(Infinity, () => fired.push("never"));
    expect(host.timers.size).toBe(0);
    timers.set(10, () => fired.push("soon"));
    host.advance(2 ** 40);
    expect(fired).toEqual(["soon"]);
    expect(host.timers.size).toBe(0);
    expect(timers.cancel(never)).toBe(Infinity);
    expect(timers.size).toBe(0);
  });

  test("are dropped by clear", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const set = [1, 2, 3].map((ms) =>
      timers.set(ms, () => {
        throw new Error("expected a cleared timer not to fire");
      })
    );
    timers.clear();
    expect(host.timers.size).toBe(0);
    expect(set.map((timer) => timers.cancel(timer))).toEqual([
      null,
      null,
      null,
    ]);
    host.advance(10);
    let fired = 0;
    timers.set(1, () => fired++);
    host.advance(1);
    expect(fired).toBe(1);
  });

  test("come in 100,000 with few calls of the platform", () => {
    const host = new FakeHost();
    const timers = new Timers(host);
    const count = 100_000;
    const fired: number[] = [];
    const set: Timer[] = [];
    for (let i = 0; i < count; i++) {
      // A fixed scramble, so that the heap is used and not only filled.
      const delay = (i * 7_919) % count;
      set.push(timers.set(delay + 1, () => fired.push(delay)));
    }
    const left = set.filter((_, i) => i % 2 === 0)
      .map((timer) => timers.cancel(timer));
    expect(left).not.toContain(null);
    expect(timers.size).toBe(count / 2);
    expect(host.timersSet).toBeLessThan(100);
    host.time = count + 1;
    host.advance(0);
    expect(fired).toHaveLength(count / 2);
    expect(fired.every((delay, i) => i === 0 || fired[i - 1]! < delay))
      .toBe(true);
    expect(timers.size).toBe(0);
  });

  test("behave as a sorted list under any sequence of calls", () => {
    const call = fc.oneof(
      { weight: 5, arbitrary: fc.record({ set: fc.nat({ max: 50 }) }) },
      { weight: 2, arbitrary: fc.record({ cancel: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ read: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ pass: fc.nat({ max: 20 }) }) },
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 120, size: "max" }), (calls) => {
        const run = new TimerRun();
        for (const one of calls) {
          if ("set" in one) run.set(one.set);
          else if ("pass" in one) run.pass(one.pass);
          else if ("cancel" in one) run.cancel(one.cancel);
          else run.read(one.read);
        }
        run.pass(1_000);
        expect(run.size).toBe(0);
      }),
      { numRuns: share(300) },
    );
  });
});

/** Timers side by side with a plain list of what should fire when. */
class TimerRun {
  readonly #host = new FakeHost();
  readonly #timers = new Timers(this.#host);
  readonly #handles: Timer[] = [];
  /** Deadline by number of the timer; absent once it is over. */
  readonly #deadlines = new Map<number, number>();
  readonly #fired: number[] = [];

  get size(): number {
    return this.#timers.size;
  }

  set(delay: number): void {
    const id = this.#handles.length;
    this.#deadlines.set(id, this.#host.time + delay);
    this.#handles.push(this.#timers.set(delay, () => this.#fired.push(id)));
  }

  cancel(choice: number): void {
    if (this.#handles.length === 0) return;
    const id = choice % this.#handles.length;
    expect(this.#timers.cancel(this.#handles[id]!)).toBe(this.#left(id));
    this.#deadlines.delete(id);
  }

  read(choice: number): void {
    if (this.#handles.length === 0) return;
    const id = choice % this.#handles.length;
    expect(this.#timers.read(this.#handles[id]!)).toBe(this.#left(id));
  }

  pass(ms: number): void {
    const now = this.#host.time + ms;
    const due = [...this.#deadlines]
      .filter(([, deadline]) => deadline <= now)
      .sort(([a, x], [b, y]) => x - y || a - b)
      .map(([id]) => id);
    for (const id of due) this.#deadlines.delete(id);
    this.#fired.length = 0;
    this.#host.advance(ms);
    expect(this.#fired).toEqual(due);
    expect(this.#timers.size).toBe(this.#deadlines.size);
  }

  #left(id: number): number | null {
    const deadline = this.#deadlines.get(id);
    return deadline === undefined ? null : deadline - this.#host.time;
  }
}
