/** `hornbeam cluster` with real processes on all three runtimes. */
import process from "node:process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../helpers/ports.ts";
import { itIfFull } from "../helpers/share.ts";
import {
  currentRuntime,
  isRunning,
  pinnedPath,
  root,
  runtimeCommand,
  type SpawnedProcess,
  spawnProcess,
} from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";
import { ends, hornbeam, interrupt, program } from "./command.ts";

const START_MS = 15_000;

type Cluster = { readonly launcher: SpawnedProcess; readonly epmdPort: number };

async function cluster(name: string, ...args: string[]): Promise<Cluster> {
  const epmdPort = await freePort();
  const launcher = hornbeam([
    "cluster",
    program(name),
    `--epmd-port=${epmdPort}`,
    ...args,
  ]);
  return { launcher, epmdPort };
}

/** The pids of all processes that the launcher has started so far. */
function pids({ launcher }: Cluster): number[] {
  return launcher.stderr.flatMap((line) => {
    const [, pid] = /starting: on \w+, pid (\d+)$/.exec(line) ?? [];
    return pid === undefined ? [] : [Number(pid)];
  });
}

/** Waits until `count` lines of the nodes' output match. */
async function lines(
  { launcher }: Cluster,
  pattern: RegExp,
  count: number,
): Promise<void> {
  const matching = (): string[] =>
    launcher.stdout.filter((line) => pattern.test(line));
  await waitFor(() => matching().length >= count, {
    what: `${count} lines like ${pattern} in\n${launcher.stdout.join("\n")}`,
    timeoutMs: 2 * START_MS,
  });
}

/** Kills processes that the launcher has not ended. */
function killAll(all: readonly number[]): void {
  for (const pid of all) {
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
  }
}

async function allGone(all: readonly number[]): Promise<void> {
  try {
    await waitFor(() => all.every((pid) => !isRunning(pid)), {
      what: "the end of every process that the launcher started",
      timeoutMs: 2_000,
    });
  } finally {
    killAll(all);
  }
}

