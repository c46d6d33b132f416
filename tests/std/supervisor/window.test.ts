/** The window in which restarts are counted, at its edges. */
import { expect, test } from "vitest";
import type { Ref } from "../../../runtime/mod.ts";
import { RestartWindow } from "../../../std/supervisor/window.ts";

/** A window whose time the test sets. */
function windowAt(maxRestarts: number, withinMs: number) {
  let now = 0.25;
  const ref = {} as Ref;
  let deadline = 0;
  const window = new RestartWindow({
    startTimer: (delayMs) => {
      deadline = now + delayMs;
      return ref;
    },
    readTimer: () => deadline - now,
    cancelTimer: () => null,
  }, { maxRestarts, withinMs });
  return (at: number): boolean => {
    now = at + 0.25;
    return window.isOneTooMany();
  };
}

test("a restart exactly as long ago as the window still counts", () => {
  for (const start of [0, 1, 123_456_789]) {
    const edge = windowAt(1, 5_000);
    expect([edge(start), edge(start + 5_000)]).toEqual([false, true]);
    const beyond = windowAt(1, 5_000);
    expect([beyond(start), beyond(start + 5_001)]).toEqual([false, false]);
  }
});

test("the window slides, and does not start again", () => {
  // Two in each of two halves of a second: three within one second.
  const restart = windowAt(2, 1_000);
  expect([0, 900, 1_100, 1_900].map(restart))
    .toEqual([false, false, false, true]);
  const steady = windowAt(2, 1_000);
  const times = Array.from({ length: 50 }, (_, i) => i * 501);
  expect(times.map(steady)).toEqual(times.map(() => false));
});

test("maxRestarts may be 0 or Infinity", () => {
  expect(windowAt(0, 1)(0)).toBe(true);
  const any = windowAt(Infinity, 1);
  expect(Array.from({ length: 100 }, () => any(0))).not.toContain(true);
});
