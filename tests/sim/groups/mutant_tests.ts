/**
 * Tests that schedules of groups notice mistakes: each mutant is found, and the
 * original is not.
 */

import { testMutants } from "../../helpers/mutants/tests.ts";
import { describeOnNode } from "../../helpers/share.ts";
import { groupMutants } from "./mutants.ts";

/**
 * Defines the tests, for a test file; on Node.js only. The first `tried`
 * mutants are tried.
 */
export function testGroupMutants(tried: number): void {
  describeOnNode("mutants of groups", () =>
    testMutants({
      suite: "tests/sim",
      mutants: groupMutants,
      isTried: (i) => i < tried,
      // These find the first six.
      first: [34, 273, 15, 48, 11, 2],
      seedsMax: 2_000,
    }));
}
