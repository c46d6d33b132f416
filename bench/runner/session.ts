/**
 * Runs rows and compares them. All runs of a row are interleaved: each runtime
 * and its peers once, then each of them again, so that other load on the
 * machine affects all of them alike.
 */

import type { PeerName, Plan, RawName, Row } from "../row.ts";
import type { Beam } from "./beam.ts";
import type { Children } from "./children.ts";
import { runOurs, type Sample } from "./ours.ts";
import type { InstalledRuntime, Runtime } from "./programs.ts";
import { type Result, summarize } from "./results.ts";
import { shortRate } from "./text.ts";
import { errorText } from "../../runtime/core/terms/error_text.ts";

export type Session = {
  readonly children: Children;
  readonly rows: readonly Row[];
  readonly runtimes: readonly InstalledRuntime[];
  /** Null when nothing is compared with the BEAM. */
  readonly beam: Beam | null;
  readonly comparesRaw: boolean;
  readonly plan: Plan;
  readonly repeats: number;
  /** Writes a line of progress. */
  readonly note: (line: string) => void;
};

export type SessionResult = {
  readonly results: readonly Result[];
  /** The number of sides that failed; each was noted. */
  readonly failures: number;
};

export async function runSession(session: Session): Promise<SessionResult> {
  const results: Result[] = [];
  let failures = 0;
  for (const row of session.rows) {
    const ofRow = await runRow(session, row);
    results.push(...ofRow.results);
    failures += ofRow.failures;
  }
  return { results, failures };
}

/** The runs of one side of a row. */
type Side = {
  /** Its title: `node`, `beam`, `raw node`. */
  readonly name: string;
  /** Null for the BEAM, which is a peer of every runtime. */
  readonly runtime: Runtime | null;
  /** Null for Hornbeam's own side. */
  readonly peer: PeerName | null;
  readonly samples: Sample[];
  readonly run: () => Promise<Sample>;
  /** After a failure the side is not run any more. */
  hasFailed: boolean;
};

async function runRow(session: Session, row: Row): Promise<SessionResult> {
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
          `${where} failed: ${errorText(error)}`,
        );
      }
    }
  }
  const working = sides.filter((side) => !side.hasFailed);
  return {
    results: working.flatMap((side) => resultsOf(row, side, working)),
    failures: sides.length - working.length,
  };
}

/** A result for each peer; without peers a single result. */
function resultsOf(row: Row, ours: Side, sides: readonly Side[]): Result[] {
  const { runtime, samples } = ours;
  if (runtime === null || ours.peer !== null) return [];
  const results: Result[] = [];
  for (const { peer, runtime: where, samples: theirs } of sides) {
    if (peer === null || (where !== null && where !== runtime)) continue;
    results.push(summarize(row, runtime, samples, theirs, peer));
  }
  return results.length > 0 ? results : [summarize(row, runtime, samples, [])];
}

/** Each runtime with its raw programs, and the BEAM. */
function sidesOf(session: Session, row: Row): Side[] {
  const { children, beam, plan } = session;
  const sides: Side[] = [];
  const add = (
    side: Pick<Side, "name" | "runtime" | "peer" | "run">,
  ) => sides.push({ ...side, samples: [], hasFailed: false });
  for (const runtime of session.runtimes) {
    add({
      name: runtime.name,
      runtime: runtime.name,
      peer: null,
      run: () => runOurs(children, runtime, row.id, plan),
    });
    if (!session.comparesRaw) continue;
    for (const peer of Object.keys(row.raw ?? {}) as RawName[]) {
      add({
        name: `${peer} ${runtime.name}`,
        runtime: runtime.name,
        peer,
        run: () => runOurs(children, runtime, `${row.id}:${peer}`, plan),
      });
    }
  }
  const { peer } = row;
  if (beam !== null && peer !== undefined) {
    const run = () => beam.run(row, peer, plan);
    add({ name: "beam", runtime: null, peer: "beam", run });
  }
  return sides;
}
