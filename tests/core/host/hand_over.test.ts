import { describe, expect, test } from "vitest";
import { type Pid, reasons, type Self } from "../../../runtime/mod.ts";
import { lone } from "../../helpers/actors.ts";

type Ball = { readonly from: Pid<Ball>; readonly n: number };

/** Sends every ball back, after `pause`. */
const player =
  (pause: (n: number) => Promise<unknown> | undefined) =>
  async (self: Self<Ball>): Promise<void> => {
    for await (const { from, n } of self) {
      const wait = pause(n);
      if (wait !== undefined) await wait;
      self.send(from, { from: self.pid, n: n + 1 });
    }
  };

/** Serves a ball and returns it after `turns`. */
async function play(
  self: Self<Ball>,
  partner: Pid<Ball>,
  turns: number,
): Promise<number> {
  self.send(partner, { from: self.pid, n: 0 });
  for (;;) {
    const { n } = await self.receive();
    if (n >= turns) return n;
    self.send(partner, { from: self.pid, n: n + 1 });
  }
}

describe("function actors that hand over to each other", () => {
  test("let timers fire all the same", async () => {
    const { node } = await lone();
    let fired = 0;
    const timer = setInterval(() => fired++, 1);
    const partner = node.spawn(player(() => undefined));
    for (let i = 0; fired < 5; i++) {
      if (i > 1_000) throw new Error("expected timers to fire");
      await node.run((self: Self<Ball>) => play(self, partner, 20_000));
    }
    clearInterval(timer);
    expect(fired).toBeGreaterThanOrEqual(5);
  });

  test("delay no other actor when one of them waits for another promise", async () => {
    const { node } = await lone();
    // Trusted after many clean turns, it then waits for ever.
    const stuck = node.spawn(
      player((n) => n > 1_000 ? new Promise(() => {}) : undefined),
    );
    void node.run((self: Self<Ball>) => play(self, stuck, 5_000))
      .catch(() => {});
    const others = node.spawn(player(() => undefined));
    const all = [1, 2, 3].map(() =>
      node.run((self: Self<Ball>) => play(self, others, 5_000))
    );
    expect(await Promise.all(all)).toEqual([5_001, 5_001, 5_001]);
  });

  test("go on when one waits for a promise in every turn", async () => {
    const { node } = await lone();
    const partner = node.spawn(player(() => Promise.resolve()));
    const all = [1, 2].map(() =>
      node.run((self: Self<Ball>) => play(self, partner, 2_000))
    );
    expect(await Promise.all(all)).toEqual([2_001, 2_001]);
  });

  test("go on when one of them is killed, returns or throws", async () => {
    const { node } = await lone();
    for (const end of ["kill", "return", "throw"]) {
      const partner = node.spawn(async (self: Self<Ball>) => {
        for await (const { from, n } of self) {
          if (n > 500 && end === "kill") self.sendExit(self.pid, reasons.kill);
          if (n > 500 && end === "return") return;
          if (n > 500 && end === "throw") self.exit("enough");
          self.send(from, { from: self.pid, n: n + 1 });
        }
      });
      const ended = await node.run(async (self: Self<unknown>) => {
        const ref = self.monitor(partner);
        self.send(partner, { from: self.pid as Pid<Ball>, n: 0 });
        for (;;) {
          const message = await self.receive();
          if (typeof message === "object" && message && "ref" in message) {
            return message.ref === ref;
          }
          const { n } = message as Ball;
          self.send(partner, { from: self.pid as Pid<Ball>, n: n + 1 });
        }
      });
      expect(ended).toBe(true);
    }
  });
});
