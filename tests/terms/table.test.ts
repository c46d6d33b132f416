/**
 * The table of `docs/terms.md` is what happens: each of its values is sent
 * between the nine pairs of runtimes, to workers, to a BEAM node and back.
 * `HORNBEAM_WRITE_TABLE=1` writes the table from what is seen.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { beforeAll, expect, test } from "vitest";
import { hasBeam } from "../helpers/beam.ts";
import { startBeam, startEpmd } from "../helpers/beam_nodes.ts";
import {
  root,
  type Runtime,
  runtimes,
  type SpawnedProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { describeOnNode } from "../helpers/share.ts";
import { COOKIE } from "../net/peers/raw_peer.ts";
import { kinds } from "./kinds.ts";
import {
  beamCellsOf,
  cellOf,
  type Outcome,
  pageWith,
  type Row,
  rowsOf,
  workerCellOf,
} from "./outcomes.ts";

const START_MS = 60_000;
const TRY_MS = 60_000;
const BEAM = "beam@127.0.0.1";
const fixture = join(root, "tests/fixtures/kinds_node.ts");
const pagePath = join(root, "docs/terms.md");
const page = readFileSync(pagePath, "utf8");
const isWriting = process.env["HORNBEAM_WRITE_TABLE"] === "1";

/** Printing a term takes long where it is deep, so its levels are counted. */
const ECHO_THERE = `
  Depth = fun Levels([Inner], N) -> Levels(Inner, N + 1); Levels(_, N) -> N end,
  Show = fun(Value) ->
    case Depth(Value, 0) of
      N when N > 20 -> io_lib:format("~b lists inside each other", [N]);
      _ -> io_lib:format("~0tp", [Value])
    end
  end,
  register(echo, spawn(fun Loop() ->
    receive #{from := From, number := Number, value := Value} ->
      There = unicode:characters_to_binary(Show(Value)),
      From ! #{number => Number, there => There, value => Value},
      Loop()
    end
  end))`;

/** The rows of the page by their first column. */
function written(): Map<string, Row> {
  return new Map(rowsOf(page).map((row) => [row.value, row]));
}

test("the table has a row for each kind, in this order", () => {
  if (isWriting) return;
  expect(rowsOf(page).map(({ value }) => value))
    .toEqual(kinds.map(({ row }) => row));
});

const programs = new Map<Runtime, SpawnedProcess>();

async function startAll(): Promise<void> {
  const { port: epmdPort } = await startEpmd();
  if (hasBeam()) {
    const beam = await startBeam(BEAM, { epmdPort });
    await beam.run(ECHO_THERE);
  }
  for (const runtime of runtimes) {
    const options = { runtime, cookie: COOKIE, epmdPort, hostEpmd: false };
    const text = JSON.stringify(options);
    programs.set(runtime, spawnRuntime(runtime, fixture, [text]));
  }
  for (const program of programs.values()) {
    await program.waitForLine(/^ready$/, START_MS);
  }
}

async function ask(runtime: Runtime, node: string): Promise<Outcome[]> {
  const program = programs.get(runtime)!;
  program.write(`try ${node}\n`);
  const pattern = new RegExp(`^tried ${node} (.*)$`);
  const [, outcomes] = await program.waitForLine(pattern, TRY_MS);
  return JSON.parse(outcomes!) as Outcome[];
}

/** What comes back from a Hornbeam node is what has arrived there. */
function expectNoChange(outcomes: readonly Outcome[]): void {
  const changed = outcomes.filter((outcome) =>
    outcome.type === "passed" && outcome.back !== outcome.there
  );
  expect(changed).toEqual([]);
}

describeOnNode("each row of the table", { timeout: 2 * TRY_MS }, () => {
  beforeAll(startAll, 2 * START_MS);

  test.runIf(isWriting)("is written", async () => {
    const byNode = await ask("node", "b-node@127.0.0.1");
    const byWorker = await ask("node", "w-node@127.0.0.1");
    const byBeam = await ask("node", BEAM);
    const rows = kinds.map(({ row }, i) => {
      const [there, back] = beamCellsOf(byBeam[i]!);
      const node = cellOf(byNode[i]!);
      const worker = workerCellOf(byWorker[i]!, node);
      return { value: row, node, worker, beam: there, back };
    });
    writeFileSync(pagePath, pageWith(page, rows));
  });

  for (const from of isWriting ? [] : runtimes) {
    for (const to of runtimes) {
      test(`is so from ${from} to ${to}`, async () => {
        const rows = written();
        const outcomes = await ask(from, `b-${to}@127.0.0.1`);
        expect(outcomes.map((outcome) => [outcome.row, cellOf(outcome)]))
          .toEqual(kinds.map(({ row }) => [row, rows.get(row)?.node]));
        expectNoChange(outcomes);
      });
    }

    test(`is so from ${from} to its worker`, async () => {
      const rows = written();
      const outcomes = await ask(from, `w-${from}@127.0.0.1`);
      const seen = outcomes.map((outcome) => {
        const { node = "" } = rows.get(outcome.row) ?? {};
        return [outcome.row, workerCellOf(outcome, node)];
      });
      expect(seen)
        .toEqual(kinds.map(({ row }) => [row, rows.get(row)?.worker]));
      expectNoChange(outcomes);
    });

    test.skipIf(!hasBeam())(`is so from ${from} to a BEAM node`, async () => {
      const rows = written();
      const seen = (await ask(from, BEAM)).map((outcome) => {
        const [there, back] = beamCellsOf(outcome);
        return [outcome.row, there, back];
      });
      expect(seen).toEqual(kinds.map(({ row }) => {
        const { beam, back } = rows.get(row) ?? {};
        return [row, beam, back];
      }));
    });

    test(`is the same object for actors of a node of ${from}`, async () => {
      const program = programs.get(from)!;
      program.write("local\n");
      await program.waitForLine(/^local \[\]$/, TRY_MS);
    });
  }
});
