/** Applications of one node: their starts, stops and settings. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type LogRecord,
  type Pid,
  reasons,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  type Application,
  application,
  type ApplicationDefinition,
  ApplicationError,
  Applications,
  type ApplicationsOptions,
  type ApplicationType,
  runApplications,
  stopOnTermination,
} from "../../../std/application/mod.ts";
import type { AnySelf } from "../../../std/proc_lib/mod.ts";
import {
  coreOf,
  exitOnDemand,
  holdingsOf,
  isExit,
  lone,
  park,
} from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { failureOf } from "../outcomes.ts";

/** An application that records its hooks, with a root that parks. */
function recorded(
  notes: string[],
  name: string,
  definition: Partial<ApplicationDefinition> = {},
): Application {
  return application({
    name,
    start: (self) => {
      notes.push(`start ${name}`);
      return self.spawnLink(park, { label: name });
    },
    prepStop: () => void notes.push(`prepStop ${name}`),
    stop: () => void notes.push(`stop ${name}`),
    ...definition,
  });
}

/** Runs a body in an actor that has started a controller. */
async function withApps(
  body: (
    self: Self<unknown>,
    apps: Applications,
    records: readonly LogRecord[],
  ) => Promise<void>,
  options: ApplicationsOptions = {},
): Promise<void> {
  const { node, records } = await lone();
  const core = await coreOf(node);
  const before = holdingsOf(core).actors;
  await node.run(async (self: Self<unknown>) => {
    self.trapExits = true;
    await body(self, await Applications.startLink(self, options), records);
  });
  await waitFor(() => holdingsOf(core).actors === before, {
    what: "all actors to end",
  });
}

const failure = (promise: Promise<unknown>): Promise<ApplicationError> =>
  failureOf(promise, ApplicationError);

/** Kills the root of a running application. */
function endRoot(self: Self<unknown>, apps: Applications, name: string): void {
  const running = apps.which().find((one) => one.name === name);
  self.sendExit(running?.root as Pid, reasons.kill);
}

