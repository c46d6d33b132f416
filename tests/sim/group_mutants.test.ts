/** Schedules of groups notice mistakes; the nightly run has all of them. */

import { testGroupMutants } from "./group_mutant_tests.ts";
import { groupMutants } from "./group_mutants.ts";

testGroupMutants(groupMutants.slice(0, 2));
