/** The kernel actor `rex`, called as C nodes and older BEAM nodes call it. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Call,
  Cast,
  ExitError,
  type Pid,
  type RunningNode,
  type Self,
  tuple,
} from "../../../runtime/mod.ts";
import { coreOf, crashReports, lone, park } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

const rex = atom("rex");
const user = atom("user");

/** The answer to a message to `rex` on a node, which is sent from another. */
function ask(
  from: RunningNode,
  node: RunningNode,
  message: (self: Self<unknown>) => unknown,
): Promise<unknown> {
  return from.run(async (self: Self<unknown>) => {
    self.send({ name: "rex", node: node.name }, message(self));
    return await self.receive({ timeoutMs: 5_000 });
  });
}

function exits(reason: unknown) {
  return tuple(atom("badrpc"), tuple(atom("EXIT"), reason));
}

/** The ways in which a call can end, and the results of rpc for them. */
function offer(node: RunningNode): [name: string, result: unknown][] {
  node.exportFunction("m:ok/1", (value: unknown) => Promise.resolve(value));
  node.exportFunction("m:throws/1", (value: unknown) => {
    throw value;
  });
  node.exportFunction("m:exits/1", (value: unknown) => {
    throw new ExitError(value);
  });
  node.exportFunction("m:fails/1", (value: unknown) => {
    throw new Error(String(value));
  });
  const entry = (name: string, args: unknown) => [
    tuple(atom("m"), atom(name), args, []),
  ];
  return [
    ["ok", 7],
    ["throws", 7],
    ["exits", exits(7)],
    ["fails", exits(tuple(new Error("7"), entry("fails", 1)))],
    ["nothing", exits(tuple(atom("undef"), entry("nothing", [7])))],
  ];
}

