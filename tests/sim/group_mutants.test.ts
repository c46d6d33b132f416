/** Schedules of groups notice the mistakes that are found quickly. */

import { testGroupMutants } from "./group_mutant_tests.ts";
import { groupMutants } from "./group_mutants.ts";

testGroupMutants(groupMutants.slice(0, 6));
