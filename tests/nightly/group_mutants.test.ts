/** Schedules of groups notice every one of the mistakes. */

import { testGroupMutants } from "../sim/group_mutant_tests.ts";
import { groupMutants } from "../sim/group_mutants.ts";

testGroupMutants(groupMutants);
