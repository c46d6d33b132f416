/** Schedules of groups notice every one of the mistakes. */

import { testGroupMutants } from "../sim/groups/mutant_tests.ts";
import { groupMutants } from "../sim/groups/mutants.ts";

testGroupMutants(groupMutants.length);
