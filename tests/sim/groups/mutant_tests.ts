/**
 * Tests that schedules of groups notice mistakes: each mutant is found, and the
 * original is not.
 */

import { testMutants } from "../../helpers/mutants/tests.ts";
import type { Mutant } from "../../helpers/mutants/mutants.ts";
import { describeOnNode } from "../../helpers/share.ts";

/** Defines the tests, for a test file; on Node.js only. */
export function testGroupMutants(judged: readonly Mutant[]): void {
  describeOnNode("mutants of groups", () =>
    testMutants({
      suite: "tests/sim",
      mutants: judged,
      // These find the first six.
      first: [34, 273, 15, 48, 11, 2],
      seedsMax: 2_000,
    }));
}
