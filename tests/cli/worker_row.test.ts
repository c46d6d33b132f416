/** How the launcher derives the state of a worker. */
import { describe, expect, it } from "vitest";
import { type HostState, WorkerRow } from "../../cli/launcher/worker_row.ts";

const NAME = "node1-w1@127.0.0.1";
const up: HostState = { state: "up", incarnation: 1, workers: null };
const listed: HostState = { ...up, workers: ["node1-w2@127.0.0.1", NAME] };
const gone: HostState = { ...up, workers: [] };

/** The states of a row, one after the other. */
function states(...steps: readonly (HostState | number)[]): string[] {
  const row = new WorkerRow(NAME);
  const seen = [row.state as string];
  for (const step of steps) {
    if (typeof step === "number") row.setAnswered(step);
    else if (row.update(step)) seen.push(row.state);
    else expect(row.state).toBe(seen.at(-1));
  }
  return seen;
}

describe("a worker in the view", () => {
  it("is up when it answers, and ended when its thread has ended", () => {
    expect(states(up, gone, listed, 1, listed, listed, gone, gone)).toEqual([
      "starting",
      "up",
      "ended",
    ]);
  });

  it("is up again after a restart", () => {
    expect(states(listed, 1, listed, gone, listed, 1, listed)).toEqual([
      "starting",
      "up",
      "ended",
      "starting",
      "up",
    ]);
  });

  it("restarts with its process", () => {
    const restarting: HostState = { ...up, state: "restarting" };
    const again: HostState = { ...up, state: "starting", incarnation: 2 };
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
