/**
 * Tables that name actors: an actor of this node that has ended is in none of
 * their results from then on, also within the turn in which it ended.
 */
import { describe, expect, test } from "vitest";
import {
  global,
  pg,
  pg2,
  type Pid,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import { genServer, refuse } from "../../std/gen_server/mod.ts";
import { StartError } from "../../std/proc_lib/mod.ts";
import { PubSub } from "../../std/pubsub/mod.ts";
import { Registry } from "../../std/registry/mod.ts";
import { lone, obedient } from "../helpers/actors.ts";
import { ask, kill, kinds } from "./registry/kinds.ts";

/** The results of all functions of a table that read it. */
type Results = Readonly<Record<string, unknown>>;

type Table = {
  /** Enters the actor, in one of its own turns. */
  enter(me: Self): void | Promise<void>;
  read(actor: Pid): Results | Promise<Results>;
};

/** Each makes a table and says how it is read. */
const tables: Readonly<
  Record<string, (self: Self, node: RunningNode) => Promise<Table> | Table>
> = {
  "local names": (self, node) => ({
    enter: (me) => me.register("name", me.pid),
    read: () => ({
      whereis: self.whereis("name"),
      registered: node.registered(),
    }),
  }),
  "global names": (self) => ({
    enter: async (me) => void await global.registerName(me, "name", me.pid),
    read: () => ({
      whereisName: global.whereisName(self, "name"),
      registeredNames: global.registeredNames(self),
    }),
  }),
  "pg": (self) => ({
    enter: (me) => pg.join(me, "group", me.pid),
    read: () => ({
      members: pg.members(self, "group"),
      localMembers: pg.localMembers(self, "group"),
      whichGroups: pg.whichGroups(self),
      whichLocalGroups: pg.whichLocalGroups(self),
    }),
  }),
  "pg2": async (self) => {
    await pg2.create(self, "group");
    return {
      enter: (me) => pg2.join(me, "group", me.pid),
      read: () => ({
        getMembers: pg2.getMembers(self, "group"),
        getLocalMembers: pg2.getLocalMembers(self, "group"),
      }),
    };
  },
  "pubsub": async (self) => {
    let entries: unknown = null;
    const pubsub = await PubSub.start(self, {
      name: "pubsub",
      dispatchers: { show: (all) => void (entries = all) },
    });
    return {
      enter: (me) => pubsub.subscribe(me, "topic"),
      read: () => {
        pubsub.localBroadcast(self, "topic", 1, { dispatcher: "show" });
        return {
          countSubscriptions: pubsub.countSubscriptions("topic"),
          entries,
        };
      },
    };
  },
  ...Object.fromEntries(kinds.map((kind) => [
    `registry with ${JSON.stringify(kind)}`,
    async (self: Self): Promise<Table> => {
      const registry = await Registry.start<string, number, unknown>(
        self,
        kind as { keys: "unique" },
      );
      return {
        enter: (me) => void registry.register(me, "key", 1),
        read: async (actor) => {
          const dispatched: unknown[] = [];
          const show = (entries: readonly unknown[]): void =>
            void dispatched.push(...entries);
          registry.dispatch("key", show);
          const results = {
            lookup: registry.lookup("key"),
            match: registry.match("key", () => true),
            countMatch: registry.countMatch("key", () => true),
            select: registry.select(),
            countSelect: registry.countSelect(() => true),
            count: registry.count(),
            keys: registry.keys(actor),
            values: registry.values("key", actor),
            dispatch: dispatched,
            ...kind.keys === "unique"
              ? { whereis: registry.whereis("key") }
              : {},
          };
          const inParallel: unknown[] = [];
          await registry.dispatchParallel(
            self,
            "key",
            (entries) => void inParallel.push(...entries),
          );
          return { ...results, dispatchParallel: inParallel };
        },
      };
    },
  ])),
};

describe("an actor that has ended is gone in the same turn from", () => {
  test.each(Object.entries(tables))("%s", async (_, makeTable) => {
    const { node } = await lone();
    await node.run(async (self: Self) => {
      const table = await makeTable(self, node);
      const before = await table.read(self.pid as Pid);
      for (const how of ["by a kill", "by itself"]) {
        const actor = self.spawn(obedient);
        await ask(self, actor, table.enter);
        const entered = await table.read(actor);
        for (const name of Object.keys(before)) {
          expect(entered[name], name).not.toEqual(before[name]);
        }
        if (how === "by a kill") kill(self, actor);
        else {
          const ended = Promise.withResolvers<void>();
          self.send(actor, (me: Self) => {
            me.signal.addEventListener("abort", () => ended.resolve());
            me.exit("done");
          });
          await ended.promise;
        }
        expect(await table.read(actor), how).toEqual(before);
      }
    });
  });
});

describe("a refused start leaves nothing in the turn of the refusal", () => {
  const Refusing = genServer({ init: () => refuse("no disk") });

  test.each(kinds.filter(({ keys }) => keys === "unique"))(
    "in a registry, %o",
    async (kind) => {
      const { node } = await lone();
      await node.run(async (self) => {
        const registry = await Registry.start<string, null, unknown>(
          self,
          kind,
        );
        const name = registry.via("key", null);
        await expect(Refusing.start(self, undefined, { name })).rejects
          .toThrow(StartError);
        expect(registry.count()).toBe(0);
        expect(registry.lookup("key")).toEqual([]);
      });
    },
  );

  test("among local and global names", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const before = node.registered();
      for (const name of ["local", { via: global, name: "global" }]) {
        await expect(Refusing.start(self, undefined, { name })).rejects
          .toThrow(StartError);
        expect(node.registered()).toEqual(before);
        expect(global.registeredNames(self)).toEqual([]);
      }
    });
  });
});