describe("starts and stops", () => {
  test("go in the order of the dependencies, and back", () => {
    const notes: string[] = [];
    const store = recorded(notes, "store", {
      version: "1.2",
      description: "kept",
    });
    const mail = recorded(notes, "mail");
    const shop = recorded(notes, "shop", { dependencies: [mail, store] });
    const site = recorded(notes, "site", { dependencies: [store, shop] });
    return withApps(async (self, apps) => {
      expect(await apps.ensureAllStarted(self, [site, store]))
        .toEqual(
          ["store", "mail", "shop", "site"].toSorted((a, b) =>
            notes.indexOf(`start ${a}`) - notes.indexOf(`start ${b}`)
          ),
        );
      expect(notes.indexOf("start shop")).toBeGreaterThan(
        Math.max(notes.indexOf("start mail"), notes.indexOf("start store")),
      );
      expect(notes.at(-1)).toBe("start site");
      expect(await apps.ensureAllStarted(self, [site])).toEqual([]);
      expect(apps.isStarted(shop)).toBe(true);
      expect(apps.which().find(({ name }) => name === "store")).toMatchObject({
        version: "1.2",
        description: "kept",
        type: "temporary",
        root: expect.anything(),
      });
      const started = notes.splice(0).map((note) => note.slice(6));
      expect(await apps.shutdown(self)).toBe(true);
      expect(notes).toEqual(
        started.reverse().flatMap((
          name,
        ) => [`prepStop ${name}`, `stop ${name}`]),
      );
      expect(await apps.shutdown(self)).toBe(true);
      expect(() => apps.pid).toThrow(UsageError);
    });
  });

  test("of single applications need their dependencies, and leave others alone", () => {
    const notes: string[] = [];
    const store = recorded(notes, "store");
    const shop = recorded(notes, "shop", { dependencies: [store] });
    return withApps(async (self, apps) => {
      expect(await failure(apps.start(self, shop))).toMatchObject({
        code: "dependencyNotStarted",
        application: "shop",
        reason: "store",
      });
      await apps.start(self, store);
      await apps.start(self, shop, "permanent");
      expect(await failure(apps.start(self, shop)))
        .toMatchObject({ code: "alreadyStarted" });
      await apps.stop(self, store);
      expect(apps.which().map(({ name, type }) => [name, type]))
        .toEqual([["shop", "permanent"]]);
      expect(await failure(apps.stop(self, store)))
        .toMatchObject({ code: "notStarted" });
      await apps.start(self, store);
      expect(notes.filter((note) => note === "start store")).toHaveLength(2);
    });
  });

  test("have phases after the start of the root, which ends if one fails", () => {
    const notes: string[] = [];
    const startPhases = {
      first: () => void notes.push("first"),
      second: () => void notes.push("second"),
    };
    const good = recorded(notes, "good", { startPhases });
    const bad = recorded(notes, "bad", {
      startPhases: {
        ...startPhases,
        third: () => {
          throw new Error("no");
        },
      },
    });
    return withApps(async (self, apps) => {
      await apps.start(self, good);
      expect(notes.splice(0)).toEqual(["start good", "first", "second"]);
      const { reason } = await failure(apps.start(self, bad));
      expect(reason).toMatchObject({ message: "no" });
      expect(apps.which()).toHaveLength(1);
    });
  });

  test("that fail leave no actor, and applications started before are stopped", () => {
    const notes: string[] = [];
    const store = recorded(notes, "store");
    const before = recorded(notes, "before");
    const ways: readonly ApplicationDefinition["start"][] = [
      () => {
        throw new Error("no disk");
      },
      () => Promise.reject(new Error("no disk")),
      (self) => {
        self.spawnLink(park);
        throw new Error("no disk");
      },
    ];
    return withApps(async (self, apps, records) => {
      await apps.start(self, before);
      for (const start of ways) {
        const bad = application({ name: "bad", dependencies: [store], start });
        const error = await failure(apps.ensureAllStarted(self, [before, bad]));
        expect(error).toMatchObject({
          code: "startFailed",
          application: "bad",
        });
        expect(error.reason).toMatchObject({ message: "no disk" });
        expect(error.message).toContain("no disk");
        expect(apps.which().map(({ name }) => name)).toEqual(["before"]);
      }
      expect(records.filter(({ message }) => message.includes("crashed")))
        .toEqual([]);
    });
  });

  test("kill a root that does not end in time", () => {
    const notes: string[] = [];
    const stubborn = recorded(notes, "stubborn", {
      shutdownMs: 20,
      start: (self) => self.spawnLink(park, { trapExits: true }),
    });
    return withApps(async (self, apps) => {
      await apps.start(self, stubborn);
      const root = apps.which()[0]?.root as Pid;
      await apps.stop(self, stubborn);
      expect(self.isActorAlive(root)).toBe(false);
      expect(notes).toEqual(["prepStop stubborn", "stop stubborn"]);
    });
  });

  test("report an error in a hook, and go on", () => {
    const bad = application({
      name: "bad",
      start: (self) => ({ pid: self.spawnLink(park) }),
      prepStop: () => {
        throw new Error("one");
      },
      stop: () => Promise.reject(new Error("two")),
    });
    return withApps(async (self, apps, records) => {
      await apps.start(self, bad);
      await apps.stop(self, bad);
      expect(records.filter(({ level }) => level === "error")).toMatchObject([
        { message: "prepStop of the application bad has thrown" },
        { message: "stop of the application bad has thrown" },
      ]);
    });
  });

  test("of all applications, in order, come with the end of the controller's starter", async () => {
    const notes: string[] = [];
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const apps = await Applications.startLink(self, { name: "apps" });
      const store = recorded(notes, "store");
      const shop = recorded(notes, "shop", { dependencies: [store] });
      await apps.ensureAllStarted(self, [shop]);
      notes.splice(0);
    });
    await waitFor(() => node.whereis("apps") === null, { what: "the end" });
    expect(notes)
      .toEqual(["prepStop shop", "stop shop", "prepStop store", "stop store"]);
  });
});

