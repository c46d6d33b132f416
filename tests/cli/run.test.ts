/** `hornbeam run` as users start it: at least one process for each test. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../helpers/ports.ts";
import type { SpawnedProcess } from "../helpers/processes.ts";
import { ends, hornbeam, interrupt, program } from "./command.ts";

/** The command fails with exactly one line on standard error. */
async function fails(
  child: SpawnedProcess,
  code: number,
  line: RegExp | string,
): Promise<void> {
  await ends(child, code);
  expect(child.stderr).toHaveLength(1);
  expect(child.stderr[0]).toMatch(line);
}

describe("a program", () => {
  it.concurrent("gets a node and its arguments, and ends", async () => {
    const file = program("hello");
    const child = hornbeam(["run", file, "a", "--", "--b", "c d"]);
    await ends(child, 0);
    expect(child.stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        name: "nonode@nohost",
        args: ["a", "--b", "c d"],
        index: 0,
        nodes: ["nonode@nohost"],
      },
    ]);
    expect(child.complaints).toEqual([]);
  });

  it.concurrent("that fails has its stack printed", async () => {
    const child = hornbeam(["run", program("crash")]);
    await ends(child, 1);
    expect(child.stderr[0]).toContain("Error: my own fault");
    expect(child.stderr.join("\n")).toMatch(/crash\.ts:3/);
  });

  it.concurrent("that throws outside of its promise ends with 1", async () => {
    const child = hornbeam(["run", program("late")]);
    await ends(child, 1);
    expect(child.stderr.join("\n")).toContain("Error: too late");
    expect(child.stdout).toEqual([]);
  });

  it.concurrent("that cannot be loaded is reported in one line", async () => {
    const child = hornbeam(["run", program("broken")]);
    await fails(child, 1, /^error: .*broken\.ts could not be loaded: \w+Error/);
  });

  it.concurrent("without a default export is reported in one line", async () => {
    const child = hornbeam(["run", program("no_default")]);
    await fails(child, 2, /^error: .*no_default\.ts has no default export/);
  });

  it.concurrent("ends by its signal, and at once if it does not read it", async () => {
    const child = hornbeam(["run", program("steady")]);
    await child.waitForLine(/^begins/);
    interrupt(child, "SIGINT");
    await ends(child, 0);
    const silent = hornbeam(["run", program("deaf")]);
    await silent.waitForLine(/^deaf$/);
    interrupt(silent, "SIGINT");
    await ends(silent, 130);
  });

  it.concurrent("that ignores its signal ends by a second one", async () => {
    const child = hornbeam(["run", program("deaf"), "ignore"]);
    await child.waitForLine(/^deaf$/);
    interrupt(child, "SIGTERM");
    await child.waitForLine(/^ignored$/);
    // A second signal counts only when it cannot be an echo of the first.
    const again = setInterval(() => interrupt(child, "SIGTERM"), 200);
    try {
      await ends(child, 143);
    } finally {
      clearInterval(again);
    }
  });
});

describe("with a server running", () => {
  let server: SpawnedProcess;
  let epmdPort = "";
  let port = "";

  /** `hornbeam run` in the server's cluster. */
  const run = (name: string, ...args: string[]): SpawnedProcess =>
    hornbeam([
      "run",
      program(name),
      `--epmd-port=${epmdPort}`,
      ...args,
    ], { HORNBEAM_COOKIE: "shared" });

  beforeAll(async () => {
    epmdPort = String(await freePort());
    port = String(await freePort());
    server = run("server", "--name=a@127.0.0.1", `--port=${port}`);
    await server.waitForLine(/^serving$/);
  });

  afterAll(async () => {
    interrupt(server, "SIGTERM");
    await ends(server, 0);
    expect(server.stdout.at(-1)).toBe("closing");
  });

  it.concurrent("another run connects, asks and spawns there", async () => {
    const name = ["--name=b@127.0.0.1", "--connect=a@127.0.0.1"];
    const child = run("client", ...name, "--", "a@127.0.0.1");
    await ends(child, 0);
    expect(child.stdout).toEqual(["answers 4 6"]);
    // On a busy machine any turn may be long.
    expect(child.complaints)
      .toEqual([]);
  });

  it.concurrent("another cookie is refused", async () => {
    const name = ["--name=c@127.0.0.1", "--connect=a@127.0.0.1"];
    const child = run("hello", ...name, "--cookie=other");
    await fails(
      child,
      1,
      "error: could not connect to a@127.0.0.1: most likely the cookies " +
        "differ; give both nodes the same --cookie",
    );
  });

  it.concurrent("a name that is in use is refused", async () => {
    const child = run("hello", "--name=a@127.0.0.1");
    const line =
      `error: a node named a@127.0.0.1 is running already (epmd on ` +
      `port ${epmdPort}); stop it, or choose another name or --epmd-port`;
    await fails(child, 1, line);
  });

  it.concurrent("a port that is in use is refused", async () => {
    const child = run("hello", "--name=d@127.0.0.1", `--port=${port}`);
    await fails(child, 1, `error: port ${port} is in use; choose another`);
  });

  it.concurrent("--no-host-epmd uses an epmd that runs, and needs one", async () => {
    const flags = ["--no-host-epmd", "--cookie=shared"];
    const there = run("hello", "--name=h@127.0.0.1", ...flags);
    await ends(there, 0);
    expect(there.complaints).toEqual([]);
    const other = String(await freePort());
    const nowhere = ["--name=h@127.0.0.1", `--epmd-port=${other}`, ...flags];
    await fails(
      hornbeam(["run", program("hello"), ...nowhere]),
      1,
      `error: no epmd runs on port ${other}; start one (epmd -daemon), ` +
        "choose another --epmd-port, or leave out --no-host-epmd",
    );
    await fails(
      hornbeam(["run", program("hello"), "--no-host-epmd"]),
      2,
      "error: --no-host-epmd needs a node with a name",
    );
  });

  it.concurrent("a peer that does not start is waited for until a time limit", async () => {
    const child = run("hello", "--name=e@127.0.0.1", "--connect=x@127.0.0.1");
    await fails(
      child,
      1,
      "error: could not connect to x@127.0.0.1: no such node is running; " +
        "start it first, and give both nodes the same --epmd-port",
    );
  });

  it.concurrent("a node may be started before the peer that it connects to", async () => {
    const early = ["--name=g@127.0.0.1", "--connect=f@127.0.0.1"];
    const client = run("client", ...early, "--", "f@127.0.0.1");
    const late = run("server", "--name=f@127.0.0.1");
    await ends(client, 0);
    interrupt(late, "SIGINT");
    await ends(late, 0);
  });
});
