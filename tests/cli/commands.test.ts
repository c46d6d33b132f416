/** How command lines are parsed, in the process of the tests. */
import process from "node:process";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { runBench } from "../../bench/main.ts";
import type { BenchOptions } from "../../cli/bench.ts";
import { main } from "../../cli/commands.ts";
import { ends, hornbeam } from "./command.ts";

const FILE = "tests/cli/programs/hello.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Runs a command line that needs no process of its own. */
async function say(...args: string[]): Promise<{
  code: number;
  stdout: string;
  stderr: string;
}> {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      said[name] += String(text);
      return true;
    });
  }
  const code = await main(args);
  vi.restoreAllMocks();
  return { code, ...said };
}

describe("a wrong command line is answered by one line:", () => {
  it.each([
    ["rum", "error: unknown command 'rum' (Did you mean run?)"],
    ["run", "error: missing required argument 'file'"],
    [`run --portt 5 ${FILE}`, "'--portt' (Did you mean --port?)"],
    ["run nowhere.ts", "error: there is no file nowhere.ts; give the"],
    ["run tests", "error: tests is a folder; give the path of a module"],
    [`run ${FILE} --name=a`, 'a node name "part@host", got "a" without'],
    [`run ${FILE} --name=a@b`, "error: a@b needs a cookie; add --cookie"],
    [`run ${FILE} --hidden`, "error: --hidden needs a node with a name"],
    [`run ${FILE} --connect=a`, 'a node name "part@host", got "a" without'],
    [`run ${FILE} --port=0`, "Expected a port between 1 and 65535"],
    [`run ${FILE} --log-level=loud`, "choices are debug, info, warning, error"],
    [`cluster ${FILE} --nodes=no`, "a whole number between 1 and 100"],
    [`cluster ${FILE} --runtime=go`, "choices are node, deno, bun, mixed"],
    [`cluster ${FILE} --base-name=a.b`, 'before the "@" of a node name'],
    ["cluster nowhere.ts", "error: there is no file nowhere.ts; give the"],
    ["bench --vs=elixir", "Expected beam, raw or several with commas, got"],
    ["bench --json --markdown", "cannot be used with option '--markdown'"],
  ])("%s", async (line, expected) => {
    vi.stubEnv("HORNBEAM_COOKIE", "");
    const { code, stdout, stderr } = await say(...line.split(" "));
    expect(stderr).toContain(expected);
    expect(stderr.indexOf("\n")).toBe(stderr.length - 1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("with a port of epmd from the environment", async () => {
    vi.stubEnv("ERL_EPMD_PORT", "70000");
    const { code, stderr } = await say("run", FILE);
    expect(stderr).toContain("Expected a port between 1 and 65535");
    expect(code).toBe(2);
  });
});

describe("help", () => {
  it("is printed when there is no command", async () => {
    const { code, stdout, stderr } = await say();
    expect(stderr).toMatch(/run .*cluster .*bench .*Exit codes/s);
    expect(stderr).not.toContain("member");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it.each([
    ["run", "<file> [args...]"],
    ["cluster", "<file> [args...]"],
    ["bench", "[suite...]"],
  ])("of %s", async (command, args) => {
    const { code, stdout, stderr } = await say(command, "--help");
    const [first] = stdout.split("\n");
    expect(first).toBe(`Usage: hornbeam ${command} [options] ${args}`);
    expect(stdout).toContain("\nExamples:\n");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("does not hide the version", async () => {
    const { code, stdout } = await say("--version");
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    expect(code).toBe(0);
  });
});

describe("the benchmarks", () => {
  it("accept the options of the command", () => {
    const accepts: (options: BenchOptions) => ReturnType<typeof runBench> = (
      options: Parameters<typeof runBench>[0],
    ) => Promise.resolve(options.repeats ?? 0);
    expect(accepts).toBeTypeOf("function");
  });

  it("are listed", async () => {
    const child = hornbeam(["bench", "--list"]);
    await ends(child, 0);
    expect(child.stdout.length).toBeGreaterThan(0);
  });
});