describe("a cluster", () => {
  it("starts on three runtimes, restarts a killed process, ends", async () => {
    const one = await cluster("steady", "--runtime=mixed");
    const { launcher, epmdPort } = one;
    await lines(one, /^node1 \| begins with node2@\S+ node3@127.0.0.1$/, 1);
    await lines(one, /^node3 \| begins with node1@\S+ node2@127.0.0.1$/, 1);
    const second = /^node2 \| begins with node1@\S+ node3@127.0.0.1$/;
    await lines(one, second, 1);
    for (const i of [1, 2, 3]) {
      await launcher.waitForLine(new RegExp(`^node${i}@127.0.0.1 up$`));
    }
    const runtimes = launcher.stderr.map((line) =>
      /starting: on (\w+)/.exec(line)?.[1]
    );
    expect(runtimes.filter((name) => name !== undefined)).toEqual([
      "node",
      "deno",
      "bun",
    ]);

    process.kill(pids(one)[1]!, "SIGKILL");
    await launcher.waitForLine(
      /^node2@127.0.0.1 restarting: killed by SIGKILL; starts again in 100 ms$/,
    );
    await lines(one, second, 2);
    await lines(one, /^node1 \| nodeup node2@127.0.0.1$/, 1);
    await lines(one, /^node3 \| nodeup node2@127.0.0.1$/, 1);

    // A second cluster is refused, since the names are taken.
    const again = hornbeam([
      "cluster",
      program("steady"),
      `--epmd-port=${epmdPort}`,
    ]);
    await ends(again, 1);
    expect(again.stderr).toEqual([
      expect.stringMatching(
        /^error: a node named node\d@127.0.0.1 is running already \(epmd on/,
      ),
    ]);

    interrupt(launcher, "SIGINT");
    await ends(launcher, 0);
    expect(pids(one)).toHaveLength(4);
    await allGone(pids(one));
    const closing = launcher.stdout.filter((line) =>
      line.endsWith("| closing")
    );
    expect(closing.sort()).toEqual([
      "node1 | closing",
      "node2 | closing",
      "node3 | closing",
    ]);
  });

  it("ends when its launcher ends, also when it is busy", async () => {
    const one = await cluster("busy", "--runtime=mixed");
    for (const i of [1, 2, 3]) {
      await lines(one, RegExp(`^node${i} \\| busy`), 1);
    }
    const all = pids(one);
    expect(all.map(isRunning)).toEqual([true, true, true]);
    one.launcher.kill("SIGKILL");
    await allGone(all);
  });

  itIfFull(
    "ends when its launcher ends, also in an endless loop",
    async () => {
      const one = await cluster("spin", "--runtime=mixed");
      for (const i of [1, 2, 3]) {
        await lines(one, RegExp(`^node${i} \\| spinning`), 1);
      }
      const all = pids(one);
      one.launcher.kill("SIGKILL");
      await allGone(all);
    },
  );

  itIfFull(
    "shows that a node is silent, and that it answers again",
    async () => {
      const one = await cluster("busy", "--nodes=2", "--runtime=node");
      for (const i of [1, 2]) await lines(one, RegExp(`^node${i} \\| busy`), 1);
      const [pid] = pids(one);
      const printed = (pattern: RegExp) =>
        one.launcher.stderr.filter((line) => pattern.test(line)).length;
      const [isSilent, isUp] = [
        /^node1@\S+ silent: has not ans/,
        /^node1@\S+ up$/,
      ];
      await waitFor(() => printed(isUp) === 1, { what: "node1 to be up" });
      process.kill(pid!, "SIGSTOP");
      try {
        await waitFor(() => printed(isSilent) === 1, {
          what: "node1 to be silent",
          timeoutMs: START_MS,
        });
      } finally {
        process.kill(pid!, "SIGCONT");
      }
      await waitFor(() => printed(isUp) === 2, {
        what: "node1 to be up again",
      });
      expect(printed(/^node2@\S+ silent/)).toBe(0);
      one.launcher.kill("SIGKILL");
      await allGone(pids(one));
    },
  );

  itIfFull("does not restart a node that has ended too often", async () => {
    const one = await cluster("mortal", "--nodes=2", "--max-restarts=1");
    await ends(one.launcher, 1, START_MS);
    const printed = one.launcher.stderr.filter((line) =>
      line.startsWith("node1") && !/ (starting|up)/.test(line)
    );
    expect(printed).toEqual([
      "node1@127.0.0.1 restarting: killed by SIGKILL; starts again in 100 ms",
      "node1@127.0.0.1 down: killed by SIGKILL; restarted as often as " +
      "--max-restarts allows, 1 within a minute",
    ]);
    expect(one.launcher.stderr).toContain("node2@127.0.0.1 done");
  });

  itIfFull("restarts no node with --no-restart", async () => {
    const one = await cluster("mortal", "--nodes=1", "--no-restart");
    await ends(one.launcher, 1, START_MS);
    const dead = "node1@127.0.0.1 down: killed by SIGKILL";
    expect(one.launcher.stderr).toContain(dead);
    expect(pids(one)).toHaveLength(1);
  });

  it("that cannot start reports the cause in one line", async () => {
    const one = await cluster("broken", "--nodes=2");
    await ends(one.launcher, 1, START_MS);
    const printed = one.launcher.stderr.filter((line) =>
      !line.includes(" starting: ")
    );
    expect(printed).toEqual([
      expect.stringMatching(
        /^error: node\d@\S+: \S+broken\.ts could not be lo/,
      ),
    ]);
    await allGone(pids(one));
  });
});

describe("a cluster with workers", () => {
  /** `node1`, `node1-w1` … `node2-w2`. */
  const names = [1, 2].flatMap((
    i,
  ) => [`node${i}`, `node${i}-w1`, `node${i}-w2`])
    .map((part) => `${part}@127.0.0.1`);

  it("runs the program on each of them, all of them connected", async () => {
    const one = await cluster("steady", "--nodes=2", "--workers=2");
    for (const name of names) {
      await one.launcher.waitForLine(new RegExp(`^${name} up$`), 2 * START_MS);
      const others = names.filter((other) => other !== name).sort().join(" ");
      const process = name.slice(0, "node1".length);
      await lines(one, new RegExp(`^${process} \\| begins with ${others}$`), 1);
    }
    expect(pids(one)).toHaveLength(2);
    interrupt(one.launcher, "SIGINT");
    await ends(one.launcher, 0);
    const closing = one.launcher.stdout.filter((line) =>
      line.endsWith("| closing")
    );
    expect(closing.sort()).toEqual([
      ...Array<string>(3).fill("node1 | closing"),
      ...Array<string>(3).fill("node2 | closing"),
    ]);
    await allGone(pids(one));
  });

  itIfFull(
    "restarts a worker that fails, until it fails too often",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "hornbeam-frail-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const args = ["--nodes=1", "--workers=2", "--max-restarts=1"];
      const one = await cluster("frail", ...args, "--", folder);
      const { launcher } = one;
      await lines(one, /^node1 \| node1@127.0.0.1 holds$/, 1);
      await lines(one, /^node1 \| node1-w1@127.0.0.1 holds$/, 1);
      const printed = () => launcher.stderr.join("\n");
      await launcher.waitForLine(
        /node1-w1@127.0.0.1 ended: Error: failure number 1 .*=100$/,
        START_MS,
      );
      writeFileSync(join(folder, "again"), "");
      // The second worker has failed twice: the process is restarted.
      await launcher.waitForLine(
        /^node1@127.0.0.1 restarting: exit code 1/,
        START_MS,
      );
      expect(printed()).toMatch(
        /node1-w2@127.0.0.1 is down: Error: failure number 2; restarted as/,
      );
      await lines(one, /^node1 \| node1-w2@127.0.0.1 holds$/, 1);
      // A program must have started before it can read its signal.
      await lines(one, /^node1 \| node1@127.0.0.1 holds$/, 2);
      await lines(one, /^node1 \| node1-w1@127.0.0.1 holds$/, 2);
      interrupt(launcher, "SIGTERM");
      await ends(launcher, 0);
      await allGone(pids(one));
    },
  );
});

