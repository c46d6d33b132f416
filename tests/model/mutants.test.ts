/**
 * The model tests notice mistakes: each mutant is found, the original is not.
 */

import { testMutants } from "../helpers/mutants/tests.ts";
import { describeIfFull, isNightly } from "../helpers/share.ts";
import { mutants } from "./mutants.ts";

describeIfFull("mutants", () =>
  testMutants({
    suite: "tests/model",
    mutants,
    // All of them at night; else a sample, which shows that it is no accident.
    isTried: (i) => isNightly || i % 3 === 0,
    // These find nearly all of the mutants twice.
    first: [
      ...[101, 4, 76, 120, 10, 48, 142, 7, 34, 58, 67, 138, 159, 308, 378, 559],
      ...[31, 91, 125, 174, 448, 14, 36, 119, 307, 932],
    ],
    seedsMax: 2_000,
  }));
