/** How registries start and end, and which actors may use them. */
import { describe, expect, test } from "vitest";
import { reasons, type Self, UsageError } from "../../../runtime/mod.ts";
import { stop } from "../../../std/proc_lib/mod.ts";
import { Registry, type RegistryOptions } from "../../../std/registry/mod.ts";
import { lone, obedient } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { ask, kill, linksOf } from "./kinds.ts";

describe("starting a registry", () => {
  test("refuses invalid options, and leaves nothing", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const before = node.stats().actors;
      const cases: [object, string][] = [
        [{}, 'expected keys to be "unique" or "duplicate", got undefined'],
        [{ keys: "other" }, 'got "other"'],
        [
          { keys: "unique", partitions: 0 },
          "a whole number of 1 or more, got 0",
        ],
        [{ keys: "unique", partitions: 1.5 }, "got 1.5"],
        [{ keys: "unique", partitionBy: "key" }, "only with duplicate keys"],
      ];
      for (const [options, message] of cases) {
        for (const how of ["start", "startLink"] as const) {
          const attempt = async () =>
            await Registry[how](self, options as RegistryOptions);
          await expect(attempt()).rejects.toThrow(UsageError);
          await expect(attempt()).rejects.toThrow(message);
        }
      }
      await Registry.start(self, { keys: "unique", name: "taken" });
      await expect(Registry.start(self, { keys: "unique", name: "taken" }))
        .rejects.toThrow('expected the name "taken" to be free');
      expect(node.stats().actors).toBe(before + 2);
    });
  });

  test("with a link has it end with its starter", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const reason of [reasons.normal, "crash"]) {
        const starter = self.spawn(obedient);
        const registry = await ask(
          self,
          starter,
          (me) => Registry.startLink(me, { keys: "unique" }),
        );
        const ref = self.monitor(registry.pid);
        self.send(starter, (me: Self) => me.exit(reason));
        expect(await self.receive(ref)).toMatchObject({ reason });
      }
    });
  });

  test("registers its name, under which it can be stopped", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.start(self, {
        keys: "unique",
        name: "rooms",
      });
      expect(self.whereis("rooms")).toBe(registry.pid);
      await stop(self, "rooms");
      expect(self.whereis("rooms")).toBeNull();
    });
  });

  test("too many crashes in a short time end it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.start(self, { keys: "duplicate" });
      const ref = self.monitor(registry.pid);
      self.trapExits = true;
      for (let crash = 1; crash <= 4; crash++) {
        await waitFor(() => registry.register(self, "key", crash).ok, {
          what: "the restart",
        });
        kill(self, linksOf(self)[0]!);
      }
      expect(await self.receive(ref))
        .toMatchObject({ reason: reasons.shutdown });
    });
  });
});

describe("registrants", () => {
  test("are live actors of the registry's node", async () => {
    const { node } = await lone();
    const { node: stranger } = await lone({
      name: "b@127.0.0.1",
      cookie: "secret",
      epmdPort: false,
    });
    await node.run(async (self) => {
      const registry = await Registry.start(self, { keys: "duplicate" });
      const attempt = (me: Self) => () => registry.register(me, 1, 1);
      await stranger.run((me) => {
        expect(attempt(me)).toThrow(UsageError);
        expect(attempt(me)).toThrow(/expected a live actor of nonode@nohost/);
      });
      let dead: Self | undefined;
      const { ref } = self.spawnMonitor((me) => {
        dead = me;
        registry.register(me, 1, 1);
      });
      await self.receive(ref);
      expect(attempt(dead!)).toThrow(UsageError);
      await waitFor(() => registry.count() === 0, { what: "the cleanup" });
    });
  });

  test("cannot register while their partition is down", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const registry = await Registry.start(self, { keys: "unique" });
      registry.register(self, "key", 1);
      kill(self, linksOf(self)[0]!);
      expect(() => registry.register(self, "key", 1))
        .toThrow("was not restarted yet");
      expect(registry.lookup("key")).toEqual([]);
    });
  });
});
