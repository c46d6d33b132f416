/** What the launcher makes of what it knows about a worker. */
import { describe, expect, it } from "vitest";
import { type HostKnown, WorkerRow } from "../../cli/launcher/worker_row.ts";

const name = "node1-w1@127.0.0.1";
const up: HostKnown = { state: "up", incarnation: 1, workers: null };
const listed: HostKnown = { ...up, workers: ["node1-w2@127.0.0.1", name] };
const gone: HostKnown = { ...up, workers: [] };

/** The states that a row goes through. */
function states(...steps: readonly (HostKnown | number)[]): string[] {
  const row = new WorkerRow(name);
  const seen = [row.state as string];
  for (const step of steps) {
    if (typeof step === "number") row.answered(step);
    else if (row.update(step)) seen.push(row.state);
    else expect(row.state).toBe(seen.at(-1));
  }
  return seen;
}

describe("a worker in the view", () => {
  it("is up once it answers, and ended when its thread is", () => {
    expect(states(up, gone, listed, 1, listed, listed, gone, gone)).toEqual([
      "starting",
      "up",
      "ended",
    ]);
  });

  it("comes back when it was started again", () => {
    expect(states(listed, 1, listed, gone, listed, 1, listed)).toEqual([
      "starting",
      "up",
      "ended",
      "starting",
      "up",
    ]);
  });

  it("shares the fate of its process", () => {
    const restarting: HostKnown = { ...up, state: "restarting" };
    const again: HostKnown = { ...up, state: "starting", incarnation: 2 };
    expect(states(
      listed,
      1,
      listed,
      restarting,
      again,
      {
        ...listed,
        incarnation: 2,
      },
      1,
      { ...listed, incarnation: 2 },
      2,
      { ...listed, incarnation: 2 },
    ))
      .toEqual(["starting", "up", "restarting", "starting", "up"]);
  });
});
