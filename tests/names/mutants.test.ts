/** Random programs notice mistakes in `global`; the original makes none. */

import { describe } from "vitest";
import { testMutants } from "../helpers/mutants/tests.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { isNightly } from "../helpers/share.ts";
import { mutants } from "./mutants.ts";

describe("mutants of global", () =>
  testMutants({
    suite: "tests/names",
    // All of them at night; else a sample, which shows that it is no accident.
    mutants: mutants.filter((_, i) =>
      isNightly || i % (currentRuntime() === "node" ? 4 : 12) === 0
    ),
    first: [1, 2, 4, 25, 42, 136, 151],
    seedsMax: 500,
  }));
