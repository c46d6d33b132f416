/** What OTP's `sys` asks of handler actors, and how they are held up. */
import { describe, expect, test } from "vitest";
import type { ReplyTo } from "../../../runtime/core/messages/requests.ts";
import { receiveSignal } from "../../../runtime/core/node/inbound.ts";
import {
  asyncHandler,
  atom,
  type Behaviour,
  Call,
  CallError,
  Down,
  handler,
  type Pid,
  type Self,
  sys,
  SystemRequest,
  type Tuple,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate } from "../../../std/testing/mod.ts";
import { coreOf, crashReports, lone } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { fakeNode } from "../../helpers/fake_host.ts";

const ok = atom("ok");

/** Sums up numbers; what else it is given is kept in `strange`. */
function counter(strange: unknown[] = []): Behaviour<unknown> {
  return handler(0, (total: number, message: unknown, self: Self<unknown>) => {
    if (typeof message === "number") return total + message;
    if (message instanceof Call) self.reply(message.from, total);
    else strange.push(message);
    return total;
  });
}

describe("sys", () => {
  test("gets the state that is reached by what was sent before", async () => {
    const { node } = await lone();
    const strange: unknown[] = [];
    const pid = node.spawn(counter(strange), { name: "counter" });
    await node.run(async (self) => {
      for (let i = 1; i <= 500; i++) self.send(pid, i);
      const state = sys.getState(self, pid);
      self.send(pid, 1_000);
      expect(await state).toBe(125_250);
      expect(await sys.getState(self, "counter")).toBe(126_250);
      expect(await sys.getState(self, { name: "counter", node: node.name }))
        .toBe(126_250);
    });
    expect(strange).toEqual([]);
    const actor = (await coreOf(node)).localActor(pid as Pid);
    expect([actor?.systemRequests, actor?.isSpecial]).toEqual([0, false]);
  });

  test("replaces the state, unless that fails", async () => {
    const { node } = await lone();
    const pid = node.spawn(counter());
    await node.run(async (self) => {
      self.send(pid, 3);
      const twice = (state: number) => state * 2;
      expect(await sys.replaceState(self, pid, twice)).toBe(6);
      const failure = await sys.replaceState(self, pid, () => {
        throw new Error("no");
      }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CallError);
      expect((failure as CallError).reason).toMatchObject({
        items: [atom("callback_failed"), { message: "no" }],
      });
      expect(await sys.getState(self, pid)).toBe(6);
    });
  });

  test("suspends: messages wait, system requests do not", async () => {
    const { node } = await lone();
    const strange: unknown[] = [];
    const pid = node.spawn(counter(strange));
    await node.run(async (self) => {
      self.send(pid, 1);
      await sys.suspend(self, pid);
      for (let i = 0; i < 200; i++) self.send(pid, 1);
      await expect(self.call(pid as Pid, "total", { timeoutMs: 5 })).rejects
        .toThrow(CallError);
      expect(await sys.getState(self, pid)).toBe(1);
      self.send(pid, 1);
      expect(self.info(pid as Pid)?.mailboxLength).toBe(202);
      await sys.suspend(self, pid);
      expect(await sys.replaceState(self, pid, () => 10)).toBe(10);
      const status = await sys.getStatus(self, pid) as Tuple;
      expect((status.items[3] as unknown[])[1]).toBe(atom("suspended"));
      await sys.resume(self, pid);
      expect(await self.call(pid as Pid, "total")).toBe(211);
      await sys.resume(self, pid);
      self.send(pid, 1);
      expect(await sys.getState(self, pid)).toBe(212);
    });
    expect(strange).toEqual([]);
    const actor = (await coreOf(node)).localActor(pid as Pid);
    expect([actor?.scanned, actor?.isSpecial]).toEqual([0, false]);
  });

  test("a suspended actor can be ended, by request and by signal", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const way of ["terminate", "signal"]) {
        const { pid, ref } = self.spawnMonitor(counter());
        await sys.suspend(self, pid);
        self.send(pid, 1);
        if (way === "signal") self.sendExit(pid as Pid, "why");
        else await sys.terminate(self, pid, "why");
        expect(await self.receive()).toEqual(new Down(ref, pid as Pid, "why"));
      }
    });
    expect(crashReports(records)).toEqual([]);
  });

  test("terminates after what was sent before", async () => {
    const { node } = await lone();
    const totals: number[] = [];
    await node.run(async (self: Self<unknown>) => {
      const { pid, ref } = self.spawnMonitor(
        handler(0, (total, n: number) => {
          totals.push(total + n);
          return total + n;
        }),
      );
      for (let i = 1; i <= 3; i++) self.send(pid, i);
      const ending = sys.terminate(self, pid, tuple(atom("bye")));
      self.send(pid, 4);
      await ending;
      expect(await self.receive())
        .toEqual(new Down(ref, pid as Pid, tuple(atom("bye"))));
    });
    expect(totals).toEqual([1, 3, 6]);
  });

  test("lets a terminate callback receive what was there already", async () => {
    await simulate({ seed: 1 }, async (sim) => {
      const node = await sim.start("a@sim");
      const last: unknown[] = [];
      const taken: unknown[] = [];
      await node.run(async (self) => {
        const pid = self.spawn(asyncHandler(0, (n, message) => {
          taken.push(message);
          return n;
        }, {
          system: {
            terminate: async (_state, _reason, me) => {
              for (let i = 0; i < 3; i++) {
                last.push(await me.receive());
              }
            },
          },
        }));
        self.send(pid, 0);
        const ref = self.monitor(pid as Pid);
        const ending = sys.terminate(self, pid, "why");
        for (let i = 1; i <= 4; i++) self.send(pid, i);
        await ending;
        expect(await self.receive(ref)).toMatchObject({ reason: "why" });
      });
      expect([taken, last]).toEqual([[0], [1, 2, 3]]);
    });
  });

  test("tells the status in the shape that OTP's tools expect", async () => {
    const { node } = await lone();
    const pid = node.spawn(counter(), { label: "sum" });
    const status = await node.run((self) => sys.getStatus(self, pid));
    expect(status).toEqual(tuple(
      atom("status"),
      pid,
      tuple(atom("module"), atom("hornbeam")),
      [
        [],
        atom("running"),
        pid,
        [],
        [
          tuple(atom("header"), `Status for actor ${pid} (sum)`),
          tuple(atom("data"), [
            tuple("Status", atom("running")),
            tuple("Parent", pid),
            tuple("Behaviour", ""),
          ]),
          tuple(atom("data"), [tuple("State", 0)]),
        ],
      ],
    ));
  });

  test("works between nodes", async () => {
    const { a, b } = await two();
    const pid = b.spawn(counter(), { name: "counter" });
    await a.run(async (self: Self<unknown>) => {
      self.send(pid, 2);
      expect(await sys.getState(self, pid)).toBe(2);
      const named = { name: "counter", node: b.name };
      await sys.suspend(self, named);
      self.send(pid, 3);
      expect(await sys.getState(self, named)).toBe(2);
      await sys.resume(self, pid);
      expect(await self.call(pid as Pid, "total")).toBe(5);
      expect(await sys.getStatus(self, pid)).toMatchObject({
        items: [atom("status"), pid, {}, {}],
      });
      const ref = self.monitor(pid as Pid);
      await sys.terminate(self, named, "why");
      expect(await self.receive()).toEqual(new Down(ref, pid as Pid, "why"));
    });
  });

  test("rejects without an answer, and for a caller that cannot wait", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      await expect(sys.getState(self, "nobody")).rejects
        .toMatchObject({ name: "CallError", reason: atom("noproc") });
      const got: unknown[] = [];
      const server = self.spawn(async (me: Self<unknown>) => {
        const request = await me.receive() as SystemRequest;
        got.push(request.request);
        me.reply(request.from, "my state");
        for (;;) await me.receive();
      });
      // A function actor gets the request and may answer it.
      expect(await sys.getState(self, server)).toBe("my state");
      await expect(sys.getState(self, server, { timeoutMs: 1 })).rejects
        .toMatchObject({ reason: "timeout" });
      expect(got).toEqual([atom("get_state")]);
    });
    let dead: Self | null = null;
    await node.run((self) => {
      dead = self;
    });
    await expect(sys.getState(dead!, "x")).rejects.toThrow(UsageError);
  });

  test("does not freeze or share the state of a strict node", async () => {
    const { node } = await lone({ strict: true });
    const pid = node.spawn(
      handler(() => ({ n: 0 }), (state, n: number) => {
        state.n += n;
        return state;
      }),
    );
    await node.run(async (self) => {
      self.send(pid, 1);
      expect(await sys.getState(self, pid)).toEqual({ n: 1 });
      self.send(pid, 1);
      expect(await sys.getState(self, pid)).toEqual({ n: 2 });
    });
  });
});

