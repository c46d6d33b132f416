/** Schedules of groups notice mistakes; the nightly run has all of them. */

import { testGroupMutants } from "./mutant_tests.ts";
import { groupMutants } from "./mutants.ts";

testGroupMutants(groupMutants.slice(0, 2));
