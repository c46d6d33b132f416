/**
 * A conversation between two nodes that must not notice what happens around
 * it: every number comes back, once and in order.
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
  /** Numbers that came back. */
  count = 0;
  /** Joins and departures that either node saw since the start. */
  readonly events: NodeEvent[] = [];
  /** Set when a number was lost, came twice or out of order. */
  failure: string | null = null;
  readonly #talker: Pid;
  readonly #echo: Pid;
  readonly #node: RunningNode;

  /** Begins; the nodes must be connected. */
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
        // With a pause, or it would keep a processor busy.
        self.sendAfter(1, echo, { from: self.pid, n: n + WINDOW });
      }
    });
  }

  /** Expects that the conversation goes on and that nobody left or joined. */
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
