/** Monitors whose refs are aliases as well, and tags; one node and two. */
import { describe, expect, test } from "vitest";
import {
  Down,
  type MonitorOptions,
  type NamedTarget,
  type Pid,
  reasons,
  type Ref,
  type Self,
} from "../../../runtime/mod.ts";
import { coreOf, drain, lone, park } from "../../helpers/actors.ts";
import {
  holdings,
  inside,
  next,
  type Puppet,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";

const { noproc } = reasons;

type Mode = NonNullable<MonitorOptions["alias"]>;
const modes: readonly Mode[] = ["explicit", "demonitor", "replyDemonitor"];

const isRef = (message: unknown): message is Ref =>
  typeof message === "object" && message !== null && "words" in message;

/** Has `from` send under the alias, which `owner` told it. */
async function under(
  owner: Puppet,
  from: Puppet,
  alias: Ref,
  messages: readonly unknown[],
): Promise<void> {
  await inside(owner, (self) => void self.send(from.pid, alias));
  const known = await next(from, isRef);
  await inside(from, (self) => {
    for (const message of messages) self.send(known, message);
  });
}

describe("an alias of a monitor", () => {
  for (const where of ["on one node", "between two"]) {
    test(`${where}: ends at demonitor, but for an explicit one`, async () => {
      const { a, b } = await two();
      const here = puppet(a);
      const there = puppet(where === "on one node" ? a : b);
      for (const alias of modes) {
        const ref = await inside(
          here,
          (self) => self.monitor(there.pid, { alias }),
        );
        await under(here, there, ref, ["before"]);
        await roundTrip(a, b);
        const taken = await inside(here, (self) => [
          self.demonitor(ref),
          self.demonitor(ref),
        ]);
        // The first message under a reply alias has ended the monitor.
        expect(taken).toEqual([alias !== "replyDemonitor", false]);
        await under(here, there, ref, ["after"]);
        await roundTrip(b, a);
        expect(await inside(here, (self) => drain(self)))
          .toEqual(alias === "explicit" ? ["before", "after"] : ["before"]);
        expect(await inside(here, (self) => self.unalias(ref)))
          .toBe(alias === "explicit");
      }
      expect(await holdings(a, b))
        .toEqual({ links: 0, monitors: 0, watchers: 0 });
      expect((await coreOf(a)).aliases.size).toBe(0);
    });

    test(`${where}: ends with Down, but for an explicit one`, async () => {
      const { a, b } = await two();
      const here = puppet(a);
      const node = where === "on one node" ? a : b;
      const speaker = puppet(node);
      for (const alias of modes) {
        const there = puppet(node);
        const ref = await inside(
          here,
          (self) => self.monitor(there.pid, { alias, tag: alias }),
        );
        await roundTrip(a, b);
        void inside(there, (self) => self.exit("x")).catch(() => {});
        expect(await inside(here, (self) => self.receive(ref)))
          .toEqual(new Down(ref, there.pid, "x", alias));
        await under(here, speaker, ref, ["after"]);
        await roundTrip(b, a);
        expect(await inside(here, (self) => drain(self)))
          .toEqual(alias === "explicit" ? ["after"] : []);
        await inside(here, (self) => self.unalias(ref));
      }
      expect((await coreOf(a)).aliases.size).toBe(0);
    });

    test(`${where}: without an actor fires, and is gone unless explicit`, async () => {
      const { a, b } = await two();
      const here = puppet(a);
      const node = where === "on one node" ? a : b;
      const speaker = puppet(node);
      const dead = puppet(node);
      void inside(dead, (self) => self.exit("x")).catch(() => {});
      await roundTrip(a, b);
      const nobody: NamedTarget = { name: "nobody", node: node.name };
      for (const alias of modes) {
        for (const target of [dead.pid, nobody]) {
          const tag = { of: alias };
          const ref = await inside(
            here,
            (self) => self.monitor(target, { alias, tag }),
          );
          expect(await inside(here, (self) => self.receive(ref)))
            .toEqual(new Down(ref, target, noproc, tag));
          await under(here, speaker, ref, ["after"]);
          await roundTrip(b, a);
          expect(await inside(here, (self) => drain(self)))
            .toEqual(alias === "explicit" ? ["after"] : []);
          await inside(here, (self) => self.unalias(ref));
        }
      }
    });
  }

  test("that takes one reply never shows a Down after it", async () => {
    const { a, b } = await two();
    const here = puppet(a);
    for (let i = 0; i < 50; i++) {
      const there = puppet(b);
      const ref = await inside(
        here,
        (self) => self.monitor(there.pid, { alias: "replyDemonitor" }),
      );
      await inside(here, (self) => void self.send(there.pid, ref));
      const known = await next(there, isRef);
      void inside(there, (self) => {
        self.send(known, "reply");
        self.send(known, "again");
        self.exit("x");
      }).catch(() => {});
      await roundTrip(a, b);
      expect(await inside(here, (self) => drain(self))).toEqual(["reply"]);
    }
  });

  test("ends at unalias while its monitor goes on", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const alias of modes) {
        const pid = self.spawn(park) as Pid;
        const ref = self.monitor(pid, { alias });
        expect(self.unalias(ref)).toBe(true);
        self.send(ref, "too late");
        self.sendExit(pid, "x");
        expect(await drain(self)).toEqual([new Down(ref, pid, "x")]);
      }
    });
  });
});

test("an alias without a monitor survives demonitor", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const alias = self.alias();
    for (const flush of [false, true]) {
      expect(self.demonitor(alias, { flush })).toBe(false);
      self.send(alias, "still");
      expect(await drain(self)).toEqual(["still"]);
    }
  });
});

test("tags of any kind come with their Downs, near and far", async () => {
  const { a, b } = await two();
  const tags = [
    undefined,
    null,
    0,
    "tag",
    Symbol("tag"),
    () => {},
    { deep: [new Map([[1, 2]])] },
    "x".repeat(100_000),
  ];
  for (const node of [a, b]) {
    const there = puppet(node);
    await a.run(async (self: Self<unknown>) => {
      const refs = tags.map((tag) => self.monitor(there.pid, { tag }));
      await roundTrip(a, b);
      void inside(there, (me) => me.exit("x")).catch(() => {});
      for (const [i, ref] of refs.entries()) {
        // It stays here and is no copy.
        expect((await self.receive(ref) as Down).tag).toBe(tags[i]);
      }
    });
  }
});
