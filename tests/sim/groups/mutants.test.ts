/** Schedules of groups notice mistakes; the nightly run has all of them. */

import { testGroupMutants } from "./mutant_tests.ts";

testGroupMutants(2);