describe("rex", () => {
  test("answers the question for its features", async () => {
    const { a, b } = await two();
    expect(
      await ask(a, b, (self) => tuple(self.pid, atom("features_request"))),
    ).toEqual(tuple(atom("features_reply"), atom(b.name), [atom("erpc")]));
  });

  test("calls a function for a message", async () => {
    const { a, b, cluster } = await two();
    for (const [name, result] of offer(b)) {
      expect(
        await ask(
          a,
          b,
          (self) =>
            tuple(
              self.pid,
              tuple(atom("call"), atom("m"), atom(name), [7], user),
            ),
        ),
      ).toEqual(tuple(rex, result));
    }
    expect(crashReports(cluster.records)).toEqual([]);
  });

  for (const kind of ["call", "block_call"]) {
    test(`calls a function for a ${kind}`, async () => {
      const { a, b } = await two();
      const target = { name: "rex", node: b.name };
      for (const [name, result] of offer(b)) {
        expect(
          await a.call(
            target,
            tuple(atom(kind), atom("m"), atom(name), [7], user),
          ),
        ).toEqual(result);
      }
      const badarg = exits(tuple(atom("badarg"), []));
      expect(await a.call(target, tuple(atom(kind), "m", "ok", [7], user)))
        .toEqual(badarg);
      expect(await a.call(target, tuple(atom(kind)))).toEqual(badarg);
    });
  }

  test("answers badrpc for a result that cannot be sent", async () => {
    const { a, b } = await two();
    b.exportFunction("m:f/0", () => () => {});
    const call = tuple(atom("call"), atom("m"), atom("f"), [], user);
    const result = await a.call({ name: "rex", node: b.name }, call);
    const message = await ask(a, b, (self) => tuple(self.pid, call));
    for (const said of [tuple(rex, result), message]) {
      expect(said).toMatchObject({
        items: [rex, {
          items: [atom("badrpc"), {
            items: [atom("EXIT"), {
              items: [atom("unencodable"), expect.stringContaining("function")],
            }],
          }],
        }],
      });
    }
  });

  test("makes blocking calls one after the other, and others at once", async () => {
    const { node } = await lone({ isolate: "copy" });
    const log: string[] = [];
    const gates: (() => void)[] = [];
    node.exportFunction("m:work/1", async (name: string) => {
      log.push(`begin ${name}`);
      await new Promise<void>((resolve) => gates.push(resolve));
      log.push(`end ${name}`);
      return name;
    });
    const call = (kind: string, name: string) =>
      node.call(
        "rex",
        tuple(atom(kind), atom("m"), atom("work"), [name], user),
      );
    const blocking = [call("block_call", "a"), call("block_call", "b")];
    const calls = [call("call", "c"), call("call", "d")];
    await waitFor(() => gates.length === 3, { what: "the calls to begin" });
    expect(log.toSorted()).toEqual(["begin a", "begin c", "begin d"]);
    for (const open of gates.splice(0)) open();
    await waitFor(() => gates.length === 1, { what: "the second to begin" });
    expect(log.at(-1)).toBe("begin b");
    for (const open of gates.splice(0)) open();
    expect(await Promise.all([...blocking, ...calls]))
      .toEqual(["a", "b", "c", "d"]);
  });

  test("casts", async () => {
    const { a, b } = await two();
    const got: unknown[] = [];
    b.exportFunction("m:note/1", (value: unknown) => got.push(value));
    const target = { name: "rex", node: b.name };
    for (const kind of ["cast", "block_cast", "strange"]) {
      a.send(
        target,
        new Cast(tuple(atom(kind), atom("m"), atom("note"), [kind], user)),
      );
    }
    await waitFor(() => got.length === 2, { what: "the casts" });
    expect(got.toSorted()).toEqual(["block_cast", "cast"]);
  });

  test("runs a call with the caller's group leader", async () => {
    const { a, b } = await two();
    const core = await coreOf(b);
    b.exportFunction("m:leader/0", () => {
      const all = [...core.actors()];
      return all.find(({ label }) => label === "rex call")?.groupLeader;
    });
    const leader = a.spawn(park);
    const call = (groupLeader: unknown) =>
      a.call(
        { name: "rex", node: b.name },
        tuple(atom("call"), atom("m"), atom("leader"), [], groupLeader),
      );
    expect(await call(leader)).toBe(leader);
    expect(await call(user)).toBe(b.whereis("user"));
  });

  test("passes broadcasts on to a name, and confirms them", async () => {
    const { a, b } = await two();
    const got: unknown[] = [];
    b.spawn(async (self: Self<unknown>) => {
      for await (const message of self) got.push(message);
    }, { name: "here" });
    const to = (kind: string, name: string) => (self: Self<unknown>) =>
      tuple(self.pid, tuple(atom(kind), atom(name), "hello"));
    const none = (name: string) =>
      tuple(rex, atom(b.name), tuple(atom("nonexisting_name"), atom(name)));
    expect(await ask(a, b, to("sbcast", "here")))
      .toEqual(tuple(rex, atom(b.name), atom(b.name)));
    expect(await ask(a, b, to("sbcast", "nowhere"))).toEqual(none("nowhere"));
    expect(await ask(a, b, to("send", "nowhere"))).toEqual(none("nowhere"));
    a.send({ name: "rex", node: b.name }, to("send", "here")(a as never));
    await waitFor(() => got.length === 2, { what: "both messages" });
    expect(got).toEqual(["hello", tuple(a.pid, "hello")]);
  });

  test("answers unknown calls, and survives any message", async () => {
    const { a, b } = await two();
    const target = { name: "rex", node: b.name };
    for (const strange of [1, null, tuple(), tuple(atom("what"), 1)]) {
      expect(await a.call(target, strange)).toBe(atom("error"));
    }
    const before = b.whereis("rex");
    for (
      const strange of [
        1,
        null,
        tuple(),
        tuple(1, 2),
        tuple(a.pid, tuple(atom("sbcast"))),
        tuple(a.pid, tuple(atom("call"))),
        new Cast(1),
        new Call({ pid: a.pid, tag: "no ref" }, tuple(atom("call"))),
      ]
    ) a.send(target, strange);
    expect(await a.call(target, 1)).toBe(atom("error"));
    expect(b.whereis("rex")).toBe(before);
  });

  test("makes the next blocking call after a message to their actor", async () => {
    const { a, b } = await two();
    offer(b);
    const core = await coreOf(b);
    const target = { name: "rex", node: b.name };
    const blockCall = () =>
      a.call(
        target,
        tuple(atom("block_call"), atom("m"), atom("ok"), [7], user),
      );
    const actorOfCalls = () =>
      [...core.actors()].find(({ label }) => label === "rex blocking calls");
    expect(await blockCall()).toBe(7);
    const before = actorOfCalls()?.pid;
    // A pid can be guessed, and messages that are no calls have no effect.
    for (const strange of [undefined, null, 1, tuple(), {}]) {
      b.send(before as Pid<unknown>, strange);
    }
    expect(await blockCall()).toBe(7);
    expect(actorOfCalls()?.pid).toBe(before);
  });
});
