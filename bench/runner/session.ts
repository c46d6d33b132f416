/**
 * Runs rows and compares. All runs of a row are interleaved: each runtime and
 * the BEAM once, then each of them again, so that whatever else the machine
 * does meets all of them alike.
 */

import type { Plan, Row } from "../row.ts";
import type { Beam } from "./beam.ts";
import type { Children } from "./children.ts";
import { runOurs, type Sample } from "./ours.ts";
import type { InstalledRuntime, Runtime } from "./programs.ts";
import { type Result, summarize } from "./results.ts";
import { shortRate } from "./text.ts";

export type Session = {
  readonly children: Children;
  readonly rows: readonly Row[];
  readonly runtimes: readonly InstalledRuntime[];
  /** Null when nothing is compared. */
  readonly beam: Beam | null;
  readonly plan: Plan;
  readonly repeats: number;
  /** Takes lines for people. */
  readonly note: (line: string) => void;
};

export type Outcome = {
  readonly results: readonly Result[];
  /** Runs that came to nothing; each was noted. */
  readonly failures: number;
};

export async function runSession(session: Session): Promise<Outcome> {
  const results: Result[] = [];
  let failures = 0;
  for (const row of session.rows) {
    const outcome = await runRow(session, row);
    results.push(...outcome.results);
    failures += outcome.failures;
  }
  return { results, failures };
}

/** The runs of one side of a row. */
type Side = {
  readonly name: Runtime | "beam";
  readonly samples: Sample[];
  readonly run: () => Promise<Sample>;
  /** One failure says enough: the side is left out from then on. */
  hasFailed: boolean;
};

async function runRow(session: Session, row: Row): Promise<Outcome> {
  const sides = sidesOf(session, row);
  for (let repeat = 1; repeat <= session.repeats; repeat++) {
    for (const side of sides) {
      if (side.hasFailed) continue;
      const where = `${row.id} ${side.name} ${repeat}/${session.repeats}`;
      try {
        const sample = await side.run();
        side.samples.push(sample);
        session.note(`${where}: ${shortRate(sample.rate)} ${row.unit}`);
      } catch (error) {
        side.hasFailed = true;
        session.note(
          `${where} failed: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  }
  const beam = sides.find((side) => side.name === "beam" && !side.hasFailed);
  const results: Result[] = [];
  for (const { name, samples, hasFailed } of sides) {
    if (name === "beam" || hasFailed) continue;
    results.push(summarize(row, name, samples, beam?.samples ?? []));
  }
  return {
    results,
    failures: sides.filter((side) => side.hasFailed).length,
  };
}

function sidesOf(session: Session, row: Row): Side[] {
  const { children, beam, plan } = session;
  const sides: Side[] = session.runtimes.map((runtime) => ({
    name: runtime.name,
    samples: [],
    run: () => runOurs(children, runtime, row, plan),
    hasFailed: false,
  }));
  const peer = row.peer;
  if (beam !== null && peer !== undefined) {
    sides.push({
      name: "beam",
      samples: [],
      run: () => beam.run(row, peer, plan),
      hasFailed: false,
    });
  }
  return sides;
}
