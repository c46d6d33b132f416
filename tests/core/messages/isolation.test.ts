import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copy, freeze } from "../../../runtime/core/messages/isolation.ts";
import {
  atom,
  type Down,
  Exit,
  type Pid,
  printTerm,
  type Self,
  Shared,
  type StartOptions,
  tuple,
} from "../../../runtime/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { share } from "../../helpers/share.ts";

describe("strict", () => {
  test("freezes what was sent, deeply, and sends the same object", async () => {
    const { node } = await lone({ strict: true });
    await node.run(async (self: Self<{ list: { n: number }[] }>) => {
      const message = { list: [{ n: 1 }], pair: tuple({ a: 1 }) };
      self.send(self.pid, message);
      expect(await self.receive()).toBe(message);
      const first = message.list[0] as { n: number };
      expect(() => first.n = 2).toThrow(TypeError);
      expect(() => message.list.push({ n: 3 })).toThrow(TypeError);
      expect(() => (message.pair.items[0] as { a: number }).a = 2).toThrow(
        TypeError,
      );
    });
  });

  test("copies what cannot be frozen, and only that", async () => {
    const { node } = await lone({ strict: true });
    type Message = {
      bytes: Uint8Array;
      map: Map<string, number[]>;
      kept: object;
    };
    await node.run(async (self: Self<Message>) => {
      const sent = {
        bytes: new Uint8Array([1, 2]),
        map: new Map([["a", [1]]]),
        kept: { n: 1 },
      };
      self.send(self.pid, sent);
      const got = await self.receive();
      expect(got).toEqual(sent);
      sent.bytes[0] = 9;
      sent.map.set("b", [2]);
      expect(got.bytes[0]).toBe(1);
      expect(got.map.size).toBe(1);
      expect(got.kept).toBe(sent.kept);
      expect(() => (got as { kept: unknown }).kept = 1).toThrow(TypeError);
    });
  });

  test("holds for names, aliases and the node's own sends", async () => {
    const { node } = await lone({ strict: true });
    await node.run(async (self: Self<object>) => {
      self.register("me");
      const sends = [
        (m: object) => self.send("me", m),
        (m: object) => self.send({ name: "me", node: self.node }, m),
        (m: object) => self.send(self.alias(), m),
        (m: object) => node.send(self.pid, m),
      ];
      for (const send of sends) {
        const message = { n: 1 };
        send(message);
        expect(await self.receive()).toBe(message);
        expect(Object.isFrozen(message)).toBe(true);
      }
    });
  });
});

describe("isolate: copy", () => {
  test("gives the receiver a message of its own", async () => {
    const { node } = await lone({ isolate: "copy" });
    await node.run(async (self: Self<unknown>) => {
      const shared = { n: 1 };
      const message = {
        pid: self.pid as Pid,
        ok: atom("ok"),
        both: [shared, shared],
        pair: tuple(1, new Map([[shared, new Set([2n])]])),
        when: new Date(5),
        error: new TypeError("odd"),
      };
      self.send(self.pid, message);
      const got = await self.receive() as typeof message;
      expect(got).toEqual(message);
      expect(got.pid).toBe(message.pid);
      expect(got.both[0]).toBe(got.both[1]);
      expect(got.both[0]).not.toBe(shared);
      expect(got.error).toBeInstanceOf(TypeError);
      shared.n = 2;
      expect(got.both[0]).toEqual({ n: 1 });
    });
  });

  test("refuses what has no copy, with its path", async () => {
    const { node } = await lone({ isolate: "copy" });
    await node.run((self: Self<unknown>) => {
      expect(() => self.send(self.pid, { a: [{ f: () => {} }] }))
        .toThrow("message.a.0.f");
      expect(() => self.sendAfter(0, self.pid, { f: () => {} }))
        .toThrow("message.f");
      expect(() => self.startTimer(0, { f: () => {} })).toThrow("message.f");
    });
  });
});

test.each<StartOptions>([{}, { strict: true }, { isolate: "copy" }])(
  "what is Shared arrives as it is with %o",
  async (options) => {
    const { node } = await lone(options);
    await node.run(async (self: Self<unknown>) => {
      const value = { call: () => 1, list: [1] };
      self.send(self.pid, [new Shared(value)]);
      const [shared] = await self.receive() as [Shared<typeof value>];
      expect(shared).toBeInstanceOf(Shared);
      expect(shared.value).toBe(value);
      value.list.push(2);
    });
  },
);

