/**
 * Random terms between a BEAM node and a node of ours, with `exact: true`. In
 * both directions `=:=` on the BEAM decides on each term, and
 * `tests/fixtures/beam_terms.erl` is what runs there.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { expect } from "vitest";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import { printTerm, type Tuple } from "../../../runtime/core/terms/terms.ts";
import { decode, encode } from "../../../runtime/etf.ts";
import { type Pid, type Self, tuple } from "../../../runtime/mod.ts";
import type { BeamNode } from "../../helpers/beam_nodes.ts";
import { toHex } from "../../helpers/hex.ts";
import { root } from "../../helpers/processes.ts";
import { randomTerm } from "../../helpers/terms/random_terms.ts";
import { replayCommand, type Seeds, seedsOf } from "../../helpers/simulate.ts";
import { Census } from "../../helpers/terms/term_census.ts";
import type { World } from "../world.ts";

/** Two nodes, ours with `exact: true`. */
export type Nodes = Pick<World, "them" | "ours">;

/** Where, by which way, the term as it was and what it has become. */
type Difference = Tuple<[number, string, string, string]>;

/** Terms in one message: alone, in one frame, and in several fragments. */
const sizes = [1, 20, 500] as const;
/** How long an answer to one message may take, and all of them. */
const ANSWER_MS = 20_000;
const ALL_MS = 10 * 60_000;
/** Bytes of a term that a failure shows. */
const SHOWN_BYTES = 2_000;

/** Compiles and loads the other half on the BEAM node. */
export async function loadTerms(them: BeamNode): Promise<void> {
  const source = join(root, "tests", "fixtures", "beam_terms.erl");
  await them.run(
    `{ok, M, B} = compile:file("${source}", [binary]),
     {module, M} = code:load_binary(M, "${source}", B)`,
  );
}

/** Runs an actor that knows a judge there, and terms that only it can make. */
export async function withJudge<T>(
  { them, ours }: Nodes,
  body: (
    self: Self,
    judge: Pid<unknown>,
    locals: readonly unknown[],
  ) => Promise<T>,
): Promise<T> {
  const name = "judged";
  const run = async (self: Self): Promise<T> => {
    const { items } = await answerTo(self) as Tuple<[Pid<unknown>, unknown[]]>;
    return await body(self, ...items);
  };
  const [result] = await Promise.all([
    ours.node.run(run, { name }),
    them.run(`spawn(beam_terms, judge, [{${name}, '${ours.node.name}'}])`),
  ]);
  return result;
}

/**
 * Terms of ours go to an echo there and come back; and as bytes of the
 * stand-alone codec through `binary_to_term` and `term_to_binary`. What has
 * come back, and is the same here, goes there once more to be judged. Throws
 * for the first term that is another one anywhere.
 */
export function echoThere(nodes: Nodes, seeds: Seeds): Promise<Census> {
  const census = new Census(nodes.ours.node.name, nodes.them.name);
  return withJudge(nodes, async (self, judge, locals) => {
    const identities = [self.pid, self.makeRef(), ...locals];
    for (const batch of batches(seeds)) {
      const terms = batch.map((seed) => randomTerm(seed, { identities }));
      await goRound(self, judge, batch, terms);
      for (const term of terms) census.add(term);
    }
    return census;
  });
}

/**
 * Terms of the BEAM node's own come here and go back, to be judged there.
 * Throws for the first that is another one then.
 */
export async function echoHere(
  { them, ours }: Nodes,
  seeds: Seeds,
): Promise<Census> {
  const name = "term_echo";
  const census = new Census(ours.node.name, them.name);
  const all = seedsOf(seeds);
  const echo = async (self: Self) => {
    const sender = await answerTo(self) as Pid<unknown>;
    self.send(sender, tuple(self.pid, self.makeRef()));
    for (;;) {
      const batch = await answerTo(self);
      if (!Array.isArray(batch)) return census;
      for (const term of batch) census.add(term);
      self.send(sender, batch);
    }
  };
  const to = `{${name}, '${ours.node.name}'}`;
  const [, result] = await Promise.all([
    ours.node.run(echo, { name }),
    them.run(`beam_terms:send(${to}, ${all[0]}, ${all.length})`, ALL_MS),
  ]);
  if (result !== "same") {
    const seed = /^\{differs,(\d+),/.exec(result)?.[1];
    throw failure(Number(seed ?? all[0]), "of a BEAM node", result);
  }
  return census;
}

/** Every seed has had its term, and every kind of terms was among them. */
export function expectAll(census: Census, seeds: Seeds): void {
  const { length } = seedsOf(seeds);
  expect(census.terms).toBe(length);
  // Few seeds, such as the one of HORNBEAM_SEED, need not have every kind.
  if (length >= 5_000) expect(census.missing()).toEqual([]);
}

/** Terms there and back twice: once to be compared here, once there. */
async function goRound(
  self: Self,
  judge: Pid<unknown>,
  seeds: readonly number[],
  terms: readonly unknown[],
): Promise<void> {
  const fail = (i: number, problem: string): never => {
    const bytes = toHex(encode(terms[i]).subarray(0, SHOWN_BYTES));
    const shown = `${printTerm(terms[i])} (${bytes})`;
    throw failure(seeds[i] ?? NaN, "of ours", `${shown} ${problem}`);
  };
  self.send(judge, tuple(self.pid, terms, terms.map((term) => encode(term))));
  const { items } = await answerTo(self) as Tuple<[unknown[], Uint8Array[]]>;
  const [back, recoded] = items;
  for (const [i, term] of terms.entries()) {
    if (!termEquals(back[i], term)) {
      fail(i, `comes back as ${printTerm(back[i])}`);
    }
  }
  const again = recoded.map((bytes, i) => {
    const binaries = (seeds[i] ?? 0) % 2 === 0 ? "text" : "bytes";
    const written = encode(decode(bytes, { exact: true, binaries }));
    // Not so for what was written first: BEAM has large maps in an order of
    // its own.
    if (Buffer.compare(written, bytes) !== 0) fail(i, "has other bytes there");
    return written;
  });
  self.send(judge, tuple(self.pid, back, again));
  const differences = await answerTo(self) as Difference[];
  for (const { items: [i, what, there, other] } of differences) {
    fail(i, `is another term there (${what}): ${there} is not ${other}`);
  }
}

/** The next message that the actor gets. */
export async function answerTo(self: Self): Promise<unknown> {
  const answer = await self.receive({ timeoutMs: ANSWER_MS });
  if (answer === undefined) {
    throw new Error(`expected an answer of the BEAM within ${ANSWER_MS} ms`);
  }
  return answer;
}

/**
 * With the command that tries that seed alone, in the test of every run of
 * which `name` is the beginning.
 */
export function failure(seed: number, name: string, problem: string): Error {
  const test = { file: "tests/beam/terms/terms.test.ts", name };
  return new Error(
    `seed ${seed}: ${problem}\nreplay: ${replayCommand(seed, test)}`,
  );
}

/** The seeds, as many at once as stand in one message. */
export function* batches(seeds: Seeds): Generator<readonly number[]> {
  const all = seedsOf(seeds);
  for (let at = 0, n = 0; at < all.length; n++) {
    const size = sizes[n % sizes.length]!;
    yield all.slice(at, at + size);
    at += size;
  }
}