describe("the end of an application by itself", () => {
  const cases: readonly [ApplicationType, string, boolean][] = [
    ["permanent", "normal", true],
    ["permanent", "boom", true],
    ["transient", "normal", false],
    ["transient", "boom", true],
    ["temporary", "normal", false],
    ["temporary", "boom", false],
  ];
  test.each(cases)("of a %s one that ends with %s", (type, why, isFatal) => {
    const notes: string[] = [];
    const other = recorded(notes, "other");
    let root: Pid<unknown> | undefined;
    const one = recorded(notes, "one", {
      dependencies: [other],
      start: (self) => root = self.spawnLink(exitOnDemand),
    });
    return withApps(async (self, apps, records) => {
      const { pid } = apps;
      await apps.start(self, other);
      await apps.start(self, one, type);
      notes.splice(0);
      const reason = why === "normal" ? reasons.normal : why;
      self.send(root as Pid<unknown>, reason);
      await waitFor(() => notes.includes("stop one"), { what: "its end" });
      if (isFatal) {
        const exit = await self.receive(isExit);
        const name = tuple(atom("application_terminated"), atom("one"));
        expect(exit).toMatchObject({
          from: pid,
          reason: tuple(reasons.shutdown, name),
        });
        expect(notes).toEqual(["stop one", "prepStop other", "stop other"]);
      } else {
        await waitFor(() => apps.which().length === 1, { what: "its end" });
        expect(apps.isStarted(other)).toBe(true);
        await apps.start(self, one, type);
      }
      const report = records.find(({ fields }) =>
        fields?.["report"] === "application" && fields["application"] === "one"
      );
      expect(report).toMatchObject({
        level: why === "normal" ? "info" : "error",
        fields: { type },
      });
    });
  });

  test("an actor beside the root is only reported", () => {
    const stray: Pid<unknown>[] = [];
    const one = application({
      name: "one",
      start: (self) => {
        stray.push(self.spawnLink(exitOnDemand));
        return self.spawnLink(park);
      },
    });
    return withApps(async (self, apps, records) => {
      await apps.start(self, one);
      self.send(stray[0] as Pid<unknown>, "oops");
      await waitFor(
        () =>
          records.some(({ message }) => message.includes("beside the root")),
        { what: "the warning" },
      );
      expect(apps.isStarted(one)).toBe(true);
    });
  });
});

test("settings: putEnv, then the configuration, then the definition", () => {
  const seen: unknown[] = [];
  const shop = application({
    name: "shop",
    env: { a: 1, b: 1, c: 1, d: 1 },
    start: (self, context) => {
      seen.push(context.env("d"), context.name, context.type);
      return self.spawnLink(park);
    },
  });
  const config = [{ shop: { b: 2, c: 2, d: 2 } }, { shop: { c: 3, d: 3 } }];
  return withApps(async (self, apps) => {
    expect(apps.getAllEnv(shop)).toEqual({ a: 1, b: 2, c: 3, d: 3 });
    apps.putEnv(shop, "d", 4);
    expect(apps.getEnv(shop, "d")).toBe(4);
    await apps.start(self, shop, "transient");
    expect(seen).toEqual([4, "shop", "transient"]);
    await apps.stop(self, shop);
    expect(apps.getEnv(shop, "d")).toBe(4);
    apps.deleteEnv(shop, "d");
    expect(apps.getEnv(shop, "d")).toBe(3);
  }, { config });
});

test("an actor belongs to the application whose root has spawned it", () => {
  let inner: Pid | undefined;
  const shop = application({
    name: "shop",
    start: (self) =>
      self.spawnLink(async (root: Self<unknown>) => {
        root.spawnLink((child: Self<unknown>) => {
          inner = child.spawnLink(park) as Pid;
          return park(child);
        });
        await park(root);
      }),
  });
  return withApps(async (self, apps) => {
    await apps.start(self, shop);
    await waitFor(() => inner !== undefined, { what: "the inner actor" });
    expect(apps.applicationOf(self, inner as Pid)).toBe("shop");
    expect(apps.applicationOf(self, self.pid as Pid)).toBeNull();
  });
});

test("refuses definitions that are not valid", () =>
  withApps(async (self, apps) => {
    const start = (me: AnySelf) => me.spawnLink(park);
    expect(() => application({ name: "", start })).toThrow(UsageError);
    expect(() => application({ name: "x", start, shutdownMs: -1 }))
      .toThrow("expected shutdownMs of x to be 0 or more, got -1");
    expect(() =>
      application({ name: "x", start, dependencies: [{ name: "y" }] })
    )
      .toThrow("expected dependencies of x to be applications");
    const one = application({ name: "x", start });
    expect(() => apps.start(self, one, "forever" as never)).toThrow(UsageError);
    await apps.start(self, one);
    await expect(apps.start(self, application({ name: "x", start })))
      .rejects.toThrow("expected one application of the name x");
  }));

