/** Pings, and the other calls of BEAM nodes to `net_kernel`. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Cast,
  type Pid,
  ping,
  reasons,
  type RunningNode,
  type Self,
  tuple,
} from "../../../runtime/mod.ts";
import { coreOf, lone } from "../../helpers/actors.ts";
import { holdings, two } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

describe("ping", () => {
  test("tells whether a node can be reached, and connects to it", async () => {
    const { a, b, cluster } = await two({ global: {} });
    expect(await a.ping(b.name)).toBe("pong");
    expect(await a.ping(a.name)).toBe("pong");
    expect(await a.ping("nobody@test")).toBe("pang");
    cluster.cutAll();
    await waitFor(() => b.nodes().length === 0, { what: "the cut" });
    expect(await b.run((self) => ping(self, a.name))).toBe("pong");
    expect(a.nodes()).toEqual([b.name]);
    const { node } = await lone();
    expect([await node.ping(node.name), await node.ping(a.name)])
      .toEqual(["pong", "pang"]);
  });

  test("resolves with pang without an answer in time, and rejects when aborted", async () => {
    const { a, b } = await two({ global: {} });
    const pid = b.whereis("net_kernel") as Pid;
    const core = await coreOf(b);
    core.localActor(pid)!.isSuspended = true;
    core.localActor(pid)!.isSpecial = true;
    expect(await a.ping(b.name, { timeoutMs: 5 })).toBe("pang");
    const abort = new AbortController();
    const pinging = a.ping(b.name, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(pinging).rejects.toThrow("enough");
  });
});

describe("net_kernel", () => {
  const ask = (from: RunningNode, to: RunningNode, request: unknown) =>
    from.call({ name: "net_kernel", node: to.name }, request);

  test("answers unknown calls too", async () => {
    const { a, b } = await two({ global: {} });
    const notsup = tuple(atom("error"), atom("notsup"));
    for (
      const strange of [
        1,
        undefined,
        tuple(),
        tuple(atom("connect"), atom("normal"), atom(b.name)),
        tuple(atom("spawn")),
        tuple(atom("spawn"), 1, 2, 3, 4),
        tuple(atom("spawn_opt"), atom("m"), atom("f"), 1, [], 1, a.pid),
      ]
    ) expect(await ask(a, b, strange)).toEqual(notsup);
    const before = b.whereis("net_kernel");
    a.send({ name: "net_kernel", node: b.name }, "a message");
    a.send({ name: "net_kernel", node: b.name }, new Cast("a cast"));
    expect(await ask(a, b, atom("get_state"))).toEqual({
      started: atom("static"),
      name: atom(b.name),
      name_type: atom("static"),
      name_domain: atom("shortnames"),
    });
    expect(b.whereis("net_kernel")).toBe(before);
  });

  test("spawns for nodes that know no spawn requests", async () => {
    const { a, b } = await two({ global: {} });
    b.export("m:waits", (to: Pid<unknown>) => async (self: Self<unknown>) => {
      self.send(to, [self.pid, self.groupLeader]);
      self.exit(await self.receive());
    });
    for (const link of [false, true]) {
      for (const kind of ["spawn", "spawn_opt"]) {
        const name = atom(kind === "spawn" && link ? "spawn_link" : kind);
        const options = kind === "spawn"
          ? []
          : [[], atom(link ? "link" : "no_link")];
        await a.run(async (self: Self<unknown>) => {
          self.trapExits = true;
          const leader = a.whereis("user");
          const pid = await self.call<Pid<unknown>>(
            { name: "net_kernel", node: b.name },
            tuple(
              name,
              atom("m"),
              atom("waits"),
              [self.pid],
              ...options,
              leader,
            ),
          );
          expect(await self.receive()).toEqual([pid, leader]);
          const ref = self.monitor(pid as Pid);
          self.send(pid, "why");
          const messages = [await self.receive()];
          if (link) messages.push(await self.receive());
          expect(messages)
            .toContainEqual(expect.objectContaining({ ref, reason: "why" }));
          if (link) {
            expect(messages).toContainEqual(
              expect.objectContaining({ type: "EXIT", from: pid }),
            );
          }
        });
      }
    }
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });
});

describe("the actors of the kernel", () => {
  const names = [
    "global_name_server",
    "logger_proxy",
    "net_kernel",
    "node_info",
    "rex",
    "user",
  ];

  test("come back when a signal has ended them", async () => {
    const { a, b } = await two({ global: {} });
    expect(b.registered().toSorted()).toEqual(names);
    const pids = names.map((name) => b.whereis(name) as Pid);
    await a.run((self) => {
      for (const pid of pids) self.sendExit(pid, reasons.kill);
    });
    await waitFor(
      () => names.every((name, i) => b.whereis(name) !== pids[i]),
      { what: "new ones" },
    );
    expect(b.registered().toSorted()).toEqual(names);
    expect(await a.ping(b.name)).toBe("pong");
    // Actors that are spawned from now on have the new leader.
    expect(await b.run((self) => self.groupLeader)).toBe(b.whereis("user"));
    const { actors } = b.stats();
    await b.stop();
    expect([actors, b.stats().actors, b.registered()])
      .toEqual([names.length, 0, []]);
  });

  test("leave a name to the actor that has it now", async () => {
    const { node } = await lone();
    await node.run((self) => {
      const rex = self.whereis("rex") as Pid;
      self.unregister("rex");
      self.register("rex");
      self.sendExit(rex, reasons.kill);
      expect(self.whereis("rex")).toBe(self.pid);
    });
    expect(node.whereis("rex")).toBeNull();
  });
});