describe.each<StartOptions>([{ strict: true }, { isolate: "copy" }])(
  "on a node with %o",
  (options) => {
    type Reason = { list: number[] };
    const isCopy = options.isolate === "copy";

    /** What was given is not what can be changed on the other side. */
    const expectApart = (given: Reason, got: unknown) => {
      expect(got).toEqual({ list: [1] });
      if (isCopy) expect((got as Reason).list).not.toBe(given.list);
      else expect(Object.isFrozen((got as Reason).list)).toBe(true);
    };

    test("timers keep the message as it was when they were set", async () => {
      const { node } = await lone(options);
      await node.run(async (self: Self<unknown>) => {
        const named = { name: "me", node: self.node };
        for (const to of [self.pid as Pid<unknown>, named]) {
          const message = { list: [1] };
          self.sendAfter(0, to, message);
          if (isCopy) message.list.push(2);
          else expect(() => message.list.push(2)).toThrow(TypeError);
          if (to === named) self.register(named.name);
          expect(await self.receive()).toEqual({ list: [1] });
        }
        const message = { list: [1] };
        const ref = self.startTimer(0, message);
        if (isCopy) message.list.push(2);
        else expect(() => message.list.push(2)).toThrow(TypeError);
        expect(await self.receive(ref)).toMatchObject({
          message: { list: [1] },
        });
      });
    });

    test("survivors share no exit reason", async () => {
      const { node } = await lone(options);
      await node.run(async (self: Self<unknown>) => {
        self.trapExits = true;
        const thrown: Reason = { list: [1] };
        const first = self.spawnLink((me) => me.exit(thrown));
        const ref = self.monitor(first);
        const exit = await self.receive((m) => m instanceof Exit) as Exit;
        const down = await self.receive(ref) as Down;
        expectApart(thrown, exit.reason);
        expectApart(thrown, down.reason);
        if (isCopy) expect(down.reason).not.toBe(exit.reason);
        const sent: Reason = { list: [1] };
        self.sendExit(self.pid, sent);
        expectApart(
          sent,
          (await self.receive((m) => m instanceof Exit) as Exit).reason,
        );
      });
    });

    test("an error stays what it is as an exit reason", async () => {
      const { node } = await lone(options);
      await node.run(async (self: Self<unknown>) => {
        const error = new RangeError("odd", { cause: { n: 1 } });
        const { ref } = self.spawnMonitor(() => {
          throw error;
        });
        expect((await self.receive(ref) as Down).reason).toBe(error);
        expect(Object.isFrozen(error.cause)).toBe(false);
      });
    });

    test("no exit reason keeps an actor from ending", async () => {
      const { node } = await lone(options);
      await node.run(async (self: Self<unknown>) => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        for (const reason of [{ f: () => {} }, proxy]) {
          const { ref } = self.spawnMonitor((me) => me.exit(reason));
          const down = await self.receive(ref) as Down;
          if (isCopy || reason === proxy) {
            expect(down.reason).toBe(printTerm(reason));
          } else expect(down.reason).toBe(reason);
        }
      });
    });
  },
);

describe("both ways", () => {
  test("keep cycles", () => {
    const ring: { next?: unknown; bytes: Uint8Array } = {
      bytes: new Uint8Array(1),
    };
    ring.next = ring;
    for (const way of [freeze, copy]) {
      const made = way(ring) as typeof ring;
      expect(made.next === made || made.next === ring).toBe(true);
    }
  });

  test("leave the value as it was", () => {
    fc.assert(
      fc.property(
        fc.anything({ withMap: true, withSet: true, withDate: true }),
        (value) => {
          expect(copy(value)).toEqual(value);
          expect(freeze(value)).toEqual(value);
        },
      ),
      { numRuns: share(300) },
    );
  });

  test("a copy shares nothing that can change", () => {
    const original = { a: { b: [1] } };
    const made = copy(original) as typeof original;
    made.a.b.push(2);
    expect(original.a.b).toEqual([1]);
  });
});