test("shutdowns at the same time are one", async () => {
  const notes: string[] = [];
  await withApps(async (self, apps) => {
    await apps.ensureAllStarted(self, [recorded(notes, "a")]);
    const all = [1, 2, 3].map(() => apps.shutdown(self));
    expect(await Promise.all(all)).toEqual([true, true, true]);
    expect(notes).toEqual(["start a", "prepStop a", "stop a"]);
  });
  await withApps(async (self, apps) => {
    self.trapExits = true;
    const never = () => new Promise<void>(() => {});
    await apps.start(self, recorded([], "b", { prepStop: never }));
    const all = [30, 10_000].map((timeoutMs) =>
      apps.shutdown(self, { timeoutMs })
    );
    expect(await Promise.all(all)).toEqual([false, false]);
  });
});

describe("a shutdown with a limit", () => {
  test("kills roots that do not end, and applications that are starting", () => {
    const notes: string[] = [];
    const quick = recorded(notes, "quick");
    const stubborn = recorded(notes, "stubborn", {
      start: (self) => self.spawnLink(park, { trapExits: true }),
    });
    const hanging = recorded(notes, "hanging", {
      prepStop: () => new Promise(() => {}),
    });
    return withApps(async (self, apps) => {
      for (const app of [quick, stubborn, hanging]) await apps.start(self, app);
      const { pid } = apps;
      expect(await apps.shutdown(self, { timeoutMs: 30 })).toBe(false);
      expect(self.isActorAlive(pid)).toBe(false);
      const again = await Applications.startLink(self);
      const stuck = recorded(notes, "stuck", {
        start: () => new Promise(() => {}),
      });
      again.start(self, stuck).catch(() => notes.push("given up"));
      expect(await again.shutdown(self, { timeoutMs: 30 })).toBe(false);
      await waitFor(() => notes.includes("given up"), { what: "the start" });
    });
  });

  test("can be aborted", () => {
    const stubborn = application({
      name: "stubborn",
      start: (self) => self.spawnLink(park, { trapExits: true }),
    });
    return withApps(async (self, apps) => {
      await apps.start(self, stubborn);
      const abort = new AbortController();
      const done = apps.shutdown(self, { signal: abort.signal });
      abort.abort();
      expect(await done).toBe(false);
    });
  });
});

test("stopOnTermination stops all applications and the node when it is aborted", async () => {
  const notes: string[] = [];
  const { node } = await lone();
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  node.spawn(async (self: Self<unknown>) => {
    const apps = await Applications.startLink(self);
    const store = recorded(notes, "store");
    await apps.ensureAllStarted(self, [store], "permanent");
    resolve(stopOnTermination(node, apps, { signal: abort.signal }));
    abort.abort();
    await park(self);
  });
  expect(await promise).toEqual({ cause: "abort", inTime: true });
  expect(notes).toEqual(["start store", "prepStop store", "stop store"]);
  expect(node.stats().actors).toBe(0);
});

test("runApplications rejects when one application does not start, and stops the others", async () => {
  const notes: string[] = [];
  const { node } = await lone();
  const store = recorded(notes, "store");
  const bad = recorded(notes, "bad", {
    dependencies: [store],
    start: () => {
      throw new Error("no disk");
    },
  });
  const error = await failure(runApplications(node, [bad]));
  expect(error).toMatchObject({ application: "bad", code: "startFailed" });
  expect(notes).toEqual(["start store", "prepStop store", "stop store"]);
  expect(node.stats().actors).toBe(0);
});

test("stopOnTermination stops the node when the applications have ended", async () => {
  const notes: string[] = [];
  const { node } = await lone();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  node.spawn(async (self: Self<unknown>) => {
    self.trapExits = true;
    const apps = await Applications.startLink(self);
    const store = recorded(notes, "store");
    await apps.ensureAllStarted(self, [store], "permanent");
    resolve(stopOnTermination(node, apps));
    endRoot(self, apps, "store");
    await park(self);
  });
  expect(await promise).toEqual({ cause: "ended", inTime: true });
  expect(node.stats().actors).toBe(0);
});
