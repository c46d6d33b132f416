/**
 * A conversation between two nodes, for tests in which it must not be
 * disturbed: each number comes back once and in order.
 */
import { expect } from "vitest";
import {
  type NodeEvent,
  type Pid,
  reasons,
  type RunningNode,
} from "../../../runtime/mod.ts";
import { waitFor } from "../../helpers/wait.ts";

type Ping = { readonly from: Pid<number>; readonly n: number };

/** Messages on their way at a time. */
const WINDOW = 8;

export class Chatter {
  /** Numbers that have come back. */
  count = 0;
  /** Node events of both nodes since the start. */
  readonly events: NodeEvent[] = [];
  /** Set when a number was lost, doubled or out of order. */
  failure: string | null = null;
  readonly #talker: Pid;
  readonly #echo: Pid;
  readonly #node: RunningNode;

  /** Starts. The nodes must be connected. */
  constructor(from: RunningNode, to: RunningNode) {
    this.#node = from;
    from.onNodeEvent((event) => this.events.push(event));
    to.onNodeEvent((event) => this.events.push(event));
    this.#echo = to.spawn<Ping>(async (self) => {
      for await (const { from, n } of self) self.send(from, n);
    });
    const echo = this.#echo as Pid<Ping>;
    this.#talker = from.spawn<number>(async (self) => {
      for (let n = 0; n < WINDOW; n++) self.send(echo, { from: self.pid, n });
      for await (const n of self) {
        if (n !== this.count) {
          this.failure ??= `expected ${this.count}, got ${n}`;
        }
        this.count++;
        // With a pause, so that it does not keep a core busy.
        self.sendAfter(1, echo, { from: self.pid, n: n + WINDOW });
      }
    });
  }

  /** Expects that the conversation goes on and that no node left or joined. */
  async expectUndisturbed(): Promise<void> {
    const before = this.count;
    await waitFor(() => this.count > before + 2 * WINDOW, {
      what: "the conversation to go on",
    });
    expect(this.failure).toBeNull();
    expect(this.events).toEqual([]);
  }

  stop(): void {
    this.#node.spawn((self) => {
      self.sendExit(this.#talker, reasons.kill);
      self.sendExit(this.#echo, reasons.kill);
    });
  }
}