describe("system requests of a BEAM node", () => {
  /** A handler actor on a bare node, and what is replied to its asker. */
  function asked<M>(behaviour: Behaviour<M>, options = {}) {
    const { host, node } = fakeNode();
    const replies: unknown[] = [];
    const asker = node.spawnActor(
      handler(null, (state: null, message: unknown) => {
        replies.push(message);
        return state;
      }),
      {},
      null,
    );
    const from: ReplyTo = { pid: asker.pid, tag: "tag", isOtp: true };
    const actor = node.spawnActor(
      behaviour as Behaviour<unknown>,
      options,
      null,
    );
    const send = (message: unknown) =>
      receiveSignal(node, {
        type: "send",
        from: asker.pid,
        to: actor.pid,
        message,
      });
    const ask = (request: unknown) => send(new SystemRequest(from, request));
    return { host, node, actor, send, ask, replies };
  }

  test("are answered in OTP's form, also unknown ones", () => {
    const { host, ask, actor, replies } = asked(counter());
    const requests: [unknown, unknown][] = [
      [atom("get_state"), 0],
      [atom("suspend"), ok],
      [atom("resume"), ok],
      [
        tuple(atom("replace_state"), "fun"),
        tuple(atom("error"), atom("notsup")),
      ],
      [tuple(atom("debug"), atom("no_debug")), ok],
      [tuple(atom("debug"), tuple(atom("trace"), false)), ok],
      [
        tuple(atom("debug"), tuple(atom("trace"), "yes")),
        atom("unknown_debug"),
      ],
      [tuple(atom("debug"), tuple(atom("log"), atom("get"))), tuple(ok, [])],
      [tuple(atom("debug"), tuple(atom("log"), false)), ok],
      [
        tuple(atom("debug"), tuple(atom("statistics"), atom("get"))),
        tuple(ok, atom("no_statistics")),
      ],
      [tuple(atom("debug"), tuple(atom("remove"), "fun")), ok],
      [
        tuple(atom("change_code"), 1, 2, 3),
        tuple(
          atom("error"),
          tuple(
            atom("unknown_system_msg"),
            tuple(atom("change_code"), 1, 2, 3),
          ),
        ),
      ],
      ["huh", tuple(atom("error"), tuple(atom("unknown_system_msg"), "huh"))],
    ];
    for (const [request] of requests) ask(request);
    host.settle();
    expect(replies).toEqual(requests.map(([, reply]) => tuple("tag", reply)));
    ask(tuple(atom("terminate"), "reason"));
    host.settle();
    expect(replies.at(-1)).toEqual(tuple("tag", ok));
    expect([actor.alive, actor.endReason]).toEqual([false, "reason"]);
  });

  test("by name reach the holder of the name", () => {
    const { host, node, ask, actor, replies } = asked(counter(), {
      name: "counter",
    });
    ask(atom("get_state"));
    const from: ReplyTo = { pid: node.pid, tag: "x", isOtp: true };
    receiveSignal(node, {
      type: "sendNamed",
      from: actor.pid,
      name: "counter",
      message: new SystemRequest(from, atom("suspend")),
    });
    host.settle();
    expect(replies).toEqual([tuple("tag", 0)]);
    expect(actor.isSuspended).toBe(true);
  });

  test("that are lost to a full mailbox leave no trace", () => {
    for (const policy of ["dropOldest", "dropNewest", "refuse"] as const) {
      const strange: unknown[] = [];
      const { host, send, ask, actor, replies } = asked(counter(strange), {
        mailbox: { limit: 2, policy },
      });
      ask(atom("get_state"));
      send(1);
      for (let i = 0; i < 10; i++) {
        send(1);
        ask(atom("get_state"));
      }
      host.settle();
      send(1);
      host.settle();
      expect(strange).toEqual([]);
      expect(replies.length).toBeGreaterThan(0);
      expect([actor.systemRequests, actor.isSpecial]).toEqual([0, false]);
    }
  });

  test("are not seen by a handler that fills its own mailbox", () => {
    const strange: unknown[] = [];
    const { host, send, ask, replies } = asked(
      handler(0, (total: number, message: number, self: Self<number>) => {
        if (typeof message !== "number") strange.push(message);
        else if (message > 0) {
          self.send(self.pid, message - 1);
          self.send(self.pid, message - 1);
        }
        return total + 1;
      }),
      { mailbox: { limit: 40, policy: "dropOldest" } },
    );
    send(6);
    for (let i = 0; i < 5; i++) ask(atom("get_state"));
    host.settle();
    expect(strange).toEqual([]);
    expect(replies.length).toBeGreaterThan(0);
  });

  test("whose answer cannot be sent are answered with why", async () => {
    const { node, records } = await lone({ isolate: "copy" });
    const pid = node.spawn(handler(() => ({ f: () => {} }), (s) => s));
    const failure = await node.run((self) => sys.getState(self, pid))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CallError);
    expect(String((failure as CallError).reason)).toContain("a function");
    expect(records.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  test("keep their place between other messages", () => {
    const { host, send, ask, replies } = asked(counter());
    for (let i = 0; i < 300; i++) {
      send(1);
      if (i % 7 === 0) ask(atom("get_state"));
    }
    host.settle();
    const states = replies.map((reply) => (reply as Tuple).items[1]);
    expect(states).toEqual(
      Array.from({ length: 43 }, (_, i) => i * 7 + 1),
    );
  });
});
