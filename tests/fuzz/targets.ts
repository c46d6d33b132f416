/**
 * All targets of the fuzz tests. One seed gives one input to each of them, as
 * often as `inputs` says, so that the fast ones get more of what there is.
 */
import { fuzzCbor, fuzzEtf } from "./codecs.ts";
import { fuzzEpmdClient, fuzzEpmdServer } from "./epmd.ts";
import { fuzzFragments, fuzzFrameStreams } from "./framing.ts";
import { fuzzHandshakeMessages, fuzzHandshakePairs } from "./handshakes.ts";
import { InputError, type Tally } from "./inputs.ts";
import { replayCommand } from "../helpers/simulate.ts";
import { fuzzKernel } from "./kernel.ts";

export type Target = {
  readonly name: string;
  /** Inputs for each seed. */
  readonly inputs: number;
  readonly fuzz: (first: number, count: number) => Tally | Promise<Tally>;
};

export const targets: readonly Target[] = [
  { name: "handshakes of two nodes", inputs: 2, fuzz: fuzzHandshakePairs },
  { name: "messages of handshakes", inputs: 2, fuzz: fuzzHandshakeMessages },
  { name: "frames", inputs: 2, fuzz: fuzzFrameStreams },
  { name: "fragments", inputs: 2, fuzz: fuzzFragments },
  { name: "signals as CBOR", inputs: 3, fuzz: fuzzCbor },
  { name: "signals for BEAM nodes", inputs: 3, fuzz: fuzzEtf },
  { name: "requests to epmd", inputs: 2, fuzz: fuzzEpmdServer },
  { name: "answers of epmd", inputs: 2, fuzz: fuzzEpmdClient },
  { name: "messages to the kernel", inputs: 2, fuzz: fuzzKernel },
];

/** Inputs of one seed. */
export const INPUTS_PER_SEED: number = targets.reduce(
  (sum, { inputs }) => sum + inputs,
  0,
);

/**
 * Runs the inputs of seeds `base` to `base + count - 1` on one target. A failure
 * has the command that runs its input alone.
 */
export async function fuzzTarget(
  { name, inputs, fuzz }: Target,
  base: number,
  count: number,
): Promise<Tally> {
  try {
    return await fuzz(base * inputs, count * inputs);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const test = { file: "tests/fuzz/fuzz.test.ts", name };
    throw new Error(
      `${name}: ${error.message}\nreplay: ${replayCommand(error.seed, test)}`,
      { cause: error },
    );
  }
}
