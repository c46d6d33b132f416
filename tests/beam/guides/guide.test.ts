/**
 * What docs/beam.md tells its readers to start, started as it says: the first
 * command, and the programs that run until they are told to end, with a real
 * BEAM node that asks them what the page's `elixir` blocks ask.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hornbeam } from "../../cli/command.ts";
import { type Block, blocksIn } from "../../docs/blocks.ts";
import { Workplace } from "../../docs/workplace.ts";
import { hasBeam } from "../../helpers/beam.ts";
import {
  type BeamNode,
  startBeam,
  startEpmd,
} from "../../helpers/beam_nodes.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import type { DenoJson } from "../../tidy/exports.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const PAGE = "docs/beam.md";
const blocks = blocksIn(PAGE, read(PAGE));
const { exports } = JSON.parse(read("deno.json")) as DenoJson;
const offered = { scripts: [], tasks: [], exports };
const workplace = new Workplace(currentRuntime(), offered);
afterAll(() => workplace.remove());

/** The one block of a language that holds these words. */
function block(language: string, words: string): Block {
  const found = blocks.filter((one) =>
    one.language === language && one.code.includes(words)
  );
  expect(found, `blocks with ${words}`).toHaveLength(1);
  return found[0] as Block;
}

describe.skipIf(!hasBeam("elixir"))("what docs/beam.md starts", () => {
  let epmdPort: number;
  let iex: BeamNode;
  const ready = /^ready ts@127\.0\.0\.1$/;

  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    iex = await startBeam("a@127.0.0.1", { epmdPort, program: "elixir" });
  });

  const evaluate = (code: string) => iex.session("iex", "elixir")(code, 20_000);

  /** Ends it, and resolves when the BEAM node has noticed. */
  async function end(child: SpawnedProcess): Promise<void> {
    await child.stop();
    await waitFor(async () => await evaluate("Node.list()") === "[]", {
      what: "its end to be seen",
      timeoutMs: 20_000,
    });
  }

  test("the first command", async () => {
    const first = { node: "npm ", deno: "deno ", bun: "bun " };
    const command = block("sh", "beam_peer.ts").code.split("\n")
      .find((line) => line.startsWith(first[currentRuntime()]));
    const peer = spawnProcess("sh", ["-c", command ?? "exit 1"], {
      env: { ERL_EPMD_PORT: String(epmdPort) },
      group: true,
    });
    await peer.waitForLine(ready, 30_000);
    const typed = block("text", "iex> GenServer").code.split("\n")
      .filter((line) => line.startsWith("iex> "))
      .map((line) => line.slice("iex> ".length));
    const answers: string[] = [];
    for (const line of typed.slice(0, 5)) answers.push(await evaluate(line));
    expect(answers)
      .toEqual(["true", '[:"ts@127.0.0.1"]', ":pong", "2", "3"]);
    await end(peer);
  });

  test("the server under `hornbeam run`", async () => {
    const file = workplace.write(block("ts", '{ name: "counter" }'));
    const named = ["--name=ts@127.0.0.1", "--cookie=secret"];
    const child = hornbeam(["run", file, ...named, `--epmd-port=${epmdPort}`]);
    await child.waitForLine(ready, 20_000);
    const asked = block("elixir", "GenServer.multi_call").code;
    expect(await evaluate(`${asked}; :sys.get_state(counter)`)).toBe("2");
    expect(await evaluate(`${asked}; :sys.get_state(counter)`)).toBe("4");
    await end(child);
  });

  test("the program with a node of its own", async () => {
    const shown = block("ts", '"prices:total/2"');
    // The page's epmd is the machine's, the test has one of its own.
    const code = shown.code
      .replace("await start({", `await start({ epmdPort: ${epmdPort},`);
    const path = workplace.write({ ...shown, code });
    const child = spawnRuntime(currentRuntime(), path);
    await child.waitForLine(ready, 20_000);
    const asked = block("elixir", ":prices").code;
    for (let i = 0; i < 3; i++) expect(await evaluate(asked)).toBe("250.0");
    await end(child);
  });
});