const hasScript = (process.env["PATH"] ?? "").split(delimiter)
  .some((folder) => existsSync(join(folder, "script")));

describe.skipIf(!hasScript || process.platform !== "linux")(
  "on a terminal, a cluster",
  () => {
    itIfFull("is shown in lines that stay in place", async () => {
      const epmdPort = await freePort();
      const { command, args } = runtimeCommand(
        currentRuntime(),
        "cli/main.ts",
        [
          "cluster",
          "examples/ping_cluster.ts",
          `--epmd-port=${epmdPort}`,
          "--nodes=2",
          "--",
          "1",
        ],
      );
      const line = [command, ...args].join(" ");
      const terminal = spawnProcess("script", [
        "--quiet",
        "--return",
        "--command",
        `stty cols 50 rows 20 && exec ${line}`,
        "/dev/null",
      ], { cwd: root, env: { PATH: pinnedPath() } });
      await ends(terminal, 0, 20_000);
      const shown = terminal.stdout.join("\n");
      // The cursor moves up over the head line and two nodes, repeatedly.
      expect(shown.split("\x1b[3A").length).toBeGreaterThan(3);
      expect(shown).toMatch(/NODE +STATE +ACTORS +MSG\/S +RUNT/);
      expect(shown).toMatch(/node2@127.0.0.1 +up +\d+ +[1-9]\d* +\w+/);
      expect(shown).toMatch(/node1 \| node1@127.0.0.1 got [1-9]\d* answers/);
      expect(shown).not.toContain("starting:");
      // deno-lint-ignore no-control-regex
      const plain = shown.replaceAll(/\x1b\[\d*[A-Z]|\r/g, "").split("\n");
      const widths = plain.filter((text) => /^(NODE|node\d@)/.test(text))
        .map((text) => text.length);
      expect(Math.max(...widths)).toBe(49);
    }, 25_000);
  },
);
