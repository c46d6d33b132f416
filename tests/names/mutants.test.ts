/** Random programs notice mistakes in `global`; the original makes none. */

import { testMutants } from "../helpers/mutants/tests.ts";
import { describeIfFull, isNightly } from "../helpers/share.ts";
import { mutants } from "./mutants.ts";

describeIfFull("mutants of global", () =>
  testMutants({
    suite: "tests/names",
    mutants,
    // All of them at night; else a sample, which shows that it is no accident.
    isTried: (i) => isNightly || i % 4 === 0,
    first: [1, 2, 4, 25, 42, 136, 151],
    seedsMax: 500,
  }));
